/* SPDX-License-Identifier: MIT */
/* A folder as a bucket (bucket.h): a mounted NAS, or a second disk. An object is a file of its key's name below the
 * folder; '/' in keys are folders.
 *
 *   PUT       temporary name ".tmp-RANDOM" in the same folder, fsync, rename, fsync of the folder
 *   PUT, if   the same, with the lock ".lock" (flock) held; those without a condition do not take it
 *   ETag      of a file: inode, size and time of change
 *   LIST      all names below the prefix, sorted; temporary files older than a day are removed on the way
 *   sweep     temporary files below the prefix are removed
 *
 * Keys whose parts are "", "." or "..", or begin with ".tmp-" or ".lock", are refused with -EINVAL; "a" and "a/b"
 * cannot both be keys (-EISDIR). Symbolic links below the folder are not followed. Requests are carried out by the
 * thread that starts them. */
#pragma once

#include "tiers/s3/bucket.h"

/* `path` must exist: a NAS that is not mounted would be an empty bucket. -ENXIO. -ENOMEM. */
int folder_open(const char *path, struct bucket **ret_b, struct bucket_error *ret_why);
