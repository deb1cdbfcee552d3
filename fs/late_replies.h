/* SPDX-License-Identifier: MIT */
/* Replies before which the kernel is told something of the inode, from threads that serve no request: a
 * notification waits for whoever reads a page meanwhile, perhaps from the bucket, and for an inode that is
 * being evicted. They wait for a process that waits for the kernel, out of reach of every signal: a server that
 * is killed, or is to end, must come to its end, or nobody would answer that reader (daemon/notifier.h).
 * Thread-safety: safe.
 *
 * All of it concerns writes that pass the kernel's page cache by, beside those who read through it.
 *
 * Bytes. A page that was fetched before the write was executed may hold old bytes (fetched.h): the range is
 * dropped before the write is answered.
 *
 * Sizes. Until the writer has its answer the kernel knows the old size. Attributes with the new one that come
 * before make it set that size, and then, without a lock, clear what its cache has behind it: by which time
 * another write may have made the file longer, and a page may have been read again. Its end stays zero, for
 * ever (fuse_change_attributes() of Linux 6.18; there is no such race for writes through the cache). So
 * attributes of an inode through which somebody writes that way are to be shown and not to be kept: the
 * kernel does not keep those that were asked for before it was last told to forget them. Whoever asks for
 * attributes holds the inode and may tell it there and then (ops_show()); of what stands in a directory that
 * is not certain. */
#pragma once

#include "fs/fs_impl.h"

struct late_write {
	uint64_t ino, offset;
	size_t len;       /* bytes that were written; at least one */
	bool background;  /* the kernel counts it among those of which only so many are under way */
};

/* Drops the pages of the write's range, and answers it with its length. Where many wait already a background
 * one is answered first: the kernel could have none left to send, which dropping a page may need. */
void late_reply_write(struct fs *fs, fuse_req_t req, const struct late_write *w);
/* Answers a look-up with attributes that are not kept. */
void late_reply_entry(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *e);
