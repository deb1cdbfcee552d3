/* SPDX-License-Identifier: MIT */
/* Walks the records of a chain: once to find the end of the log and judge what lies beyond it, once to
 * give the records away, because only the end of the log tells what was known to be durable. */
#include "wal/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/cleanup.h"
#include "wal/walker.h"

#define SCAN_STEP (64u << 10)

/* ---- what lies beyond the hole */

struct search {
	struct walker *walker;
	uint64_t hole;   /* LSN that does not verify */
	uint64_t need;   /* lowest LSN whose loss would matter */
	uint64_t budget; /* sealed bytes to try; only forgery can exceed it */
	bool found;      /* records beyond the hole, none of which proves damage */
};

/* Offset of the next bytes in [p, p + len) that look like a record at or beyond `hole`; len if none. */
static size_t find_frame(const uint8_t *p, size_t len, uint64_t hole)
{
	struct wal_frame f;

	for (size_t i = 0; i + WAL_RECORD_HEADER <= len; i += 8)
		if (load_le32(p + i) == ~load_le32(p + i + 4) && wal_frame_load(p + i, &f) && f.lsn >= hole)
			return i;
	return len;
}

/* 1: a genuine record, that proves nothing. 0: none. -EBADMSG: it proves that the hole is damage. */
static int judge(struct search *q, const struct segment *s, uint64_t offset, bool foreign, uint64_t *ret_size)
{
	struct record record;
	int r = walker_read(q->walker, s, offset, &record);

	if (r <= 0)
		return r;
	*ret_size = record.size;
	if (record.inner.synced >= q->need || (foreign && record.lsn >= q->need))
		return -EBADMSG;
	q->found = true;
	return 1;
}

static int spend(struct search *q, const uint8_t *frame)
{
	uint32_t length = load_le32(frame);

	if (length > q->budget)
		return -EBADMSG;
	q->budget -= length;
	return 0;
}

/* Tries every place from `offset` on. `foreign`: the segment has no header of this incarnation. */
static int search_segment(struct search *q, const struct segment *s, uint64_t offset, bool foreign)
{
	while (offset + WAL_RECORD_HEADER <= s->size) {
		size_t len = MIN(s->size - offset, (uint64_t)SCAN_STEP), i;
		uint64_t size = 8;
		const uint8_t *p;
		int r = window_at(&q->walker->window, s, offset, len, &p);

		if (r < 0 || !p)
			return r;
		i = find_frame(p, len, q->hole);
		if (i == len) {
			offset += len < SCAN_STEP ? len : len - WAL_RECORD_HEADER + 8;
			continue;
		}
		offset += i;
		r = spend(q, p + i);
		if (r == 0)
			r = judge(q, s, offset, foreign, &size);
		if (r < 0)
			return r;
		offset += size;
	}
	return 0;
}

static int search_beyond(struct search *q, const struct folder *f)
{
	const struct chain *c = q->walker->chain;
	int r = search_segment(q, walker_segment(q->walker), q->walker->offset, false);

	for (size_t i = q->walker->at + 1; r == 0 && i < c->count; i++) {
		if (c->segments[i]->head.synced >= q->need)
			return -EBADMSG;
		r = search_segment(q, c->segments[i], WAL_RECORDS_START, false);
	}
	for (size_t i = 0; r == 0 && i < f->count; i++)
		if (f->segments[i]->state != SEGMENT_VALID)
			r = search_segment(q, f->segments[i], WAL_RECORDS_START, true);
	return r;
}

static uint64_t search_budget(const struct folder *f)
{
	uint64_t total = 64u << 20;

	for (size_t i = 0; i < f->count; i++)
		total += 4 * f->segments[i]->size;
	return total;
}

/* Is there at least a beginning of the record that should follow? */
static int is_torn(struct walker *w, bool *ret_torn)
{
	const uint8_t *p;
	struct wal_frame f;
	int r = window_at(&w->window, walker_segment(w), w->offset, WAL_RECORD_HEADER, &p);

	*ret_torn = r == 0 && p && wal_frame_load(p, &f) && f.lsn == w->expected;
	return r;
}

/* The walker stands at a hole: torn tail, or damage? */
static int judge_end(struct chain *c, struct walker *w, const struct folder *f,
		     const struct wal_position *from)
{
	struct search q = { .walker = w, .hole = w->expected, .need = MAX(w->expected, from->lsn + 1),
			    .budget = search_budget(f) };
	struct record record;
	bool torn;
	int r;

	if (c->limits[w->at] != UINT64_MAX)
		return -EBADMSG;
	r = is_torn(w, &torn);
	if (r < 0)
		return r;
	r = walker_read(w, walker_segment(w), w->offset, &record);
	if (r < 0)
		return r;
	if (r > 0 && record.lsn == w->expected && record.inner.kind & WAL_KIND_END) {
		c->ended = true;
		c->ended_lsn = w->expected - 1;
		return 0;
	}
	/* Of what a process stores, everything before the last is there: only a power cut leaves holes. */
	r = f->config->warm ? 0 : search_beyond(&q, f);
	c->cut = q.found || torn;
	return r;
}

