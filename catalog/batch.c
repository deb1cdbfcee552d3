/* SPDX-License-Identifier: MIT */
/* A batch collects its record and keeps an index over it, so that it can read what it wrote. Commit:
 * room in the overlay is made first, then the record goes to the log, then it is applied, which cannot
 * fail; readers see it when visible_lsn is moved. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/priority.h"
#include "catalog/batch_record.h"
#include "catalog/catalog_impl.h"

#define INDEX_MIN 64u
/* A batch of thousands does not leave its index behind, to be cleared by each small one that follows. */
#define INDEX_KEPT 256u
/* Who gives way looks so often whether others wait, and then goes on all the same. */
#define GIVE_WAY_MAX 20u
#define GIVE_WAY_US 20u

int catalog_fail(struct catalog *c, int error)
{
	int none = 0;

	(void) atomic_compare_exchange_strong(&c->failed, &none, error);
	return -EIO;
}

bool catalog_owns_writer(struct catalog *c)
{
	return atomic_load(&c->writer_thread) == pthread_self();
}

static int check_writable(struct catalog *c, bool reserve)
{
	if (c->config.read_only && !c->config.rehearse)
		return -EROFS;
	if (atomic_load(&c->failed))
		return -EIO;
	return !reserve && atomic_load(&c->no_space) ? -ENOSPC : 0;
}

/* The lock goes to whoever comes when it is free, mostly to the thread that had it. */
static void take_turn(struct catalog *c)
{
	if (pthread_mutex_trylock(&c->writer) == 0)
		return;
	atomic_fetch_add(&c->waiting, 1);
	(void) pthread_mutex_lock(&c->writer);
	atomic_fetch_sub(&c->waiting, 1);
}

void catalog_give_way(struct catalog *c)
{
	for (unsigned n = 0; n < GIVE_WAY_MAX && atomic_load(&c->waiting) > 0; n++)
		(void) usleep(GIVE_WAY_US);
}

int catalog_begin(struct catalog *c, bool reserve, struct batch **ret_b)
{
	int r = check_writable(c, reserve);

	if (r >= 0 && !c->config.rehearse)
		r = checkpoint_wait_for_room(c, reserve);
	if (r < 0)
		return r;
	priority_urgent_begin();
	take_turn(c);
	r = check_writable(c, reserve);
	if (r < 0) {
		(void) pthread_mutex_unlock(&c->writer);
		priority_urgent_end();
		return r;
	}
	atomic_store(&c->writer_thread, pthread_self());
	*ret_b = &c->batch;
	return 0;
}

void batch_done(struct batch *b)
{
	buf_done(&b->record);
	free(b->index);
	free(b->events);
}

static void clear_index(struct batch *b)
{
	if (b->index_size <= INDEX_KEPT) {
		if (b->ops > 0)
			memset(b->index, 0, b->index_size * sizeof(*b->index));
		return;
	}
	free(b->index);
	b->index = NULL;
	b->index_size = 0;
}

static void end(struct batch *b, bool committed)
{
	struct catalog *c = b->c;

	counters_settle(c, committed);
	buf_reset(&b->record);
	clear_index(b);
	b->ops = b->index_used = b->events_len = 0;
	b->has_reply = false;
	b->error = 0;
	atomic_store(&c->writer_thread, 0);
	(void) pthread_mutex_unlock(&c->writer);
	priority_urgent_end();
}

struct batch *batch_abort(struct batch *b)
{
	if (b)
		end(b, false);
	return NULL;
}

/* ---- the index over the record */

static struct record_op op_at(const struct batch *b, uint32_t place)
{
	struct reader in = reader_over(b->record.data + place - 1, b->record.len - (place - 1));
	struct record_op op;
	int r = record_next(&in, &op);

	assert(r == 1);
	(void) r;
	return op;
}

