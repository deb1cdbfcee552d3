/* SPDX-License-Identifier: MIT */
/* Whole reads and writes, and the small dances that make a file durable. All return -errno.
 * Interrupted and short transfers are continued. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* Reads up to `len` bytes at `offset`; returns how many (fewer only at the end of the file). */
ssize_t io_pread(int fd, void *data, size_t len, uint64_t offset);
/* Reads exactly `len` bytes; -ENODATA when the file ends before. */
int io_pread_exact(int fd, void *data, size_t len, uint64_t offset);
/* Writes all of `data` at `offset`, in calls of at most 128 KiB: larger ones leave large folios
 * in the page cache, which make later 4 KiB overwrites of the file four times as slow. */
int io_pwrite(int fd, const void *data, size_t len, uint64_t offset);
int io_write(int fd, const void *data, size_t len);
/* Writes zeros over [offset, offset + len), so that blocks are allocated and initialised. */
int io_write_zeros(int fd, uint64_t offset, uint64_t len);

/* Appends everything from the descriptor's position to its end, -EFBIG beyond `max` bytes. */
int io_read_all(int fd, size_t max, struct buf *ret_data);
int io_read_file_at(int dirfd, const char *name, size_t max, struct buf *ret_data);
/* The name of a process, cut by the kernel after 15 bytes; buf_cstr() of it does not fail. */
int io_read_process_name(int pid, struct buf *ret_name);
/* Replaces `name` in `dirfd` so that after a power cut it is the old or the new file, whole:
 * temporary name, fsync, rename, fsync of the folder. */
int io_replace_file_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode);
