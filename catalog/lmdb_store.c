/* SPDX-License-Identifier: MIT */
/* LMDB trusts its file: page numbers, offsets and lengths are used as found. Its structure is checked
 * whole before the library sees it (lmdb_check.h); against damage that arises later (a disk that
 * stops answering, a file cut by others) every call runs under a fault guard, and the library's
 * assertions are turned into faults. A scan that met one is thrown away, and others go on: reading holds
 * nothing. After a fault while changing, the library may be left with torn memory: nothing is changed
 * any more, and the environment is leaked at close.
 *
 * The map is read-only memory (never MDB_WRITEMAP), so stray stores of ours cannot reach the file.
 * Readers are not tied to threads (MDB_NOTLS); ended ones are kept, because renewing one costs a
 * hundredth of making one. A scan copies what it finds: nothing points into the map outside a guard. */
#include "catalog/lmdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_check.h"
#include "catalog/lmdb_impl.h"

#define MAP_SIZE_MIN ((size_t)1 << 30)
#define READERS_MAX 510
#define SCANS_KEPT 16

struct store_scan {
	struct store *store; /* borrowed */
	struct store_scan *next;
	MDB_txn *txn;
	MDB_cursor *cursor;
	bool broken;   /* by a fault: not to be used again */
	MDB_val value; /* in the map */
	size_t key_len;
	uint8_t key[STORE_KEY_MAX];
};

static int error_of(int rc)
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
	return error_of(rc);
}

/* Runs one LMDB call that reads. */
static int reading(struct store_scan *scan, int (*call)(void *), void *context)
{
	int rc = scan->broken ? MDB_CORRUPTED : fault_guard_run(call, context, MDB_CORRUPTED);

	if (rc == MDB_CORRUPTED)
		scan->broken = true;
	return error_of(rc);
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

struct opening {
	struct store *s;
	const char *path;
	bool read_only;
	size_t map_size;
};

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

static int check_file(const struct store_config *config, char **ret_why)
{
	int flags = (config->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	_cleanup_close_ int fd = openat(config->dirfd, STORE_FILE, flags);
	struct lmdb_check check = {
		.fd = fd,
		.mend = !config->read_only,
		.pages_max = config->map_size / 4096,
		.start = config->start,
		.record = config->record,
		.context = config->context,
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
	int r = fault_guard_install();

	if (r >= 0)
		r = check_file(config, ret_why);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	(void) pthread_mutex_init(&s->lock, NULL);
	r = open_checked(s, config);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

static void scan_free(struct store_scan *scan)
{
	if (scan->cursor)
		mdb_cursor_close(scan->cursor);
	if (scan->txn)
		mdb_txn_abort(scan->txn);
	free(scan);
}

static int close_env(void *context)
{
	struct store *s = context;

	for (struct store_scan *scan = s->idle, *next; scan; scan = next) {
		next = scan->next;
		scan_free(scan);
	}
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

	if (store_guarded(s, ask, &a) < 0)
		return 0;
	return ((uint64_t)a.info.me_last_pgno + 1) * a.stat.ms_psize;
}

/* ---- reading */

static int scan_make(void *context)
{
	struct store_scan *scan = context;
	int rc = mdb_txn_begin(scan->store->env, NULL, MDB_RDONLY, &scan->txn);

	return rc ? rc : mdb_cursor_open(scan->txn, scan->store->dbi, &scan->cursor);
}

static int scan_renew(void *context)
{
	struct store_scan *scan = context;
	int rc = mdb_txn_renew(scan->txn);

	return rc ? rc : mdb_cursor_renew(scan->txn, scan->cursor);
}

static int scan_drop(void *context)
{
	scan_free(context);
	return 0;
}

static struct store_scan *take_idle(struct store *s)
{
	LOCKED(&s->lock);
	struct store_scan *scan = s->idle;

	if (scan) {
		s->idle = scan->next;
		s->idle_count--;
	}
	return scan;
}

static void drop(struct store_scan *scan)
{
	(void) fault_guard_run(scan_drop, scan, 0);
}

int store_scan_begin(struct store *s, struct store_scan **ret_scan)
{
	struct store_scan *scan = take_idle(s);
	bool idle = scan;
	int r;

	if (!scan)
		scan = calloc(1, sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	scan->store = s;
	r = reading(scan, idle ? scan_renew : scan_make, scan);
	if (r < 0) {
		drop(scan);
		return r;
	}
	*ret_scan = scan;
	return 0;
}

static int scan_reset(void *context)
{
	mdb_txn_reset(((struct store_scan *)context)->txn);
	return 0;
}

static bool keep_idle(struct store *s, struct store_scan *scan)
{
	LOCKED(&s->lock);

	if (s->idle_count >= SCANS_KEPT)
		return false;
	scan->next = s->idle;
	s->idle = scan;
	s->idle_count++;
	return true;
}

void store_scan_end(struct store_scan *scan)
{
	if (reading(scan, scan_reset, scan) < 0 || !keep_idle(scan->store, scan))
		drop(scan);
}

struct getting {
	struct store_scan *scan;
	MDB_val key;
	MDB_cursor_op op;
	struct buf *out;
};

int store_copy_value(struct buf *out, const MDB_val *value)
{
	return buf_add(out, value->mv_data, value->mv_size) < 0 ? ENOMEM : 0;
}

static int get_copy(void *context)
{
	struct getting *g = context;
	MDB_val value;
	int rc = mdb_get(g->scan->txn, g->scan->store->dbi, &g->key, &value);

	return rc ? rc : store_copy_value(g->out, &value);
}

int store_scan_get(struct store_scan *scan, const void *key, size_t key_len, struct buf *ret_value)
{
	struct getting g = { .scan = scan, .key = { key_len, (void *)key }, .out = ret_value };

	return reading(scan, get_copy, &g);
}

/* A key that no batch can have written is damage. */
static int move(void *context)
{
	struct getting *g = context;
	struct store_scan *scan = g->scan;
	int rc = mdb_cursor_get(scan->cursor, &g->key, &scan->value, g->op);

	if (rc)
		return rc;
	if (g->key.mv_size > sizeof(scan->key))
		return MDB_BAD_VALSIZE;
	memcpy(scan->key, g->key.mv_data, g->key.mv_size);
	scan->key_len = g->key.mv_size;
	return 0;
}

static int scan_move(struct store_scan *scan, MDB_cursor_op op, const void *key, size_t key_len)
{
	struct getting g = { .scan = scan, .key = { key_len, (void *)key }, .op = op };
	int r = reading(scan, move, &g);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

int store_scan_seek(struct store_scan *scan, const void *key, size_t key_len, bool after)
{
	int r = scan_move(scan, MDB_SET_RANGE, key, key_len);

	if (r == 1 && after && scan->key_len == key_len && memcmp(scan->key, key, key_len) == 0)
		r = store_scan_next(scan);
	return r;
}

int store_scan_next(struct store_scan *scan)
{
	return scan_move(scan, MDB_NEXT, NULL, 0);
}

const void *store_scan_key(const struct store_scan *scan, size_t *ret_len)
{
	*ret_len = scan->key_len;
	return scan->key;
}

static int copy_found(void *context)
{
	struct getting *g = context;

	return store_copy_value(g->out, &g->scan->value);
}

int store_scan_value(struct store_scan *scan, struct buf *ret_value)
{
	return reading(scan, copy_found, &(struct getting){ .scan = scan, .out = ret_value });
}
