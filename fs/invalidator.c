/* SPDX-License-Identifier: MIT */
#include "fs/invalidator.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"

/* What does not fit is dropped: the kernel's copy then ages out by itself. */
#define QUEUE_MAX 4096u

struct invalidator {
	struct fs *fs;            /* borrowed */
	pthread_mutex_t lock;     /* rank 60 */
	pthread_cond_t wake;
	uint64_t queue[QUEUE_MAX]; /* guarded by lock, as all below */
	unsigned first, n;
	bool ending;
	pthread_t thread;
};

static bool take(struct invalidator *v, uint64_t *ret_ino)
{
	LOCKED(&v->lock);

	while (v->n == 0 && !v->ending)
		(void) pthread_cond_wait(&v->wake, &v->lock);
	if (v->ending)
		return false;
	*ret_ino = v->queue[v->first];
	v->first = (v->first + 1) % QUEUE_MAX;
	v->n--;
	return true;
}

static void *run(void *context)
{
	struct invalidator *v = context;
	uint64_t ino;

	while (take(v, &ino))
		(void) fuse_lowlevel_notify_inval_inode(v->fs->session, ino, -1, 0);
	return NULL;
}

int invalidator_start(struct fs *fs, struct invalidator **ret_v)
{
	struct invalidator *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	v->fs = fs;
	(void) pthread_mutex_init(&v->lock, NULL);
	(void) pthread_cond_init(&v->wake, NULL);
	r = thread_start(&v->thread, "brainy-inval", run, v);
	if (r < 0) {
		free(v);
		return r;
	}
	*ret_v = v;
	return 0;
}

static void end(struct invalidator *v)
{
	LOCKED(&v->lock);

	v->ending = true;
	(void) pthread_cond_signal(&v->wake);
}

void invalidator_stop(struct invalidator *v)
{
	if (!v)
		return;
	end(v);
	(void) pthread_join(v->thread, NULL);
}

struct invalidator *invalidator_free(struct invalidator *v)
{
	if (v) {
		(void) pthread_cond_destroy(&v->wake);
		(void) pthread_mutex_destroy(&v->lock);
		free(v);
	}
	return NULL;
}

void invalidator_add(struct invalidator *v, uint64_t ino)
{
	LOCKED(&v->lock);

	if (v->n == QUEUE_MAX || v->ending)
		return;
	v->queue[(v->first + v->n++) % QUEUE_MAX] = ino;
	(void) pthread_cond_signal(&v->wake);
}
