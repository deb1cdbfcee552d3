/* SPDX-License-Identifier: MIT */
/* Free space of the backing filesystem, and the reserve: a file whose blocks nobody uses, so that
 * unlink, truncate, checkpoint and cleaning still work when the disk is full. Ordinary writes stop
 * while a floor beside it is still free.
 *
 * The reserve is allocated, not written: its bytes are never read, only its blocks count. When a
 * copy of the volume lost them (sparse files), the next open allocates them again.
 *
 * Thread-safety: safe, except open and close. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct space;

/* `reserve_bytes` 0: 1 % of the backing, 64 MiB to 1 GiB, at most a quarter of the backing. The
 * folder is borrowed. */
int space_open(int volume_dirfd, uint64_t reserve_bytes, bool read_only, struct space **ret_s);
struct space *space_close(struct space *s);

/* Asks for `bytes` before an ordinary write, of which `pending` bytes of earlier ones are not on the
 * disk yet. `probe`: asks without taking. -ENOSPC. */
int space_take(struct space *s, uint64_t bytes, uint64_t pending, bool probe);
/* Gives up so much of the reserve that `bytes` are free, if it can. */
void space_release(struct space *s, uint64_t bytes);
/* Lets the reserve grow to its full size again when there is room. */
void space_refill(struct space *s);

/* What ordinary writes leave free beside the reserve. */
uint64_t space_floor(const struct space *s);

struct space_stats {
	uint64_t reserve_bytes, free_bytes; /* free: what ordinary writes may still take */
	uint64_t total_bytes;               /* size of the backing */
	uint64_t withheld_bytes;            /* free in the backing, but not for its users */
};
void space_get_stats(struct space *s, struct space_stats *ret_stats);
