/* SPDX-License-Identifier: MIT */
/* Links while files come and go: one thread finds them, as the index does, one takes files away and forgets
 * them, as programs and the reclaimer do, one sets them. In the end they are those of the files. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "catalog/found.h"
#include "catalog/links.h"
#include "tests/unit/derived.h"
#include "tests/unit/xattr_box.h"

#define NOTES 12

static const char *const names[NOTES] = { "a.md", "b.md", "c.md", "d.md", "e.md", "f.md",
					  "g.md", "h.md", "i.md", "j.md", "k.md", "l.md" };
static atomic_bool over;
static atomic_uint times_found, times_set;

static inline unsigned next(unsigned *state, unsigned n)
{
	*state = *state * 1103515245u + 12345u;
	return (*state >> 16) % n;
}

static inline int find_note(const char *name, struct inode *ret_i)
{
	return tree_lookup(c, ROOT_INO, name, ret_i);
}

/* Each file names some of the others. */
static inline void find_links(unsigned *state)
{
	_cleanup_buf_ struct buf links = BUF_INIT;
	struct found f = { .tags = "", .fields = "" };
	struct inode i;

	for (unsigned k = 0; k < NOTES; k++)
		if (next(state, 2))
			CHECK_EQ(buf_addf(&links, "wlinks%c%.1s%c", 0, names[k], 0), 0);
	f.links = links.data ? (const char *)links.data : "";
	f.links_len = links.len;
	if (find_note(names[next(state, NOTES)], &i) == 0)
		CHECK_EQ(tree_set_found(c, i.ino, i.content_lsn, &f), 0);
	if (find_note(names[next(state, NOTES)], &i) == 0)
		CHECK_EQ(links_appeared(c, i.ino), 0);
}

static inline void *finder(void *unused)
{
	unsigned state = 1;

	while (!atomic_load(&over)) {
		find_links(&state);
		atomic_fetch_add(&times_found, 1);
	}
	return NULL;
}

static inline void *setter(void *unused)
{
	unsigned state = 2;

	while (!atomic_load(&over)) {
		struct tree_request rq = { 0 };
		const char *target = names[next(&state, NOTES)];
		struct inode i;
		int r = find_note(names[next(&state, NOTES)], &i);

		if (r == 0)
			r = tree_setxattr(c, &rq, i.ino, "user.brainy.link.cites", target, strlen(target), 0);
		CHECK(r == 0 || r == -ENOENT);
		atomic_fetch_add(&times_set, 1);
	}
	return NULL;
}

/* Nobody else takes files away. */
static inline void come_and_go(unsigned *state)
{
	const char *name = names[next(state, NOTES)];
	struct tree_make m = { .mode = S_IFREG | 0644 };
	struct tree_request rq = { 0 };
	struct inode i;
	int r = tree_make(c, &rq, ROOT_INO, name, &m, &i);

	CHECK(r == 0 || r == -EEXIST);
	if (r == 0)
		return;
	CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
	CHECK_EQ(tree_forget_inode(c, i.ino), 0);
	CHECK_EQ(inode_get(c, i.ino, &i), -ENOENT);
}

static inline int check_bound(void *context, const struct found_link *l)
{
	char name[8];
	struct inode i;

	(void) snprintf(name, sizeof(name), "%.*s.md", (int)l->len, l->target);
	if (find_note(name, &i) < 0)
		i.ino = 0;
	CHECK_EQ(l->bound, i.ino);
	return 0;
}

/* Once the index has seen all of them. */
static inline void check_all(void)
{
	struct inode i;

	for (unsigned k = 0; k < NOTES; k++)
		if (find_note(names[k], &i) == 0)
			CHECK_EQ(links_appeared(c, i.ino), 0);
	for (unsigned k = 0; k < NOTES; k++)
		if (find_note(names[k], &i) == 0)
			CHECK_EQ(links_foreach_found(c, i.ino, check_bound, NULL), 0);
	derived_check(c);
}
