/* SPDX-License-Identifier: MIT */
/* The sets of links, made anew and compared with what they follow from; see derive.h. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/links_impl.h"
#include "catalog/walk.h"

/* ---- making */

/* What is in doubt is found again. */
static int find_again(struct batch *b, struct inode *i)
{
	links_drop_found(b, i);
	return queue_add(b, i, EVENT_RULES);
}

static int attach_part(struct batch *b, uint64_t ino, uint8_t part)
{
	struct inode i;
	int r = inode_get_in(b, ino, &i);

	if (r == -ENOENT) {
		struct key key = links_part_key(ino, part);

		batch_remove(b, key.bytes, key.len);
		return 0;
	}
	if (r >= 0 && part >= LINKS_PARTS)
		return 0;
	if (r >= 0)
		r = links_attach_found(b, &i, part);
	if (r == -ENOENT || r == -EBADMSG)
		r = find_again(b, &i);
	if (r >= 0)
		inode_put(b, &i);
	return r;
}

static int make_part(void *context, const struct record *record)
{
	struct catalog *c = context;
	uint64_t ino = record->key_len == 10 ? load_be64(record->key + 1) : 0;
	struct batch *b;
	int r = ino ? catalog_begin(c, true, &b) : -EBADMSG;

	if (r < 0)
		return r;
	r = attach_part(b, ino, record->key[9]);
	if (r >= 0)
		return batch_commit(b, NULL);
	(void) batch_abort(b);
	return r;
}

struct attaching {
	struct batch *b;
	struct inode *i;
};

static int attach_list(void *context, const char *name, size_t name_len, const void *value, size_t len)
{
	const struct attaching *a = context;
	size_t prefix = sizeof(LINK_XATTR) - 1, verb_len;
	bool old = name_len > prefix && memcmp(name, LINK_XATTR, prefix) == 0;

	return old || link_verb_of_stored(name, name_len, &verb_len)
		       ? links_attach_user(a->b, a->i, name, name_len)
		       : 0;
}

static int make_lists(void *context, const struct record *record)
{
	struct catalog *c = context;
	struct inode i;
	struct attaching a = { .i = &i };
	int r = inode_decode(load_be64(record->key + 1), record->value, record->value_len, &i);

	if (r < 0 || !i.sets[SET_XATTRS].count)
		return r;
	r = catalog_begin(c, true, &a.b);
	if (r >= 0)
		r = inode_get_in(a.b, i.ino, &i);
	if (r >= 0)
		r = xattr_foreach_stored(c, i.ino, attach_list, &a);
	if (r >= 0) {
		inode_put(a.b, &i);
		return batch_commit(a.b, NULL);
	}
	(void) batch_abort(a.b);
	return r;
}

int links_derive(struct catalog *c)
{
	struct key parts = key_start('W'), inodes = key_start('I');
	int r = records_foreach(c, &parts, make_part, c);

	return r < 0 ? r : records_foreach(c, &inodes, make_lists, c);
}

/* ---- comparing: sums of a hash of each member, as derive_verify.c has them */

struct sums {
	struct catalog *c;
	uint64_t ino;
	uint64_t from, to, waiting; /* what there must be, less what there is */
	uint32_t n;                 /* of what is told at present */
};

static uint64_t hash_of(uint64_t a, uint64_t b, uint64_t verb)
{
	return hash_mix64(hash_mix64(hash_mix64(a) + b) + verb);
}

static int expect(void *context, const struct found_link *l)
{
	struct sums *s = context;
	uint64_t stems[2];
	int n;

	if (l->bound) {
		s->from += s->n * hash_of(s->ino, l->bound, l->verb);
		s->to += s->n * hash_of(s->ino, l->bound, l->verb);
		return 0;
	}
	n = link_stems(s->c, l, stems);
	for (int k = 0; k < n; k++)
		s->waiting += hash_of(stems[k], s->ino, 0);
	return MIN(n, 0);
}

static int expect_inode(void *context, const struct record *record)
{
	struct sums *s = context;
	struct inode i;
	int r = inode_decode(load_be64(record->key + 1), record->value, record->value_len, &i);

	if (r < 0)
		return r;
	s->ino = i.ino;
	s->n = 1;
	if (i.flags & INODE_LINKS)
		r = links_foreach_found(s->c, i.ino, expect, s);
	s->n = LINK_BY_USER;
	return r < 0 || !i.sets[SET_XATTRS].count ? r : links_foreach_set(s->c, i.ino, expect, s);
}

static int subtract_links(struct sums *s, char letter)
{
	struct key prefix = key_start(letter);
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over_sets(s->c, &prefix);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		if (letter == 'L')
			s->from -= m.n * hash_of(packed_walk_set(&w), m.a, m.b);
		else
			s->to -= m.n * hash_of(m.a, packed_walk_set(&w), m.b);
	}
	return r;
}

static int subtract_waiting(struct sums *s)
{
	struct key prefix = key_start('w');
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(s->c, &prefix);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0)
		s->waiting -= m.n * hash_of(m.a, m.b, 0);
	return r;
}

int links_verify(struct catalog *c)
{
	struct sums s = { .c = c };
	struct key inodes = key_start('I');
	int r = records_foreach(c, &inodes, expect_inode, &s);

	if (r >= 0)
		r = subtract_links(&s, 'L');
	if (r >= 0)
		r = subtract_links(&s, 'l');
	if (r >= 0)
		r = subtract_waiting(&s);
	return r < 0 ? r : !s.from && !s.to && !s.waiting;
}
