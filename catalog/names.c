/* SPDX-License-Identifier: MIT */
/* The names of an inode. The first stands in the inode record as (parent, cookie); each further hard
 * link has a record 'P' be64 ino, be64 directory, be64 cookie, with the value u8 1. So a file with one
 * name, almost every file, needs no record of its own to find its path. When the first name goes, one
 * of the others takes its place. Directories have exactly one name; the root and orphans have none,
 * parent 0.
 *
 * nlink of what is no directory is the number of names, which is how a lost 'P' record is noticed. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

#define NAME_KEY_LEN 25

static struct key name_key(uint64_t ino, uint64_t dir, uint64_t cookie)
{
	return key_u64(key_u64(key_u64(key_start('P'), ino), dir), cookie);
}

struct further_name {
	unsigned before; /* so many come first */
	uint64_t dir, cookie;
};

static int find_name(void *context, const struct record *record)
{
	struct further_name *name = context;

	if (name->before) {
		name->before--;
		return 0;
	}
	if (record->key_len != NAME_KEY_LEN)
		return -EBADMSG;
	name->dir = load_be64(record->key + 9);
	name->cookie = load_be64(record->key + 17);
	return 1;
}

/* The n-th further name, from 0. 1, 0: there are fewer, -errno. */
static int further_name(struct catalog *c, uint64_t ino, unsigned nth, uint64_t *ret_dir, uint64_t *ret_cookie)
{
	struct key prefix = key_u64(key_start('P'), ino);
	struct further_name name = { .before = nth };
	int r;

	r = records_foreach(c, &prefix, find_name, &name);
	if (r > 0) {
		*ret_dir = name.dir;
		*ret_cookie = name.cookie;
	}
	return r;
}

int name_nth(struct catalog *c, const struct inode *i, unsigned nth, uint64_t *ret_dir, uint64_t *ret_cookie)
{
	int r;

	if (!i->parent)
		return -ENOENT;
	if (nth) {
		r = further_name(c, i->ino, nth - 1, ret_dir, ret_cookie);
		return r ? MIN(r, 0) : -ENOENT;
	}
	*ret_dir = i->parent;
	*ret_cookie = i->cookie;
	return 0;
}

struct each_name {
	int (*name)(void *context, uint64_t dir, uint64_t cookie);
	void *context;
};

static int tell_name(void *context, const struct record *record)
{
	const struct each_name *each = context;

	if (record->key_len != NAME_KEY_LEN)
		return -EBADMSG;
	return each->name(each->context, load_be64(record->key + 9), load_be64(record->key + 17));
}

int tree_foreach_name(struct catalog *c, const struct inode *i,
		      int (*name)(void *context, uint64_t dir, uint64_t cookie), void *context)
{
	struct key prefix = key_u64(key_start('P'), i->ino);
	struct each_name each = { name, context };
	int r = i->parent ? name(context, i->parent, i->cookie) : 0;

	return r || S_ISDIR(i->mode) || i->nlink < 2 ? r : records_foreach(c, &prefix, tell_name, &each);
}

static bool is_first(const struct inode *i, uint64_t dir, uint64_t cookie)
{
	return i->parent == dir && i->cookie == cookie;
}

static void put_name(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie)
{
	struct key key = name_key(i->ino, dir, cookie);

	if (i->parent) {
		batch_put(op->b, key.bytes, key.len, "\1", 1);
		return;
	}
	i->parent = dir;
	i->cookie = cookie;
}

int name_add(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie)
{
	if (i->nlink >= TREE_LINK_MAX)
		return -EMLINK;
	put_name(op, i, dir, cookie);
	i->nlink++;
	return 0;
}

static int remove_further(struct tree_op *op, uint64_t ino, uint64_t dir, uint64_t cookie)
{
	struct key key = name_key(ino, dir, cookie);
	int r = batch_get(op->b, key.bytes, key.len, NULL);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	batch_remove(op->b, key.bytes, key.len);
	return 0;
}

/* A batch removes at most one name of an inode, so the cursor's view, what is committed, is right. */
static int promote(struct tree_op *op, struct inode *i)
{
	uint64_t dir, cookie;
	int r;

	r = further_name(op->c, i->ino, 0, &dir, &cookie);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	i->parent = dir;
	i->cookie = cookie;
	return remove_further(op, i->ino, dir, cookie);
}

int name_is_in(struct batch *b, const struct inode *i, uint64_t dir, uint64_t cookie)
{
	struct key key = name_key(i->ino, dir, cookie);
	int r;

	if (is_first(i, dir, cookie))
		return 1;
	r = S_ISDIR(i->mode) ? -ENOENT : batch_get(b, key.bytes, key.len, NULL);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int name_remove(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie)
{
	if (!i->nlink)
		return -EBADMSG;
	i->nlink--;
	if (!is_first(i, dir, cookie))
		return remove_further(op, i->ino, dir, cookie);
	i->parent = i->cookie = 0;
	return i->nlink ? promote(op, i) : 0;
}

int name_move(struct tree_op *op, struct inode *i, uint64_t dir, uint64_t cookie, uint64_t new_dir,
	      uint64_t new_cookie)
{
	int r;

	if (is_first(i, dir, cookie))
		i->parent = 0;
	else {
		r = remove_further(op, i->ino, dir, cookie);
		if (r < 0)
			return r;
	}
	put_name(op, i, new_dir, new_cookie);
	return 0;
}

/* Damage can tie directories into a ring, and trees may be deep: Brent's method finds a ring without
 * a limit on the depth. */
int dir_is_below(struct catalog *c, uint64_t dir, uint64_t top)
{
	uint64_t mark = dir;
	struct inode i;
	int r;

	for (uint64_t steps = 1, power = 1; dir != top; steps++) {
		r = inode_get(c, dir, &i);
		if (r < 0)
			return r == -ENOENT ? -EBADMSG : r;
		if (!i.parent)
			return 0;
		dir = i.parent;
		if (dir == mark)
			return -EBADMSG;
		if (steps == power) {
			mark = dir;
			power *= 2;
			steps = 0;
		}
	}
	return 1;
}
