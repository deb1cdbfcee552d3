/* SPDX-License-Identifier: MIT */
/* Durability. Bytes are written before the batch that names them, and a segment is on the dirty list
 * from the write on, so whoever syncs a batch finds its segments here. sync_lock is held through the
 * fdatasync calls: a second caller must not find the list empty while the first is still at it.
 *
 * A segment on the dirty list keeps its descriptor: the kernel reports a failed write-back only to
 * descriptors that were open when it happened.
 *
 * What the last process left unsynced is not recorded anywhere; instead never more than UNSYNCED_MAX
 * segments are made without a sync, and that many of the highest numbers are taken as dirty at open. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tiers/hot/segments_impl.h"

void segment_mark_dirty(struct segments *s, struct segment *seg)
{
	LOCKED(&s->lock);
	if (seg->dirty)
		return;
	seg->dirty = true;
	seg->next_dirty = s->dirty;
	s->dirty = segment_touch(s, seg);
}

/* Takes the list off; its segments stay marked, so that writers leave their links alone. */
static struct segment *take_dirty(struct segments *s, bool *ret_folder)
{
	struct segment *list;

	LOCKED(&s->lock);
	list = s->dirty;
	s->dirty = NULL;
	s->unsynced = s->current ? 1 : 0;
	*ret_folder = s->folder_dirty;
	s->folder_dirty = false;
	return list;
}

/* What is written from here on marks the segment anew. */
static struct segment *unmark(struct segments *s, struct segment *seg)
{
	LOCKED(&s->lock);
	seg->dirty = false;
	return seg->next_dirty;
}

int segments_sync(struct segments *s)
{
	struct segment *seg, *next;
	bool folder;

	LOCKED(&s->sync_lock);
	if (s->failed)
		return s->failed;
	for (seg = take_dirty(s, &folder); seg; seg = next) {
		next = unmark(s, seg);
		if (fdatasync(seg->fd) < 0)
			s->failed = -EIO;
		segments_put(s, seg);
	}
	if (folder && fsync(s->config.dirfd) < 0)
		s->failed = -EIO;
	return s->failed;
}

/* ---- what the last process left */

struct newest {
	struct segments *s;
	uint64_t numbers[UNSYNCED_MAX]; /* ascending */
	unsigned n;
};

/* Counts a segment and keeps the highest numbers. */
static int count(void *context, uint64_t number, uint64_t size)
{
	struct newest *newest = context;
	unsigned at = 0;

	newest->s->stats.count++;
	newest->s->stats.bytes += size;
	if (newest->n < UNSYNCED_MAX)
		newest->numbers[newest->n++] = UINT64_MAX;
	else if (number < newest->numbers[0])
		return 0;
	else
		memmove(newest->numbers, newest->numbers + 1, (newest->n - 1) * sizeof(number));
	while (at < newest->n - 1 && newest->numbers[at] < number)
		at++;
	memmove(newest->numbers + at + 1, newest->numbers + at, (newest->n - 1 - at) * sizeof(number));
	newest->numbers[at] = number;
	return 0;
}

int segments_take_over(struct segments *s)
{
	struct newest newest = { .s = s };
	struct segment *seg;
	int r;

	r = segments_foreach(s, count, &newest);
	if (r < 0 || s->config.read_only)
		return r;
	s->folder_dirty = true;
	s->unsynced = newest.n;
	for (unsigned k = 0; k < newest.n; k++) {
		r = segments_get(s, newest.numbers[k], &seg);
		if (r < 0)
			return r;
		segment_mark_dirty(s, seg);
		segments_put(s, seg);
	}
	return 0;
}
