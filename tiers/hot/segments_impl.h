/* SPDX-License-Identifier: MIT */
/* Shared by the files about segments.
 *
 * Locks, in this order: rotate_lock, sync_lock, lock. Only `lock` is never held across I/O. */
#pragma once

#include <pthread.h>

#include "tiers/hot/segments.h"

#define SEGMENT_BUCKETS 256u
#define UNSYNCED_MAX 32u

struct segment {
	uint64_t number;
	int fd;                     /* owned */
	unsigned users;             /* guarded by lock, as all below */
	unsigned appends;           /* reserved, not released */
	uint64_t tail;              /* of the current one */
	uint64_t used;              /* tick of the last use */
	bool dirty, unlinked;
	struct segment *next;       /* in its bucket */
	struct segment *next_dirty;
};

struct segments {
	struct segments_config config;
	pthread_mutex_t rotate_lock; /* held while a segment is made */
	pthread_mutex_t sync_lock;   /* held while segments are synced */
	int failed;                  /* of a sync; guarded by sync_lock */

	pthread_mutex_t lock;
	struct segment *buckets[SEGMENT_BUCKETS]; /* open ones; guarded by lock, as all below */
	unsigned open;
	uint64_t tick;
	uint64_t making;             /* number of a file that is not in the table yet; 0: none */
	struct segment *current;     /* holds a reference */
	struct segment *dirty;       /* each holds a reference */
	unsigned unsynced;           /* made since the last sync, and taken over at open */
	bool folder_dirty;
	struct segments_stats stats; /* bytes: of the others, and the tail of the current one */
};

/* ---- segment_table.c: what is open, in counted references */
/* The open segment of that number, or NULL. Call with lock. */
struct segment *segment_find(struct segments *s, uint64_t number);
/* Gives the caller a reference. Call with lock. */
struct segment *segment_touch(struct segments *s, struct segment *seg);
/* Takes over `fd`, also when it fails. */
int segment_new(int fd, uint64_t number, struct segment **ret_seg);
struct segment *segment_free(struct segment *seg);
/* Puts a freshly opened segment into the table, unless another thread was faster; gives a reference. */
struct segment *segment_add(struct segments *s, struct segment *seg);
/* Takes it out of the table. Call with lock. */
struct segment *segment_detach(struct segments *s, struct segment *seg);

/* ---- segments_sync.c */
void segment_mark_dirty(struct segments *s, struct segment *seg);
/* At open: the highest numbers in the folder are taken as dirty; counts all. */
int segments_take_over(struct segments *s);
