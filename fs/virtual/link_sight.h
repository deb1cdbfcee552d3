/* SPDX-License-Identifier: MIT */
/* Attributes that name other files, as who asks may know of them: user.brainy.link.VERB and
 * user.brainy.found-links. To the owner of the mount they are what they are. To others targets that they do
 * not see are not there, nor are targets that wait in folders which they may not search; a verb without any
 * other has no attribute.
 *
 * May wait for a query of the same user: not for the thread that serves all requests. */
#pragma once

#include <sys/uio.h>

#include "fs/ops/ops.h"

/* Is it for somebody else than the owner? Then these functions are to be asked, by a worker. */
bool link_sight_matters(struct fs *fs, uint32_t uid);
/* As tree_getxattr(), of an attribute that links_is_xattr(). */
int link_sight_get(fuse_req_t req, uint64_t ino, const char *name, struct buf *ret_value);
/* Takes the names out of a list, each with its NUL, that have no value for who asks. */
int link_sight_filter(fuse_req_t req, uint64_t ino, struct buf *names);
/* As tree_setxattr(), and with `value` NULL tree_removexattr(): what who asks does not know of stays as it
 * is, and says nothing. */
int link_sight_set(fuse_req_t req, struct tree_request *rq, uint64_t ino, const char *name,
		   const struct iovec *value, int flags);
/* user.brainy.found-links */
int link_sight_found(fuse_req_t req, uint64_t ino, struct buf *ret_value);
