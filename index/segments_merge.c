/* SPDX-License-Identifier: MIT */
/* Merging: segments of a like size become one, and what has died in them goes. */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/priority.h"
#include "index/segments_impl.h"

/* Segments of a like size that are merged at once. */
#define MERGE_AT 4u
#define MERGE_MOST 8u

static uint32_t living(const struct segment *s)
{
	return s->n_docs - MIN(atomic_load(&s->n_dead), s->n_docs);
}

/* 0 for up to 64 documents, and one more for each factor of four. */
static unsigned tier_of(const struct segment *s)
{
	unsigned tier = 0;

	for (uint32_t n = living(s); n > 64; n /= 4)
		tier++;
	return tier;
}

/* Fills `ret` with what should become one; 0 when nothing should. Only the sealer changes the list of
 * sealed segments, so reading it here needs no lock. */
static unsigned choose(struct index *x, struct segment_part *ret)
{
	unsigned count[16] = { 0 }, n = 0, tier = 0;

	for (unsigned i = 0; i < x->n_segments; i++) {
		struct segment *s = x->segments[i];

		if (!s->number)
			continue;
		if (living(s) == 0 || (s->n_docs >= 16 && living(s) < s->n_docs / 2)) {
			ret[0].segment = s;
			return 1;
		}
		count[tier_of(s)]++;
	}
	while (tier < 16 && count[tier] < MERGE_AT)
		tier++;
	for (unsigned i = 0; tier < 16 && i < x->n_segments && n < MERGE_MOST; i++)
		if (x->segments[i]->number && tier_of(x->segments[i]) == tier)
			ret[n++].segment = x->segments[i];
	return n;
}

static int register_merged(struct index *x, const struct segment_part *parts, unsigned n, uint64_t number,
			   const struct segment_record *record)
{
	struct batch *b;
	uint64_t lsn;
	int r = catalog_begin(x->config.catalog, true, &b);

	if (r < 0)
		return r;
	if (number)
		segments_put_record(b, number, record);
	for (unsigned i = 0; i < n; i++) {
		struct key key = segment_key(parts[i].segment->number);

		batch_remove(b, key.bytes, key.len);
	}
	r = batch_commit(b, &lsn);
	return r < 0 ? r : catalog_sync(x->config.catalog, lsn);
}

static void remove_files(struct index *x, const uint64_t *numbers, unsigned n)
{
	char name[SEGMENT_NAME_SIZE];

	for (unsigned i = 0; i < n; i++)
		(void) unlinkat(x->dirfd, segment_file_name(numbers[i], name), 0);
}

static int merge_parts(struct index *x, struct segment_part *parts, unsigned n)
{
	struct segment_disk_config config = segments_disk_config(x);
	uint64_t numbers[MERGE_MOST], number = 0;
	struct segment_record record;
	struct segment *merged = NULL;
	int r;

	if (x->may_lower_priority)
		priority_lower(0);
	r = segments_write_file(x, parts, n, &x->stop, &number, &record);
	if (x->may_lower_priority)
		priority_raise(0);
	if (r > 0)
		r = segment_disk_open(&config, number, &record, &merged);
	else if (r == 0)
		number = 0;
	for (unsigned i = 0; i < n; i++)
		numbers[i] = parts[i].segment->number;
	if (r >= 0)
		r = register_merged(x, parts, n, number, &record);
	if (r < 0) {
		segment_release(merged);
		return r;
	}
	segments_exchange(x, parts, n, merged);
	remove_files(x, numbers, n);
	return 1;
}

/* A merge that meets damage tells which of its parts it is. */
static void drop_damaged(struct index *x, struct segment_part *parts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct segment_part alone = { .segment = parts[i].segment };
		struct segment_record record;
		uint64_t number;
		int r = segments_write_file(x, &alone, 1, &x->stop, &number, &record);
		char name[SEGMENT_NAME_SIZE];

		segment_part_done(&alone);
		if (r > 0)
			(void) unlinkat(x->dirfd, segment_file_name(number, name), 0);
		if (segment_is_lost(r))
			segments_drop(x, parts[i].segment);
	}
}

int segments_merge(struct index *x)
{
	struct segment_part parts[MERGE_MOST] = { { 0 } };
	unsigned n = choose(x, parts);
	int r;

	if (n == 0)
		return 0;
	r = merge_parts(x, parts, n);
	for (unsigned i = 0; i < n; i++)
		segment_part_done(&parts[i]);
	if (r == -EBADMSG)
		drop_damaged(x, parts, n);
	return r;
}
