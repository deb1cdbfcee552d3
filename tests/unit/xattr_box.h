/* SPDX-License-Identifier: MIT */
/* Short hands of the tests of xattrs and of what hangs on them. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "catalog/dentry.h"
#include "catalog/tree.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

static struct catalog *c;

static inline uint64_t file(const char *name)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = S_IFREG | 0644 };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(c, &rq, ROOT_INO, name, &m, &i), 0);
	return i.ino;
}

static inline int set(uint64_t ino, const char *name, const char *value, int flags)
{
	struct tree_request rq = { 0 };

	return tree_setxattr(c, &rq, ino, name, value, strlen(value), flags);
}

static inline int unset(uint64_t ino, const char *name)
{
	struct tree_request rq = { 0 };

	return tree_removexattr(c, &rq, ino, name);
}

static inline void check_value(uint64_t ino, const char *name, const char *want)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	CHECK_EQ(tree_getxattr(c, ino, name, &value), want ? 0 : -ENODATA);
	if (want)
		CHECK_MEM(value.data ? value.data : (uint8_t *)"", value.len, want, strlen(want));
}

static inline struct inode inode(uint64_t ino)
{
	struct inode i = { 0 };

	CHECK_EQ(inode_get(c, ino, &i), 0);
	return i;
}

/* With so many bits of the hashes of names. */
static inline void xattr_box_open(unsigned hash_bits)
{
	dentry_hash_bits = hash_bits;
	c = tree_box_open();
	CHECK(c != NULL);
	CHECK_EQ(tree_make_root(c, 0, 0, 0755), 0);
}
