/* SPDX-License-Identifier: MIT */
/* What reads found wrong in the bucket: objects that are gone, and frames with other bytes than were sent. Kept in
 * memory, for people to be told; an entry goes as soon as the same bytes come and are sound again, or the pack is
 * not there or not in the bucket any more.
 *
 * Thread-safety: safe, except init and done. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "catalog/catalog.h"
#include "tiers/pack/pack.h"

/* More are not noted: who has lost so much looks with fsck --cold. */
#define LOST_MAX 16u

struct lost_frame {
	uint64_t pack;
	struct pack_frame frame; /* the first that was missed */
	bool altered;            /* else the whole object is gone */
};

struct lost {
	pthread_mutex_t lock;    /* rank 60 */
	atomic_size_t n;
	struct lost_frame frames[LOST_MAX]; /* guarded by lock */
};

void lost_init(struct lost *l);
void lost_done(struct lost *l);

void lost_note(struct lost *l, const struct lost_frame *f);
/* This frame of the pack came from the bucket, and is sound. */
void lost_clear(struct lost *l, uint64_t pack, const struct pack_frame *frame);
/* Nothing of the pack is asked of the bucket any more. */
void lost_forget(struct lost *l, uint64_t pack);
bool lost_has(struct lost *l, uint64_t pack);
/* Returns how many. */
size_t lost_get(struct lost *l, struct lost_frame ret_frames[LOST_MAX]);

/* Calls `file` for each file that has bytes there, at most `max` times, by inode. */
int lost_foreach_file(struct catalog *c, const struct lost_frame *f, unsigned max,
		      void (*file)(void *context, uint64_t ino), void *context);