/* Damage to what the checkpoint has is passed over when the log is salvaged. */
static int next(struct walker *w, const struct wal_position *from, struct record *ret_record)
{
	int r = walker_next(w, ret_record);

	if (!w->chain->salvaged)
		return r;
	if (r == -EBADMSG)
		r = 0;
	if (r == 0 && w->expected <= from->lsn)
		r = walker_skip(w, from->lsn + 1, ret_record);
	return r;
}

static int find_end(struct chain *c, struct walker *w, const struct folder *f, const struct wal_position *from)
{
	if (!c->salvaged)
		return judge_end(c, w, f, from);
	c->cut = true;
	return 0;
}

static int check_folder(const struct chain *c, const struct folder *f)
{
	for (size_t i = 0; i < f->count && !c->salvaged; i++)
		if (f->segments[i]->state == SEGMENT_BAD)
			return -EBADMSG;
	return 0;
}

int chain_walk(struct chain *c, const struct folder *f, const struct wal_position *from)
{
	_cleanup_(walker_done) struct walker w = { 0 };
	struct record record;
	int r = check_folder(c, f);

	if (r < 0 || c->count == 0)
		return r;
	r = walker_init(&w, c, f, from);
	if (r < 0)
		return r;
	while ((r = next(&w, from, &record)) > 0)
		c->synced = MAX(c->synced, record.inner.synced);
	if (r == 0)
		r = find_end(c, &w, f, from);
	if (r < 0)
		return r;
	for (size_t i = 0; i <= w.at; i++)
		c->synced = MAX(c->synced, c->segments[i]->head.synced);
	c->last_lsn = MAX(w.expected - 1, from->lsn);
	c->synced = MIN(c->synced, c->last_lsn);
	return 0;
}

/* ---- giving the records away */

static int unpack(const struct record *record, uint8_t *room, const uint8_t **ret_data)
{
	size_t n;

	*ret_data = record->payload;
	if (!(record->inner.kind & WAL_KIND_ZSTD))
		return 0;
	n = ZSTD_decompress(room, WAL_RECORD_MAX, record->payload, record->payload_len);
	if (ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return -ENOMEM;
	if (ZSTD_isError(n) || n != record->inner.plain_length)
		return -EBADMSG;
	*ret_data = room;
	return 0;
}

int chain_deliver_one(const struct chain *c, const struct wal_replay *replay, const struct record *record,
		      uint8_t *room)
{
	const uint8_t *data;
	int r = unpack(record, room, &data);

	if (r < 0)
		return r;
	return replay->record(replay->context, record->lsn, record->lsn <= c->synced, data,
			      record->inner.plain_length);
}

static void cut_before(struct chain *c, uint64_t lsn)
{
	c->cut = true;
	c->ended = false;
	c->last_lsn = lsn - 1;
	c->synced = MIN(c->synced, lsn - 1);
}

int chain_deliver(struct chain *c, const struct folder *f, const struct wal_position *from,
		  const struct wal_replay *replay, uint64_t *ret_count)
{
	_cleanup_(walker_done) struct walker w = { 0 };
	_cleanup_free_ uint8_t *room = NULL;
	struct record record;
	int r;

	*ret_count = 0;
	if (c->last_lsn <= from->lsn || !replay || !replay->record)
		return 0;
	room = malloc(WAL_RECORD_MAX);
	r = room ? walker_init(&w, c, f, from) : -ENOMEM;
	if (r < 0)
		return r;
	while (w.expected <= c->last_lsn && (r = next(&w, from, &record)) > 0) {
		if (record.lsn <= from->lsn)
			continue;
		r = chain_deliver_one(c, replay, &record, room);
		if (r < 0)
			return r;
		if (r > 0) {
			cut_before(c, record.lsn);
			return 0;
		}
		++*ret_count;
	}
	if (r < 0)
		return r;
	return w.expected > c->last_lsn || c->last_lsn == from->lsn ? 0 : -EIO; /* it verified a moment ago */
}

/* ---- after a clean stop */

static int holds_record(const struct folder *f, const struct segment *s)
{
	struct segment *only[] = { (struct segment *)s };
	uint64_t limit[] = { UINT64_MAX };
	struct chain c = { .segments = only, .count = 1, .limits = limit };
	_cleanup_(walker_done) struct walker w = { 0 };
	struct record record;
	int r = walker_init(&w, &c, f, &(struct wal_position){ 0 });

	return r < 0 ? r : walker_read(&w, s, WAL_RECORDS_START, &record);
}

int chain_check_unused(const struct folder *f, uint64_t generation)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct segment *s = f->segments[i];
		int r;

		if (s->state != SEGMENT_VALID || s->head.generation <= generation)
			continue;
		r = s->head.sequence > 0 ? 1 : holds_record(f, s);
		if (r != 0)
			return r < 0 ? r : -ESTALE;
	}
	return 0;
}
