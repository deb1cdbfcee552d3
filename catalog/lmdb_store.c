/* SPDX-License-Identifier: MIT */
/* LMDB trusts its file: page numbers, offsets and lengths are used as found. Its structure is checked
 * whole before the library changes it (lmdb_check.h); against damage that is met before, or arises later (a
 * disk that stops answering, a file cut by others) every call runs under a fault guard, and the library's
 * assertions are turned into faults. A scan that met one is thrown away, and others go on: reading holds
 * nothing. After a fault while changing, the library may be left with torn memory: nothing is changed
 * any more, and the environment is leaked at close.
 *
 * The map is read-only memory (never MDB_WRITEMAP), so stray stores of ours cannot reach the file.
 * Readers (lmdb_scan.c) are not tied to threads (MDB_NOTLS). */
#include "catalog/lmdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_check.h"
#include "catalog/lmdb_impl.h"

#define MAP_SIZE_MIN ((size_t)1 << 30)
#define READERS_MAX 510

int store_error(int rc)
{
	if (rc == 0)
		return 0;
	if (rc == MDB_NOTFOUND)
		return -ENOENT;
	if (rc == MDB_MAP_FULL || rc == EDQUOT)
		return -ENOSPC;
	if (rc == MDB_READERS_FULL)
		return -EAGAIN;
	if (rc == MDB_TXN_FULL)
		return -EFBIG;
	return rc > 0 ? -rc : -EBADMSG;
}

int store_guarded(struct store_env *env, int (*call)(void *), void *context)
{
	int rc;

	if (atomic_load(&env->faulted))
		return -EBADMSG;
	rc = fault_guard_run(call, context, MDB_CORRUPTED);
	if (rc == MDB_CORRUPTED || rc == MDB_PANIC)
		atomic_store(&env->faulted, true);
	return store_error(rc);
}

/* ---- the file that is open */

struct store *store_new(int dirfd)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->env = calloc(1, sizeof(*s->env));
	if (!s->env) {
		free(s);
		return NULL;
	}
	atomic_init(&s->env->refs, 1);
	s->dirfd = dirfd;
	(void) pthread_mutex_init(&s->lock, NULL);
	return s;
}

struct store_env *store_env_ref(struct store *s)
{
	LOCKED(&s->lock);

	(void) atomic_fetch_add_explicit(&s->env->refs, 1, memory_order_relaxed);
	return s->env;
}

static int close_env(void *context)
{
	struct store_env *env = context;

	store_free_scans(env);
	if (env->mdb)
		mdb_env_close(env->mdb);
	return 0;
}

void store_env_unref(struct store_env *env)
{
	if (atomic_fetch_sub_explicit(&env->refs, 1, memory_order_acq_rel) != 1)
		return;
	(void) store_guarded(env, close_env, env);
	free(env);
}

static void on_assert(MDB_env *env, const char *text)
{
	fault_guard_raise();
}

/* ---- opening */

