/* SPDX-License-Identifier: MIT */
/* Folders, and what finds no place in them. The one that was packed last is made first: who comes later and finds the name
 * taken is the older one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/rebuild/rebuild_impl.h"

#define LOST_FOUND "lost+found"
#define LOST_FOUND_ELSE "lost+found.rebuilt"
#define NAMES_MAX 100u /* of one inode in lost+found, until one is free */
#define DEPTH_MAX 4096u

static const struct tree_make make_folder = { .mode = S_IFDIR | 0700 };

static struct catalog *catalog_of(const struct rebuilding *rb)
{
	return rb->config.files->catalog;
}

struct folder *rebuild_find_folder(const struct rebuilding *rb, uint64_t ino)
{
	uint32_t place;

	return ino && ino_places_get(&rb->places, ino, &place) == 0 ? &rb->folders[place] : NULL;
}

/* ---- paths, for people */

static int prepend(struct buf *path, const char *name)
{
	_cleanup_buf_ struct buf longer = BUF_INIT;
	int r = buf_addf(&longer, "%s%s", name, path->len ? "/" : "");

	if (r >= 0)
		r = buf_add(&longer, path->data, path->len);
	if (r >= 0) {
		struct buf swap = *path;

		*path = longer;
		longer = swap;
	}
	return r;
}

int rebuild_path(const struct rebuilding *rb, uint64_t parent, const char *name, struct buf *ret_path)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = buf_add_str(&path, name);

	for (unsigned n = 0; r >= 0 && parent != ROOT_INO && n < DEPTH_MAX; n++) {
		const struct folder *d = rebuild_find_folder(rb, parent);

		r = prepend(&path, d ? d->name : "?");
		if (!d)
			break;
		parent = d->parent;
	}
	return r < 0 ? r : buf_add(ret_path, path.data, path.len);
}

/* ---- lost+found */

/* Its owner is the root's. */
static struct tree_request request_of_owner(const struct rebuilding *rb)
{
	const struct folder *root = rebuild_find_folder(rb, ROOT_INO);
	struct inode i = { 0 };

	if (root)
		return (struct tree_request){ .uid = root->inode.uid, .gid = root->inode.gid };
	(void) inode_get(catalog_of(rb), ROOT_INO, &i);
	return (struct tree_request){ .uid = i.uid, .gid = i.gid };
}

static int make_lost_found(struct rebuilding *rb)
{
	static const char *const names[] = { LOST_FOUND, LOST_FOUND_ELSE };
	struct tree_request rq = request_of_owner(rb);
	struct inode i;
	int r = -EEXIST;

	for (size_t k = 0; k < ARRAY_SIZE(names) && r == -EEXIST; k++) {
		r = tree_make(catalog_of(rb), &rq, ROOT_INO, names[k], &make_folder, &i);
		if (r == -EEXIST && tree_lookup(catalog_of(rb), ROOT_INO, names[k], &i) >= 0 && S_ISDIR(i.mode))
			r = 0;
		rb->lost_found_name = names[k];
	}
	if (r >= 0)
		rb->lost_found = i.ino;
	return r;
}

/* "#12-name", the n-th try. */
static void aside_name(uint64_t ino, const char *name, unsigned n, char ret_name[TREE_NAME_MAX + 1])
{
	if (n == 0)
		(void) snprintf(ret_name, TREE_NAME_MAX + 1, "#%llu-%s", (unsigned long long)ino, name);
	else
		(void) snprintf(ret_name, TREE_NAME_MAX + 1, "#%llu-%u-%s", (unsigned long long)ino, n, name);
}

int rebuild_put_aside(struct rebuilding *rb, uint64_t old_ino, const char *name, rebuild_put_fn put, void *context,
		      struct buf *ret_where)
{
	char aside[TREE_NAME_MAX + 1];
	int r = rb->lost_found ? -EEXIST : make_lost_found(rb);

	if (r < 0 && !rb->lost_found)
		return r;
	r = -EEXIST;
	for (unsigned n = 0; n < NAMES_MAX && r == -EEXIST; n++) {
		aside_name(old_ino, name, n, aside);
		r = put(rb, aside, context);
	}
	if (r < 0)
		return r;
	rb->report->aside++;
	return buf_addf(ret_where, "%s/%s", rb->lost_found_name, aside);
}

