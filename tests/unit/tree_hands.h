/* SPDX-License-Identifier: MIT */
/* Short hands of the tests of the namespace, over the store of tree_box.h. Each runs with the real name hash, and
 * with one of 4 bits, where every record holds several names. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/dentry.h"
#include "catalog/tree.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

static struct catalog *c;

/* An empty store in the place of the one before. */
static inline void tree_hands_open(unsigned hash_bits)
{
	dentry_hash_bits = hash_bits;
	tree_box_close(c);
	c = tree_box_open();
	CHECK(c != NULL);
	CHECK_EQ(tree_make_root(c, 0, 0, 0755), 0);
}

/* Runs `test` over both kinds of name hash. */
static inline int tree_hands_run(void (*test)(void))
{
	static const unsigned hash_bits[] = { 56, 4 };

	for (size_t i = 0; i < ARRAY_SIZE(hash_bits); i++) {
		tree_hands_open(hash_bits[i]);
		test();
	}
	tree_box_close(c);
	return check_result();
}

/* ---- changes */

static inline struct tree_request request(void)
{
	return (struct tree_request){ .uid = 1000, .gid = 100 };
}

static inline int make(uint64_t dir, const char *name, mode_t mode, uint64_t *ret_ino)
{
	struct tree_request rq = request();
	struct tree_make m = { .mode = mode, .target = S_ISLNK(mode) ? "target" : NULL };
	struct inode i = { 0 };
	int r = tree_make(c, &rq, dir, name, &m, &i);

	if (ret_ino)
		*ret_ino = i.ino;
	return r;
}

static inline uint64_t made(uint64_t dir, const char *name, mode_t mode)
{
	uint64_t ino;

	CHECK_EQ(make(dir, name, mode, &ino), 0);
	return ino;
}

static inline uint64_t file(uint64_t dir, const char *name)
{
	return made(dir, name, S_IFREG | 0644);
}

static inline uint64_t directory(uint64_t dir, const char *name)
{
	return made(dir, name, S_IFDIR | 0755);
}

static inline int link_to(uint64_t ino, uint64_t dir, const char *name)
{
	struct tree_request rq = request();
	struct inode i;

	return tree_link(c, &rq, ino, dir, name, &i);
}

static inline int unlink_open(uint64_t dir, const char *name, bool open)
{
	struct tree_request rq = request();
	struct inode i;

	return tree_unlink(c, &rq, dir, name, open ? any_is_open : NULL, NULL, &i);
}

static inline int unlink_name(uint64_t dir, const char *name)
{
	return unlink_open(dir, name, false);
}

static inline int rmdir_name(uint64_t dir, const char *name)
{
	struct tree_request rq = request();
	struct inode i;

	return tree_rmdir(c, &rq, dir, name, &i);
}

static inline int rename_flags(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct tree_request rq = request();
	struct tree_renamed renamed;

	return tree_rename(c, &rq, dir, name, new_dir, new_name, flags, NULL, NULL, &renamed);
}

static inline int rename_to(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	return rename_flags(dir, name, new_dir, new_name, 0);
}

/* The inode number, or -errno. */
static inline int64_t lookup(uint64_t dir, const char *name)
{
	struct inode i;
	int r = tree_lookup(c, dir, name, &i);

	return r < 0 ? r : (int64_t)i.ino;
}

static inline struct inode inode(uint64_t ino)
{
	struct inode i = { 0 };

	CHECK_EQ(inode_get(c, ino, &i), 0);
	return i;
}

static inline void check_path(uint64_t ino, uint64_t top, unsigned nth, const char *want)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = tree_path(c, ino, top, nth, &path);

	if (!want)
		CHECK_EQ(r, -ENOENT);
	else
		CHECK_MEM(path.data ? path.data : (uint8_t *)"", path.len, want, strlen(want));
}

/* ---- directories */

struct listing {
	unsigned count;
	uint64_t cookies[600];
	char names[600][16];
};

static inline void list(uint64_t dir, struct listing *l)
{
	struct tree_dir *d;
	struct tree_entry e;
	uint64_t cookie = 0;

	l->count = 0;
	CHECK_EQ(tree_dir_open(c, dir, &d), 0);
	while (l->count < ARRAY_SIZE(l->names) && tree_dir_next(d, cookie, &e) > 0) {
		CHECK(e.cookie > cookie && e.cookie >= TREE_COOKIE_FIRST && e.cookie <= INT64_MAX);
		cookie = e.cookie;
		l->cookies[l->count] = cookie;
		(void) snprintf(l->names[l->count++], sizeof(l->names[0]), "%s", e.name);
	}
	CHECK_EQ(tree_dir_next(d, cookie, &e), 0);
	(void) tree_dir_close(d);
}