int store_exists(int dirfd)
{
	if (faccessat(dirfd, STORE_FILE, F_OK, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

/* The library would begin a new store in it. */
static bool is_empty(int dirfd)
{
	struct stat st;

	return fstatat(dirfd, STORE_FILE, &st, 0) == 0 && st.st_size == 0;
}

struct opening {
	struct store_env *env;
	const char *path;
	unsigned flags;
	size_t map_size;
};

/* The library leaves one of its descriptors open for programs that we start. */
static int close_on_exec(MDB_env *env)
{
	int fd, rc = mdb_env_get_fd(env, &fd);

	return rc ? rc : fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? errno : 0;
}

static int open_env(void *context)
{
	struct opening *o = context;
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | o->flags;
	int rc = mdb_env_create(&o->env->mdb);

	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(o->env->mdb, o->map_size);
	if (!rc)
		rc = mdb_env_set_maxreaders(o->env->mdb, READERS_MAX);
	if (!rc)
		rc = mdb_env_set_assert(o->env->mdb, on_assert);
	if (!rc)
		rc = mdb_env_open(o->env->mdb, o->path, flags, 0600);
	if (!rc)
		rc = close_on_exec(o->env->mdb);
	if (rc) {
		mdb_env_close(o->env->mdb);
		o->env->mdb = NULL;
	}
	return rc;
}

static int open_dbi(void *context)
{
	struct store_env *env = context;
	MDB_txn *txn;
	unsigned flags;
	int rc;

	rc = mdb_env_get_flags(env->mdb, &flags);
	if (rc)
		return rc;
	rc = mdb_txn_begin(env->mdb, NULL, flags & MDB_RDONLY, &txn);
	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, NULL, 0, &env->dbi);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* Little address space (a limit, a sanitizer): a smaller map serves for long. */
static int open_some_size(struct opening *o)
{
	int r;

	for (;;) {
		r = store_guarded(o->env, open_env, o);
		if (r != -ENOMEM || o->map_size <= MAP_SIZE_MIN)
			return r;
		o->map_size /= 2;
	}
}

int store_env_open(struct store *s, const char *path, unsigned flags, size_t map_size)
{
	int r = open_some_size(&(struct opening){ s->env, path, flags, map_size });

	return r < 0 ? r : store_guarded(s->env, open_dbi, s->env);
}

static int check_file(const struct store_config *config, enum lmdb_check_depth depth, char **ret_why)
{
	int flags = (config->read_only || depth == LMDB_CHECK_NEWEST ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	_cleanup_close_ int fd = openat(config->dirfd, STORE_FILE, flags);
	struct lmdb_check check = {
		.depth = depth,
		.fd = fd,
		.mend = !config->read_only,
		.pages_max = config->map_size / 4096,
		.start = config->start,
		.record = config->record,
		.context = config->context,
		.stop = config->stop,
	};

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return lmdb_check(&check, ret_why);
}

static int open_checked(struct store *s, const struct store_config *config)
{
	char path[64];

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", config->dirfd);
	return store_env_open(s, path, config->read_only ? MDB_RDONLY | MDB_NOLOCK : 0, config->map_size);
}

int store_open(const struct store_config *config, struct store **ret_s, char **ret_why)
{
	struct store *s;
	int r = fault_guard_install(), due;

	if (r >= 0)
		r = check_file(config, config->later ? LMDB_CHECK_OUTSIDE : LMDB_CHECK_WHOLE, ret_why);
	if (r < 0)
		return r;
	if (config->read_only && is_empty(config->dirfd))
		return -EBADMSG;
	due = r;
	s = store_new(config->dirfd);
	if (!s)
		return -ENOMEM;
	if (!config->read_only)
		store_remove_unfinished(config->dirfd);
	r = open_checked(s, config);
	if (r < 0) {
		store_close(s);
		return r;
	}
	atomic_store(&s->unsure, due > 0);
	*ret_s = s;
	return due;
}

void store_trust(struct store *s)
{
	atomic_store(&s->unsure, false);
}

int store_check(const struct store_config *config, char **ret_why)
{
	return check_file(config, LMDB_CHECK_NEWEST, ret_why);
}

int store_new_empty(struct store **ret_s)
{
	struct store *s = store_new(-1);

	if (!s)
		return -ENOMEM;
	*ret_s = s;
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	store_env_unref(s->env);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

/* ---- figures */

#define FREE_DBI 0
#define META_PAGES 2

struct asking {
	struct store_env *env;
	MDB_envinfo info;
	MDB_stat free, main;
};

static int ask_stats(struct asking *a)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(a->env->mdb, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = mdb_stat(txn, FREE_DBI, &a->free);
	if (!rc)
		rc = mdb_stat(txn, a->env->dbi, &a->main);
	mdb_txn_abort(txn);
	return rc;
}

static int ask(void *context)
{
	struct asking *a = context;
	int rc = mdb_env_info(a->env->mdb, &a->info);

	return rc ? rc : ask_stats(a);
}

static uint64_t pages_of(const MDB_stat *stat)
{
	return stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

static int ask_usage(struct store_env *env, struct store_usage *ret_usage)
{
	struct asking a = { .env = env };
	int r = env->mdb ? 0 : MDB_NOTFOUND;

	if (!r)
		r = atomic_load(&env->faulted) ? MDB_CORRUPTED : fault_guard_run(ask, &a, MDB_CORRUPTED);
	if (r)
		return store_error(r);
	*ret_usage = (struct store_usage){
		.bytes = ((uint64_t)a.info.me_last_pgno + 1) * a.main.ms_psize,
		.used = (META_PAGES + pages_of(&a.free) + pages_of(&a.main)) * a.main.ms_psize,
	};
	return 0;
}

int store_get_usage(struct store *s, struct store_usage *ret_usage)
{
	struct store_env *env = store_env_ref(s);
	int r = ask_usage(env, ret_usage);

	store_env_unref(env);
	return r;
}
