/* SPDX-License-Identifier: MIT */
/* All that the folder's files still hold, whether it counts or not: segments that were released keep their records
 * until they are used again. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wal/replay.h"
#include "wal/walker.h"

struct gathering {
	const struct folder *folder;
	const struct wal_replay *replay;
	uint8_t *room;
};

/* Past what does not verify. */
static int next(struct walker *w, struct record *ret_record)
{
	int r = walker_next(w, ret_record);

	return r == 0 || r == -EBADMSG ? walker_skip(w, UINT64_MAX, ret_record) : r;
}

static int gather_segment(const struct gathering *g, struct segment *s)
{
	uint64_t limit[] = { UINT64_MAX };
	struct chain c = { .segments = &s, .count = 1, .limits = limit, .salvaged = true };
	_cleanup_(walker_done) struct walker w = { 0 };
	struct record record;
	int r = walker_init(&w, &c, g->folder, &(struct wal_position){ 0 });

	if (r == -EBADMSG)
		return 0;
	while (r >= 0 && (r = next(&w, &record)) > 0) {
		r = chain_deliver_one(&c, g->replay, &record, g->room);
		if (r == -EBADMSG)
			r = 0;
	}
	return r;
}

static int gather(const struct gathering *g)
{
	const struct folder *f = g->folder;
	int r = 0;

	for (size_t i = 0; i < f->count && r >= 0; i++)
		if (f->segments[i]->state == SEGMENT_VALID)
			r = gather_segment(g, f->segments[i]);
	return r;
}

int wal_gather(int dirfd, const struct wal_config *config, const struct wal_replay *replay)
{
	_cleanup_(folder_done) struct folder f = { 0 };
	_cleanup_free_ uint8_t *room = malloc(WAL_RECORD_MAX);
	struct wal_config c = *config;
	struct gathering g = { .folder = &f, .replay = replay, .room = room };
	int r;

	c.read_only = true;
	r = room ? folder_load(&f, dirfd, &c) : -ENOMEM;
	return r < 0 ? r : MIN(gather(&g), 0);
}
