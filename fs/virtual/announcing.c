/* SPDX-License-Identifier: MIT */
#include "fs/virtual/announcing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/thread.h"
#include "catalog/packed_set.h"
#include "catalog/saved.h"
#include "catalog/tree.h"
#include "fs/ops/ops.h"
#include "fs/virtual/announcements.h"
#include "fs/virtual/users.h"
#include "fs/virtual/view.h"
#include "fs/virtual/virtual.h"

#define SETTLE_MS 100u
/* An announcer that ends before it has told is started again so often. */
#define TRIES 3u

struct announcing {
	struct fs *fs;               /* borrowed */
	pthread_mutex_t lock;        /* rank 60 */
	pthread_cond_t wake;
	struct shared_announcements *log; /* borrowed; guarded by lock, as all below */
	bool running, ending;
	pthread_t thread;
	atomic_bool busy;            /* the first of the log is being announced: quickly asked */
};

/* ---- the thread */

static bool is_due(struct announcing *a, struct announcement *ret_x)
{
	return announcements_first(a->log, ret_x) && ret_x->due_ms <= clock_mono_ms();
}

/* The one after it waits as long, which keeps their order. What is returned stays until it is removed. */
static bool wait_for_first(struct announcing *a, struct announcement *ret_x)
{
	LOCKED(&a->lock);

	*ret_x = (struct announcement){ 0 };
	while (!a->ending && !is_due(a, ret_x)) {
		if (ret_x->path)
			(void) cond_wait_until(&a->wake, &a->lock, ret_x->due_ms);
		else
			(void) pthread_cond_wait(&a->wake, &a->lock);
		ret_x->path = NULL;
	}
	atomic_store(&a->busy, !a->ending);
	return !a->ending;
}

/* After a try that ended with `r`. The announcement is over when it was told, or when nobody can be told; what the end of
 * the server ends is the next one's. */
static bool again(struct announcing *a, int r, unsigned *tries)
{
	LOCKED(&a->lock);
	bool over = r == 0 || announcements_is_told(a->log) || (r != -ETIMEDOUT && ++*tries == TRIES);
	bool goes_on = !over && !a->ending;

	if (over)
		announcements_remove(a->log);
	atomic_store(&a->busy, goes_on);
	return goes_on;
}

static void *run(void *context)
{
	struct announcing *a = context;
	const struct fs_config *config = &a->fs->config;
	struct announcement x;

	while (wait_for_first(a, &x)) {
		unsigned tries = 0;

		while (again(a, config->announce(config->context, x.came, x.path), &tries))
			;
	}
	return NULL;
}

static bool was_committed(void *context, const struct announcement *x)
{
	struct key members = saved_members(x->search);
	uint32_t n;

	return packed_set_get(context, &members, x->ino, 0, &n) >= 0 && (n > 0) == x->came;
}

int announcing_new(struct fs *fs, struct announcing **ret_a)
{
	struct announcing *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->fs = fs;
	a->log = &fs->shared->announcements;
	(void) pthread_mutex_init(&a->lock, NULL);
	cond_init(&a->wake);
	announcements_recover(a->log, was_committed, fs->config.catalog);
	*ret_a = a;
	return 0;
}

/* Is there somebody to announce? Call with the lock. */
static bool is_running(struct announcing *a)
{
	if (!a->running && !a->ending && a->fs->config.announce)
		a->running = thread_start(&a->thread, "brainy-announce", run, a) == 0;
	return a->running;
}

void announcing_start(struct announcing *a)
{
	LOCKED(&a->lock);
	struct announcement x;

	if (announcements_first(a->log, &x))
		(void) is_running(a);
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
	if (!a)
		return NULL;
	(void) pthread_cond_destroy(&a->wake);
	(void) pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

/* ---- what is to be announced */

/* What cannot be noted is not told. */
static void add(struct announcing *a, struct announcement *x, const char *folder, const char *name, bool draft)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = buf_addf(&path, "%s/%s%s%s", a->fs->config.mount_point, folder, *folder ? "/" : "", name);
	LOCKED(&a->lock);

	if (r < 0 || !buf_cstr(&path) || !is_running(a))
		return;
	x->path = buf_cstr(&path);
	x->name = strrchr(x->path, '/') + 1;
	(void) announcements_add(a->log, x, draft);
	if (!draft)
		(void) pthread_cond_signal(&a->wake);
}

void announcing_prepare(struct announcing *a, const struct found_change *change)
{
	struct announcement x = {
		.came = change->came,
		.for_other = change->as != NULL,
		.uid = change->as ? change->as->uid : 0,
		.dir = change->dir,
		.search = change->search,
		.ino = change->ino,
	};

	add(a, &x, change->folder, change->name, true);
}

