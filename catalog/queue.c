/* SPDX-License-Identifier: MIT */
/* The index queue: key 'Q' u8 queue, be64 ino; value varint lsn, why, attempts, tried lsn. Entries are files,
 * and directories that were renamed, below which files may have come under other rules.
 *
 * A file is written often and indexed once, so what a write costs counts. The record is put when the
 * file is not queued; INODE_QUEUED and the reasons stand in the inode record, which the write puts
 * anyway, and further changes of the bytes change content_lsn there and nothing here. Names have no LSN
 * of their own in the inode: their changes rewrite the record. What is a field, a tag or a link is in the catalog
 * already: documents have nothing of it.
 *
 * So an entry's LSN is the larger of the record's and the inode's content_lsn. The indexer takes the
 * entry first, then reads path and bytes; queue_remove_in() removes it only if that LSN is
 * still the same, else something changed while it was reading and the file is its once more.
 *
 * Attempts count for the LSN at which they were made: what has changed since deserves new ones. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

#define RECORD_MAX (4 * VARINT_MAX)

struct queue_record {
	uint64_t lsn, why, attempts, tried;
};

static struct key queue_key(uint64_t ino)
{
	return key_u64(key_u8(key_start('Q'), QUEUE_INDEX), ino);
}

static void put_record(struct batch *b, uint64_t ino, const struct queue_record *record)
{
	struct key key = queue_key(ino);
	uint8_t value[RECORD_MAX], *at = value;

	at = put_varint(at, record->lsn);
	at = put_varint(at, record->why);
	at = put_varint(at, record->attempts);
	at = put_varint(at, record->tried);
	batch_put(b, key.bytes, key.len, value, (size_t)(at - value));
}

static int decode(const void *value, size_t len, struct queue_record *ret_record)
{
	struct reader r = reader_over(value, len);

	ret_record->lsn = reader_varint(&r);
	ret_record->why = reader_varint(&r);
	ret_record->attempts = reader_varint(&r);
	ret_record->tried = reader_varint(&r);
	return r.bad || reader_left(&r) || ret_record->attempts > UINT32_MAX ? -EBADMSG : 0;
}

static int get_record_in(struct batch *b, uint64_t ino, struct queue_record *ret_record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = queue_key(ino);
	int r;

	r = batch_get(b, key.bytes, key.len, &value);
	return r < 0 ? r : decode(value.data, value.len, ret_record);
}

static struct queue_entry entry_of(const struct queue_record *record, const struct inode *i)
{
	struct queue_entry e = { .ino = i->ino, .lsn = MAX(record->lsn, i->content_lsn) };

	e.why = (uint32_t)record->why;
	e.attempts = record->tried == e.lsn ? (uint32_t)record->attempts : 0;
	return e;
}

/* ---- putting in and taking out */

static uint32_t reasons(const struct inode *i)
{
	return i->flags >> INODE_WHY_SHIFT;
}

static int rewrite(struct batch *b, struct inode *i, uint32_t why)
{
	struct queue_record record;
	int r = get_record_in(b, i->ino, &record);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	record.lsn = batch_lsn(b);
	record.why |= why;
	put_record(b, i->ino, &record);
	return 0;
}

int queue_mark(struct batch *b, struct inode *i, uint32_t why, struct stats_delta *stats)
{
	bool known = why == EVENT_CONTENT && reasons(i) & EVENT_CONTENT;
	struct queue_record record = { .lsn = batch_lsn(b), .why = why };

	if (why & EVENT_CONTENT)
		i->content_lsn = batch_lsn(b);
	if (!i->nlink || !(S_ISREG(i->mode) || why & EVENT_BELOW))
		return 0;
	i->flags |= why << INODE_WHY_SHIFT;
	if (i->flags & INODE_QUEUED)
		return known ? 0 : rewrite(b, i, why);
	i->flags |= INODE_QUEUED;
	put_record(b, i->ino, &record);
	stats->queued++;
	batch_note(b, i->ino, EVENT_QUEUE);
	return 0;
}

int queue_add(struct batch *b, struct inode *i, uint32_t why)
{
	struct stats_delta stats = { 0 };
	int r = queue_mark(b, i, why, &stats);

	return r < 0 ? r : stats_change(b, &stats);
}

