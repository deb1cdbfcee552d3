/* SPDX-License-Identifier: MIT */
/* Many frames at once, for who knows beforehand what will be read: a file or folder that comes back. Requests cost more
 * than bytes up to some tens of KiB, and have a latency each: what lies so close together comes in one, up to a size that
 * several threads may hold in memory. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/pack/sealed_cache_impl.h"

#define GAP (64u << 10)
#define RANGE_MAX COLD_RANGE_MAX
/* New parts stay in a tenth of the cache until they are used (fifo.h); others bring theirs meanwhile. */
#define SHARE 16u

static int by_place(const void *a, const void *b)
{
	const struct cold_frame *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

/* The bytes that are kept of it: itself, or its chunks. */
static struct cold_range range_of(const struct cold_pack *o, struct cold_frame f)
{
	uint64_t first, end;

	if (cold_frame_is_large(f))
		return (struct cold_range){ f.place, f.len };
	first = f.place / SEALED_CHUNK_SIZE * SEALED_CHUNK_SIZE;
	end = (f.place + f.len + SEALED_CHUNK_SIZE - 1) / SEALED_CHUNK_SIZE * SEALED_CHUNK_SIZE;
	return (struct cold_range){ first, MIN(end, o->size) - first };
}

/* Takes `more` into `r`, when it lies close enough. `more` does not end before `r` begins. */
static bool join(struct cold_range *r, struct cold_range more)
{
	uint64_t end = MAX(r->from + r->len, more.from + more.len), from = MIN(r->from, more.from);

	if (more.from > r->from + r->len + GAP || end - from > RANGE_MAX)
		return false;
	*r = (struct cold_range){ from, end - from };
	return true;
}

size_t sealed_cache_missing(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame *frames, size_t n, bool all,
			    struct cold_range *ret_ranges)
{
	size_t n_ranges = 0;

	qsort(frames, n, sizeof(*frames), by_place);
	for (size_t k = 0; k < n; k++) {
		const struct cold_frame f = frames[k];

		if (f.place > o->size || f.len > o->size - f.place || (!all && sealed_cache_has(c, o->number, f)))
			continue;
		if (n_ranges == 0 || !join(&ret_ranges[n_ranges - 1], range_of(o, f)))
			ret_ranges[n_ranges++] = range_of(o, f);
	}
	return n_ranges;
}

static bool holds(struct cold_range r, uint64_t from, uint64_t len)
{
	return from >= r.from && len <= r.len && from - r.from <= r.len - len;
}

static void store_chunks(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame f, struct cold_range r,
			 const uint8_t *data)
{
	for (uint64_t k = f.place / SEALED_CHUNK_SIZE; k * SEALED_CHUNK_SIZE < f.place + f.len; k++) {
		uint64_t from = k * SEALED_CHUNK_SIZE, len = MIN((uint64_t)SEALED_CHUNK_SIZE, o->size - from);

		if (holds(r, from, len) && !sealed_cache_has_part(c, o->number, k))
			sealed_cache_store(c, o, k, data + (from - r.from), len);
	}
}

static void store_frames(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n,
			 struct cold_range r, const uint8_t *data)
{
	for (size_t k = 0; k < n && frames[k].place < r.from + r.len; k++) {
		const struct cold_frame f = frames[k];

		if (!cold_frame_is_large(f))
			store_chunks(c, o, f, r, data);
		else if (holds(r, f.place, f.len))
			sealed_cache_store(c, o, SEALED_PART_FRAME | f.place, data + (f.place - r.from), f.len);
	}
}

static int fetch_range(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n,
		       struct cold_range r)
{
	_cleanup_free_ uint8_t *data = malloc(r.len);
	int error = data ? sealed_cache_fetch(c, o, r.from, r.len, BUCKET_RECALL, data) : -ENOMEM;

	if (error >= 0)
		store_frames(c, o, frames, n, r, data);
	return error;
}

/* Is all here that of the frames lies in the range? */
static bool has_range(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n,
		      struct cold_range r)
{
	for (size_t k = 0; k < n; k++)
		if (holds(r, frames[k].place, frames[k].len) && !sealed_cache_has(c, o->number, frames[k]))
			return false;
	return true;
}

/* Another may bring some of it at the same time. */
static int bring_range(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n,
		       struct cold_range r)
{
	uint64_t to = r.from + r.len;
	bool flies = sealed_cache_begin_flight(c, o->number, r.from, to, false);
	int error;

	if (!flies) {
		sealed_cache_wait_for_flight(c, o->number, r.from, to);
		if (has_range(c, o, frames, n, r))
			return 0;
		flies = sealed_cache_begin_flight(c, o->number, r.from, to, false);
	}
	error = fetch_range(c, o, frames, n, r);
	if (flies)
		sealed_cache_end_flight(c, o->number, r.from, false);
	return error;
}

static bool fits(const struct sealed_cache *c, const struct cold_range *ranges, size_t n)
{
	uint64_t sum = 0;

	for (size_t k = 0; k < n; k++)
		sum += ranges[k].len;
	return c->dirfd >= 0 && sum <= c->capacity / SHARE;
}

int sealed_cache_bring(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame *frames, size_t n,
		       const atomic_bool *stop)
{
	_cleanup_free_ struct cold_range *ranges = malloc((n + 1) * sizeof(*ranges));
	size_t n_ranges;
	int r = 0;

	if (!ranges)
		return -ENOMEM;
	n_ranges = sealed_cache_missing(c, o, frames, n, false, ranges);
	if (!fits(c, ranges, n_ranges))
		return 0;
	for (size_t k = 0; r >= 0 && k < n_ranges; k++)
		r = stop && atomic_load(stop) ? -EINTR : bring_range(c, o, frames, n, ranges[k]);
	return r;
}
