/* SPDX-License-Identifier: MIT */
/* From inodes to paths and back. A path is put together from the inode upwards, one name a step; a
 * rename in between can make it meet names that are not there, so damage is called only after a
 * second look while nothing changes. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/access.h"
#include "catalog/tree_impl.h"

/* ---- paths of inodes */

/* The steps of a path, the last first: each NUL-terminated in `names`. */
static int add_step(struct catalog *c, uint64_t dir, uint64_t cookie, uint64_t ino, struct buf *names)
{
	int r = dentry_name_at(c, dir, cookie, ino, names);

	return r < 0 ? r : buf_add_u8(names, 0);
}

static int reverse(const struct buf *names, struct buf *ret_path)
{
	size_t end = names->len;
	int r = 0;

	while (end && r >= 0) {
		size_t from = --end;

		while (from && names->data[from - 1])
			from--;
		if (end + 1 < names->len)
			r = buf_add_u8(ret_path, '/');
		if (r >= 0)
			r = buf_add(ret_path, names->data + from, end - from);
		end = from;
	}
	return r;
}

/* Collects the steps from `dir` up to `top`. A ring of directories would give no more than one of its
 * entries twice, see dir_is_below(). */
static int climb(struct catalog *c, uint64_t dir, uint64_t top, struct buf *names)
{
	struct inode i;
	int r;

	r = dir_is_below(c, dir, top);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	for (; dir != top; dir = i.parent) {
		r = inode_get(c, dir, &i);
		if (r >= 0)
			r = i.parent ? add_step(c, i.parent, i.cookie, dir, names) : -EBADMSG;
		if (r < 0)
			return r == -ENOENT ? -EBADMSG : r;
	}
	return 0;
}

static int path_once(struct catalog *c, uint64_t ino, uint64_t top, unsigned nth, struct buf *names)
{
	uint64_t dir, cookie;
	struct inode i;
	int r;

	r = inode_get(c, ino, &i);
	if (r >= 0)
		r = name_nth(c, &i, nth, &dir, &cookie);
	if (r >= 0)
		r = add_step(c, dir, cookie, ino, names);
	return r < 0 ? r : climb(c, dir, top, names);
}

int tree_path(struct catalog *c, uint64_t ino, uint64_t top, unsigned nth, struct buf *ret_path)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	struct batch *hold;
	int r;

	if (ino == top)
		return nth ? -ENOENT : 0;
	r = path_once(c, ino, top, nth, &names);
	if (r == -EBADMSG) {
		buf_reset(&names);
		hold = tree_hold(c);
		r = path_once(c, ino, top, nth, &names);
		tree_release(hold);
	}
	return r < 0 ? r : reverse(&names, ret_path);
}

int tree_path_held(struct catalog *c, uint64_t ino, uint64_t top, struct buf *ret_path)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	int r = ino == top ? 0 : path_once(c, ino, top, 0, &names);

	return r < 0 ? r : reverse(&names, ret_path);
}

int tree_name(struct catalog *c, const struct inode *i, unsigned nth, uint64_t *ret_dir, struct buf *ret_name)
{
	uint64_t cookie;
	int r = name_nth(c, i, nth, ret_dir, &cookie);

	return r < 0 ? r : dentry_name_at(c, *ret_dir, cookie, i->ino, ret_name);
}

int tree_name_at(struct catalog *c, uint64_t dir, uint64_t cookie, uint64_t ino, struct buf *ret_name)
{
	return dentry_name_at(c, dir, cookie, ino, ret_name);
}

static int below_once(struct catalog *c, uint64_t ino, uint64_t top)
{
	uint64_t dir, cookie;
	struct inode i;
	int r;

	r = inode_get(c, ino, &i);
	for (unsigned nth = 0; r >= 0; nth++) {
		r = name_nth(c, &i, nth, &dir, &cookie);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		r = dir_is_below(c, dir, top);
		if (r > 0 || nth + 1 >= i.nlink || S_ISDIR(i.mode))
			return r;
	}
	return r;
}

int tree_is_below(struct catalog *c, uint64_t ino, uint64_t top)
{
	struct batch *hold;
	int r;

	if (ino == top)
		return 1;
	r = below_once(c, ino, top);
	if (r != -EBADMSG)
		return r;
	hold = tree_hold(c);
	r = below_once(c, ino, top);
	tree_release(hold);
	return r;
}

/* ---- inodes of paths */

static int step_up(struct catalog *c, uint64_t top, struct inode *i)
{
	if (i->ino == top || !i->parent)
		return -ENOENT;
	return inode_get(c, i->parent, i);
}

static int step(struct catalog *c, uint64_t top, const char *name, struct inode *i)
{
	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	if (!*name || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return step_up(c, top, i);
	return tree_lookup(c, i->ino, name, i);
}

static int anybody(void *context, uint64_t dir)
{
	return 1;
}

int tree_walk(struct catalog *c, uint64_t top, const char *path, struct inode *ret_i)
{
	return access_walk(c, top, path, anybody, NULL, ret_i);
}

/* Whoever may not enter a directory must not see whether `name/..` is there. */
static int enter(const struct inode *i, int (*enters)(void *context, uint64_t dir), void *context)
{
	int r = S_ISDIR(i->mode) ? enters(context, i->ino) : 1;

	return r ? MIN(r, 0) : -ENOENT;
}

int access_walk(struct catalog *c, uint64_t top, const char *path, int (*enters)(void *context, uint64_t dir),
		void *context, struct inode *ret_i)
{
	char name[TREE_NAME_MAX + 1];
	struct inode i;
	int r;

	r = inode_get(c, top, &i);
	while (r >= 0 && *path) {
		size_t len = strcspn(path, "/");

		if (len > TREE_NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = 0;
		r = enter(&i, enters, context);
		if (r >= 0)
			r = step(c, top, name, &i);
		path += len + (path[len] == '/');
	}
	if (r < 0)
		return r;
	*ret_i = i;
	return 0;
}
