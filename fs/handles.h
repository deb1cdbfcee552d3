/* SPDX-License-Identifier: MIT */
/* Open handles: slots of the keeper's table (shared.h), and what this server derives from them: the
 * free slots, and which inodes are open. A file handle that the kernel holds is slot number and
 * generation, never a pointer, so that it means the same to the next server.
 *
 * Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/memory_parts.h"
#include "fs/shared.h"

struct handles;

enum handle_kind { HANDLE_FILE = 1, HANDLE_DIRECTORY, HANDLE_ANSWER, HANDLE_STREAM };

#define HANDLE_NOATIME 2u /* its opening is no use of the file */
#define HANDLE_WROTE 4u   /* written to */
#define HANDLE_ALONE 8u   /* opened for writing alone: what is written passes the kernel's cache by */
#define HANDLE_PASSED 16u /* something that was written did */
#define HANDLE_EMPTIED 32u /* truncated since it was written to, if it was */

/* How long an open file that was written to counts as busy. */
#define HANDLE_BUSY_S 10u

struct handle {
	uint64_t fh;
	uint64_t ino;
	uint32_t flags;
	enum handle_kind kind;
};

/* Takes over what stands in `shared` (borrowed). Streams do not survive their server: their slots
 * stay taken until the kernel releases them. */
int handles_new(struct shared *shared, struct handles **ret_h);
struct handles *handles_free(struct handles *h);
/* Adds the table, too: as much of both as was ever in use. */
void handles_add_memory(struct handles *h, struct memory_parts *m);

/* Takes a slot for `ino`. `unique`: of the opening request, without the resend bit. -ENFILE. */
int handles_add(struct handles *h, uint64_t unique, uint64_t ino, enum handle_kind kind, uint32_t flags,
		uint64_t *ret_fh);
/* The handle that request `unique` has made already. -ENOENT. */
int handles_find(struct handles *h, uint64_t unique, struct handle *ret);
/* -EBADF. */
int handles_get(struct handles *h, uint64_t fh, struct handle *ret);
/* Frees the slot. *ret_was (with HANDLE_WROTE, if so); *ret_last: nobody else has its inode open.
 * -EBADF: freed before, by a request that is sent again. */
int handles_remove(struct handles *h, uint64_t fh, struct handle *ret_was, bool *ret_last);

/* The handle was written through, past the kernel's cache if `passed` or if it is HANDLE_ALONE. Returns its
 * flags; 0: there is no such handle. */
uint32_t handles_wrote(struct handles *h, uint64_t fh, bool passed);
/* What it is of was truncated through it. */
void handles_emptied(struct handles *h, uint64_t fh);
/* Is the inode open by a handle through which something passed? */
bool handles_is_passed(struct handles *h, uint64_t ino);

/* The opening of none of its present handles is a use of the file any more. */
void handles_forget_use(struct handles *h, uint64_t ino);

/* Steps through all handles: the first one at or after *at, which begins as 0 and is set for the next step.
 * False: there are no more. */
bool handles_next(struct handles *h, uint32_t *at, struct handle *ret);

bool handles_is_open(struct handles *h, uint64_t ino);
/* Written to within HANDLE_BUSY_S through a handle that is still open. */
bool handles_is_busy(struct handles *h, uint64_t ino);