/* ---- folders */

static int put_folder(struct rebuilding *rb, const char *name, void *context)
{
	struct tree_request rq = { 0 };

	return tree_make(catalog_of(rb), &rq, rb->lost_found, name, &make_folder, context);
}

static int make_aside(struct rebuilding *rb, const struct folder *d, const char *why, struct inode *ret_i)
{
	_cleanup_buf_ struct buf path = BUF_INIT, where = BUF_INIT;
	int r = rebuild_put_aside(rb, d->inode.ino, d->name, put_folder, ret_i, &where);

	if (r >= 0)
		r = rebuild_path(rb, d->parent, d->name, &path);
	if (r >= 0)
		rebuild_tell(rb, "%.*s/: %s; this folder is now %.*s", (int)path.len, (char *)path.data, why, (int)where.len,
			     (char *)where.data);
	return r;
}

static int make(struct rebuilding *rb, struct folder *d);

/* Its new number in *ret_ino, 0 when there is no such folder. */
static int make_parent(struct rebuilding *rb, uint64_t ino, uint64_t *ret_ino)
{
	struct folder *d = rebuild_find_folder(rb, ino);
	int r = d && !d->made && !d->making ? make(rb, d) : 0;

	*ret_ino = d ? d->made : 0;
	return r;
}

static int make_in(struct rebuilding *rb, struct folder *d, struct inode *ret_i)
{
	struct tree_request rq = { 0 };
	uint64_t parent;
	int r = make_parent(rb, d->parent, &parent);

	if (r < 0)
		return r;
	if (!parent)
		return make_aside(rb, d, "no pack says where it was", ret_i);
	r = tree_make(catalog_of(rb), &rq, parent, d->name, &make_folder, ret_i);
	return r == -EEXIST ? make_aside(rb, d, "a later folder has its name", ret_i) : r;
}

static int make(struct rebuilding *rb, struct folder *d)
{
	struct inode i;
	int r;

	if (d->inode.ino == ROOT_INO) {
		d->made = ROOT_INO;
		return 0;
	}
	d->making = true;
	r = make_in(rb, d, &i);
	d->making = false;
	if (r < 0)
		return r;
	d->made = i.ino;
	rb->report->directories++;
	return 0;
}

static int later_first(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;

	if (x->lsn != y->lsn)
		return x->lsn > y->lsn ? -1 : 1;
	return x->inode.ino < y->inode.ino ? -1 : x->inode.ino > y->inode.ino;
}

/* A parent is described by each pack that describes something below it: it is never the older one. */
int rebuild_make_folders(struct rebuilding *rb)
{
	int r = 0;

	if (rb->n_folders > 0)
		qsort(rb->folders, rb->n_folders, sizeof(rb->folders[0]), later_first);
	ino_places_done(&rb->places);
	rb->places = (struct ino_places){ 0 };
	for (size_t k = 0; r == 0 && k < rb->n_folders; k++)
		r = ino_places_put(&rb->places, rb->folders[k].inode.ino, (uint32_t)k);
	for (size_t k = 0; r == 0 && k < rb->n_folders; k++)
		if (!rb->folders[k].made)
			r = make(rb, &rb->folders[k]);
	return r;
}

static int finish_folder(struct rebuilding *rb, const struct folder *d)
{
	struct reader xattrs = reader_over(d->xattrs.data, d->xattrs.len);
	_cleanup_buf_ struct buf path = BUF_INIT;
	char *text = NULL;
	int r = rebuild_path(rb, d->parent ? d->parent : ROOT_INO, d->name, &path);

	if (r == 0)
		text = buf_cstr(&path);
	if (!text)
		return -ENOMEM;
	while (r == 0 && reader_left(&xattrs) > 0) {
		size_t name_len, len;
		const char *name = reader_bytes(&xattrs, &name_len);
		const void *value = reader_bytes(&xattrs, &len);

		r = rebuild_set_xattr(rb, d->made, text, name, value, len);
	}
	return r < 0 ? r : rebuild_set_attributes(rb, d->made, &d->inode);
}

int rebuild_finish_folders(struct rebuilding *rb)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < rb->n_folders; k++)
		r = finish_folder(rb, &rb->folders[k]);
	return r;
}
