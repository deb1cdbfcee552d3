/* SPDX-License-Identifier: MIT */
/* When a program used a file last: what the policy's ages begin at, so it is kept whatever atime is to show.
 * A use is an open, by a program that is not ignored and did not ask for O_NOATIME; what the server reads for
 * itself is none.
 *
 * It is written when a handle is closed, and every few hours for what stays open (a power cut closes that
 * without a word), at most once a day and file: into atime, or beside it where the mount is to show no uses
 * (noatime). A time that a program sets (utimensat) takes the place of both. A read-only mount writes
 * nothing.
 *
 * Thread-safety: safe. */
#pragma once

#include "fs/fs_impl.h"

/* The file is being used. *i is it, as read a moment ago. */
void last_use_note(struct fs *fs, const struct inode *i);
/* So are all that are open, unless their opens do not count. */
void last_use_note_open(struct fs *fs);
