/* SPDX-License-Identifier: MIT */
/* Which segments make the log: from the newest incarnation back over `prior` to the checkpoint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wal/replay.h"

static struct segment *newest(const struct folder *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->segments[i]->state == SEGMENT_VALID &&
		    f->segments[i]->head.generation == f->generation)
			return f->segments[i];
	return NULL;
}

/* NULL when there is none; -EBADMSG in *ret_error when there are two. */
static struct segment *find(const struct folder *f, struct id128 incarnation, uint64_t sequence,
			    int *ret_error)
{
	struct segment *found = NULL;

	for (size_t i = 0; i < f->count; i++) {
		struct segment *s = f->segments[i];

		if (s->state != SEGMENT_VALID || s->head.sequence != sequence ||
		    !id128_equal(s->head.incarnation, incarnation))
			continue;
		if (found)
			*ret_error = -EBADMSG;
		found = s;
	}
	return found;
}

/* The newest segment that begins at or before `limit`, or the very first one. */
static bool find_last(const struct folder *f, struct id128 incarnation, uint64_t limit,
		      uint64_t *ret_sequence)
{
	bool found = false;

	for (size_t i = 0; i < f->count; i++) {
		const struct segment *s = f->segments[i];

		if (s->state != SEGMENT_VALID || !id128_equal(s->head.incarnation, incarnation))
			continue;
		if (s->head.first_lsn > limit && s->head.sequence > 0)
			continue;
		if (!found || s->head.sequence > *ret_sequence)
			*ret_sequence = s->head.sequence;
		found = true;
	}
	return found;
}

static void push(struct chain *c, struct segment *s, uint64_t limit)
{
	c->segments[c->count] = s;
	c->limits[c->count++] = limit;
}

/* Pushes the incarnation's segments, newest first, as far back as there is no gap: what lies beyond one was
 * recycled. Those that begin beyond `limit` were cut off, but the first also names the incarnation before. */
static int push_incarnation(struct chain *c, const struct folder *f, struct id128 incarnation, uint64_t limit,
			    struct segment **ret_oldest)
{
	uint64_t sequence = 0;
	struct segment *s, *older;
	int r = 0;

	if (!find_last(f, incarnation, limit, &sequence))
		return -EBADMSG;
	for (s = find(f, incarnation, sequence, &r); s && r == 0; s = older) {
		older = sequence == 0 ? NULL : find(f, incarnation, --sequence, &r);
		if (older && older->head.first_lsn > s->head.first_lsn)
			return -EBADMSG;
		if (c->count == f->count)
			return -EBADMSG;
		push(c, s, limit);
		*ret_oldest = s;
	}
	return r;
}

static void reverse(struct chain *c)
{
	for (size_t i = 0, j = c->count; i + 1 < j; i++) {
		struct segment *s = c->segments[i];
		uint64_t limit = c->limits[i];

		j--;
		c->segments[i] = c->segments[j];
		c->limits[i] = c->limits[j];
		c->segments[j] = s;
		c->limits[j] = limit;
	}
}

/* The chain goes back to the record after `from`: is it the same history? The checkpoint was made by an
 * incarnation of the chain, which may itself have begun later than the record, or by the one that the oldest
 * follows. */
static bool names(const struct chain *c, const struct wal_position *from)
{
	const struct wal_header *oldest = &c->segments[c->count - 1]->head;

	for (size_t i = 0; i < c->count; i++)
		if (id128_equal(from->incarnation, c->segments[i]->head.incarnation))
			return true;
	return oldest->sequence == 0 && from->lsn == oldest->prior.lsn &&
	       id128_equal(from->incarnation, oldest->prior.incarnation);
}

static int go_back(struct chain *c, const struct folder *f, const struct wal_position *from,
		   struct id128 incarnation, uint64_t limit)
{
	uint64_t generation = UINT64_MAX;

	for (;;) {
		struct segment *oldest = NULL;
		int r = push_incarnation(c, f, incarnation, limit, &oldest);

		if (r < 0 || !oldest)
			return r < 0 ? r : -EBADMSG;
		if (oldest->head.generation >= generation)
			return -EBADMSG;
		generation = oldest->head.generation;
		if (oldest->head.first_lsn - 1 <= from->lsn)
			return names(c, from) ? 0 : -EBADMSG;
		if (oldest->head.sequence != 0 || oldest->head.prior.lsn != oldest->head.first_lsn - 1)
			return -EBADMSG;
		incarnation = oldest->head.prior.incarnation;
		limit = oldest->head.prior.lsn;
	}
}

