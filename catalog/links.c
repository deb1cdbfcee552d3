/* SPDX-License-Identifier: MIT */
/* Verbs, and the sets of links. */
#include "catalog/links.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/derive.h"
#include "catalog/labels.h"
#include "catalog/links_impl.h"
#include "catalog/packed_chunk.h"
#include "catalog/walk.h"

#define PART_PATH 255u
/* A longer one is forgotten. */
#define PATH_KEPT_MAX 8192u

/* ---- verbs */

bool link_verb_is_good(const char *name, size_t len)
{
	for (size_t k = 0; k < len; k++)
		if (!isalnum((unsigned char)name[k]) && name[k] != '_' && name[k] != '-')
			return false;
	return len > 0 && len <= LINK_VERB_MAX_LEN;
}

static int take_id(int r, uint64_t id, uint32_t *ret_verb)
{
	if (r < 0)
		return r;
	if (id > UINT32_MAX)
		return -ENOSPC;
	*ret_verb = (uint32_t)id;
	return 0;
}

int link_verb_find(struct catalog *c, const char *name, size_t len, uint32_t *ret_verb)
{
	uint64_t id = 0;
	int r = label_find(c, LABEL_ROOT_VERBS, name, len, &id);

	return take_id(r, id, ret_verb);
}

int link_verb_make(struct batch *b, const char *name, size_t len, uint32_t *ret_verb)
{
	uint64_t id = 0;
	int r = link_verb_is_good(name, len) ? label_find_in(b, LABEL_ROOT_VERBS, name, len, &id) : -EINVAL;

	if (r == -ENOENT)
		r = label_make(b, LABEL_ROOT_VERBS, name, len, LABEL_KEPT, 0, &id);
	return take_id(r, id, ret_verb);
}

int link_verb_name(struct catalog *c, uint32_t verb, struct buf *ret_name)
{
	_cleanup_label_ struct label l = { 0 };
	int r = label_get(c, verb, &l);

	if (r >= 0 && l.above != LABEL_ROOT_VERBS)
		r = -ENOENT;
	return r < 0 ? r : buf_add(ret_name, l.name.data, l.name.len);
}

/* ---- the sets */

static struct key from_prefix(uint64_t ino)
{
	return key_u64(key_start('L'), ino);
}

static struct key to_prefix(uint64_t ino)
{
	return key_u64(key_start('l'), ino);
}

struct key links_part_key(uint64_t ino, uint8_t part)
{
	return key_u8(key_u64(key_start('W'), ino), part);
}

struct packed_walk links_from(struct catalog *c, uint64_t ino)
{
	struct key prefix = from_prefix(ino);

	return packed_walk_over(c, &prefix);
}

struct packed_walk links_to(struct catalog *c, uint64_t ino)
{
	struct key prefix = to_prefix(ino);

	return packed_walk_over(c, &prefix);
}

int links_have(const struct packed_walk *links, uint64_t ino, uint32_t verb)
{
	uint32_t n = 0;
	int r = packed_set_get(links->c, &links->prefix, ino, verb, &n);

	return r < 0 ? r : n > 0;
}

static int mark_linked(struct batch *b, struct inode *src, uint64_t to)
{
	struct inode i;
	int r;

	if (to == src->ino) {
		src->flags |= INODE_LINKED;
		return 0;
	}
	r = inode_get_in(b, to, &i);
	if (r < 0 || i.flags & INODE_LINKED)
		return r;
	i.flags |= INODE_LINKED;
	inode_put(b, &i);
	return 0;
}

static int doubtful(struct batch *b, int r)
{
	if (r != -EBADMSG)
		return MIN(r, 0);
	derive_doubt(b);
	return 0;
}

int link_change(struct batch *b, struct inode *src, uint64_t to, uint32_t verb, int32_t add)
{
	const struct packed_change there = { .a = to, .b = verb, .add = add };
	const struct packed_change back = { .a = src->ino, .b = verb, .add = add };
	struct key from = from_prefix(src->ino), prefix = to_prefix(to);
	int r = add > 0 ? mark_linked(b, src, to) : 0, e;

	if (r < 0)
		return r;
	r = doubtful(b, packed_set_change(b, &from, &there, NULL));
	e = doubtful(b, packed_set_change(b, &prefix, &back, NULL));
	return r < 0 ? r : e;
}

int link_wait(struct batch *b, const struct inode *src, const struct found_link *l, int32_t add)
{
	struct key prefix = key_start('w');
	uint64_t stems[2];
	int n = link_stems(batch_catalog(b), l, stems), r = 0;

	for (int k = 0; k < n && r >= 0; k++)
		r = packed_set_change(b, &prefix,
				      &(struct packed_change){ .a = stems[k], .b = src->ino, .add = add },
				      NULL);
	return n < 0 ? n : doubtful(b, r);
}

int links_foreach(struct catalog *c, int (*link)(void *context, uint64_t from, uint64_t to, uint32_t verb),
		  void *context)
{
	struct key prefix = key_start('L');
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over_sets(c, &prefix);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = link(context, packed_walk_set(&w), m.a, (uint32_t)m.b);
		if (r)
			return r;
	}
	return r;
}

/* ---- ends */

static int has_name(int r, const struct inode *i)
{
	return r == -ENOENT || r == -EBADMSG ? 0 : r < 0 ? r : i->nlink > 0;
}

int link_is_alive(struct catalog *c, uint64_t ino)
{
	struct inode i;
	int r = inode_get(c, ino, &i);

	return has_name(r, &i);
}

int link_is_alive_in(struct batch *b, uint64_t ino)
{
	struct inode i;
	int r = inode_get_in(b, ino, &i);

	return has_name(r, &i);
}

int links_keep_path(struct batch *b, const struct inode *i)
{
	struct key key = links_part_key(i->ino, PART_PATH);
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = tree_path_held(batch_catalog(b), i->ino, ROOT_INO, &path);

	if (r >= 0 && path.len <= PATH_KEPT_MAX)
		batch_put(b, key.bytes, key.len, path.data, path.len);
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

int links_last_path(struct catalog *c, uint64_t ino, struct buf *ret_path)
{
	struct key key = links_part_key(ino, PART_PATH);

	return catalog_get(c, key.bytes, key.len, ret_path);
}
