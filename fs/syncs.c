/* SPDX-License-Identifier: MIT */
#include "fs/syncs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

/* A sync that takes longer than this is worth a wake-up on another core. */
#define SLOW_NS 300000u

struct sync {
	fuse_req_t req;
	size_t written; /* 0: an fsync */
};

struct batch_of_syncs {
	struct sync syncs[SYNCS_MAX];
	unsigned n;
};

struct syncs {
	struct fs *fs;               /* borrowed */
	struct batch_of_syncs here;  /* the dispatcher's */
	atomic_uint_fast64_t last_ns;
	pthread_mutex_t lock;        /* rank 60 */
	pthread_cond_t wake, room;
	struct batch_of_syncs given; /* to the thread; guarded by lock */
	bool ending;                 /* guarded by lock */
	pthread_t thread;
};

static void answer(const struct sync *sync, int r)
{
	if (r == 0 && sync->written)
		(void) fuse_reply_write(sync->req, sync->written);
	else
		(void) fuse_reply_err(sync->req, -r);
}

int syncs_now(const struct fs *fs)
{
	return file_sync(fs->config.files, catalog_last_lsn(fs->config.catalog));
}

static void sync_all(struct syncs *s, struct batch_of_syncs *b)
{
	uint64_t start = clock_mono_ns();
	int r = syncs_now(s->fs);

	atomic_store(&s->last_ns, clock_mono_ns() - start);
	for (unsigned i = 0; i < b->n; i++)
		answer(&b->syncs[i], r);
	b->n = 0;
}

/* Takes what was given; false at the end. */
static bool take(struct syncs *s, struct batch_of_syncs *ret_b)
{
	LOCKED(&s->lock);

	while (s->given.n == 0 && !s->ending)
		(void) pthread_cond_wait(&s->wake, &s->lock);
	*ret_b = s->given;
	s->given.n = 0;
	(void) pthread_cond_signal(&s->room);
	return ret_b->n > 0;
}

static void *run(void *context)
{
	struct batch_of_syncs b;

	while (take(context, &b))
		sync_all(context, &b);
	return NULL;
}

static void give(struct syncs *s)
{
	LOCKED(&s->lock);

	while (s->given.n + s->here.n > SYNCS_MAX)
		(void) pthread_cond_wait(&s->room, &s->lock);
	memcpy(s->given.syncs + s->given.n, s->here.syncs, s->here.n * sizeof(s->here.syncs[0]));
	s->given.n += s->here.n;
	s->here.n = 0;
	(void) pthread_cond_signal(&s->wake);
}

int syncs_start(struct fs *fs, struct syncs **ret_s)
{
	struct syncs *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fs = fs;
	/* A server that takes over has much to sync, and many who wait for something else. */
	atomic_store(&s->last_ns, fs->config.resumed ? UINT64_MAX : 0);
	(void) pthread_mutex_init(&s->lock, NULL);
	(void) pthread_cond_init(&s->wake, NULL);
	(void) pthread_cond_init(&s->room, NULL);
	r = thread_start(&s->thread, "brainy-sync", run, s);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

static void end(struct syncs *s)
{
	LOCKED(&s->lock);

	s->ending = true;
	(void) pthread_cond_signal(&s->wake);
}

struct syncs *syncs_stop(struct syncs *s)
{
	if (!s)
		return NULL;
	syncs_commit(s);
	end(s);
	(void) pthread_join(s->thread, NULL);
	(void) pthread_cond_destroy(&s->wake);
	(void) pthread_cond_destroy(&s->room);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

void syncs_add(struct syncs *s, fuse_req_t req, size_t written)
{
	if (s->here.n == SYNCS_MAX)
		syncs_commit(s);
	s->here.syncs[s->here.n++] = (struct sync){ req, written };
}

unsigned syncs_waiting(const struct syncs *s)
{
	return s->here.n;
}

void syncs_commit(struct syncs *s)
{
	if (s->here.n == 0)
		return;
	if (atomic_load(&s->last_ns) < SLOW_NS)
		sync_all(s, &s->here);
	else
		give(s);
}