static int make_room(struct chain *c, const struct folder *f, const struct wal_position *from)
{
	*c = (struct chain){ .last_lsn = from->lsn, .synced = from->lsn };
	c->segments = calloc(f->count, sizeof(struct segment *));
	c->limits = calloc(f->count, sizeof(uint64_t));
	return c->segments && c->limits ? 0 : -ENOMEM;
}

static void begin_segments(const struct chain *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct segment *s = c->segments[i];

		s->used = i + 1 < c->count ? s->size : WAL_RECORDS_START;
		s->last_lsn =
			i + 1 < c->count ? c->segments[i + 1]->head.first_lsn - 1 : s->head.first_lsn - 1;
	}
}

int chain_build(struct chain *c, const struct folder *f, const struct wal_position *from)
{
	int r;

	*c = (struct chain){ .last_lsn = from->lsn, .synced = from->lsn };
	if (f->generation == 0)
		return 0;
	r = make_room(c, f, from);
	if (r >= 0)
		r = go_back(c, f, from, newest(f)->head.incarnation, UINT64_MAX);
	if (r < 0)
		return r;
	reverse(c);
	for (size_t i = 0; i < c->count; i++)
		if (c->segments[i]->size != c->segments[i]->head.size)
			return -EBADMSG;
	begin_segments(c);
	return 0;
}

/* ---- a damaged log */

static int newer_first(const void *a, const void *b)
{
	const struct wal_header *x = &(*(struct segment *const *)a)->head, *y = &(*(struct segment *const *)b)->head;

	if (x->generation != y->generation)
		return x->generation < y->generation ? 1 : -1;
	return x->sequence < y->sequence ? 1 : x->sequence > y->sequence ? -1 : 0;
}

/* What ends with that segment is the newest incarnation now. */
static int end_with(struct chain *c, const struct folder *f, const struct wal_position *from,
		    const struct segment *last)
{
	int r;

	c->count = 0;
	r = go_back(c, f, from, last->head.incarnation, last->head.first_lsn);
	for (size_t i = 0; r >= 0 && i < c->count; i++)
		if (id128_equal(c->segments[i]->head.incarnation, last->head.incarnation))
			c->limits[i] = UINT64_MAX;
	return r;
}

static int build_longest(struct chain *c, const struct folder *f, const struct wal_position *from,
			 struct segment **sorted)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->segments[i]->state == SEGMENT_VALID)
			sorted[n++] = f->segments[i];
	if (n > 0)
		qsort(sorted, n, sizeof(*sorted), newer_first);
	for (size_t i = 0; i < n; i++) {
		int r = end_with(c, f, from, sorted[i]);

		if (r != -EBADMSG)
			return r;
	}
	c->count = 0;
	return 0;
}

int chain_build_longest(struct chain *c, const struct folder *f, const struct wal_position *from)
{
	_cleanup_free_ struct segment **sorted = calloc(f->count + 1, sizeof(struct segment *));
	int r = make_room(c, f, from);

	if (r >= 0)
		r = sorted ? build_longest(c, f, from, sorted) : -ENOMEM;
	if (r < 0)
		return r;
	c->salvaged = true;
	reverse(c);
	begin_segments(c);
	return 0;
}

/* Takes the incarnation away again when it is not whole. 1: another may be before it. */
static int push_whole(struct chain *c, const struct folder *f, struct id128 incarnation, uint64_t limit,
		      struct segment **ret_oldest)
{
	size_t before = c->count;
	int r = push_incarnation(c, f, incarnation, limit, ret_oldest);

	if (r < 0) {
		c->count = before;
		return 0;
	}
	return (*ret_oldest)->head.sequence == 0 && (*ret_oldest)->head.prior.lsn == (*ret_oldest)->head.first_lsn - 1;
}

int chain_build_whole(struct chain *c, const struct folder *f, struct wal_position *ret_from)
{
	struct wal_position from = { .lsn = 0 };
	struct segment *oldest = newest(f);
	struct id128 incarnation = oldest ? oldest->head.incarnation : (struct id128){ 0 };
	uint64_t limit = UINT64_MAX, generation = UINT64_MAX;
	int r = make_room(c, f, &from);

	if (r < 0)
		return r;
	while (oldest && push_whole(c, f, incarnation, limit, &oldest) > 0 && oldest->head.generation < generation) {
		generation = oldest->head.generation;
		incarnation = oldest->head.prior.incarnation;
		limit = oldest->head.prior.lsn;
	}
	if (c->count == 0)
		return 0;
	reverse(c);
	begin_segments(c);
	from.incarnation = c->segments[0]->head.incarnation;
	from.lsn = c->last_lsn = c->synced = c->segments[0]->head.first_lsn - 1;
	*ret_from = from;
	return 0;
}

void chain_done(struct chain *c)
{
	free(c->segments);
	free(c->limits);
	*c = (struct chain){ 0 };
}
