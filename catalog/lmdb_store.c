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

/* Runs one LMDB call that opens, changes or closes; `call` returns an LMDB code. */
int store_guarded(struct store *s, int (*call)(void *), void *context)
{
	int rc;

	if (atomic_load(&s->faulted))
		return -EBADMSG;
	rc = fault_guard_run(call, context, MDB_CORRUPTED);
	if (rc == MDB_CORRUPTED || rc == MDB_PANIC)
		atomic_store(&s->faulted, true);
	return store_error(rc);
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
	struct store *s;
	const char *path;
	bool read_only;
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
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (o->read_only ? MDB_RDONLY | MDB_NOLOCK : 0);
	int rc = mdb_env_create(&o->s->env);

	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(o->s->env, o->map_size);
	if (!rc)
		rc = mdb_env_set_maxreaders(o->s->env, READERS_MAX);
	if (!rc)
		rc = mdb_env_set_assert(o->s->env, on_assert);
	if (!rc)
		rc = mdb_env_open(o->s->env, o->path, flags, 0600);
	if (!rc)
		rc = close_on_exec(o->s->env);
	if (rc) {
		mdb_env_close(o->s->env);
		o->s->env = NULL;
	}
	return rc;
}

static int open_dbi(void *context)
{
	struct store *s = context;
	MDB_txn *txn;
	unsigned flags;
	int rc;

	rc = mdb_env_get_flags(s->env, &flags);
	if (rc)
		return rc;
	rc = mdb_txn_begin(s->env, NULL, flags & MDB_RDONLY, &txn);
	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, NULL, 0, &s->dbi);
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
		r = store_guarded(o->s, open_env, o);
		if (r != -ENOMEM || o->map_size <= MAP_SIZE_MIN)
			return r;
		o->map_size /= 2;
	}
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
	int r;

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", config->dirfd);
	r = open_some_size(&(struct opening){ s, path, config->read_only, config->map_size });
	return r < 0 ? r : store_guarded(s, open_dbi, s);
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
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	(void) pthread_mutex_init(&s->lock, NULL);
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
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	(void) pthread_mutex_init(&s->lock, NULL);
	*ret_s = s;
	return 0;
}

static int close_env(void *context)
{
	struct store *s = context;

	store_free_scans(s);
	if (s->env)
		mdb_env_close(s->env);
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	(void) store_guarded(s, close_env, s);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

struct asking {
	MDB_env *env;
	MDB_envinfo info;
	MDB_stat stat;
};

static int ask(void *context)
{
	struct asking *a = context;
	int rc = mdb_env_info(a->env, &a->info);

	return rc ? rc : mdb_env_stat(a->env, &a->stat);
}

uint64_t store_used_bytes(struct store *s)
{
	struct asking a = { .env = s->env };

	if (!s->env || store_guarded(s, ask, &a) < 0)
		return 0;
	return ((uint64_t)a.info.me_last_pgno + 1) * a.stat.ms_psize;
}
