/* SPDX-License-Identifier: MIT */
/* Making and removing folders, which are tags and saved searches. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view_change.h"
#include "fs/virtual/view_find.h"

int viewing_label_of(const struct view *v, uint64_t *ret_id)
{
	if (v->class != VIEW_TAGS && v->class != VIEW_TAG)
		return -EPERM;
	*ret_id = v->class == VIEW_TAGS ? LABEL_ROOT_TAGS : v->id;
	return 0;
}

int viewing_decode(const char *name, struct buf *ret_text)
{
	int r = view_decode(name, strlen(name), ret_text);

	if (r >= 0 && memchr(ret_text->data, 0, ret_text->len))
		r = -EINVAL;
	return r < 0 ? r : buf_cstr(ret_text) ? 0 : -ENOMEM;
}

bool view_is_saved(const struct view *v)
{
	return v->class == VIEW_SAVED || v->class == VIEW_SAVED_ROOT;
}

static int make_saved(struct viewing *x, const struct view *v, const char *name)
{
	uint64_t above = 0, id;
	int r = view_saved_above(&x->l, v, &above);

	r = r < 0 && r != -ENOENT ? r : tree_make_saved(x->c, &x->rq, above, name, &id);
	live_notice(x->l.fs->virtual->live);
	return r;
}

/* Only by the owner: others would learn which there are. */
static int make_tag(struct viewing *x, const struct view *v, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint64_t above = 0, id;
	int r = viewing_may_rule(x);

	if (r == 0)
		r = viewing_label_of(v, &above);
	if (r == 0)
		r = name[0] == '-' ? -EINVAL : viewing_decode(name, &text);
	return r < 0 ? r : tree_make_tag(x->c, &x->rq, above, (const char *)text.data, &id);
}

static int mkdir_in(struct viewing *x, uint64_t dir, const char *name)
{
	struct view v;
	int status, r = view_of(x->l.fs, dir, &v);

	if (r < 0)
		return r;
	if (viewing_was_done(x->req, &status))
		return status;
	return view_is_saved(&v) ? make_saved(x, &v, name) : make_tag(x, &v, name);
}

bool view_mkdir(fuse_req_t req, uint64_t dir, const char *name)
{
	struct viewing x;
	int r;

	if (!view_is(dir))
		return false;
	r = viewing_begin(req, &x);
	if (r == 0) {
		r = mkdir_in(&x, dir, name);
		viewing_end(&x);
	}
	if (r < 0)
		ops_reply_status(req, r);
	else
		view_lookup(req, dir, name);
	return true;
}

int viewing_find_folder(struct viewing *x, uint64_t dir, const char *name, struct view *ret_v)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view v;
	int r = view_of(x->l.fs, dir, &v);

	if (r == 0)
		r = v.class == VIEW_TAGS || view_has_tags(&v) || view_is_saved(&v) ? view_below(&x->l, &v, name, ret_v, &target) : -EPERM;
	if (r < 0)
		return r;
	return r == 2 || (ret_v->class != VIEW_TAG && ret_v->class != VIEW_SAVED) ? -ENOTDIR : 0;
}

/* Tags are the owner's to make, rename and remove; of saved searches one only finds one's own. */
static int rmdir_in(struct viewing *x, uint64_t dir, const char *name)
{
	struct view v;
	int r = viewing_find_folder(x, dir, name, &v);

	if (r == 0 && v.class == VIEW_SAVED)
		return tree_remove_saved(x->c, &x->rq, v.id);
	if (r == 0)
		r = viewing_may_rule(x);
	return r < 0 ? r : tree_remove_tag(x->c, &x->rq, v.id);
}

bool view_rmdir(fuse_req_t req, uint64_t dir, const char *name)
{
	if (!view_is(dir))
		return false;
	if (view_has_verbs(dir))
		view_verb_rmdir(req, dir, name);
	else
		viewing_remove(req, dir, name, rmdir_in);
	return true;
}