/* The slot that holds the key, or the empty one where it belongs. */
static uint32_t *find_slot(const struct batch *b, const void *key, size_t key_len)
{
	size_t mask = b->index_size - 1;
	size_t i = hash_bytes(key, key_len, 0) & mask;

	for (;; i = (i + 1) & mask) {
		struct record_op op;

		if (b->index[i] == 0)
			return &b->index[i];
		op = op_at(b, b->index[i]);
		if (op.key_len == key_len && memcmp(op.key, key, key_len) == 0)
			return &b->index[i];
	}
}

static int grow_index(struct batch *b)
{
	size_t size = b->index_size ? 2 * b->index_size : INDEX_MIN, old_size = b->index_size;
	uint32_t *old = b->index, *grown;

	if (b->index_used < b->index_size / 2)
		return 0;
	grown = calloc(size, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	b->index = grown;
	b->index_size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i]) {
			struct record_op op = op_at(b, old[i]);

			*find_slot(b, op.key, op.key_len) = old[i];
		}
	free(old);
	return 0;
}

static void index_op(struct batch *b, size_t offset, const void *key, size_t key_len)
{
	uint32_t *slot = find_slot(b, key, key_len);

	if (*slot == 0)
		b->index_used++;
	*slot = (uint32_t)(offset + 1);
	b->ops++;
}

/* ---- collecting */

void batch_fail(struct batch *b, int error)
{
	if (b->error == 0)
		b->error = error;
}

static int start_record(struct batch *b)
{
	return b->record.len > 0 ? 0 : buf_add_u8(&b->record, RECORD_VERSION);
}

/* Keys that begin with a zero byte are the store's own. */
static int prepare_op(struct batch *b, const void *key, size_t key_len, size_t value_len)
{
	int r;

	if (key_len == 0 || key_len > CATALOG_KEY_MAX || *(const uint8_t *)key == 0)
		return -EINVAL;
	if (b->record.len + key_len + value_len > CATALOG_VALUE_MAX)
		return -EFBIG;
	r = start_record(b);
	return r < 0 ? r : grow_index(b);
}

void batch_put(struct batch *b, const void *key, size_t key_len, const void *value, size_t value_len)
{
	int r = prepare_op(b, key, key_len, value_len);
	size_t offset = b->record.len;

	if (r >= 0)
		r = record_add_put(&b->record, key, key_len, value, value_len);
	if (r < 0)
		batch_fail(b, r);
	else
		index_op(b, offset, key, key_len);
}

void batch_remove(struct batch *b, const void *key, size_t key_len)
{
	int r = prepare_op(b, key, key_len, 0);
	size_t offset = b->record.len;

	if (r >= 0)
		r = record_add_remove(&b->record, key, key_len);
	if (r < 0)
		batch_fail(b, r);
	else
		index_op(b, offset, key, key_len);
}

int batch_get(struct batch *b, const void *key, size_t key_len, struct buf *ret_value)
{
	struct record_op op;
	uint32_t place = b->ops > 0 ? *find_slot(b, key, key_len) : 0;

	if (b->error)
		return b->error;
	if (place == 0)
		return catalog_get(b->c, key, key_len, ret_value);
	op = op_at(b, place);
	if (op.kind == RECORD_REMOVE)
		return -ENOENT;
	return ret_value ? buf_add(ret_value, op.value, op.value_len) : 0;
}

/* Notes of one inode that follow each other become one. */
void batch_note(struct batch *b, uint64_t ino, uint32_t what)
{
	struct catalog_event *grown;

	if (b->events_len > 0 && b->events[b->events_len - 1].ino == ino) {
		b->events[b->events_len - 1].what |= what;
		return;
	}
	if (b->events_len == b->events_cap) {
		size_t cap = b->events_cap ? 2 * b->events_cap : 16;

		grown = reallocarray(b->events, cap, sizeof(*grown));
		if (!grown) {
			batch_fail(b, -ENOMEM);
			return;
		}
		b->events = grown;
		b->events_cap = cap;
	}
	b->events[b->events_len++] = (struct catalog_event){ .ino = ino, .what = what };
}

void batch_reply(struct batch *b, const struct reply_record *reply)
{
	b->reply = *reply;
	b->has_reply = true;
}