void announcing_settle(struct announcing *a, bool committed)
{
	LOCKED(&a->lock);

	announcements_settle(a->log, committed);
	(void) pthread_cond_signal(&a->wake);
}

/* Who moved a file into a view forgets where it was as soon as its request has ended: file managers do so
 * beside inotify. What says that it is still there must come after that. */
void announcing_add_in(struct announcing *a, uint64_t dir, const char *name)
{
	struct announcement x = { .came = true, .dir = dir, .due_ms = clock_mono_ms() + SETTLE_MS };
	_cleanup_buf_ struct buf folder = BUF_INIT;
	int r = dir == ROOT_INO ? 0 : tree_path(a->fs->config.catalog, dir, ROOT_INO, 0, &folder);

	if (r >= 0 && buf_cstr(&folder))
		add(a, &x, buf_cstr(&folder), name, false);
}

/* ---- the announcer's requests */

bool announcing_is_by(struct announcing *a, int pid)
{
	const struct fs_config *config = &a->fs->config;

	/* 0 is who lives in another namespace of processes. */
	return atomic_load(&a->busy) && pid != 0 && pid == config->announcer(config->context);
}

static bool is_announcer(fuse_req_t req)
{
	return announcing_is_by(ops_fs(req)->virtual->announcing, fuse_req_ctx(req)->pid);
}

int announcing_caller(fuse_req_t req, struct caller *ret_c)
{
	struct virtual *v = ops_fs(req)->virtual;
	struct announcing *a = v->announcing;
	struct announcement x;
	int r;

	if (!is_announcer(req))
		return 0;
	LOCKED(&a->lock);
	if (!announcements_first(a->log, &x) || !x.for_other)
		return 0;
	r = users_get(v->users, x.uid, ret_c);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* Is this what is being announced, and not told yet? Call with the lock. */
static bool is_first(struct announcing *a, uint64_t dir, const char *name, bool *ret_came)
{
	struct announcement x;

	if (!announcements_first(a->log, &x) || announcements_is_told(a->log) || x.dir != dir ||
	    strcmp(x.name, name) != 0)
		return false;
	*ret_came = x.came;
	return true;
}

/* Is this of an announcer that a server before had, which may not have read it? That process waits for the reply. Asked of
 * requests that few others make. */
static bool was_left(fuse_req_t req)
{
	_cleanup_buf_ struct buf name = BUF_INIT;

	return io_read_process_name((int)fuse_req_ctx(req)->pid, &name) >= 0 &&
	       strcmp(buf_cstr(&name), FS_ANNOUNCER) == 0;
}

/* An entry that came is not there yet for who announces it, one that went still is. */
bool announcing_lookup(fuse_req_t req, uint64_t dir, const char *name)
{
	struct announcing *a = ops_fs(req)->virtual->announcing;
	bool came;

	if (!is_announcer(req))
		return false;
	{
		LOCKED(&a->lock);
		if (!is_first(a, dir, name, &came))
			return false;
	}
	if (came)
		ops_reply_status(req, -ENOENT);
	else
		virtual_reply_link(req, dir, name, FS_ANNOUNCED);
	return true;
}

/* A request that makes the kernel tell inotify that `name` came, or went. */
static bool tells(fuse_req_t req, uint64_t dir, const char *name, bool wanted)
{
	struct announcing *a = ops_fs(req)->virtual->announcing;
	bool came, again = request_is_resent();

	if (!again && !is_announcer(req) && !((wanted || view_is(dir)) && was_left(req)))
		return false;
	LOCKED(&a->lock);
	if (again && announcements_was_told_by(a->log, request_unique()))
		return true;
	if (!is_first(a, dir, name, &came) || came != wanted)
		return false;
	announcements_tell(a->log, request_unique());
	return true;
}

bool announcing_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name)
{
	if (strcmp(target, FS_ANNOUNCED) != 0)
		return false;
	if (tells(req, dir, name, true))
		virtual_reply_link(req, dir, name, FS_ANNOUNCED);
	else
		ops_reply_status(req, -EEXIST);
	return true;
}

/* What an announcer would remove that is not being announced is there again. */
bool announcing_unlink(fuse_req_t req, uint64_t dir, const char *name)
{
	bool told = tells(req, dir, name, false);

	if (!told && !(view_is(dir) && (is_announcer(req) || was_left(req))))
		return false;
	ops_reply_status(req, told ? 0 : -ENOENT);
	return true;
}
