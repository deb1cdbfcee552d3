/* SPDX-License-Identifier: MIT */
/* Which parts of packs a bounded cache keeps: S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: "FIFO queues are all you need for
 * cache eviction", SOSP 2023). New parts go to a small queue of a tenth of the room; those that are asked for again
 * before they reach its end move to the main queue, the others leave at once, and only their names are remembered for
 * a while. So a scan of everything passes through the tenth and leaves the rest as it is.
 *
 * It keeps names and sizes; what a part is belongs to the caller.
 *
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fifo;

struct fifo_key {
	uint64_t pack; /* number */
	uint64_t part; /* of it */
};

/* `capacity`: sum of the sizes of what is kept. `evicted` is called for what leaves by itself, from fifo_put(). */
int fifo_new(uint64_t capacity, void (*evicted)(void *context, struct fifo_key key, void *value), void *context,
	     struct fifo **ret_f);
/* Frees the names alone: call fifo_foreach() before for what they stand for. */
struct fifo *fifo_free(struct fifo *f);

/* The value, which counts as a use; NULL: not there. */
void *fifo_get(struct fifo *f, struct fifo_key key);
/* Takes in a part that is not there. `value` is not NULL. What is larger than the capacity leaves at once. -ENOMEM. */
int fifo_put(struct fifo *f, struct fifo_key key, uint64_t size, void *value);
/* The value, without a call of `evicted`; NULL: not there. */
void *fifo_remove(struct fifo *f, struct fifo_key key);
void fifo_foreach(struct fifo *f, void (*part)(void *context, struct fifo_key key, void *value), void *context);

uint64_t fifo_size(const struct fifo *f);
/* Bytes that the names take. */
size_t fifo_memory(const struct fifo *f);
