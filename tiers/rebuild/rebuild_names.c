/* SPDX-License-Identifier: MIT */
/* What a file is called, and what hangs on it. Files come in the order of their packs, the latest first, after all folders:
 * one that finds its name taken is the older one, unless it is an older folder that has it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/rebuild/rebuild_impl.h"

static struct catalog *catalog_of(const struct rebuilding *rb)
{
	return rb->config.files->catalog;
}

/* ---- names */

static int link_aside(struct rebuilding *rb, const char *name, void *context)
{
	const uint64_t *ino = context;
	struct tree_request rq = { 0 };
	struct inode i;

	return tree_link(catalog_of(rb), &rq, *ino, rb->lost_found, name, &i);
}

struct moving {
	uint64_t dir;
	const char *name;
};

static int move_aside(struct rebuilding *rb, const char *name, void *context)
{
	const struct moving *m = context;
	struct tree_request rq = { 0 };
	struct tree_renamed done;

	return tree_rename(catalog_of(rb), &rq, m->dir, m->name, rb->lost_found, name, RENAME_NOREPLACE, NULL, NULL, &done);
}

static struct folder *folder_made(struct rebuilding *rb, uint64_t made)
{
	for (size_t k = 0; k < rb->n_folders; k++)
		if (rb->folders[k].made == made)
			return &rb->folders[k];
	return NULL;
}

/* A folder has the name that a file of a pack of this LSN wants. 1: it gave way. 0: it is the later one, or no folder. */
static int give_way(struct rebuilding *rb, uint64_t dir, const char *name, uint64_t lsn)
{
	_cleanup_buf_ struct buf path = BUF_INIT, where = BUF_INIT;
	struct moving m = { dir, name };
	struct folder *d;
	struct inode i;
	int r = tree_lookup(catalog_of(rb), dir, name, &i);

	if (r < 0 || !S_ISDIR(i.mode))
		return MIN(r, 0);
	d = folder_made(rb, i.ino);
	if (!d || d->lsn >= lsn)
		return 0;
	r = rebuild_put_aside(rb, d->inode.ino, d->name, move_aside, &m, &where);
	if (r >= 0)
		r = rebuild_path(rb, d->parent, d->name, &path);
	if (r < 0)
		return r;
	rebuild_tell(rb, "%.*s/: a later file has its name; this folder is now %.*s", (int)path.len, (char *)path.data,
		     (int)where.len, (char *)where.data);
	return 1;
}

/* *ret_why: NULL, or why it cannot have the name. */
static int link_name(struct rebuilding *rb, const struct pack_name *name, uint64_t lsn, uint64_t ino, const char **ret_why)
{
	const struct folder *d = rebuild_find_folder(rb, name->parent);
	struct tree_request rq = { 0 };
	struct inode i;
	int r;

	*ret_why = "no pack says where its folder was";
	if (!d)
		return 0;
	*ret_why = "a later one has its name";
	r = tree_link(catalog_of(rb), &rq, ino, d->made, name->name, &i);
	if (r == -EEXIST) {
		r = give_way(rb, d->made, name->name, lsn);
		if (r <= 0)
			return r;
		r = tree_link(catalog_of(rb), &rq, ino, d->made, name->name, &i);
	}
	if (r >= 0)
		*ret_why = NULL;
	return r;
}

static int place_aside(struct rebuilding *rb, const struct pack_entry *e, uint64_t ino, struct buf *ret_where)
{
	return rebuild_put_aside(rb, e->inode.ino, e->n_names ? e->names[0].name : "", link_aside, &ino, ret_where);
}

static int tell_name(struct rebuilding *rb, const struct pack_name *name, const char *why, const struct buf *where)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = rebuild_path(rb, name->parent, name->name, &path);

	if (r >= 0)
		rebuild_tell(rb, "%.*s: %s; the file is now %.*s", (int)path.len, (char *)path.data, why, (int)where->len,
			     (char *)where->data);
	return r;
}

/* `why` has a place for each name. */
static int link_all(struct rebuilding *rb, const struct pack_entry *e, uint64_t lsn, uint64_t ino, const char **why,
		    struct buf *ret_where)
{
	int r = 0;

	for (uint32_t k = 0; r >= 0 && k < e->n_names; k++) {
		r = link_name(rb, &e->names[k], lsn, ino, &why[k]);
		if (r >= 0 && !why[k] && ret_where->len == 0)
			r = rebuild_path(rb, e->names[k].parent, e->names[k].name, ret_where);
	}
	return r < 0 || ret_where->len ? r : place_aside(rb, e, ino, ret_where);
}

int rebuild_place(struct rebuilding *rb, const struct pack_entry *e, uint64_t lsn, uint64_t ino, bool aside,
		  struct buf *ret_where)
{
	_cleanup_free_ const char **why = NULL;
	int r;

	if (aside || e->n_names == 0)
		return place_aside(rb, e, ino, ret_where);
	why = calloc(e->n_names, sizeof(*why));
	r = why ? link_all(rb, e, lsn, ino, why, ret_where) : -ENOMEM;
	/* Now it is known what it is called instead. */
	for (uint32_t k = 0; r >= 0 && k < e->n_names; k++)
		if (why[k])
			r = tell_name(rb, &e->names[k], why[k], ret_where);
	return r;
}

/* ---- attributes */

int rebuild_set_attributes(struct rebuilding *rb, uint64_t ino, const struct pack_inode *from)
{
	struct batch *b;
	struct inode i;
	int r = catalog_begin(catalog_of(rb), false, &b);

	if (r < 0)
		return r;
	r = inode_get_in(b, ino, &i);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	i.mode = (i.mode & S_IFMT) | (from->mode & 07777);
	i.uid = from->uid;
	i.gid = from->gid;
	i.atime = from->atime;
	i.mtime = from->mtime;
	i.ctime = from->ctime;
	i.btime = from->btime;
	inode_put(b, &i);
	batch_note(b, ino, EVENT_ATTR);
	return batch_commit(b, NULL);
}

/* What the catalog does not take is told: a list of tags that is none, say. */
int rebuild_set_xattr(struct rebuilding *rb, uint64_t ino, const char *path, const char *name, const void *value,
		      size_t len)
{
	struct tree_request rq = { 0 };
	int r = tree_setxattr(catalog_of(rb), &rq, ino, name, value, len, 0);

	if (r != -EINVAL && r != -ERANGE && r != -E2BIG)
		return MIN(r, 0);
	rebuild_tell(rb, "%s: xattr %s cannot be kept: %s", path, name, strerrordesc_np(-r));
	return 0;
}