uint64_t batch_lsn(const struct batch *b)
{
	return atomic_load(&b->c->visible_lsn) + 1;
}

struct catalog *batch_catalog(const struct batch *b)
{
	return b->c;
}

size_t batch_size(const struct batch *b)
{
	return b->record.len;
}

/* ---- commit */

static void apply_op(struct catalog *c, uint64_t lsn, const struct record_op *op)
{
	switch (op->kind) {
	case RECORD_PUT:
		overlay_put(c->active, lsn, op->key, op->key_len, op->value, op->value_len);
		break;
	case RECORD_REMOVE:
		overlay_remove(c->active, lsn, op->key, op->key_len);
		break;
	case RECORD_REPLY:
		replies_add(c->replies, &op->reply);
		break;
	}
}

static int count_ops(const void *data, size_t len, size_t *ret_ops)
{
	struct reader in;
	struct record_op op;
	int r = record_start(data, len, &in);

	*ret_ops = 0;
	while (r >= 0 && (r = record_next(&in, &op)) == 1)
		(*ret_ops)++;
	return r;
}

/* Requires room. */
static void apply(struct catalog *c, uint64_t lsn, const void *data, size_t len)
{
	struct reader in;
	struct record_op op;

	(void) record_start(data, len, &in);
	while (record_next(&in, &op) == 1)
		apply_op(c, lsn, &op);
	atomic_store_explicit(&c->visible_lsn, lsn, memory_order_release);
}

int batch_apply_record(struct catalog *c, uint64_t lsn, const void *data, size_t len)
{
	size_t ops;
	int r = count_ops(data, len, &ops);

	if (r >= 0)
		r = overlay_reserve(c->active, ops, len);
	if (r < 0)
		return r;
	apply(c, lsn, data, len);
	return 0;
}

static int append(struct catalog *c, const struct buf *record, uint64_t *ret_lsn)
{
	struct iovec piece = { record->data, record->len };

	if (c->config.rehearse) {
		*ret_lsn = batch_lsn(&c->batch);
		return 0;
	}
	return wal_append(c->wal, &piece, 1, ret_lsn);
}

/* A full log is recycled by two checkpoints. */
static int append_with_room(struct batch *b, uint64_t *ret_lsn)
{
	struct catalog *c = b->c;
	int r = append(c, &b->record, ret_lsn);

	if (r == -ENOSPC) {
		r = checkpoint_with_writer(c, true);
		if (r >= 0)
			r = overlay_reserve(c->active, b->ops, b->record.len);
		if (r >= 0)
			r = append(c, &b->record, ret_lsn);
	}
	if (r < 0 && r != -ENOSPC && r != -EFBIG && r != -ENOMEM)
		return catalog_fail(c, r);
	return r;
}

static int log_and_apply(struct batch *b, uint64_t *ret_lsn)
{
	struct catalog *c = b->c;
	int r = b->error;

	if (r >= 0 && b->has_reply) {
		r = start_record(b);
		if (r >= 0)
			r = record_add_reply(&b->record, &b->reply);
	}
	if (r >= 0)
		r = overlay_reserve(c->active, b->ops, b->record.len);
	if (r >= 0)
		r = append_with_room(b, ret_lsn);
	if (r < 0)
		return r;
	assert(*ret_lsn == batch_lsn(b));
	apply(c, *ret_lsn, b->record.data, b->record.len);
	return 0;
}

int batch_commit(struct batch *b, uint64_t *ret_lsn)
{
	struct catalog *c = b->c;
	uint64_t lsn = atomic_load(&c->visible_lsn);
	int r = b->error;

	if (r >= 0 && (b->record.len > 0 || b->has_reply))
		r = log_and_apply(b, &lsn);
	if (r >= 0 && c->config.committed && (b->record.len > 0 || b->events_len > 0))
		c->config.committed(c->config.context, lsn, b->events, b->events_len);
	if (r >= 0 && !c->config.rehearse)
		checkpoint_notice(c);
	end(b, r >= 0);
	if (r >= 0 && ret_lsn)
		*ret_lsn = lsn;
	return r < 0 ? r : 0;
}
