/* SPDX-License-Identifier: MIT */
/* Reading takes no lock: it looks up extents and then their bytes, while writers cut extents and
 * cleaning moves objects. Whatever does not fit together (a gap, a segment that is gone, bytes that do
 * not open) is looked up again a few times; what stays is damage. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/file_impl.h"

#define READ_TRIES 5
/* Who reads so much at a time is the kernel, for a program that reads on: it gets ahead of those that read here and there
 * by less. */
#define AHEAD_FROM (128u << 10)
/* Of one request of the kernel's, in frames of large files. */
#define BRING_EXTENTS 16u

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

static int read_extent(struct files *f, const struct extent *e, uint64_t from, void *ret_data, size_t len,
		       enum tier_wait wait)
{
	switch (e->kind) {
	case EXTENT_HOLE:
		memset(ret_data, 0, len);
		return 0;
	case EXTENT_INLINE:
		memcpy(ret_data, e->data + from, len);
		return 0;
	case EXTENT_HOT:
	case EXTENT_PACK:
		return tier_read(files_tier_of(f, e), e, from, ret_data, len, wait);
	default:
		return -EIO;
	}
}

/* What follows in a cold pack is fetched while the program looks at what it got. */
static void look_ahead(struct files *f, struct extent_walk *walk, const struct extent *last)
{
	struct extent next[PACKS_AHEAD];
	size_t n = 0;

	if (last->kind != EXTENT_PACK || !packs_is_cold(f->packs, last))
		return;
	for (unsigned k = 0; k < PACKS_AHEAD && extent_walk_next(walk, &next[n]) > 0; k++)
		n += next[n].kind == EXTENT_PACK;
	packs_ahead(f->packs, last, next, n);
}

/* What lies in several cold frames comes in one request, if it can. What cannot be had is told by reading it. */
static void bring_span(struct files *f, uint64_t ino, uint64_t offset, size_t len)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	struct extent extents[BRING_EXTENTS];
	size_t n = 0;
	int r = extent_walk_open(f->catalog, ino, offset, &walk);

	while (r >= 0 && n < BRING_EXTENTS && (r = extent_walk_next(walk, &extents[n])) > 0 && extents[n].offset < offset + len)
		n += extents[n].kind == EXTENT_PACK;
	if (n > 1)
		(void) packs_bring(f->packs, extents, n, NULL);
}

/* Reads from `offset` on until something is in the way. Returns the number of bytes, or, when it is 0,
 * what was in the way: -ENODATA for a gap. */
static ssize_t read_span(struct files *f, uint64_t ino, uint64_t offset, uint8_t *ret_data, size_t len,
			 enum tier_wait wait)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	struct extent e;
	size_t done = 0;
	int r;

	r = extent_walk_open(f->catalog, ino, offset, &walk);
	while (r >= 0 && done < len) {
		uint64_t at = offset + done;
		size_t n;

		r = extent_walk_next(walk, &e);
		if (r == 0 || (r > 0 && e.offset > at))
			r = -ENODATA;
		if (r < 0)
			break;
		n = MIN(len - done, extent_end(&e) - at);
		r = read_extent(f, &e, at - e.offset, ret_data + done, n, wait);
		if (r >= 0)
			done += n;
	}
	if (done == len && len >= AHEAD_FROM && wait != TIER_AT_ONCE && wait != TIER_ALONE)
		look_ahead(f, walk, &e);
	return done > 0 && r != -EAGAIN ? (ssize_t)done : r;
}

static bool may_be_a_race(int r)
{
	return r == -ENODATA || r == -ENOENT || r == -EBADMSG;
}

/* 1: the file ends at or before `offset` now. */
static int ends_before(struct files *f, uint64_t ino, uint64_t offset)
{
	struct inode i;
	int r = inode_get(f->catalog, ino, &i);

	return r < 0 ? r : i.size <= offset;
}

static ssize_t read_all(struct files *f, uint64_t ino, uint64_t offset, uint8_t *ret_data, size_t len, enum tier_wait wait)
{
	unsigned tries = 0;
	size_t done = 0;

	while (done < len) {
		ssize_t n = read_span(f, ino, offset + done, ret_data + done, len - done, wait);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (!may_be_a_race((int)n))
			return n;
		n = ends_before(f, ino, offset + done);
		if (n > 0)
			break;
		if (n < 0 || ++tries == READ_TRIES)
			return n < 0 ? n : -EBADMSG;
	}
	return (ssize_t)done;
}

static ssize_t read_file(struct files *f, uint64_t ino, uint64_t offset, void *ret_data, size_t len, enum tier_wait wait)
{
	struct reading_place *told = NULL;
	struct inode i;
	ssize_t n;
	int r = inode_get(f->catalog, ino, &i);

	if (r < 0)
		return r;
	if (!S_ISREG(i.mode))
		return S_ISDIR(i.mode) ? -EISDIR : -EINVAL;
	if (offset >= i.size || len == 0)
		return 0;
	r = inode_check_set(f->catalog, &i, SET_EXTENTS);
	if (r < 0)
		return r;
	if (i.packed && (wait == TIER_WAIT || wait == TIER_ALONE))
		told = readings_begin(&f->readings, ino, MIN(len, i.size - offset));
	if (i.packed && wait == TIER_WAIT && len >= AHEAD_FROM)
		bring_span(f, ino, offset, len);
	n = read_all(f, ino, offset, ret_data, MIN(len, i.size - offset), wait);
	readings_end(told);
	return n;
}

ssize_t file_read(struct files *f, uint64_t ino, uint64_t offset, void *ret_data, size_t len, enum tier_wait wait)
{
	ssize_t n = read_file(f, ino, offset, ret_data, len, wait);

	return n == -EBADMSG ? -EIO : n;
}

int file_seek(struct files *f, uint64_t ino, uint64_t offset, int whence, uint64_t *ret_offset)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	uint64_t at = offset;
	struct inode i;
	struct extent e;
	int r;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	r = inode_get(f->catalog, ino, &i);
	if (r >= 0 && offset >= i.size)
		r = -ENXIO;
	if (r >= 0)
		r = extent_walk_open(f->catalog, ino, offset, &walk);
	while (r >= 0 && at < i.size && (r = extent_walk_next(walk, &e)) > 0) {
		bool hole = e.kind == EXTENT_HOLE && !(e.flags & EXTENT_ALLOCATED);

		if (hole == (whence == SEEK_HOLE))
			break;
		at = extent_end(&e);
	}
	if (r < 0)
		return r == -EBADMSG ? -EIO : r;
	at = MIN(at, i.size);
	if (whence == SEEK_DATA && at == i.size)
		return -ENXIO;
	*ret_offset = at;
	return 0;
}
