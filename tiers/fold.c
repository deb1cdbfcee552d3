/* SPDX-License-Identifier: MIT */
/* A fold takes the list, sorts it, and walks each range. Inline extents are collected until they fill
 * an object; the object is written; then one batch a file puts hot extents in the place of the inline
 * ones, each only if it is still what was read: an inline extent carries the LSN of the batch that
 * wrote it. What neighbours in file and object becomes one extent.
 *
 * Crash: an object that no batch names is dead. A batch names its object only after the bytes are
 * written, and the log is never synced past it without the segment (files_sync_data()). */
#include "catalog/walk.h"
#include "tiers/fold.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/change.h"

/* Less than this stays inline: an object of its own for a line of text would be mostly padding. */
#define FOLD_BYTES_MIN (64u << 10)
/* When an object does not fit the disk, this much of the reserve is asked for. */
#define FOLD_RELEASE (4u << 20)
/* Ranges no further apart are one: each costs a walk, which goes over all that lies behind it and was removed a moment
 * ago, until it finds something that was not. */
#define NEAR (1u << 20)

struct range {
	uint64_t ino, from, to;
	uint64_t bytes; /* of it that were put inline, about */
};

struct ranges {
	struct range *items; /* owned */
	size_t n, cap;
	uint64_t bytes;
};

struct fold {
	pthread_mutex_t lock;
	struct ranges ranges;   /* guarded by lock */
	uint64_t taken;         /* bytes that fold_run() is at; guarded by lock */
	bool everything;        /* guarded by lock */
};

struct fold *fold_new(void)
{
	struct fold *fold = calloc(1, sizeof(*fold));

	if (fold)
		(void) pthread_mutex_init(&fold->lock, NULL);
	return fold;
}

struct fold *fold_free(struct fold *fold)
{
	if (!fold)
		return NULL;
	(void) pthread_mutex_destroy(&fold->lock);
	free(fold->ranges.items);
	free(fold);
	return NULL;
}

