/* SPDX-License-Identifier: MIT */
#include "fs/invalidator.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	struct item queue[QUEUE_MAX]; /* guarded by lock, as all below; for whom there was no room */
	unsigned first, n;
	bool ending;
	pthread_t thread;
};

/* ---- notifications, as /dev/fuse takes them */

struct message {
	struct fuse_out_header header;
	uint8_t body[sizeof(struct fuse_notify_delete_out) + NAME_MAX + 1];
};

static void add_part(struct message *m, const void *data, size_t len)
{
	memcpy((uint8_t *)m + m->header.len, data, len);
	m->header.len += (uint32_t)len;
}

static struct message begin(int code)
{
	return (struct message){ .header = { .len = sizeof(struct fuse_out_header), .error = code } };
}

static struct message of_inode(const struct item *item)
{
	const struct fuse_notify_inval_inode_out out = {
		.ino = item->ino,
		.off = item->offset,
		.len = item->len,
	};
	struct message m = begin(FUSE_NOTIFY_INVAL_INODE);

	add_part(&m, &out, sizeof(out));
	return m;
}

/* A name that another file has by now stays: the kernel compares. */
static struct message of_gone(const struct item *item, uint32_t len)
{
	const struct fuse_notify_delete_out out = {
		.parent = item->ino,
		.child = item->gone,
		.namelen = len,
	};
	struct message m = begin(FUSE_NOTIFY_DELETE);

	add_part(&m, &out, sizeof(out));
	add_part(&m, item->name, len + 1);
	return m;
}

static struct message of_name(const struct item *item, uint32_t len)
{
	const struct fuse_notify_inval_entry_out out = { .parent = item->ino, .namelen = len };
	struct message m = begin(FUSE_NOTIFY_INVAL_ENTRY);

	add_part(&m, &out, sizeof(out));
	add_part(&m, item->name, len + 1);
	return m;
}

static struct message message_of(const struct item *item)
{
	uint32_t len = item->name ? (uint32_t)strnlen(item->name, NAME_MAX) : 0;

	return !item->name ? of_inode(item) : item->gone ? of_gone(item, len) : of_name(item, len);
}

/* Where no process can. */
static void tell_here(struct invalidator *v, const struct message *m)
{
	(void) !write(v->fs->config.fuse_fd, m, m->header.len); /* -ENOENT: the kernel does not know it */
}

/* False: not now. `may_wait`: its own thread, which tells the kernel itself where no process can. */
static bool tell(struct invalidator *v, const struct item *item, bool may_wait)
{
	const struct fs_config *config = &v->fs->config;
	const struct message m = message_of(item);
	int r = config->notify ? config->notify(config->context, &m, m.header.len, may_wait) : -ENOSYS;

	if (r == 0)
		return true;
	if (r == -EAGAIN || !may_wait)
		return false;
	tell_here(v, &m);
	return true;
}

int invalidator_drop(struct invalidator *v, uint64_t ino, off_t offset, size_t len)
{
	const struct fs_config *config = &v->fs->config;
	const struct message m = of_inode(&(struct item){ .ino = ino, .offset = offset, .len = (off_t)len });
	int r = config->notify_and_wait ? config->notify_and_wait(config->context, &m, m.header.len) : -ENOSYS;

	if (r < 0 && r != -EINTR)
		tell_here(v, &m);
	return r == -EINTR ? r : 0;
}

/* ---- the thread */

static bool wait_for_items(struct invalidator *v, struct item *ret_first)
{
	LOCKED(&v->lock);

	while (v->n == 0 && !v->ending)
		(void) pthread_cond_wait(&v->wake, &v->lock);
	if (v->ending)
		return false;
	*ret_first = v->queue[v->first];
	return true;
}

/* Nobody else takes them. */
static void remove_first(struct invalidator *v)
{
	LOCKED(&v->lock);

	free(v->queue[v->first].name);
	v->first = (v->first + 1) % QUEUE_MAX;
	v->n--;
}

static void *run(void *context)
{
	struct invalidator *v = context;
	struct item item;

	while (wait_for_items(v, &item))
		if (tell(v, &item, true))
			remove_first(v);
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
	while (v->n)
		remove_first(v);
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

static bool has_ended(struct invalidator *v)
{
	LOCKED(&v->lock);

	return v->ending;
}

/* Takes over `item`. */
static void queue(struct invalidator *v, const struct item *item)
{
	LOCKED(&v->lock);

	if (v->n == QUEUE_MAX || v->ending) {
		free(item->name);
		return;
	}
	v->queue[(v->first + v->n++) % QUEUE_MAX] = *item;
	(void) pthread_cond_signal(&v->wake);
}

/* In whichever order: nothing that is told is wrong later. */
static void add(struct invalidator *v, struct item item)
{
	if (has_ended(v) || tell(v, &item, false))
		return;
	if (item.name && !(item.name = strdup(item.name)))
		return;
	queue(v, &item);
}

void invalidator_add(struct invalidator *v, uint64_t ino)
{
	add(v, (struct item){ .ino = ino, .offset = -1 });
}

void invalidator_add_name(struct invalidator *v, uint64_t dir, const char *name, uint64_t ino)
{
	add(v, (struct item){ .ino = dir, .name = (char *)name, .gone = ino });
}

void invalidator_add_range(struct invalidator *v, uint64_t ino, uint64_t offset, size_t len)
{
	add(v, (struct item){ .ino = ino, .offset = (off_t)offset, .len = (off_t)len });
}
