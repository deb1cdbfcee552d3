/* SPDX-License-Identifier: MIT */
/* The files of the hot tier: opens, appends, makes durable, deletes. Knows no objects and no catalog.
 *
 * A process appends only to segments that it made; one is current at a time. Readers and appenders
 * hold counted references, so a deleted segment lives on until the last of them is done.
 *
 * Thread-safety: safe, except open and close. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segments;
struct segment;

struct segments_config {
	int dirfd;         /* of hot/; borrowed */
	uint64_t size;     /* bytes after which a new segment begins */
	bool read_only;
	/* A number that was never given before, durably. */
	int (*next_number)(void *context, uint64_t *ret_number);
	void *context;
};

/* What lies in the folder; segments of the last process that may not be on the disk yet are taken as
 * dirty. */
int segments_open(const struct segments_config *config, struct segments **ret_s);
struct segments *segments_close(struct segments *s);

/* -ENOENT: there is no such segment (any more). */
int segments_get(struct segments *s, uint64_t number, struct segment **ret_seg);
void segments_put(struct segments *s, struct segment *seg);
int segment_fd(const struct segment *seg);
uint64_t segment_number(const struct segment *seg);

/* Room for `len` bytes, a multiple of 4096, at *ret_place of *ret_seg. Until segments_release() the
 * segment does not count as idle; call it when the catalog names the bytes, or never will. */
int segments_reserve(struct segments *s, uint64_t len, struct segment **ret_seg, uint64_t *ret_place);
/* Writes and marks the segment dirty. */
int segments_write(struct segments *s, struct segment *seg, const void *data, size_t len, uint64_t place);
/* Lets the disk begin with what was written, so that the next sync has less to wait for. A hint. */
void segments_write_back(struct segment *seg, uint64_t place, size_t len);
void segments_release(struct segments *s, struct segment *seg);

/* Everything that segments_write() has returned for survives a power cut. After a failure all later
 * calls fail with -EIO. */
int segments_sync(struct segments *s);

/* Nobody appends to it now or later. */
bool segments_is_idle(struct segments *s, uint64_t number);
/* Is it the current one, and does nobody append to it just now? Then the next append makes another, and it is idle:
 * true. */
bool segments_retire(struct segments *s, uint64_t number);
/* Deletes an idle segment. */
int segments_unlink(struct segments *s, uint64_t number);
/* Calls `segment` for each file in the folder, in no order, until it returns other than 0. */
int segments_foreach(struct segments *s, int (*segment)(void *context, uint64_t number, uint64_t size),
		     void *context);

struct segments_stats {
	uint64_t count, bytes;
};
void segments_get_stats(struct segments *s, struct segments_stats *ret_stats);
