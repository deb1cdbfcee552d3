/* SPDX-License-Identifier: MIT */
/* Brings the bytes of a file back from packs to the hot tier. A change of the file meanwhile ends it; what was brought
 * back until then stays. Thread-safety: safe. */
#pragma once

#include <stdint.h>

struct files;

struct move_rate;

/* As fast as `rate` lets it, which may be NULL. *ret_bytes: brought back. 0 also when there is nothing to do, or the
 * file is gone. -ESTALE: it changed meanwhile. -EIO: damage, or the bucket. -ENOSPC. -EINTR (move_rate.h). */
int file_promote(struct files *f, uint64_t ino, struct move_rate *rate, uint64_t *ret_bytes);
