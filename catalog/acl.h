/* SPDX-License-Identifier: MIT */
/* Private to catalog/: POSIX access control lists (POSIX 1003.1e draft 17), in the form in which xattrs
 * hold them: le32 version 2, then entries of le16 tag, le16 permissions, le32 id. Keeps them and the
 * permission bits of the mode in step, as the kernel does for its own filesystems. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "catalog/access.h"

#define XATTR_ACL_ACCESS "system.posix_acl_access"
#define XATTR_ACL_DEFAULT "system.posix_acl_default"

/* Changes the permission bits of *mode to what the list says. 1: the list says no more than the mode,
 * it need not be kept. -EINVAL: not a list. */
int acl_to_mode(const void *acl, size_t len, uint32_t *mode);
/* Changes the list to what chmod(2) to `mode` makes of it. -EINVAL. */
int acl_chmod(struct buf *acl, uint32_t mode);
/* What a new inode, asked for with *mode, gets from its directory's default list: `acl` becomes its
 * access list, *mode its mode. 1: the list need not be kept. -EINVAL. */
int acl_inherit(struct buf *acl, uint32_t *mode);
/* Does the access list of a file of group `gid`, which `who` does not own, give all of `want`? 1, 0. -EINVAL. */
int acl_permits(const void *acl, size_t len, const struct identity *who, uint32_t gid, unsigned want);