static int add(struct ranges *ranges, const struct range *range)
{
	struct range *last = ranges->n > 0 ? &ranges->items[ranges->n - 1] : NULL;

	ranges->bytes += range->bytes;
	if (last && last->ino == range->ino && range->from <= last->to + NEAR && range->to + NEAR >= last->from) {
		last->from = MIN(last->from, range->from);
		last->to = MAX(last->to, range->to);
		last->bytes += range->bytes;
		return 0;
	}
	if (ranges->n == ranges->cap) {
		size_t cap = ranges->cap ? ranges->cap * 2 : 64;
		struct range *more = realloc(ranges->items, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		ranges->items = more;
		ranges->cap = cap;
	}
	ranges->items[ranges->n++] = *range;
	return 0;
}

void fold_add(struct fold *fold, uint64_t ino, uint64_t from, uint64_t to, uint64_t bytes)
{
	LOCKED(&fold->lock);
	(void) add(&fold->ranges, &(struct range){ ino, from, to, bytes });
}

uint64_t fold_pending(struct fold *fold)
{
	LOCKED(&fold->lock);
	return fold->ranges.bytes + fold->taken;
}

void fold_everything(struct fold *fold)
{
	LOCKED(&fold->lock);
	fold->everything = true;
}

static bool take(struct fold *fold, struct ranges *ret_ranges)
{
	LOCKED(&fold->lock);
	if (fold->ranges.n == 0 || (fold->ranges.bytes < FOLD_BYTES_MIN && !fold->everything))
		return false;
	*ret_ranges = fold->ranges;
	fold->taken = fold->ranges.bytes;
	fold->ranges = (struct ranges){ 0 };
	return true;
}

static void done(struct fold *fold)
{
	LOCKED(&fold->lock);
	fold->taken = 0;
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* Ascending, none near another. */
static void sort(struct ranges *ranges)
{
	struct ranges merged = { .items = ranges->items, .cap = ranges->n };

	qsort(ranges->items, ranges->n, sizeof(*ranges->items), compare);
	/* Never more items than were read: it grows over what it has consumed. */
	for (size_t k = 0; k < ranges->n; k++) {
		struct range range = ranges->items[k];

		(void) add(&merged, &range);
	}
	ranges->n = merged.n;
}

/* ---- one object */

/* An inline extent that was read. */
struct source {
	uint64_t ino, offset, lsn;
	uint32_t len;
	uint32_t at; /* in the object */
};

struct folding {
	struct files *f;
	struct buf data;                              /* of the object so far */
	struct object_part parts[OBJECT_PARTS_MAX];
	struct source sources[OBJECT_PARTS_MAX];
	size_t n_parts, n_sources;
};

static struct extent extent_of(const struct source *s)
{
	return (struct extent){ .offset = s->offset, .len = s->len, .kind = EXTENT_INLINE, .lsn = s->lsn };
}

static bool unchanged(struct change *ch, const struct source *s, struct buf *scratch)
{
	struct extent e;

	return extent_get_in(ch->b, s->ino, s->offset + s->len, scratch, &e) >= 0 &&
	       e.kind == EXTENT_INLINE && e.offset == s->offset && e.lsn == s->lsn;
}

/* How many of the `n` sources lie side by side and are still what was read. */
static size_t run_length(struct change *ch, const struct source *s, size_t n, struct buf *scratch)
{
	size_t k = 0;

	while (k < n && (k == 0 || s[k - 1].offset + s[k - 1].len == s[k].offset) &&
	       unchanged(ch, &s[k], scratch))
		k++;
	return k;
}

static int exchange_run(struct change *ch, const struct source *s, size_t n, const struct hot_object *o)
{
	uint64_t end = s[n - 1].offset + s[n - 1].len, next;
	struct extent now = hot_extent(o, s->offset, end - s->offset, s->at), old = extent_of(s);
	int r;

	if (n == 1)
		return change_exchange(ch, &old, &now);
	r = change_cut(ch, s->offset, end, (unsigned)n, &next);
	if (r >= 0 && next != end)
		r = -EBADMSG;
	return r < 0 ? r : change_put(ch, &now);
}

/* The sources of one file. Returns how many could not be replaced; they go back to the list. */
static int exchange_sources(struct change *ch, const struct source *s, size_t n, const struct hot_object *o)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	int stale = 0, r;

	for (size_t k = 0, run; k < n; k += run) {
		run = run_length(ch, s + k, n - k, &scratch);
		if (run == 0) {
			fold_add(ch->f->fold, s[k].ino, s[k].offset, s[k].offset + s[k].len, s[k].len);
			stale++;
			run = 1;
			continue;
		}
		r = exchange_run(ch, s + k, run, o);
		if (r < 0)
			return r;
	}
	return stale;
}

static int exchange_file(struct files *f, const struct source *s, size_t n, const struct hot_object *o)
{
	struct change ch;
	int r = change_begin(&ch, f, s->ino, true);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = exchange_sources(&ch, s, n, o);
	if ((size_t)MAX(r, 0) == n) {
		(void) change_end(&ch, -ESTALE, NULL, 0);
		return 0;
	}
	return change_end(&ch, r, NULL, 0);
}

static int exchange(struct folding *fo, const struct hot_object *o)
{
	int r = 0;

	for (size_t k = 0, n; r >= 0 && k < fo->n_sources; k += n) {
		for (n = 1; k + n < fo->n_sources && n < CHANGE_EXTENTS / 2; n++)
			if (fo->sources[k + n].ino != fo->sources[k].ino)
				break;
		r = exchange_file(fo->f, fo->sources + k, n, o);
	}
	return r;
}

static int write_object(struct folding *fo, struct hot_object *ret_o)
{
	int r = hot_write(fo->f->hot, fo->data.data, (uint32_t)fo->data.len, fo->parts, fo->n_parts, ret_o);

	if (r != -ENOSPC)
		return r;
	space_release(fo->f->space, FOLD_RELEASE);
	return hot_write(fo->f->hot, fo->data.data, (uint32_t)fo->data.len, fo->parts, fo->n_parts, ret_o);
}

static int flush(struct folding *fo)
{
	struct hot_object o;
	int r;

	if (fo->n_sources == 0)
		return 0;
	r = write_object(fo, &o);
	if (r >= 0) {
		r = exchange(fo, &o);
		hot_release(fo->f->hot, &o);
	}
	buf_reset(&fo->data);
	fo->n_parts = fo->n_sources = 0;
	return r;
}

static int add_source(struct folding *fo, uint64_t ino, const struct extent *e)
{
	struct object_part *part = fo->n_parts > 0 ? &fo->parts[fo->n_parts - 1] : NULL;
	int r;

	if (fo->n_sources == OBJECT_PARTS_MAX || fo->data.len + e->len > OBJECT_MAX) {
		r = flush(fo);
		if (r < 0)
			return r;
		part = NULL;
	}
	fo->sources[fo->n_sources++] = (struct source){
		.ino = ino, .offset = e->offset, .lsn = e->lsn, .len = (uint32_t)e->len,
		.at = (uint32_t)fo->data.len,
	};
	if (part && part->ino == ino && part->offset + part->len == e->offset)
		part->len += (uint32_t)e->len;
	else
		fo->parts[fo->n_parts++] = (struct object_part){ ino, e->offset, (uint32_t)e->len };
	return buf_add(&fo->data, e->data, e->len);
}

static int fold_range(struct folding *fo, const struct range *range)
{
	struct extent_walk *walk;
	struct extent e;
	int r;

	r = extent_walk_open(fo->f->catalog, range->ino, range->from, &walk);
	if (r < 0)
		return r;
	while ((r = extent_walk_next(walk, &e)) > 0 && e.offset < range->to) {
		if (e.kind != EXTENT_INLINE)
			continue;
		r = add_source(fo, range->ino, &e);
		if (r < 0)
			break;
	}
	(void) extent_walk_close(walk);
	return r < 0 ? r : 0;
}

static int fold_ranges(struct files *f, const struct ranges *ranges)
{
	struct folding *fo = calloc(1, sizeof(*fo));
	int r = fo ? 0 : -ENOMEM;

	for (size_t k = 0; r >= 0 && k < ranges->n; k++) {
		fo->f = f;
		r = fold_range(fo, &ranges->items[k]);
		/* A damaged file must not keep the others from being folded; reading it reports it. */
		if (r == -EBADMSG)
			r = 0;
	}
	if (r >= 0)
		r = flush(fo);
	if (fo)
		buf_done(&fo->data);
	free(fo);
	return r;
}

static void put_back(struct fold *fold, const struct range *range)
{
	LOCKED(&fold->lock);
	(void) add(&fold->ranges, range);
}

int fold_run(struct files *f)
{
	struct ranges ranges;
	int r;

	if (!take(f->fold, &ranges))
		return 0;
	sort(&ranges);
	r = fold_ranges(f, &ranges);
	/* What was done is not inline any more and costs the next fold a look. */
	for (size_t k = 0; r < 0 && k < ranges.n; k++)
		put_back(f->fold, &ranges.items[k]);
	done(f->fold);
	free(ranges.items);
	return r;
}

/* ---- what no list knows */

int fold_scan(struct files *f, struct fold_position *at, unsigned limit)
{
	struct key prefix = key_start('E'), from = extent_key(at->ino, at->end + 1);
	_cleanup_cursor_ struct cursor *cur = NULL;
	struct record record;
	struct extent e;
	int r;

	r = cursor_open_at(f->catalog, &prefix, &from, &cur);
	if (r < 0)
		return r;
	while (limit-- > 0 && (r = cursor_next_record(cur, &record)) > 0) {
		r = extent_decode(record.key, record.key_len, record.value, record.value_len, &e);
		if (r < 0)
			return r;
		at->ino = load_be64(record.key + 1);
		at->end = extent_end(&e);
		if (e.kind == EXTENT_INLINE)
			fold_add(f->fold, at->ino, e.offset, at->end, e.len);
		r = 1;
	}
	return r;
}
