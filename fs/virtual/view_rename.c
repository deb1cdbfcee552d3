/* SPDX-License-Identifier: MIT */
/* Moving files into views, out of them and from one to the other, and renaming what is there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/view_change.h"
#include "fs/virtual/view_find.h"

/* The place of a file's first name. */
static int place_of(struct viewing *x, const struct inode *i, uint64_t *ret_dir, struct buf *ret_name)
{
	int r = tree_name(x->c, i, 0, ret_dir, ret_name);

	return r < 0 ? r : buf_cstr(ret_name) ? 0 : -ENOMEM;
}

static bool keep_open(void *context, uint64_t ino)
{
	return true;
}

static void forget_names(struct viewing *x, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	viewing_forget_name(x, dir, name);
	viewing_forget_name(x, new_dir, new_name);
}

/* `tags`: what changes of them at once; or NULL. */
static int rename_file(struct viewing *x, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags,
		       const struct retag *tags)
{
	struct tree_renamed renamed = { 0 };
	struct tree_request rq = x->rq;
	int r;

	rq.tags = tags;
	forget_names(x, dir, name, new_dir, new_name);
	r = tree_rename(x->c, &rq, dir, name, new_dir, new_name, flags, keep_open, NULL, &renamed);
	if (r < 0)
		return r;
	forget_names(x, dir, name, new_dir, new_name);
	ops_reclaim(x->l.fs, &renamed.replaced, true);
	return 0;
}

/* The caller's right to change the name of a file in a folder, at which the kernel did not look. */
static int may_rename_in(struct viewing *x, uint64_t dir, const struct inode *file)
{
	const struct identity *who = caller_identity(&x->l.caller);
	struct inode i;
	int r = inode_get(x->c, dir, &i);

	if (r < 0 || x->l.caller.all)
		return r;
	r = access_permits(x->c, who, &i, ACCESS_WRITE | ACCESS_SEARCH);
	if (r <= 0)
		return r < 0 ? r : -EACCES;
	return i.mode & S_ISVTX && who->uid != i.uid && who->uid != file->uid ? -EPERM : 0;
}

/* Within one view the file gets another name where it is; onto another file's name, it takes that one's place, as editors
 * want it that save by renaming. What lies there and is not in the view nobody was asked about: it stays. */
static int rename_within(struct viewing *x, const struct view *v, const struct inode *i, const char *new_name, unsigned flags)
{
	_cleanup_buf_ struct buf name = BUF_INIT, other_name = BUF_INIT;
	uint64_t dir, new_dir;
	bool replaces = false;
	struct inode other;
	int r = place_of(x, i, &dir, &name);

	if (r < 0)
		return r;
	new_dir = dir;
	r = view_find(&x->l, v, new_name, &other);
	if (r == 0 && other.ino == i->ino)
		return 0;
	replaces = r == 0;
	if (replaces)
		r = place_of(x, &other, &new_dir, &other_name);
	else if (r == -ENOENT)
		r = buf_add_str(&other_name, new_name);
	if (!replaces)
		flags |= RENAME_NOREPLACE;
	if (r >= 0)
		r = may_rename_in(x, dir, i);
	if (r >= 0 && replaces)
		r = may_rename_in(x, new_dir, &other);
	if (r >= 0 && !buf_cstr(&other_name))
		r = -ENOMEM;
	return r < 0 ? r : rename_file(x, dir, (const char *)name.data, new_dir, (const char *)other_name.data, flags, NULL);
}

/* The file that is moved, from a view or a folder of the mount. */
static int find_moved(struct viewing *x, uint64_t dir, const char *name, struct view *ret_v, struct inode *ret_i)
{
	int r;

	if (!view_is(dir))
		return tree_lookup(x->c, dir, name, ret_i);
	r = view_of(x->l.fs, dir, ret_v);
	return r < 0 ? r : view_find(&x->l, ret_v, name, ret_i);
}

static int move_into_view(struct viewing *x, const struct view *from, const struct inode *i, const struct view *to)
{
	int r = view_has_tags(to) ? viewing_may_tag(x, i) : -EPERM;

	if (r < 0 || S_ISDIR(i->mode))
		return r < 0 ? r : -EISDIR; /* the kernel would take it for moved, with all below it */
	return viewing_tag_as(x, i->ino, to, from && view_has_tags(from) ? view_last_tag(from) : 0);
}

/* Out of a view: to where it is moved, and no longer tagged. */
static int move_out(struct viewing *x, const struct view *from, const struct inode *i, uint64_t new_dir, const char *new_name,
		    unsigned flags)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	uint64_t dir, tag = view_last_tag(from);
	const struct retag without = { .without = &tag, .n_without = 1 };
	bool untags = view_has_tags(from);
	int r = place_of(x, i, &dir, &name);

	if (r == 0)
		r = may_rename_in(x, dir, i);
	if (r == 0 && untags)
		r = viewing_may_write(x, i);
	if (r < 0)
		return r;
	return rename_file(x, dir, (const char *)name.data, new_dir, new_name, flags, untags ? &without : NULL);
}

