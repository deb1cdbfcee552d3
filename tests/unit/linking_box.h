/* SPDX-License-Identifier: MIT */
/* Short hands of the tests of links. */
#pragma once

#include "catalog/found.h"
#include "catalog/links.h"
#include "tests/unit/derived.h"
#include "tests/unit/packed_box.h"
#include "tests/unit/xattr_box.h"

#define CITES "user.brainy.link.cites"

static inline uint64_t make(uint64_t dir, const char *name, mode_t mode)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = mode };
	struct inode i = { 0 };

	CHECK_EQ(tree_make(c, &rq, dir, name, &m, &i), 0);
	return i.ino;
}

static inline uint64_t folder(uint64_t dir, const char *name)
{
	return make(dir, name, S_IFDIR | 0755);
}

/* A new file, of which the index has heard. */
static inline uint64_t note(uint64_t dir, const char *name)
{
	uint64_t ino = make(dir, name, S_IFREG | 0644);

	CHECK_EQ(links_appeared(c, ino), 0);
	return ino;
}

static inline void move(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	struct tree_request rq = { 0 };
	struct tree_renamed renamed;

	CHECK_EQ(tree_rename(c, &rq, dir, name, new_dir, new_name, 0, NULL, NULL, &renamed), 0);
	if (renamed.replaced.ino)
		CHECK_EQ(tree_forget_inode(c, renamed.replaced.ino), 0);
	CHECK_EQ(links_appeared(c, renamed.moved.ino), 0);
}

static inline void drop(uint64_t dir, const char *name)
{
	struct tree_request rq = { 0 };
	struct inode i;

	CHECK_EQ(tree_unlink(c, &rq, dir, name, NULL, NULL, &i), 0);
	CHECK_EQ(tree_forget_inode(c, i.ino), 0);
	CHECK_EQ(inode_get(c, i.ino, &i), -ENOENT);
}

/* "wlinks:Name" and so on, one a word. */
static inline void add_link(struct buf *links, const char *word)
{
	const char *colon = strchr(word, ':');

	CHECK_EQ(buf_add(links, word, (size_t)(colon - word)), 0);
	CHECK_EQ(buf_add_u8(links, 0), 0);
	CHECK_EQ(buf_add(links, colon + 1, strlen(colon + 1) + 1), 0);
}

static inline void find_all(uint64_t ino, const struct buf *links, const char *fields, size_t fields_len)
{
	struct found f = { .tags = "",
			   .fields = fields,
			   .fields_len = fields_len,
			   .links = (const char *)links->data,
			   .links_len = links->len };

	CHECK_EQ(tree_set_found(c, ino, inode(ino).content_lsn, &f), 0);
}

static inline void find(uint64_t ino, const char *words)
{
	_cleanup_buf_ struct buf links = BUF_INIT;
	char copy[4096], *at = copy, *word;

	(void) snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&at, ";")))
		if (*word)
			add_link(&links, word);
	find_all(ino, &links, "", 0);
}

/* The only link of a file. */
static inline uint64_t target(uint64_t ino)
{
	CHECK(packed_count_of(links_from(c, ino)) <= 1);
	return packed_first_of(links_from(c, ino));
}

/* Records; of sets the members. */
static inline size_t records(char letter)
{
	return letter == 'W' ? packed_box_records(c, letter) : packed_box_count(c, letter);
}

static inline int count_found(void *context, const struct found_link *l)
{
	unsigned *n = context;

	*n += l->bound ? 1 << 16 : 1;
	return 0;
}

static inline unsigned found(uint64_t ino)
{
	unsigned n = 0;

	CHECK_EQ(links_foreach_found(c, ino, count_found, &n), 0);
	return n;
}

/* A new volume for each width of hashes, and after the tests it is opened again. */
static inline int linking_box_run(void (*test)(void))
{
	static const unsigned hash_bits[] = { 56, 4 };

	for (size_t k = 0; k < ARRAY_SIZE(hash_bits); k++) {
		xattr_box_open(hash_bits[k]);
		CHECK_EQ(derive_run(c), 0);
		test();
		c = tree_box_reopen(c);
		derived_check(c);
		tree_box_close(c);
	}
	return check_result();
}
