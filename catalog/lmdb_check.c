/* SPDX-License-Identifier: MIT */
/* LMDB follows page numbers, offsets and lengths from its file without a look at them: damaged ones
 * end in a crash, or in live pages taken for free ones and overwritten. So, before it changes the file:
 *
 *   every page that a tree names lies in the file, says its own number, is of the kind that its depth
 *   asks for, and is named once;
 *   the nodes of a page fill exactly the space that the page says is in use;
 *   keys ascend, also across pages, and lie between the keys of the parent;
 *   free pages are below the last page, listed once, and used by nobody.
 *
 * What is left to go wrong lies in keys and values: facts.h and the seals look after those.
 *
 * Reading may begin before (vetting.c): then a damaged place is a fault that is caught, a key that does not
 * ascend or a value that does not open, and a record that is not found is missed by its set.
 *
 * One of the two meta pages may be damaged (a torn write, a flipped bit). The other one names the
 * state before, which the log reaches back to, or after a clean stop the same state: it takes the
 * place of the damaged one. */
#include "catalog/lmdb_check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_format.h"
#include "catalog/overlay.h"

#define PAGE_SIZE_MIN 512u
#define PAGE_SIZE_MAX 32768u
#define META_TXN (sizeof(struct lmdb_page) + offsetof(struct lmdb_meta, txn))

/* One of the two states. Functions return false and leave the page in `bad` when it is damaged. */
struct checker {
	const struct lmdb_check *check;
	const uint8_t *map;
	uint64_t size;           /* of the file */
	size_t page_size;
	struct lmdb_meta meta;
	uint8_t *seen;           /* a bit for each page up to the last */
	unsigned tree;           /* LMDB_FREE_TREE or LMDB_RECORDS */
	uint64_t bad;
	bool stopped;
};

struct slice {
	const uint8_t *data; /* NULL: no bound */
	size_t len;
};

static bool damaged(struct checker *k, uint64_t page)
{
	k->bad = page;
	return false;
}

static bool claim(struct checker *k, uint64_t page)
{
	uint8_t bit = (uint8_t)(1u << (page & 7));

	if (page < 2 || page > k->meta.last_page || (k->seen[page >> 3] & bit))
		return false;
	k->seen[page >> 3] |= bit;
	return true;
}

static const uint8_t *page_at(const struct checker *k, uint64_t page)
{
	return page < k->size / k->page_size ? k->map + page * k->page_size : NULL;
}

/* ---- nodes */

static struct lmdb_node node_at(const uint8_t *page, size_t offset)
{
	struct lmdb_node n;

	memcpy(&n, page + offset, sizeof(n));
	return n;
}

static size_t node_offset(const uint8_t *page, size_t i)
{
	uint16_t offset;

	memcpy(&offset, page + sizeof(struct lmdb_page) + 2 * i, 2);
	return offset;
}

static uint64_t value_len(const struct lmdb_node *n)
{
	return n->low | (uint64_t)n->high << 16;
}

static uint64_t child_of(const struct lmdb_node *n)
{
	return n->low | (uint64_t)n->high << 16 | (uint64_t)n->flags << 32;
}

static struct slice key_of(const uint8_t *page, size_t offset)
{
	return (struct slice){ page + offset + sizeof(struct lmdb_node), node_at(page, offset).key_len };
}

static size_t node_size(const struct lmdb_node *n, bool leaf)
{
	size_t size = sizeof(*n) + n->key_len;

	if (leaf)
		size += n->flags & LMDB_BIG_VALUE ? sizeof(uint64_t) : value_len(n);
	return (size + 1) & ~(size_t)1;
}

