/* SPDX-License-Identifier: MIT */
/* What names that come, and inodes that go, mean to links. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/derive.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"

/* Files that wait are looked up so many at a time. */
#define WAITING_MAX 256u

/* ---- who waits */

static int settle(struct catalog *c, uint64_t ino, const struct links_wanted *wanted)
{
	int r = links_settle_found(c, ino, wanted);

	if (r >= 0)
		r = links_settle_user(c, ino);
	catalog_give_way(c);
	return r;
}

/* Those behind `after`. */
static int load_waiting(struct catalog *c, uint64_t stem, uint64_t after, uint64_t inos[WAITING_MAX],
			size_t *ret_n)
{
	struct key prefix = key_start('w');
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(c, &prefix);
	struct packed_member m;
	size_t n = 0;
	int r = 1;

	packed_walk_seek(&w, stem, after);
	while (n < WAITING_MAX && (r = packed_walk_next(&w, &m)) > 0 && m.a == stem)
		inos[n++] = m.b;
	*ret_n = n;
	return r == -EBADMSG ? 0 : MIN(r, 0);
}

static int wake(struct catalog *c, const struct links_wanted *wanted)
{
	uint64_t inos[WAITING_MAX], after = 0;
	size_t n;
	int r;

	do {
		r = load_waiting(c, wanted->hash, after, inos, &n);
		for (size_t k = 0; k < n && r >= 0; k++) {
			r = settle(c, inos[k], wanted);
			after = inos[k] + 1;
		}
	} while (r >= 0 && n == WAITING_MAX);
	return r;
}

/* ---- what has appeared */

struct appearing {
	struct catalog *c;
	uint64_t ino;
	uint64_t messages; /* label of the field, 0: none */
};

static int wake_name(void *context, uint64_t dir, uint64_t cookie)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	const struct appearing *a = context;
	struct links_wanted wanted = { 0 };
	int r = tree_name_at(a->c, dir, cookie, a->ino, &name);

	if (r < 0)
		return r == -ENOENT || r == -EBADMSG ? 0 : r;
	wanted.stem = (const char *)name.data;
	wanted.stem_len = file_stem_len(wanted.stem, name.len);
	r = file_stem_hash(a->c, wanted.stem, wanted.stem_len, &wanted.hash);
	return r < 0 ? r : wake(a->c, &wanted);
}

static int wake_message(void *context, uint64_t id)
{
	_cleanup_label_ struct label l = { 0 };
	_cleanup_buf_ struct buf stem = BUF_INIT;
	const struct appearing *a = context;
	struct links_wanted wanted = { 0 };
	int r = label_get(a->c, id, &l);

	if (r < 0 || l.above != a->messages)
		return r == -ENOENT || r == -EBADMSG ? 0 : MIN(r, 0);
	r = buf_add_u8(&stem, LINK_MESSAGE_MARK);
	if (r >= 0)
		r = buf_add(&stem, l.name.data, l.name.len);
	wanted.stem = (const char *)stem.data;
	wanted.stem_len = stem.len;
	if (r >= 0)
		r = file_stem_hash(a->c, wanted.stem, wanted.stem_len, &wanted.hash);
	return r < 0 ? r : wake(a->c, &wanted);
}

static int wake_messages(struct appearing *a, const struct inode *i)
{
	int r = i->flags & INODE_FOUND ? field_find_name(a->c, "message-id", &a->messages) : -ENOENT;

	if (r >= 0)
		r = found_foreach_label(a->c, i->ino, wake_message, a);
	return r == -ENOENT ? 0 : r;
}

int links_appeared(struct catalog *c, uint64_t ino)
{
	static const struct links_wanted all;
	struct appearing a = { .c = c, .ino = ino };
	struct inode i;
	int r = inode_get(c, ino, &i);

	if (r < 0 || !i.nlink || !S_ISREG(i.mode))
		return r == -ENOENT ? 0 : r;
	r = links_settle_found(c, ino, &all);
	if (r >= 0)
		r = tree_foreach_name(c, &i, wake_name, &a);
	return r < 0 ? r : wake_messages(&a, &i);
}

/* ---- what is going */

/* The first link to it. 1, 0: there is none. */
static int first_link(struct catalog *c, uint64_t ino, struct packed_member *ret_m)
{
	_cleanup_(packed_walk_done) struct packed_walk w = links_to(c, ino);

	return packed_walk_next(&w, ret_m);
}

/* A link of which the file that it stands in knows nothing. */
static int drop_link(struct catalog *c, uint64_t ino, const struct packed_member *m)
{
	struct inode src = { .ino = m->a };
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	derive_doubt(b);
	r = link_change(b, &src, ino, (uint32_t)m->b, -(int32_t)MIN(m->n, (uint32_t)INT32_MAX));
	if (r >= 0)
		return batch_commit(b, NULL);
	(void) batch_abort(b);
	return r;
}

/* It may have got a name again. Sets that cannot be read are made anew, without it. */
int links_forsake(struct catalog *c, uint64_t ino)
{
	const struct links_wanted wanted = { .gone = ino };
	const struct packed_walk links = links_to(c, ino);
	struct packed_member m;
	int r;

	while (link_is_alive(c, ino) == 0 && (r = first_link(c, ino, &m)) != 0) {
		if (r > 0)
			r = settle(c, m.a, &wanted);
		if (r >= 0)
			r = links_have(&links, m.a, (uint32_t)m.b);
		if (r > 0 && link_is_alive(c, ino) == 0)
			r = drop_link(c, ino, &m);
		if (r < 0)
			return r == -EBADMSG ? 0 : r;
	}
	return 0;
}

int links_forget(struct batch *b, struct inode *i)
{
	struct key path = links_part_key(i->ino, UINT8_MAX);
	int r = links_forget_found(b, i);

	if (r == 0)
		r = links_forget_user(b, i);
	if (r == 0 && i->flags & INODE_LINKED)
		batch_remove(b, path.bytes, path.len);
	return r;
}
