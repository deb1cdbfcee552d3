/* SPDX-License-Identifier: MIT */
/* The bytes of LMDB's file, data version 1, as liblmdb 0.9 writes them on a 64-bit machine (its own
 * byte order). Private to lmdb_check.c.
 *
 * A file is an array of pages. Pages 0 and 1 are meta pages, written in turn: transaction t writes
 * page t & 1, and the one with the higher transaction is valid. Each names the roots of two B+ trees:
 * of free pages (transaction -> list) and of records. */
#pragma once

#include <assert.h>
#include <stdint.h>

#define LMDB_MAGIC 0xbeefc0deu
#define LMDB_VERSION 1u
#define LMDB_NO_PAGE UINT64_MAX
#define LMDB_FREE_TREE 0
#define LMDB_RECORDS 1
#define LMDB_DEPTH_MAX 32
#define LMDB_FREE_FLAGS 0x08u /* integer keys */

enum lmdb_page_flags { LMDB_BRANCH = 1, LMDB_LEAF = 2, LMDB_OVERFLOW = 4, LMDB_META = 8 };

struct lmdb_page {
	uint64_t number;
	uint16_t pad;
	uint16_t flags;
	union {
		struct {
			uint16_t lower, upper; /* free space lies between; offsets of nodes up to lower */
		};
		uint32_t pages; /* of an overflow page: how many follow each other */
	};
};
static_assert(sizeof(struct lmdb_page) == 16, "page header");

/* Followed by the key; in a leaf then the value, or the number of its first overflow page. */
struct lmdb_node {
	uint16_t low, high; /* leaf: length of the value; branch: page number, with `flags` above */
	uint16_t flags;
	uint16_t key_len;
};
static_assert(sizeof(struct lmdb_node) == 8, "node header");
#define LMDB_BIG_VALUE 1u

struct lmdb_tree {
	uint32_t pad; /* of the tree of free pages: page size */
	uint16_t flags;
	uint16_t depth;
	uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct lmdb_meta {
	uint32_t magic, version;
	uint64_t address, map_size;
	struct lmdb_tree trees[2];
	uint64_t last_page;
	uint64_t txn;
};
static_assert(sizeof(struct lmdb_meta) == 136, "meta page");
