/* SPDX-License-Identifier: MIT */
/* Views that have the tree of the mount in them: .related-to, .similar-to and .links. A folder is a folder
 * there, a file is one with what belongs to it. Who looks goes the way as it goes in the mount: what it does
 * not see is not there.
 *
 * Which names are of the path, and which are options: what the folder has is of the path. What it has not,
 * and any name below a file, is an option. */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/virtual/view_kinds.h"

int view_path_entry(struct looker *l, const struct view *v, const struct inode *i, struct view *ret_below)
{
	struct view below = { .class = v->class, .file = i->ino, .depth = v->depth + 1 };
	int r = S_ISDIR(i->mode) || S_ISREG(i->mode) ? looker_knows(l, i) : 0;

	if (r <= 0)
		return r;
	if (!S_ISDIR(i->mode))
		below.class = view_kind_of(v)->of_file;
	view_place(l->fs, &below);
	*ret_below = below;
	return 1;
}

int view_path_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		    struct buf *ret_target)
{
	struct inode i;
	int r = looker_enters(l, v->file);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = tree_lookup(l->fs->config.catalog, v->file, name, &i);
	if (r == 0)
		r = view_path_entry(l, v, &i, ret_below);
	if (r && r != -ENOENT)
		return r;
	return view_kind_of(v)->option ? view_kind_of(v)->option(l, v, name, ret_below) : -ENOENT;
}
