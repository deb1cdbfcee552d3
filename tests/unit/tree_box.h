/* SPDX-License-Identifier: MIT */
/* The store below the tests of the tree: the one in memory, or with TREE_ON_STORE the real one. Each of
 * these tests is built twice. */
#pragma once

#include "tests/unit/check.h"

#ifdef TREE_ON_STORE
#include "tests/unit/catalog_box.h"

static struct box tree_box;

static inline struct catalog *tree_box_open(void)
{
	box_make(&tree_box);
	CHECK_EQ(box_open(&tree_box), 0);
	CHECK_EQ(catalog_start(tree_box.c), 0);
	return tree_box.c;
}

/* A new mount, after a kill; every second time with nothing left in the log. */
static inline struct catalog *tree_box_reopen(struct catalog *c)
{
	static unsigned times;

	if (times++ % 2)
		CHECK_EQ(catalog_checkpoint(c), 0);
	CHECK_EQ(box_reopen(&tree_box), 0);
	CHECK_EQ(catalog_start(tree_box.c), 0);
	return tree_box.c;
}

static inline void tree_box_close(struct catalog *c)
{
	if (!c)
		return;
	CHECK_EQ(box_stop(&tree_box), 0);
	CHECK_EQ(box_open(&tree_box), 0);
	CHECK(tree_box.report.clean);
	box_free(&tree_box);
}

#else
#include "tests/fakes/mem_catalog.h"

static inline struct catalog *tree_box_open(void)
{
	return mem_catalog_new();
}
static inline struct catalog *tree_box_reopen(struct catalog *c)
{
	mem_catalog_remount(c);
	return c;
}
static inline void tree_box_close(struct catalog *c)
{
	(void) catalog_close(c);
}
#endif
