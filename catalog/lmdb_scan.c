/* SPDX-License-Identifier: MIT */
/* Reading the store: transactions with a cursor. Ended ones are kept, because renewing one costs a
 * hundredth of making one. A scan copies what it finds: nothing points into the map outside a guard. A
 * scan that met a fault is thrown away, and others go on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_impl.h"
#include "catalog/overlay.h"

#define SCANS_KEPT 16
/* No sealed value is longer. */
#define VALUE_MAX (2u << 20)

struct store_scan {
	struct store *store;   /* borrowed */
	struct store_env *env; /* of which it owns a reference, unless it is idle */
	struct store_scan *next;
	MDB_txn *txn;
	MDB_cursor *cursor;
	bool broken;   /* by a fault: not to be used again */
	MDB_val value; /* in the map */
	uintptr_t page; /* of the map, where the key lies; as long as the store is unsure */
	size_t key_len;
	uint8_t key[STORE_KEY_MAX];
};

/* Runs one LMDB call that reads. */
static int reading(struct store_scan *scan, int (*call)(void *), void *context)
{
	int rc = scan->broken ? MDB_CORRUPTED : fault_guard_run(call, context, MDB_CORRUPTED);

	if (rc == MDB_CORRUPTED)
		scan->broken = true;
	return store_error(rc);
}

static void scan_free(struct store_scan *scan)
{
	if (scan->cursor)
		mdb_cursor_close(scan->cursor);
	if (scan->txn)
		mdb_txn_abort(scan->txn);
	free(scan);
}

void store_free_scans(struct store_env *env)
{
	for (struct store_scan *scan = env->idle, *next; scan; scan = next) {
		next = scan->next;
		scan_free(scan);
	}
}

static int scan_make(void *context)
{
	struct store_scan *scan = context;
	int rc;

	if (!scan->env->mdb)
		return 0;
	rc = mdb_txn_begin(scan->env->mdb, NULL, MDB_RDONLY, &scan->txn);

	return rc ? rc : mdb_cursor_open(scan->txn, scan->env->dbi, &scan->cursor);
}

static int scan_renew(void *context)
{
	struct store_scan *scan = context;
	int rc;

	if (!scan->env->mdb)
		return 0;
	rc = mdb_txn_renew(scan->txn);

	return rc ? rc : mdb_cursor_renew(scan->txn, scan->cursor);
}

static int scan_drop(void *context)
{
	scan_free(context);
	return 0;
}

/* Of the file of the moment, with a reference on that. */
static struct store_scan *take_idle(struct store *s, struct store_env **ret_env)
{
	LOCKED(&s->lock);
	struct store_env *env = s->env;
	struct store_scan *scan = env->idle;

	if (scan) {
		env->idle = scan->next;
		env->idle_count--;
	}
	(void) atomic_fetch_add_explicit(&env->refs, 1, memory_order_relaxed);
	*ret_env = env;
	return scan;
}

static void drop(struct store_scan *scan)
{
	(void) fault_guard_run(scan_drop, scan, 0);
}

int store_scan_begin(struct store *s, struct store_scan **ret_scan)
{
	struct store_env *env;
	struct store_scan *scan = take_idle(s, &env);
	bool idle = scan;
	int r;

	if (!scan)
		scan = calloc(1, sizeof(*scan));
	if (!scan) {
		store_env_unref(env);
		return -ENOMEM;
	}
	scan->store = s;
	scan->env = env;
	r = reading(scan, idle ? scan_renew : scan_make, scan);
	if (r < 0) {
		drop(scan);
		store_env_unref(env);
		return r;
	}
	*ret_scan = scan;
	return 0;
}

static int scan_reset(void *context)
{
	struct store_scan *scan = context;

	if (scan->txn)
		mdb_txn_reset(scan->txn);
	return 0;
}

static bool keep_idle(struct store *s, struct store_scan *scan)
{
	LOCKED(&s->lock);

	if (scan->env != s->env || scan->env->idle_count >= SCANS_KEPT)
		return false;
	scan->next = scan->env->idle;
	scan->env->idle = scan;
	scan->env->idle_count++;
	return true;
}

void store_scan_end(struct store_scan *scan)
{
	struct store_env *env = scan->env;

	if (reading(scan, scan_reset, scan) < 0 || !keep_idle(scan->store, scan))
		drop(scan);
	store_env_unref(env);
}

struct getting {
	struct store_scan *scan;
	MDB_val key;
	MDB_cursor_op op;
	struct buf *out;
};

int store_copy_value(struct buf *out, const MDB_val *value)
{
	if (value->mv_size > VALUE_MAX)
		return MDB_CORRUPTED;
	return buf_add(out, value->mv_data, value->mv_size) < 0 ? ENOMEM : 0;
}

static int get_copy(void *context)
{
	struct getting *g = context;
	MDB_val value;
	int rc = !g->scan->txn ? MDB_NOTFOUND : mdb_get(g->scan->txn, g->scan->env->dbi, &g->key, &value);

	return rc ? rc : store_copy_value(g->out, &value);
}

int store_scan_get(struct store_scan *scan, const void *key, size_t key_len, struct buf *ret_value)
{
	struct getting g = { .scan = scan, .key = { key_len, (void *)key }, .out = ret_value };

	return reading(scan, get_copy, &g);
}

/* A walk goes up: back in a damaged tree it might never end. */
static bool ascends(const struct store_scan *scan, const MDB_val *from, const MDB_val *to, MDB_cursor_op op)
{
	if (op == MDB_NEXT)
		return key_compare(to->mv_data, to->mv_size, scan->key, scan->key_len) > 0;
	return key_compare(to->mv_data, to->mv_size, from->mv_data, from->mv_size) >= 0;
}

static int look_up(struct store_scan *scan, MDB_val key)
{
	MDB_val value;
	int rc = mdb_get(scan->txn, scan->env->dbi, &key, &value);

	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

/* A walk goes along the leaves, a look-up by the keys in the branches; one of those that is damaged hides records from
 * look-ups alone. It parts the keys in two, so where it leads any key of a leaf astray it does so with the first or the
 * last one: they must be found. */
static int check_way(struct store_scan *scan, const MDB_val *key, MDB_cursor_op op)
{
	uintptr_t page = (uintptr_t)key->mv_data / 4096;
	int rc = 0;

	if (!atomic_load_explicit(&scan->store->unsure, memory_order_relaxed) || (op == MDB_NEXT && page == scan->page))
		return 0;
	if (op == MDB_NEXT)
		rc = look_up(scan, (MDB_val){ scan->key_len, scan->key });
	scan->page = page;
	return rc ? rc : look_up(scan, *key);
}

/* A key that no batch can have written is damage. */
static int move(void *context)
{
	struct getting *g = context;
	struct store_scan *scan = g->scan;
	const MDB_val from = g->key;
	int rc = !scan->cursor ? MDB_NOTFOUND : mdb_cursor_get(scan->cursor, &g->key, &scan->value, g->op);

	if (rc)
		return rc;
	if (g->key.mv_size > sizeof(scan->key))
		return MDB_BAD_VALSIZE;
	if (!ascends(scan, &from, &g->key, g->op))
		return MDB_CORRUPTED;
	rc = check_way(scan, &g->key, g->op);
	if (rc)
		return rc;
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
