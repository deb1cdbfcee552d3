/* SPDX-License-Identifier: MIT */
/* The bytes of small files go to the kernel's cache together with the answer to OPEN (FUSE_NOTIFY_STORE),
 * which saves most programs that open one the wait for a READ.
 *
 * A store overwrites what the cache has, so it is made only where the cache cannot know better than we do:
 * nobody else has the file open (the kernel keeps a handle for as long as it has pages to write or to fetch
 * through it), and no other thread serves a request that could change it. Whoever opens it next waits for the
 * dispatcher, which is here.
 *
 * Thread-safety: safe, but for pushed_at_open(). */
#pragma once

#include "fs/fs_impl.h"

/* As much as the kernel would read first of a larger file. */
#define PUSHED_MAX (16u << 10)

int pushed_new(struct pushed **ret_p);
struct pushed *pushed_free(struct pushed *p);
void pushed_add_memory(struct memory_parts *m);
/* Stores the first `len` bytes of a file, at most FS_MAX_WRITE, in the kernel's cache. Only where the rule
 * above holds: a reader would have pages locked that this waits for, and wait for us. */
void pushed_store(struct fs *fs, uint64_t ino, const void *data, size_t len);
/* Called by the dispatcher, before it answers an OPEN for reading; the inode has no other handle. Pushes what
 * the kernel does not have already; whatever stands in the way leaves it to a READ. */
void pushed_at_open(struct fs *fs, const struct inode *i);
/* The kernel has fetched the beginning itself. */
void pushed_note_read(struct pushed *p, uint64_t ino);
/* It knows the inode no more, or its pages are no longer all there. */
void pushed_forget(struct pushed *p, uint64_t ino);