/* Nodes lie without gaps from `upper` to the end of the page, in any order. */
static bool nodes_fill_page(const struct checker *k, const uint8_t *page, const struct lmdb_page *h, bool leaf)
{
	uint16_t next[PAGE_SIZE_MAX / 2]; /* by half the offset: half the end of the node that begins there */
	size_t n = (h->lower - sizeof(*h)) / 2;
	size_t at = h->upper;

	memset(next + h->upper / 2, 0, k->page_size - h->upper);
	for (size_t i = 0; i < n; i++) {
		size_t offset = node_offset(page, i), size;
		struct lmdb_node node;

		if (offset < h->upper || offset % 2 || offset + sizeof(node) > k->page_size)
			return false;
		node = node_at(page, offset);
		size = node_size(&node, leaf);
		if (size > k->page_size - offset || next[offset / 2])
			return false;
		next[offset / 2] = (uint16_t)((offset + size) / 2);
	}
	for (; n > 0 && at < k->page_size && next[at / 2]; n--)
		at = 2u * next[at / 2];
	return n == 0 && at == k->page_size;
}

static int compare(const struct checker *k, struct slice a, struct slice b)
{
	uint64_t x, y;

	if (k->tree == LMDB_RECORDS)
		return key_compare(a.data, a.len, b.data, b.len);
	memcpy(&x, a.data, sizeof(x));
	memcpy(&y, b.data, sizeof(y));
	return x < y ? -1 : x > y;
}

static bool key_fits(const struct checker *k, struct slice key)
{
	return k->tree == LMDB_FREE_TREE ? key.len == sizeof(uint64_t) : key.len >= 1 && key.len <= 64;
}

/* The first key of a branch page stands for "anything smaller" and is not looked at. */
static bool keys_ascend(const struct checker *k, const uint8_t *page, size_t n, bool leaf, struct slice low,
			struct slice high)
{
	struct slice last = low;

	for (size_t i = leaf ? 0 : 1; i < n; i++) {
		struct slice key = key_of(page, node_offset(page, i));
		int least = last.data == low.data ? 0 : 1; /* the bound itself may occur */

		if (!key_fits(k, key) || (last.data && compare(k, key, last) < least))
			return false;
		last = key;
	}
	return !high.data || !last.data || compare(k, last, high) < 0;
}

/* ---- values */

/* NULL: damaged. */
static const uint8_t *big_value(struct checker *k, const uint8_t *place, uint64_t len)
{
	uint64_t number, needed = (sizeof(struct lmdb_page) - 1 + len) / k->page_size + 1;
	const uint8_t *first;
	struct lmdb_page h;

	memcpy(&number, place, sizeof(number));
	first = page_at(k, number);
	if (!first)
		return NULL;
	memcpy(&h, first, sizeof(h));
	if (h.number != number || h.flags != LMDB_OVERFLOW || h.pages < needed)
		return NULL;
	if (needed > k->size / k->page_size - number)
		return NULL;
	for (uint64_t i = 0; i < h.pages; i++)
		if (!claim(k, number + i))
			return NULL;
	return first + sizeof(h);
}

static bool free_list_good(struct checker *k, const uint8_t *key, const uint8_t *value, uint64_t len)
{
	uint64_t n, txn, page;

	memcpy(&txn, key, sizeof(txn));
	if (len < sizeof(n) || txn > k->meta.txn + 1) /* one later: see mend() */
		return false;
	memcpy(&n, value, sizeof(n));
	if (n > len / sizeof(n) - 1)
		return false;
	for (uint64_t i = 1, last = UINT64_MAX; i <= n; i++, last = page) {
		memcpy(&page, value + i * sizeof(page), sizeof(page));
		if (page >= last || !claim(k, page))
			return false;
	}
	return true;
}

static bool value_good(struct checker *k, const uint8_t *page, size_t offset)
{
	struct lmdb_node n = node_at(page, offset);
	const uint8_t *key = page + offset + sizeof(n), *value = key + n.key_len;
	uint64_t len = value_len(&n);

	if (n.flags & ~LMDB_BIG_VALUE)
		return false;
	if (n.flags & LMDB_BIG_VALUE)
		value = big_value(k, value, len);
	if (!value)
		return false;
	if (k->tree == LMDB_FREE_TREE)
		return free_list_good(k, key, value, len);
	if (k->check->record)
		k->check->record(k->check->context, key, n.key_len, value, len);
	return true;
}

