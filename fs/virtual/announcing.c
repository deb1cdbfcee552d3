/* SPDX-License-Identifier: MIT */
#include "fs/virtual/announcing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "catalog/tree.h"
#include "fs/ops/ops.h"
#include "fs/virtual/virtual.h"

#define QUEUE_MAX 16384u
#define SETTLE_MS 100u

struct announcement {
	struct announcement *next; /* owned */
	uint64_t dir;
	uint64_t due_ms;           /* clock_mono_ms(); 0: at once */
	bool came, for_other;
	struct caller as;          /* owned; if `for_other` */
	const char *name;          /* within path */
	char path[];
};

struct announcing {
	struct fs *fs;               /* borrowed */
	pthread_mutex_t lock;        /* rank 60 */
	pthread_cond_t wake;
	struct announcement *first, **last; /* owned; guarded by lock, as all below */
	unsigned n;
	const struct announcement *now; /* borrowed; its thread's: what is being announced */
	bool running, ending;
	pthread_t thread;
	atomic_bool busy;            /* there is something in `now`: quickly asked */
};

static void announcement_free(struct announcement *x)
{
	if (x->for_other)
		caller_done(&x->as);
	free(x);
}

/* ---- the thread */

/* The one after it waits as long, which keeps their order. */
static void wait_for_first(struct announcing *a)
{
	while (!a->ending && (!a->first || a->first->due_ms > clock_mono_ms())) {
		if (a->first)
			(void) cond_wait_until(&a->wake, &a->lock, a->first->due_ms);
		else
			(void) pthread_cond_wait(&a->wake, &a->lock);
	}
}

static struct announcement *take(struct announcing *a)
{
	LOCKED(&a->lock);
	struct announcement *first;

	wait_for_first(a);
	if (a->ending)
		return NULL;
	first = a->first;
	a->first = first->next;
	if (!a->first)
		a->last = &a->first;
	a->n--;
	a->now = first;
	atomic_store(&a->busy, true);
	return first;
}

static void put_away(struct announcing *a, struct announcement *x)
{
	LOCKED(&a->lock);

	atomic_store(&a->busy, false);
	a->now = NULL;
	announcement_free(x);
}

static void *run(void *context)
{
	struct announcing *a = context;
	const struct fs_config *config = &a->fs->config;
	struct announcement *x;

	while ((x = take(a))) {
		(void) config->announce(config->context, x->came, x->path);
		put_away(a, x);
	}
	return NULL;
}

int announcing_new(struct fs *fs, struct announcing **ret_a)
{
	struct announcing *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->fs = fs;
	a->last = &a->first;
	(void) pthread_mutex_init(&a->lock, NULL);
	cond_init(&a->wake);
	*ret_a = a;
	return 0;
}

/* Is there a thread to wait for? */
static bool end(struct announcing *a)
{
	LOCKED(&a->lock);
	bool running = a->running;

	a->ending = true;
	a->running = false;
	(void) pthread_cond_signal(&a->wake);
	return running;
}

void announcing_stop(struct announcing *a)
{
	if (a && end(a))
		(void) pthread_join(a->thread, NULL);
}

struct announcing *announcing_free(struct announcing *a)
{
	struct announcement *x;

	if (!a)
		return NULL;
	while ((x = a->first)) {
		a->first = x->next;
		announcement_free(x);
	}
	(void) pthread_cond_destroy(&a->wake);
	(void) pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

/* ---- what is to be announced */

static struct announcement *announcement_new(const char *mount_point, const char *folder, const char *name)
{
	size_t len = strlen(mount_point) + strlen(folder) + strlen(name) + 3;
	struct announcement *x = calloc(1, sizeof(*x) + len);

