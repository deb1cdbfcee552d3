/* SPDX-License-Identifier: MIT */
/* Linking a file into a folder of tags, and removing it there. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/virtual/view_change.h"

/* ---- link, symlink */

static int link_in(struct viewing *x, uint64_t ino, uint64_t dir, struct inode *ret_i)
{
	struct view v;
	int r = viewing_tags_at(x, dir, &v);

	return r < 0 ? r : viewing_tag(x, ino, &v, ret_i);
}

static void link_file(fuse_req_t req, uint64_t ino, uint64_t dir)
{
	struct viewing x;
	struct inode i;
	int r;

	if (ops_replayed(req))
		return;
	r = viewing_begin(req, &x);
	if (r == 0) {
		r = link_in(&x, ino, dir, &i);
		viewing_end(&x);
	}
	if (r < 0)
		ops_reply_status(req, r);
	else
		viewing_reply_file(req, &i);
}

bool view_link(fuse_req_t req, uint64_t ino, uint64_t dir, const char *name)
{
	if (!view_is(dir) || is_virtual(ino))
		return false;
	if (view_takes_links(dir))
		view_link_to(req, ino, dir);
	else
		link_file(req, ino, dir);
	return true;
}

static int resolve(struct viewing *x, const struct view *v, const char *target, struct inode *ret_i)
{
	int r = viewing_path_of(x, v, &target);

	return r < 0 ? r : viewing_walk(x, target, ret_i);
}

static int symlink_in(struct viewing *x, const char *target, uint64_t dir)
{
	struct inode i;
	struct view v;
	int status, r = viewing_tags_at(x, dir, &v);

	if (r == 0)
		r = resolve(x, &v, target, &i);
	if (r == 0)
		r = viewing_was_done(x->req, &status) ? status : viewing_tag(x, i.ino, &v, &i);
	if (r >= 0) /* it is another inode to the kernel that was made */
		viewing_changed(x, i.ino);
	return r;
}

static void symlink_file(fuse_req_t req, const char *target, uint64_t dir, const char *name)
{
	struct viewing x;
	int r = viewing_begin(req, &x);

	if (r == 0) {
		r = symlink_in(&x, target, dir);
		viewing_end(&x);
	}
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_link(req, dir, name, target);
}

bool view_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name)
{
	if (!view_is(dir))
		return false;
	if (view_takes_links(dir))
		view_link_to_path(req, target, dir, name);
	else
		symlink_file(req, target, dir, name);
	return true;
}

/* ---- unlink */

/* A tag that narrows goes by itself once no file is left that it narrows; programs that remove all of a folder want to
 * have removed it. */
static bool is_narrowing(struct viewing *x, const struct view *v, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view below;

	return view_below(&x->l, v, name, &below, &target) == 2;
}

static int unlink_in(struct viewing *x, uint64_t dir, const char *name)
{
	struct inode i;
	struct view v;
	int r = viewing_tags_at(x, dir, &v);

	if (r == -EPERM && v.class == VIEW_SAVED) /* whoever removes the search removes what it shows first */
		return 0;
	if (r == 0)
		r = view_find(&x->l, &v, name, &i);
	if (r == -ENOENT && is_narrowing(x, &v, name))
		return 0;
	if (r == 0)
		r = viewing_may_write(x, &i);
	if (r == 0)
		r = viewing_untag(x, i.ino, &v);
	if (r >= 0) {
		view_note_removal(x->l.fs, dir);
		viewing_tell(x, dir, name, i.ino);
	}
	return MIN(r, 0);
}

bool view_unlink(fuse_req_t req, uint64_t dir, const char *name)
{
	if (!view_is(dir))
		return false;
	if (view_takes_links(dir))
		view_link_remove(req, dir, name);
	else
		viewing_remove(req, dir, name, unlink_in);
	return true;
}
