/* SPDX-License-Identifier: MIT */
/* A store whose trees are damaged, read page by page. Every page says its own number and kind, so leaves are
 * found without the pages above them. LMDB copies what it changes: leaves of former states lie about, and
 * their records would come back from the dead. The tree of free pages knows them, and they are given out as
 * stale; where that tree is damaged, too, all leaves count, those that the records' tree still reaches first.
 *
 * What is given out is bytes: the caller opens the seals, which also tells keys of the tree of free pages. */
#include "catalog/lmdb_salvage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_format.h"

#define PAGE_SIZE_USUAL 4096u

struct salvage {
	const uint8_t *map;
	uint64_t size;
	size_t page_size;
	struct lmdb_meta meta;
	bool have_meta, free_known;
	uint64_t pages;
	size_t bits_size;
	uint8_t *skip;  /* owned; a bit a page: free, or given out */
	uint8_t *free;  /* behind it: free (and pages of the tree of free pages, which hold no records) */
	bool stale;     /* what is given out now */
	salvage_fn record;
	void *context;
};

struct leaf_node {
	const uint8_t *key, *value;
	size_t key_len;
	uint64_t len;
};

static bool bit(const uint8_t *bits, uint64_t n)
{
	return bits[n >> 3] >> (n & 7) & 1;
}

static void set_bit(uint8_t *bits, uint64_t n)
{
	bits[n >> 3] |= (uint8_t)(1u << (n & 7));
}

/* The page if it says that it is page `n` and of that kind. */
static const uint8_t *page_of(const struct salvage *s, uint64_t n, unsigned flags, struct lmdb_page *ret_h)
{
	if (n < 2 || n >= s->pages)
		return NULL;
	memcpy(ret_h, s->map + n * s->page_size, sizeof(*ret_h));
	if (ret_h->number != n || ret_h->flags != flags)
		return NULL;
	return s->map + n * s->page_size;
}

static size_t node_count(const struct salvage *s, const struct lmdb_page *h)
{
	if (h->lower < sizeof(*h) || h->lower > s->page_size)
		return 0;
	return (h->lower - sizeof(*h)) / 2;
}

/* False: it does not lie in its page. */
static bool node_at(const struct salvage *s, const uint8_t *page, size_t i, struct lmdb_node *ret_n, size_t *ret_at)
{
	uint16_t at;

	memcpy(&at, page + sizeof(struct lmdb_page) + 2 * i, 2);
	if (at + sizeof(*ret_n) > s->page_size)
		return false;
	memcpy(ret_n, page + at, sizeof(*ret_n));
	*ret_at = at;
	return at + sizeof(*ret_n) + ret_n->key_len <= s->page_size;
}

static const uint8_t *big_value(const struct salvage *s, const uint8_t *place, uint64_t len)
{
	struct lmdb_page h;
	const uint8_t *first;
	uint64_t number;

	memcpy(&number, place, sizeof(number));
	first = page_of(s, number, LMDB_OVERFLOW, &h);
	if (!first || len > s->size - number * s->page_size - sizeof(h))
		return NULL;
	return first + sizeof(h);
}

static bool leaf_node(const struct salvage *s, const uint8_t *page, size_t i, struct leaf_node *ret)
{
	struct lmdb_node n;
	size_t at, inside;

	if (!node_at(s, page, i, &n, &at))
		return false;
	ret->key = page + at + sizeof(n);
	ret->key_len = n.key_len;
	ret->value = ret->key + n.key_len;
	ret->len = n.low | (uint64_t)n.high << 16;
	inside = s->page_size - at - sizeof(n) - n.key_len;
	if (!(n.flags & LMDB_BIG_VALUE))
		return ret->len <= inside;
	if (inside < sizeof(uint64_t))
		return false;
	ret->value = big_value(s, ret->value, ret->len);
	return ret->value;
}

static void give_leaf(struct salvage *s, uint64_t number)
{
	struct lmdb_page h;
	const uint8_t *page = page_of(s, number, LMDB_LEAF, &h);
	size_t n = page ? node_count(s, &h) : 0;
	struct leaf_node node;

	for (size_t i = 0; i < n; i++)
		if (leaf_node(s, page, i, &node) && node.key_len >= 1 && node.key_len <= 64)
			s->record(s->context, node.key, node.key_len, node.value, node.len, s->stale);
}

/* ---- trees, as far as they are whole */

