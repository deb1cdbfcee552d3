/* SPDX-License-Identifier: MIT */
/* One write transaction of LMDB: a checkpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/fault_guard.h"
#include "catalog/lmdb_impl.h"

struct store_change {
	struct store_env *env; /* borrowed: it does not change meanwhile */
	MDB_txn *txn;
	MDB_cursor *cursor;
};

static int change_open(void *context)
{
	struct store_change *change = context;
	int rc = mdb_txn_begin(change->env->mdb, NULL, 0, &change->txn);

	return rc ? rc : mdb_cursor_open(change->txn, change->env->dbi, &change->cursor);
}

int store_change_begin(struct store *s, struct store_change **ret_change)
{
	struct store_change *change = calloc(1, sizeof(*change));
	int r;

	if (!change)
		return -ENOMEM;
	change->env = s->env;
	r = store_guarded(change->env, change_open, change);
	if (r < 0) {
		store_change_abort(change);
		return r;
	}
	*ret_change = change;
	return 0;
}

struct putting {
	struct store_change *change;
	MDB_val key, value;
	struct buf *before;
	bool remove, was;
};

/* One descent: the cursor finds the old value, and the new one goes where it stands. */
static int change_one(void *context)
{
	struct putting *p = context;
	MDB_cursor *cursor = p->change->cursor;
	MDB_val old;
	int rc = mdb_cursor_get(cursor, &p->key, &old, MDB_SET);

	buf_reset(p->before);
	if (rc && rc != MDB_NOTFOUND)
		return rc;
	p->was = rc == 0;
	if (p->was && store_copy_value(p->before, &old))
		return ENOMEM;
	if (p->remove)
		return p->was ? mdb_cursor_del(cursor, 0) : 0;
	return mdb_cursor_put(cursor, &p->key, &p->value, p->was ? MDB_CURRENT : 0);
}

static int change(struct putting *p)
{
	int r = store_guarded(p->change->env, change_one, p);

	return r < 0 ? r : p->was;
}

int store_change_put(struct store_change *c, const void *key, size_t key_len, const void *value,
		     size_t value_len, struct buf *ret_before)
{
	return change(&(struct putting){ .change = c, .key = { key_len, (void *)key },
					 .value = { value_len, (void *)value }, .before = ret_before });
}

int store_change_remove(struct store_change *c, const void *key, size_t key_len, struct buf *ret_before)
{
	return change(&(struct putting){ .change = c, .key = { key_len, (void *)key }, .before = ret_before,
					 .remove = true });
}

struct finding {
	struct store_change *change;
	MDB_val key;
	uint8_t *ret_key;
	size_t *ret_len;
	struct buf *value;
};

static int find_first(void *context)
{
	struct finding *f = context;
	MDB_val value;
	int rc = mdb_cursor_get(f->change->cursor, &f->key, &value, MDB_SET_RANGE);

	if (rc)
		return rc;
	if (f->key.mv_size > STORE_KEY_MAX)
		return MDB_BAD_VALSIZE;
	memcpy(f->ret_key, f->key.mv_data, f->key.mv_size);
	*f->ret_len = f->key.mv_size;
	buf_reset(f->value);
	return store_copy_value(f->value, &value);
}

int store_change_first(struct store_change *c, const void *key, size_t key_len, uint8_t *ret_key, size_t *ret_len,
		       struct buf *ret_value)
{
	int r = store_guarded(c->env, find_first,
			      &(struct finding){ c, { key_len, (void *)key }, ret_key, ret_len, ret_value });

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int append_one(void *context)
{
	struct putting *p = context;
	int rc = mdb_cursor_put(p->change->cursor, &p->key, &p->value, MDB_APPEND);

	return rc == MDB_KEYEXIST ? MDB_BAD_VALSIZE : rc;
}

int store_change_append(struct store_change *c, const void *key, size_t key_len, const void *value, size_t value_len)
{
	return store_guarded(c->env, append_one,
			     &(struct putting){ .change = c, .key = { key_len, (void *)key },
						.value = { value_len, (void *)value } });
}

static int change_commit(void *context)
{
	struct store_change *change = context;
	int rc;

	mdb_cursor_close(change->cursor);
	change->cursor = NULL;
	rc = mdb_txn_commit(change->txn);
	change->txn = NULL; /* gone, whatever came out; a fault leaves it to be aborted */
	return rc;
}

int store_change_commit(struct store_change *change)
{
	int r = store_guarded(change->env, change_commit, change);

	store_change_abort(change);
	return r;
}

static int change_abort(void *context)
{
	struct store_change *change = context;

	if (change->cursor)
		mdb_cursor_close(change->cursor);
	if (change->txn)
		mdb_txn_abort(change->txn);
	return 0;
}

struct store_change *store_change_abort(struct store_change *change)
{
	if (!change)
		return NULL;
	(void) fault_guard_run(change_abort, change, 0);
	free(change);
	return NULL;
}
