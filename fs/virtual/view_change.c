/* SPDX-License-Identifier: MIT */
#include "fs/virtual/view_change.h"

#include <errno.h>
#include <string.h>

#include "fs/invalidator.h"
#include "fs/virtual/view_kinds.h"

int viewing_begin(fuse_req_t req, struct viewing *ret_x)
{
	struct viewing x = { .req = req, .rq = ops_request(req), .c = ops_fs(req)->config.catalog };
	int r = looker_begin(req, &x.l);

	if (r == 0)
		*ret_x = x;
	return r;
}

void viewing_end(struct viewing *x)
{
	looker_done(&x->l);
}

void viewing_remove(fuse_req_t req, uint64_t dir, const char *name,
		    int (*remove)(struct viewing *x, uint64_t dir, const char *name))
{
	struct viewing x;
	int r;

	if (ops_replayed(req))
		return;
	r = viewing_begin(req, &x);
	if (r == 0) {
		r = remove(&x, dir, name);
		viewing_end(&x);
	}
	ops_reply_status(req, r);
}

bool view_has_tags(const struct view *v)
{
	return view_kind_of(v)->tags;
}

int viewing_tags_at(struct viewing *x, uint64_t dir, struct view *ret_v)
{
	int r = view_of(x->l.fs, dir, ret_v);

	return r < 0 ? r : view_has_tags(ret_v) ? 0 : -EPERM;
}

int viewing_may_write(struct viewing *x, const struct inode *i)
{
	int r = x->l.caller.all ? 1 : access_permits(x->c, caller_identity(&x->l.caller), i, ACCESS_WRITE);

	return r < 0 ? r : r ? 0 : -EACCES;
}

int viewing_may_tag(struct viewing *x, const struct inode *i)
{
	return S_ISREG(i->mode) || S_ISDIR(i->mode) ? viewing_may_write(x, i) : -EPERM;
}

int viewing_may_rule(const struct viewing *x)
{
	return x->l.caller.all ? 0 : -EPERM;
}

void view_tags_of(const struct view *v, uint64_t without, struct view_tags *ret_t)
{
	struct retag *change = &ret_t->change;

	*change = (struct retag){ .with = ret_t->with, .without = ret_t->without };
	if (without)
		ret_t->without[change->n_without++] = without;
	for (unsigned k = 0; k < v->n_terms; k++)
		if (v->terms[k].negate)
			ret_t->without[change->n_without++] = v->terms[k].id;
		else
			ret_t->with[change->n_with++] = v->terms[k].id;
}

int viewing_tag_as(struct viewing *x, uint64_t ino, const struct view *v, uint64_t without)
{
	struct view_tags tags;

	view_tags_of(v, without, &tags);
	viewing_changed(x, ino);
	return tree_retag(x->c, &x->rq, ino, &tags.change);
}

uint64_t view_last_tag(const struct view *v)
{
	uint64_t id = 0;

	for (unsigned k = 0; k < v->n_terms; k++)
		if (!v->terms[k].negate)
			id = v->terms[k].id;
	return id;
}

int viewing_untag(struct viewing *x, uint64_t ino, const struct view *v)
{
	uint64_t id = view_last_tag(v);
	int r;

	viewing_changed(x, ino);
	r = tree_retag(x->c, &x->rq, ino, &(struct retag){ .without = &id, .n_without = 1 });
	return r == -ENODATA ? -EPERM : r; /* the file itself says so */
}

void viewing_changed(struct viewing *x, uint64_t ino)
{
	invalidator_add(x->l.fs->invalidator, ino);
}

/* With a name that it does not know, the kernel does not learn that its folder has changed. */
void viewing_forget_name(struct viewing *x, uint64_t dir, const char *name)
{
	invalidator_add_name(x->l.fs->invalidator, dir, name, 0);
	if (!view_is(dir))
		viewing_changed(x, dir);
}

void viewing_tell(struct viewing *x, uint64_t dir, const char *name, uint64_t ino)
{
	viewing_forget_name(x, dir, name);
	viewing_changed(x, ino);
}

void viewing_reply_file(fuse_req_t req, const struct inode *i)
{
	struct fuse_entry_param e;

	ops_fill_entry(i, &e);
	e.entry_timeout = e.attr_timeout = 0;
	(void) fuse_reply_entry(req, &e);
}

int viewing_tag(struct viewing *x, uint64_t ino, const struct view *v, struct inode *ret_i)
{
	int r = inode_get(x->c, ino, ret_i);

	if (r == 0)
		r = viewing_may_tag(x, ret_i);
	if (r == 0)
		r = viewing_tag_as(x, ino, v, 0);
	return r < 0 ? r : inode_get(x->c, ino, ret_i);
}

bool viewing_was_done(fuse_req_t req, int *ret_status)
{
	struct reply_record record;

	if (!ops_find_reply(req, &record))
		return false;
	*ret_status = record.status;
	return true;
}

/* ---- what symlinks lead to */

int viewing_path_of(struct viewing *x, const struct view *v, const char **target)
{
	const char *mount = x->l.fs->config.mount_point, *at = *target;
	size_t len = mount ? strlen(mount) : 0;

	if (*at == '/') {
		if (!len || strncmp(at, mount, len) != 0 || at[len] != '/')
			return -EXDEV;
		at += len;
	}
	for (unsigned k = 0; k <= v->depth && strncmp(at, "../", 3) == 0; k++)
		at += 3;
	*target = at + strspn(at, "/");
	return 0;
}

static int enters(void *context, uint64_t dir)
{
	return looker_enters(context, dir);
}

int viewing_walk(struct viewing *x, const char *path, struct inode *ret_i)
{
	int r = access_walk(x->c, ROOT_INO, path, enters, &x->l, ret_i);

	if (r == 0)
		r = looker_knows(&x->l, ret_i);
	else
		return r;
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}