static bool mark_free(struct salvage *s, const struct leaf_node *node)
{
	uint64_t n, page;

	if (node->len < sizeof(n))
		return false;
	memcpy(&n, node->value, sizeof(n));
	if (n > node->len / sizeof(n) - 1)
		return false;
	for (uint64_t i = 1; i <= n; i++) {
		memcpy(&page, node->value + i * sizeof(page), sizeof(page));
		if (page < s->pages)
			set_bit(s->skip, page);
	}
	return true;
}

static bool free_leaf(struct salvage *s, uint64_t number)
{
	struct lmdb_page h;
	const uint8_t *page = page_of(s, number, LMDB_LEAF, &h);
	size_t n = page ? node_count(s, &h) : 0;
	struct leaf_node node;

	for (size_t i = 0; i < n; i++)
		if (!leaf_node(s, page, i, &node) || !mark_free(s, &node))
			return false;
	return n > 0;
}

static bool records_leaf(struct salvage *s, uint64_t number)
{
	if (number < s->pages && !bit(s->skip, number)) {
		set_bit(s->skip, number);
		give_leaf(s, number);
	}
	return true;
}

/* False: some of it cannot be followed. */
static bool walk(struct salvage *s, uint64_t number, unsigned depth, bool (*leaf)(struct salvage *, uint64_t))
{
	struct lmdb_page h;
	const uint8_t *page;
	bool whole = true;
	size_t n;

	if (depth <= 1)
		return leaf(s, number);
	page = page_of(s, number, LMDB_BRANCH, &h);
	if (!page || bit(s->skip, number)) /* damage can make a circle */
		return false;
	set_bit(s->skip, number);
	n = page ? node_count(s, &h) : 0;
	for (size_t i = 0; i < n; i++) {
		struct lmdb_node node;
		size_t at;

		whole &= node_at(s, page, i, &node, &at) &&
			 walk(s, node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32, depth - 1, leaf);
	}
	return whole && n > 0;
}

static bool walk_tree(struct salvage *s, unsigned which, bool (*leaf)(struct salvage *, uint64_t))
{
	const struct lmdb_tree *t = &s->meta.trees[which];

	if (t->root == LMDB_NO_PAGE)
		return true;
	return t->depth >= 1 && t->depth < LMDB_DEPTH_MAX && walk(s, t->root, t->depth, leaf);
}

/* ---- the file */

static void find_meta(struct salvage *s)
{
	for (unsigned which = 0; which < 2; which++) {
		struct lmdb_meta m;

		if ((which + 1) * s->page_size > s->size)
			continue;
		memcpy(&m, s->map + which * s->page_size + sizeof(struct lmdb_page), sizeof(m));
		if (m.magic != LMDB_MAGIC || m.version != LMDB_VERSION ||
		    m.trees[LMDB_FREE_TREE].pad != s->page_size)
			continue;
		if (!s->have_meta || m.txn > s->meta.txn)
			s->meta = m;
		s->have_meta = true;
	}
}

static void give_free(struct salvage *s)
{
	s->stale = true;
	for (uint64_t n = 2; n < s->pages; n++)
		if (bit(s->free, n))
			give_leaf(s, n);
}

static int run(void *context)
{
	struct salvage *s = context;

	find_meta(s);
	s->free_known = s->have_meta && walk_tree(s, LMDB_FREE_TREE, free_leaf);
	if (!s->free_known)
		memset(s->skip, 0, s->bits_size);
	memcpy(s->free, s->skip, s->bits_size);
	if (s->have_meta)
		(void) walk_tree(s, LMDB_RECORDS, records_leaf);
	for (uint64_t n = 2; n < s->pages; n++)
		(void) records_leaf(s, n);
	give_free(s);
	return !s->free_known;
}

int lmdb_salvage(int fd, salvage_fn record, void *context)
{
	struct salvage s = { .page_size = PAGE_SIZE_USUAL, .record = record, .context = context };
	struct stat st;
	void *map;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	s.size = (uint64_t)st.st_size;
	s.pages = s.size / s.page_size;
	if (s.pages < 3)
		return -EBADMSG;
	s.bits_size = s.pages / 8 + 1;
	s.skip = calloc(2, s.bits_size);
	if (!s.skip)
		return -ENOMEM;
	map = mmap(NULL, s.size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		free(s.skip);
		return -errno;
	}
	s.map = map;
	s.free = s.skip + s.bits_size;
	r = fault_guard_run(run, &s, -EBADMSG);
	(void) munmap(map, s.size);
	free(s.skip);
	return r;
}