void queue_drop(struct batch *b, struct inode *i, struct stats_delta *stats)
{
	struct key key = queue_key(i->ino);

	if (!(i->flags & INODE_QUEUED))
		return;
	batch_remove(b, key.bytes, key.len);
	i->flags &= ((1u << INODE_WHY_SHIFT) - 1) & ~INODE_QUEUED;
	stats->queued--;
}

/* 1: the file is queued, and nothing changed since `lsn`. */
static int get_unchanged(struct batch *b, uint64_t ino, uint64_t lsn, struct inode *ret_i,
			 struct queue_record *ret_record)
{
	int r;

	r = inode_get_in(b, ino, ret_i);
	if (r == -ENOENT || (r >= 0 && !(ret_i->flags & INODE_QUEUED)))
		return 0;
	if (r < 0)
		return r;
	r = get_record_in(b, ino, ret_record);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	return entry_of(ret_record, ret_i).lsn == lsn;
}

int queue_remove_in(struct batch *b, uint64_t ino, uint64_t lsn)
{
	struct stats_delta stats = { 0 };
	struct queue_record record;
	struct inode i;
	int r;

	r = get_unchanged(b, ino, lsn, &i, &record);
	if (r <= 0)
		return r;
	queue_drop(b, &i, &stats);
	inode_put(b, &i);
	r = stats_change(b, &stats);
	return r < 0 ? r : 1;
}

int queue_attempt_in(struct batch *b, uint64_t ino, uint64_t lsn)
{
	struct queue_record record;
	struct inode i;
	int r;

	r = get_unchanged(b, ino, lsn, &i, &record);
	if (r <= 0)
		return r;
	record.attempts = entry_of(&record, &i).attempts + 1u;
	record.tried = lsn;
	put_record(b, ino, &record);
	return (int)MIN(record.attempts, (uint64_t)INT32_MAX);
}

/* ---- reading */

int queue_get(struct catalog *c, uint64_t ino, struct queue_entry *ret_e)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = queue_key(ino);
	struct queue_record record;
	struct inode i;
	int r;

	r = catalog_get(c, key.bytes, key.len, &value);
	if (r >= 0)
		r = decode(value.data, value.len, &record);
	if (r >= 0)
		r = inode_get(c, ino, &i);
	if (r < 0)
		return r;
	*ret_e = entry_of(&record, &i);
	return 0;
}

struct visitor {
	struct inode_walk inodes;
	int (*entry)(void *context, const struct queue_entry *e);
	void *context;
};

/* A file that went away meanwhile is passed over. */
static int visit(void *context, const struct record *found)
{
	struct visitor *v = context;
	struct queue_record record;
	struct queue_entry e;
	struct inode i;
	int r;

	if (found->key_len != 10)
		return -EBADMSG;
	r = decode(found->value, found->value_len, &record);
	if (r < 0)
		return r;
	r = inode_walk_get(&v->inodes, load_be64(found->key + 2), &i);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	e = entry_of(&record, &i);
	return v->entry(v->context, &e);
}

int queue_foreach(struct catalog *c, int (*entry)(void *context, const struct queue_entry *e), void *context)
{
	struct key prefix = key_u8(key_start('Q'), QUEUE_INDEX);
	struct visitor v = { { .c = c }, entry, context };
	int r = records_foreach(c, &prefix, visit, &v);

	inode_walk_done(&v.inodes);
	return r;
}

struct walker {
	int (*entry)(void *context, uint64_t ino, uint32_t why);
	void *context;
};

static int walk_one(void *context, const struct record *found)
{
	struct walker *w = context;
	struct queue_record record;

	if (found->key_len != 10 || decode(found->value, found->value_len, &record) < 0)
		return -EBADMSG;
	return w->entry(w->context, load_be64(found->key + 2), (uint32_t)record.why);
}

int queue_walk(struct catalog *c, int (*entry)(void *context, uint64_t ino, uint32_t why), void *context)
{
	struct key prefix = key_u8(key_start('Q'), QUEUE_INDEX);

	return records_foreach(c, &prefix, walk_one, &(struct walker){ entry, context });
}