/* ---- pages */

static bool check_page(struct checker *k, uint64_t number, unsigned depth, struct slice low, struct slice high);

static bool check_leaf(struct checker *k, const uint8_t *page, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!value_good(k, page, node_offset(page, i)))
			return false;
	return true;
}

static bool check_branch(struct checker *k, const uint8_t *page, size_t n, unsigned depth, struct slice low,
			 struct slice high)
{
	for (size_t i = 0; i < n; i++) {
		size_t offset = node_offset(page, i);
		struct lmdb_node node = node_at(page, offset);
		struct slice from = i == 0 ? low : key_of(page, offset);
		struct slice to = i + 1 < n ? key_of(page, node_offset(page, i + 1)) : high;

		if (!check_page(k, child_of(&node), depth - 1, from, to))
			return false;
	}
	return true;
}

/* `depth`: of the tree below and with this page; leaves have 1. */
static bool check_page(struct checker *k, uint64_t number, unsigned depth, struct slice low, struct slice high)
{
	const uint8_t *page = claim(k, number) ? page_at(k, number) : NULL;
	bool leaf = depth == 1;
	struct lmdb_page h;
	size_t n;

	if (k->check->stop && atomic_load_explicit(k->check->stop, memory_order_relaxed)) {
		k->stopped = true;
		return false;
	}
	if (!page)
		return damaged(k, number);
	memcpy(&h, page, sizeof(h));
	if (h.number != number || h.flags != (leaf ? LMDB_LEAF : LMDB_BRANCH))
		return damaged(k, number);
	if (h.lower < sizeof(h) || h.lower % 2 || h.upper % 2 || h.lower > h.upper || h.upper > k->page_size)
		return damaged(k, number);
	n = (h.lower - sizeof(h)) / 2;
	if (n < (!leaf && k->tree == LMDB_RECORDS ? 2 : 1) || !nodes_fill_page(k, page, &h, leaf) ||
	    !keys_ascend(k, page, n, leaf, low, high))
		return damaged(k, number);
	if (!leaf)
		return check_branch(k, page, n, depth, low, high);
	return check_leaf(k, page, n) || damaged(k, number);
}

static bool check_tree(struct checker *k, unsigned which)
{
	const struct lmdb_tree *t = &k->meta.trees[which];
	const struct slice none = { NULL, 0 };

	k->tree = which;
	if (t->flags != (which == LMDB_FREE_TREE ? LMDB_FREE_FLAGS : 0))
		return damaged(k, 0);
	if (t->root == LMDB_NO_PAGE)
		return t->depth == 0 || damaged(k, 0);
	if (t->depth < 1 || t->depth >= LMDB_DEPTH_MAX)
		return damaged(k, 0);
	return check_page(k, t->root, t->depth, none, none);
}

/* ---- the two states */

