/* SPDX-License-Identifier: MIT */
/* Plain frames in memory, as many as fit (fifo.h chooses), so that many small reads of one frame open it once. Several
 * readers of a frame that is not there share one loading.
 *
 * Thread-safety: safe, except new and free. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory_parts.h"
#include "tiers/pack/fifo.h"

struct frames;

/* `capacity`: bytes of plain frames. */
int frames_new(uint64_t capacity, struct frames **ret_f);
struct frames *frames_free(struct frames *f);
void frames_add_memory(struct frames *f, struct memory_parts *m);

/* Makes the frame's plain bytes. Called without a lock; may wait. 0, or -errno, which all who wait for it get. */
typedef int (*frames_load_fn)(void *context, void *ret_plain);

/* Copies `len` bytes from byte `from` on of the frame, which has `plain_len`; from + len <= plain_len. -EAGAIN: it is not
 * there, and `nowait`. -ENOMEM. Errors of `load`. */
int frames_read(struct frames *f, struct fifo_key key, uint32_t plain_len, uint32_t from, void *ret_data, size_t len,
		bool nowait, frames_load_fn load, void *context);