	if (x) {
		(void) snprintf(x->path, len, "%s/%s%s%s", mount_point, folder, *folder ? "/" : "", name);
		x->name = strrchr(x->path, '/') + 1;
	}
	return x;
}

/* Is there room, and somebody to announce? */
static bool is_taken(struct announcing *a, struct announcement *x)
{
	LOCKED(&a->lock);

	if (!a->running && !a->ending)
		a->running = thread_start(&a->thread, "brainy-announce", run, a) == 0;
	if (!a->running || a->n == QUEUE_MAX)
		return false;
	*a->last = x;
	a->last = &x->next;
	a->n++;
	(void) pthread_cond_signal(&a->wake);
	return true;
}

/* When, and where. */
struct occasion {
	bool came;
	uint64_t due_ms, dir;
	const struct caller *as; /* NULL: the owner */
};

static void add(struct announcing *a, const struct occasion *o, const char *folder, const char *name)
{
	struct announcement *x = announcement_new(a->fs->config.mount_point, folder, name);

	if (!x)
		return;
	x->came = o->came;
	x->due_ms = o->due_ms;
	x->dir = o->dir;
	x->for_other = o->as && caller_copy(o->as, &x->as) >= 0;
	if (x->for_other != (o->as != NULL) || !is_taken(a, x))
		announcement_free(x);
}

void announcing_add(struct announcing *a, bool came, uint64_t dir, const char *folder, const char *name,
		    const struct caller *as)
{
	if (a->fs->config.announce)
		add(a, &(struct occasion){ came, 0, dir, as }, folder, name);
}

/* Who moved a file into a view forgets where it was as soon as its request has ended: file managers do so
 * beside inotify. What says that it is still there must come after that. */
void announcing_add_in(struct announcing *a, uint64_t dir, const char *name)
{
	const struct fs_config *config = &a->fs->config;
	_cleanup_buf_ struct buf folder = BUF_INIT;
	int r = dir == ROOT_INO ? 0 : tree_path(config->catalog, dir, ROOT_INO, 0, &folder);

	if (config->announce && r >= 0 && buf_cstr(&folder))
		add(a, &(struct occasion){ true, clock_mono_ms() + SETTLE_MS, dir, NULL }, buf_cstr(&folder), name);
}

/* ---- the announcer's requests */

/* Is something being announced, and is it the announcer who asks? */
static bool is_announcer(fuse_req_t req)
{
	struct fs *fs = ops_fs(req);
	int pid = fuse_req_ctx(req)->pid;

	/* 0 is who lives in another namespace of processes. */
	return atomic_load(&fs->virtual->announcing->busy) && pid != 0 &&
	       pid == fs->config.announcer(fs->config.context);
}

int announcing_caller(fuse_req_t req, struct caller *ret_c)
{
	struct announcing *a = ops_fs(req)->virtual->announcing;
	int r;

	if (!is_announcer(req))
		return 0;
	LOCKED(&a->lock);
	if (!a->now || !a->now->for_other)
		return 0;
	r = caller_copy(&a->now->as, ret_c);
	return r < 0 ? r : 1;
}

static bool is_now(fuse_req_t req, uint64_t dir, const char *name, bool *ret_came)
{
	struct announcing *a = ops_fs(req)->virtual->announcing;

	if (!is_announcer(req))
		return false;
	LOCKED(&a->lock);
	if (!a->now || a->now->dir != dir || strcmp(a->now->name, name) != 0)
		return false;
	*ret_came = a->now->came;
	return true;
}

/* An entry that came is not there yet for who announces it, one that went still is. */
bool announcing_lookup(fuse_req_t req, uint64_t dir, const char *name)
{
	bool came;

	if (!is_now(req, dir, name, &came))
		return false;
	if (came)
		ops_reply_status(req, -ENOENT);
	else
		virtual_reply_link(req, dir, name, FS_ANNOUNCED);
	return true;
}

bool announcing_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name)
{
	bool came;

	if (strcmp(target, FS_ANNOUNCED) != 0)
		return false;
	if (is_now(req, dir, name, &came))
		virtual_reply_link(req, dir, name, FS_ANNOUNCED);
	else
		ops_reply_status(req, -EEXIST);
	return true;
}

bool announcing_unlink(fuse_req_t req, uint64_t dir, const char *name)
{
	bool came;

	if (!is_now(req, dir, name, &came) || came)
		return false;
	ops_reply_status(req, 0);
	return true;
}
