/* SPDX-License-Identifier: MIT */
#include "fs/invalidator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/thread.h"

/* What does not fit is dropped: the kernel's copy then ages out by itself. */
#define QUEUE_MAX 4096u

struct item {
	uint64_t ino;
	off_t offset, len; /* -1, 0: attributes alone */
	char *name;        /* owned: of `gone`, in the directory `ino`; NULL: none */
	uint64_t gone;     /* 0: the file is there, under another name */
};

struct invalidator {
	struct fs *fs;            /* borrowed */
	pthread_mutex_t lock;     /* rank 60 */
	pthread_cond_t wake;
	struct item queue[QUEUE_MAX]; /* guarded by lock, as all below */
	unsigned first, n;
	bool ending;
	pthread_t thread;
};

static void remove_first(struct invalidator *v, struct item *ret)
{
	*ret = v->queue[v->first];
	v->first = (v->first + 1) % QUEUE_MAX;
	v->n--;
}

static bool take(struct invalidator *v, struct item *ret)
{
	LOCKED(&v->lock);

	while (v->n == 0 && !v->ending)
		(void) pthread_cond_wait(&v->wake, &v->lock);
	if (v->ending)
		return false;
	remove_first(v, ret);
	return true;
}

/* A name that another file has by now stays: the kernel compares. */
static void tell_gone(struct invalidator *v, struct item *item)
{
	if (item->gone)
		(void) fuse_lowlevel_notify_delete(v->fs->session, item->ino, item->gone, item->name, strlen(item->name));
	else
		(void) fuse_lowlevel_notify_inval_entry(v->fs->session, item->ino, item->name, strlen(item->name));
	free(item->name);
}

static void *run(void *context)
{
	struct invalidator *v = context;
	struct item item;

	while (take(v, &item)) {
		if (item.name)
			tell_gone(v, &item);
		else
			(void) fuse_lowlevel_notify_inval_inode(v->fs->session, item.ino, item.offset, item.len);
	}
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

static void drop_rest(struct invalidator *v)
{
	struct item item;

	while (v->n) {
		remove_first(v, &item);
		free(item.name);
	}
}

void invalidator_stop(struct invalidator *v)
{
	if (!v)
		return;
	end(v);
	(void) pthread_join(v->thread, NULL);
	drop_rest(v);
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

/* False: there is no room. */
static bool add(struct invalidator *v, const struct item *item)
{
	LOCKED(&v->lock);

	if (v->n == QUEUE_MAX || v->ending)
		return false;
	v->queue[(v->first + v->n++) % QUEUE_MAX] = *item;
	(void) pthread_cond_signal(&v->wake);
	return true;
}

void invalidator_add(struct invalidator *v, uint64_t ino)
{
	(void) add(v, &(struct item){ .ino = ino, .offset = -1 });
}

void invalidator_add_name(struct invalidator *v, uint64_t dir, const char *name, uint64_t ino)
{
	char *copy = strdup(name);

	if (copy && !add(v, &(struct item){ .ino = dir, .name = copy, .gone = ino }))
		free(copy);
}

void invalidator_add_range(struct invalidator *v, uint64_t ino, uint64_t offset, size_t len)
{
	(void) add(v, &(struct item){ .ino = ino, .offset = (off_t)offset, .len = (off_t)len });
}
