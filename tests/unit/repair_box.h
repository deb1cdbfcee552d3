/* SPDX-License-Identifier: MIT */
/* A catalog whose records are made to contradict each other, and repaired. */
#pragma once

#include "base/cleanup.h"
#include "catalog/dentry.h"
#include "catalog/extent_impl.h"
#include "catalog/repair.h"
#include "catalog/tree.h"
#include "tests/unit/catalog_box.h"

static struct box box;
static unsigned problems;

static inline void count_problem(void *context, const char *text)
{
	if (getenv("REPAIR_VERBOSE"))
		fprintf(stderr, "%s\n", text);
	problems++;
}

static const struct repair_config config = { .problem = count_problem };

/* ---- making */

static inline uint64_t made(uint64_t dir, const char *name, mode_t mode)
{
	struct tree_request rq = { .uid = 1000, .gid = 100 };
	struct tree_make m = { .mode = mode, .target = S_ISLNK(mode) ? "target" : NULL };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(box.c, &rq, dir, name, &m, &i), 0);
	return i.ino;
}

static inline struct batch *begin(void)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(box.c, false, &b), 0);
	return b;
}

static inline void drop(struct key key)
{
	struct batch *b = begin();

	CHECK_EQ(catalog_get(box.c, key.bytes, key.len, NULL), 0);
	batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static inline void put(struct key key, const void *value, size_t len)
{
	struct batch *b = begin();

	batch_put(b, key.bytes, key.len, value, len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static inline struct key entry_key(uint64_t dir, const char *name)
{
	struct dentry d;

	CHECK_EQ(dentry_init(&d, box.c, dir, name), 0);
	return d.key;
}

/* The first record with that prefix. */
static inline struct key first_key(struct key prefix)
{
	struct cursor *cur;
	const void *found, *value;
	struct key key = { .len = 0 };
	size_t len;

	CHECK_EQ(cursor_open(box.c, prefix.bytes, prefix.len, &cur), 0);
	CHECK_EQ(cursor_next(cur, &found, &key.len, &value, &len), 1);
	memcpy(key.bytes, found, key.len);
	(void) cursor_close(cur);
	return key;
}

static inline void write_inline(uint64_t ino, uint64_t offset, const char *text)
{
	struct extent e = { .offset = offset, .len = strlen(text), .kind = EXTENT_INLINE, .data = (const uint8_t *)text };
	struct batch *b = begin();
	struct inode i;

	CHECK_EQ(inode_get_in(b, ino, &i), 0);
	CHECK_EQ(extent_put(b, &i, &e), 0);
	if (i.size < offset + e.len)
		i.size = offset + e.len;
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* ---- repairing */

static inline void open_box(bool rehearse)
{
	box.config.read_only = box.config.rehearse = rehearse;
	CHECK_EQ(box_open(&box), 0);
	if (box.why)
		fprintf(stderr, "%s\n", box.why);
}

static inline unsigned rehearse(void)
{
	problems = 0;
	open_box(true);
	CHECK_EQ(catalog_repair(box.c, &config), 0);
	return problems;
}

enum before { KILLED, STOPPED, ALONE /* stopped, and the log holds nothing that could help */ };

/* Leaves the volume mounted. Returns how many problems there were. */
static inline unsigned repair(enum before before)
{
	struct buf kept = BUF_INIT;
	unsigned found;

	if (before == KILLED)
		box_close(&box);
	else
		CHECK_EQ(box_stop(&box), 0);
	if (before == ALONE)
		box_shell(&box, "rm $V/wal/segment-*");
	found = rehearse();
	found += (unsigned)catalog_verify(box.c, count_problem, NULL) > 0 ? problems - found : 0;
	if (found) {
		CHECK_EQ(catalog_repair_commit(box.c, &kept), 0);
		CHECK(strstr((const char *)kept.data, "damaged/"));
	}
	buf_done(&kept);
	box_close(&box);
	CHECK_EQ(rehearse(), 0);
	box_close(&box);
	open_box(false);
	return found;
}

static inline void begin_test(void)
{
	box_make(&box);
	open_box(false);
	CHECK_EQ(tree_make_root(box.c, 0, 0, 0755), 0);
}

static inline void end_test(void)
{
	CHECK_EQ(box_stop(&box), 0);
	box_free(&box);
}

static inline struct inode lookup(const char *path)
{
	struct inode i = { 0 };

	CHECK_EQ(tree_walk(box.c, ROOT_INO, path, &i), 0);
	return i;
}

static inline int state(const char *path)
{
	struct inode i;

	return tree_walk(box.c, ROOT_INO, path, &i);
}

static inline const char *lost_name(uint64_t ino)
{
	static char path[64];

	(void) snprintf(path, sizeof(path), "lost+found/#%llu", (unsigned long long)ino);
	return path;
}
