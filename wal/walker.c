/* SPDX-License-Identifier: MIT */
#include "wal/walker.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

void walker_done(struct walker *w)
{
	window_done(&w->window);
	free(w->plain);
	if (w->run)
		w->sealer->run_free(w->run);
}

struct segment *walker_segment(const struct walker *w)
{
	return w->chain->segments[w->at];
}

static int use_run(struct walker *w, const struct wal_header *h)
{
	void *run;
	int r;

	if (w->run && id128_equal(w->run_of, h->incarnation))
		return 0;
	r = w->sealer->run_open(w->sealer->context, WAL_SEAL_RECORD, h->record_run, &run);
	if (r < 0)
		return r;
	if (w->run)
		w->sealer->run_free(w->run);
	w->run = run;
	w->run_of = h->incarnation;
	return 0;
}

static int enter(struct walker *w, size_t at)
{
	w->at = at;
	w->offset = WAL_RECORDS_START;
	w->expected = walker_segment(w)->head.first_lsn;
	return use_run(w, &walker_segment(w)->head);
}

static uint64_t largest_segment(const struct folder *f)
{
	uint64_t size = 0;

	for (size_t i = 0; i < f->count; i++)
		size = MAX(size, f->segments[i]->size);
	return size;
}

int walker_init(struct walker *w, const struct chain *c, const struct folder *f,
		       const struct wal_position *from)
{
	uint64_t largest = largest_segment(f);
	size_t at = 0;
	int r;

	*w = (struct walker){ .chain = c, .sealer = &f->config->sealer };
	w->plain = malloc(MIN(largest, (uint64_t)(WAL_RECORD_INNER + WAL_RECORD_MAX + WAL_TAG_SIZE)));
	r = window_init(&w->window, largest);
	if (r < 0 || !w->plain)
		return -ENOMEM;
	while (at + 1 < c->count && c->segments[at + 1]->head.first_lsn - 1 <= from->lsn)
		at++;
	return enter(w, at);
}

int walker_read(struct walker *w, const struct segment *s, uint64_t offset, struct record *ret_record)
{
	const uint8_t *p;
	struct wal_frame f;
	int r = window_at(&w->window, s, offset, WAL_RECORD_HEADER, &p);

	if (r < 0 || !p || !wal_frame_load(p, &f))
		return r;
	r = window_at(&w->window, s, offset + WAL_RECORD_HEADER, f.length, &p);
	if (r < 0 || !p)
		return r;
	r = wal_record_open(w->sealer, w->run, w->run_of, &f, p, w->plain, &ret_record->inner);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	ret_record->lsn = f.lsn;
	ret_record->size = wal_record_size(f.length);
	ret_record->payload = w->plain + WAL_RECORD_INNER;
	ret_record->payload_len = f.length - WAL_RECORD_INNER - WAL_TAG_SIZE;
	return 1;
}

static bool is_followed(const struct walker *w)
{
	return w->at + 1 < w->chain->count && w->chain->segments[w->at + 1]->head.first_lsn == w->expected;
}

static void pass(struct walker *w, const struct record *record)
{
	struct segment *s = walker_segment(w);

	w->offset += record->size;
	w->expected++;
	s->used = w->offset;
	s->last_lsn = record->lsn;
}

int walker_next(struct walker *w, struct record *ret_record)
{
	for (;;) {
		struct segment *s = walker_segment(w);
		bool wanted = w->expected <= w->chain->limits[w->at];
		int r = wanted ? walker_read(w, s, w->offset, ret_record) : 0;
		bool found = r > 0 && ret_record->lsn == w->expected;

		if (r < 0 || (found && ret_record->inner.kind & WAL_KIND_END))
			return MIN(r, 0);
		if (found && !(ret_record->inner.kind & WAL_KIND_NEXT)) {
			pass(w, ret_record);
			return 1;
		}
		if (!is_followed(w))
			return found ? -EBADMSG : 0;
		r = enter(w, w->at + 1);
		if (r < 0)
			return r;
	}
}

/* A record in that segment with a number from `expected` to `last`. */
static int find(struct walker *w, uint64_t last, struct record *ret_record)
{
	const struct segment *s = walker_segment(w);

	for (uint64_t at = w->offset; at + WAL_RECORD_HEADER <= s->size; at += 8) {
		const uint8_t *p;
		struct wal_frame f;
		int r = window_at(&w->window, s, at, WAL_RECORD_HEADER, &p);

		if (r < 0)
			return r;
		if (!p || !wal_frame_load(p, &f) || f.lsn < w->expected || f.lsn > last)
			continue;
		r = walker_read(w, s, at, ret_record);
		if (r < 0)
			return r;
		if (r > 0 && !(ret_record->inner.kind & (WAL_KIND_END | WAL_KIND_NEXT))) {
			w->offset = at;
			w->expected = ret_record->lsn;
			return 1;
		}
	}
	return 0;
}

int walker_skip(struct walker *w, uint64_t last, struct record *ret_record)
{
	for (;;) {
		uint64_t expected;
		int r = find(w, last, ret_record);

		if (r > 0)
			pass(w, ret_record);
		if (r != 0 || w->at + 1 >= w->chain->count)
			return r;
		expected = w->expected;
		r = enter(w, w->at + 1);
		w->expected = MAX(w->expected, expected);
		if (r < 0)
			return r;
	}
}