static bool page_size_good(uint32_t size)
{
	return size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* Reads meta page `which` at page size `size`. */
static bool load_meta(struct checker *k, unsigned which, size_t size)
{
	struct lmdb_page h;
	const struct lmdb_meta *m = &k->meta;

	if ((which + 1) * size > k->size)
		return false;
	memcpy(&h, k->map + which * size, sizeof(h));
	memcpy(&k->meta, k->map + which * size + sizeof(h), sizeof(k->meta));
	k->page_size = size;
	return h.number == which && h.flags == LMDB_META && m->magic == LMDB_MAGIC &&
	       m->version == LMDB_VERSION && m->trees[LMDB_FREE_TREE].pad == size &&
	       (m->txn == 0 || (m->txn & 1) == which) && m->last_page >= 1 && m->last_page < k->check->pages_max;
}

/* The page size stands in both meta pages, one of which may be damaged: find the size at which a
 * second one lies, the usual one first. */
static size_t find_page_size(struct checker *k)
{
	for (size_t size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2)
		if (load_meta(k, 1, size))
			return size;
	memcpy(&k->meta, k->map + sizeof(struct lmdb_page), sizeof(k->meta));
	return page_size_good(k->meta.trees[LMDB_FREE_TREE].pad) ? k->meta.trees[LMDB_FREE_TREE].pad : 0;
}

static int check_state(struct checker *k, unsigned which, size_t page_size)
{
	bool good;

	if (!load_meta(k, which, page_size)) {
		k->bad = which;
		return -EBADMSG;
	}
	k->seen = calloc(1, k->meta.last_page / 8 + 1);
	if (!k->seen)
		return -ENOMEM;
	if (k->check->start)
		k->check->start(k->check->context);
	good = check_tree(k, LMDB_RECORDS) && check_tree(k, LMDB_FREE_TREE);
	free(k->seen);
	if (k->stopped)
		return -ECANCELED;
	return good ? 0 : -EBADMSG;
}

/* Which meta page LMDB would take. */
static unsigned newest(struct checker *k, size_t page_size, bool *ret_both)
{
	bool good[2];
	uint64_t txn[2];

	for (unsigned i = 0; i < 2; i++) {
		good[i] = load_meta(k, i, page_size);
		txn[i] = k->meta.txn;
	}
	*ret_both = good[0] && good[1];
	return !good[0] || (good[1] && txn[1] > txn[0]);
}

/* Puts the good meta page in the place of the other, as if it were of the transaction before: the two
 * places belong to odd and even ones. */
static int mend(struct checker *k, unsigned good, size_t page_size)
{
	_cleanup_free_ uint8_t *page = NULL;
	struct lmdb_page h;
	uint64_t txn;

	if (!k->check->mend)
		return -EBADMSG;
	page = malloc(page_size);
	if (!page)
		return -ENOMEM;
	memcpy(page, k->map + good * page_size, page_size);
	memcpy(&h, page, sizeof(h));
	h.number = !good;
	memcpy(page, &h, sizeof(h));
	memcpy(&txn, page + META_TXN, sizeof(txn));
	txn -= txn > 0;
	memcpy(page + META_TXN, &txn, sizeof(txn));
	if (pwrite(k->check->fd, page, page_size, (off_t)(!good * page_size)) != (ssize_t)page_size)
		return -EIO;
	return fdatasync(k->check->fd) < 0 ? -errno : 0;
}

static int check_states(struct checker *k)
{
	size_t page_size = find_page_size(k);
	unsigned first;
	bool both;
	int r;

	if (page_size == 0)
		return -EBADMSG;
	first = newest(k, page_size, &both);
	if (k->check->depth == LMDB_CHECK_NEWEST)
		return check_state(k, first, page_size);
	if (k->check->depth == LMDB_CHECK_OUTSIDE && both)
		return 1;
	r = check_state(k, first, page_size);
	if (r >= 0)
		return both ? 0 : mend(k, first, page_size);
	if (r != -EBADMSG || !both)
		return r;
	r = check_state(k, !first, page_size);
	return r < 0 ? r : mend(k, !first, page_size);
}

/* ---- the file */

static int run(void *context)
{
	return check_states(context);
}

int lmdb_check(const struct lmdb_check *check, char **ret_why)
{
	struct checker k = { .check = check };
	struct stat st;
	void *map;
	int r;

	if (fstat(check->fd, &st) < 0)
		return -errno;
	k.size = (uint64_t)st.st_size;
	if (k.size == 0)
		return 0; /* LMDB has not written to it yet */
	map = mmap(NULL, k.size, PROT_READ, MAP_SHARED, check->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	k.map = map;
	r = fault_guard_run(run, &k, -EBADMSG);
	(void) munmap(map, k.size);
	if (r == -EBADMSG && asprintf(ret_why, "catalog/data.mdb is damaged at page %llu",
				      (unsigned long long)k.bad) < 0)
		*ret_why = NULL;
	return r;
}
