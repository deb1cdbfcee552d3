/* SPDX-License-Identifier: MIT */
/* Free space of the backing filesystem, and the reserve: a file whose blocks nobody uses, so that
 * unlink, truncate, checkpoint and cleaning still work when the disk is full. Ordinary writes stop
 * while a floor beside it is still free.
 *
 * Its bytes are never read, only its blocks count. It is 1 % of what the volume stores, 64 MiB to 1 GiB,
 * at most a quarter of the backing, and grows with the volume. What a copy of the volume lost of it (a
 * hole, a cut) is written again by the next open.
 *
 * Thread-safety: safe, except open and close. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct space;

struct space_config {
	int volume_dirfd;       /* borrowed */
	uint64_t reserve_bytes; /* 0: by `stored_bytes` */
	uint64_t stored_bytes;
	bool read_only;
};
int space_open(const struct space_config *config, struct space **ret_s);
struct space *space_close(struct space *s);

/* Asks for `bytes` before an ordinary write, of which `pending` bytes of earlier ones are not on the
 * disk yet. `probe`: asks without taking. -ENOSPC. */
int space_take(struct space *s, uint64_t bytes, uint64_t pending, bool probe);
/* Gives up so much of the reserve that `bytes` are free, if it can. */
void space_release(struct space *s, uint64_t bytes);
/* Lets the reserve grow to its full size, of a volume that stores so much, when there is room. True:
 * it has it. Not from two threads at once. */
bool space_refill(struct space *s, uint64_t stored_bytes);

/* What ordinary writes leave free beside the reserve. */
uint64_t space_floor(struct space *s);

struct space_stats {
	uint64_t reserve_bytes, free_bytes; /* free: what ordinary writes may still take */
	uint64_t total_bytes;               /* size of the backing */
	uint64_t withheld_bytes;            /* free in the backing, but not for its users */
	bool refused;                       /* a write got -ENOSPC within the last minute */
};
void space_get_stats(struct space *s, struct space_stats *ret_stats);