/* Does the folder belong to a trash can, as freedesktop.org has them on each filesystem? */
static int is_trash(struct viewing *x, uint64_t dir)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = dir == ROOT_INO ? 0 : tree_path(x->c, dir, ROOT_INO, 0, &path);
	char *at, *save = NULL;

	if (r < 0 || !buf_cstr(&path))
		return r < 0 ? r : -ENOMEM;
	for (at = strtok_r(buf_cstr(&path), "/", &save); at; at = strtok_r(NULL, "/", &save))
		if (strcmp(at, "Trash") == 0 || strcmp(at, ".Trash") == 0 || strncmp(at, ".Trash-", 7) == 0)
			return 1;
	return 0;
}

/* To a trash can, views are another filesystem: what is thrown away in a view would leave the folder in which it lies, and what
 * comes from there would stay in the can, and go with it. Programs then offer to delete it, which only untags it, or copy it. */
static int check_trash(struct viewing *x, uint64_t dir, uint64_t new_dir)
{
	int r = 0;

	if (!view_is(dir))
		r = is_trash(x, dir);
	else if (!view_is(new_dir))
		r = is_trash(x, new_dir);
	return r > 0 ? -EXDEV : r;
}

/* The label that the last step of a whole name lies below, which is cut off it. -ENOENT: there is no such tag. */
static int split_name(struct viewing *x, struct buf *text, uint64_t *above)
{
	char *name = (char *)text->data, *slash;
	int r = 0;

	while (r >= 0 && (slash = strchr(name, '/'))) {
		r = label_find(x->c, *above, name, (size_t)(slash - name), above);
		name = slash + 1;
	}
	if (r >= 0)
		memmove(text->data, name, strlen(name) + 1);
	return r;
}

static int rename_folder(struct viewing *x, const struct view *v, uint64_t new_dir, const char *new_name, bool may_replace)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint64_t above = 0;
	struct view to;
	int r = view_is(new_dir) ? view_of(x->l.fs, new_dir, &to) : -EPERM;

	if (r == 0 && v->class == VIEW_SAVED) {
		r = view_is_saved(&to) ? view_saved_above(&x->l, &to, &above) : -EPERM;
		return r < 0 ? r : tree_rename_saved(x->c, &x->rq, v->id, above, new_name);
	}
	if (r == 0)
		r = viewing_may_rule(x);
	if (r == 0)
		r = viewing_label_of(&to, &above);
	if (r == 0)
		r = new_name[0] == '-' ? -EINVAL : viewing_decode(new_name, &text);
	if (r == 0)
		r = split_name(x, &text, &above);
	return r < 0 ? r : tree_rename_tag(x->c, &x->rq, v->id, above, (const char *)text.data, may_replace);
}

static int rename_in(struct viewing *x, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct view from, to;
	struct inode i;
	int r = flags & ~(unsigned)RENAME_NOREPLACE ? -EINVAL : 0;

	if (r == 0 && view_is(dir) && viewing_find_folder(x, dir, name, &from) == 0)
		return rename_folder(x, &from, new_dir, new_name, !(flags & RENAME_NOREPLACE));
	if (r == 0)
		r = check_trash(x, dir, new_dir);
	if (r == 0)
		r = find_moved(x, dir, name, &from, &i);
	if (r == 0 && view_is(new_dir))
		r = view_of(x->l.fs, new_dir, &to);
	if (r < 0)
		return r;
	if (view_is(dir) && dir == new_dir)
		return view_has_tags(&from) ? rename_within(x, &from, &i, new_name, flags) : -EPERM;
	r = view_is(new_dir) ? move_into_view(x, view_is(dir) ? &from : NULL, &i, &to)
			     : move_out(x, &from, &i, new_dir, new_name, flags);
	if (r >= 0)
		viewing_tell(x, new_dir, new_name, i.ino);
	if (r >= 0 && !view_is(dir)) /* the kernel says that it left, and it is still there */
		announcing_add_in(x->l.fs->virtual->announcing, dir, name);
	return MIN(r, 0);
}

bool view_rename(fuse_req_t req, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct viewing x;
	int r;

	if (!view_is(dir) && !view_is(new_dir))
		return false;
	if (view_takes_links(dir) && view_takes_links(new_dir)) {
		view_link_move(req, dir, name, new_dir, new_name);
		return true;
	}
	if (ops_replayed(req))
		return true;
	r = viewing_begin(req, &x);
	if (r == 0) {
		r = rename_in(&x, dir, name, new_dir, new_name, flags);
		viewing_end(&x);
	}
	ops_reply_status(req, r);
	return true;
}
