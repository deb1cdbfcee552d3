/* SPDX-License-Identifier: MIT */
/* The hot tier is read in the order of the extents' keys, which is nearly that of the files on the disk. An object that
 * several extents name is read once, as far as memory goes; of a damaged one each extent is looked at by itself, as the
 * damage may be in bytes that nobody names any more. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/walk.h"
#include "tiers/scrub/scrub_impl.h"

/* Looked up at a time: no cursor, which keeps the catalog's old pages, waits for the disk. */
#define EXTENTS 64u
#define SOUND_MAX 65536u

struct found_extent {
	uint64_t ino;
	struct extent e;
};

/* Records that do not open are left out: the catalog's own checks tell. */
static int next_record(struct cursor *cur, struct record *ret_record)
{
	const void *key;
	size_t len;
	int r;

	while ((r = cursor_next_record(cur, ret_record)) == -EBADMSG)
		if (cursor_skip(cur, &key, &len) < 0)
			return 0;
	return r;
}

static size_t take_extents(struct scrub *s, struct found_extent found[EXTENTS], int *ret_r)
{
	struct key prefix = key_start('E');
	struct key from = extent_key(s->at.ino, s->at.end + 1);
	_cleanup_cursor_ struct cursor *cur = NULL;
	struct record record;
	size_t n = 0;
	int r = cursor_open_at(s->f->catalog, &prefix, &from, &cur);

	while (r >= 0 && n < EXTENTS && (r = next_record(cur, &record)) > 0) {
		if (record.key_len != 17)
			continue;
		found[n].ino = load_be64(record.key + 1);
		r = extent_decode(record.key, record.key_len, record.value, record.value_len, &found[n].e);
		if (r < 0)
			found[n].e = (struct extent){ .offset = load_be64(record.key + 9), .kind = EXTENT_LOST };
		found[n++].e.data = NULL;
		r = 0;
	}
	*ret_r = MIN(r, 0);
	return n;
}

/* What lies in the system's cache says nothing of the disk. A hint. */
static void drop_cached(struct scrub *s, const struct extent *e)
{
	struct segment *seg;

	if (segments_get(hot_segments(s->f->hot), e->segment, &seg) < 0)
		return;
	(void) posix_fadvise(segment_fd(seg), (off_t)e->place, (off_t)e->object_len, POSIX_FADV_DONTNEED);
	segments_put(hot_segments(s->f->hot), seg);
}

/* Do the bytes that the extent names open? */
static int read_extent(struct scrub *s, const struct extent *e)
{
	size_t len = (size_t)MIN(e->len, (uint64_t)1 << 20);
	_cleanup_free_ void *room = malloc(len);
	int r = room ? 0 : -ENOMEM;

	for (uint64_t at = 0; r >= 0 && at < e->len; at += len)
		r = tier_read(hot_tier(s->f->hot), e, at, room, (size_t)MIN((uint64_t)len, e->len - at), TIER_WAIT);
	return r;
}

/* Does the file still have these bytes there? */
static bool is_current(struct scrub *s, uint64_t ino, const struct extent *e)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct extent now;

	return extent_find(s->f->catalog, ino, e->offset, &scratch, &now) >= 0 && now.kind == e->kind &&
	       now.segment == e->segment && now.place == e->place;
}

static int verify(struct scrub *s, uint64_t ino, const struct extent *e)
{
	int64_t n;
	int r;

	if (verified_has(&s->sound, e))
		return 0;
	drop_cached(s, e);
	n = tier_verify(hot_tier(s->f->hot), e);
	s->report->objects++;
	if (n >= 0) {
		if (s->sound.n > SOUND_MAX)
			verified_done(&s->sound);
		verified_add(&s->sound, e);
		return scrub_take(s, e->object_len);
	}
	if (n == -ENOMEM)
		return -ENOMEM;
	r = read_extent(s, e);
	if (r == -ENOMEM)
		return r;
	return r < 0 && is_current(s, ino, e) ? scrub_note(s, ino, e, false) : 0;
}

static int verify_next(struct scrub *s, const struct found_extent *x)
{
	int r = x->e.kind == EXTENT_HOT ? verify(s, x->ino, &x->e) : 0;

	if (r < 0)
		return r;
	s->at.ino = x->ino;
	s->at.end = extent_end(&x->e);
	if (x->e.kind == EXTENT_HOT || x->e.kind == EXTENT_INLINE) {
		s->at.now.bytes += x->e.len;
		s->report->did.bytes += x->e.len;
		s->unsaved += x->e.len;
		s->allowance -= MIN(s->allowance, x->e.len);
	}
	return 0;
}

int scrub_hot(struct scrub *s)
{
	_cleanup_free_ struct found_extent *found = calloc(EXTENTS, sizeof(*found));
	size_t n;
	int r = found ? 0 : -ENOMEM;

	while (r >= 0) {
		n = take_extents(s, found, &r);
		if (r >= 0 && n == 0)
			return 1;
		for (size_t k = 0; r >= 0 && k < n; k++) {
			r = scrub_is_enough(s);
			if (r > 0)
				return 0;
			if (r >= 0)
				r = verify_next(s, &found[k]);
		}
		if (r >= 0)
			r = scrub_save(s, false);
	}
	return r;
}
