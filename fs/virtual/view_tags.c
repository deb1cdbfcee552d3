/* SPDX-License-Identifier: MIT */
/* Folders of tags: the tags below one, and those that still narrow it down, which are symlinks to the one
 * folder that a set of tags has (".tags/a,b"): so no program that walks all folders meets every order of
 * every set. A tag that no file has beside those of the folder is not listed there; it is an empty folder, so
 * that files can be put into it, and another tag, too, which then lies below that one. But a program that
 * removes all of a folder has listed it as a symlink, when there were files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/virtual/view_kinds.h"
#include "fs/virtual/view_labels.h"

/* What stands for something in the names of folders of tags. */
#define TAG_SIGNS ","

/* By its whole name. */
static int find_tag(struct looker *l, const char *name, size_t len, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = view_decode(name, len, &text);

	if (r >= 0)
		r = tag_find(l->fs->config.catalog, (const char *)text.data, text.len, ret_id);
	if (r >= 0)
		r = view_label_is_seen(l, *ret_id) > 0 ? 0 : -ENOENT;
	return r;
}

/* ---- sets of tags */

static int add_term(struct looker *l, const char *name, size_t len, struct view *v)
{
	struct view_term term = { .negate = len > 1 && name[0] == '-' };
	int r = v->n_terms < VIEW_TERMS_MAX ? find_tag(l, name + term.negate, len - term.negate, &term.id) : -ENOENT;

	if (r >= 0)
		v->terms[v->n_terms++] = term;
	return r;
}

/* "a,b,-c": what is asked for comes first. */
int view_tags_below(struct looker *l, const struct view *above, const char *name, struct view *ret_v, struct buf *ret_target)
{
	struct view v = { .class = VIEW_TAG_SET, .depth = 1 };
	int r = 0;

	while (r >= 0) {
		size_t len = strcspn(name, TAG_SIGNS);

		r = add_term(l, name, len, &v);
		if (!name[len])
			break;
		name += len + 1;
	}
	if (r < 0 || v.terms[0].negate)
		return r < 0 ? r : -ENOENT;
	if (v.n_terms == 1) {
		v.class = VIEW_TAG;
		v.id = v.terms[0].id;
	} else {
		view_remember(l->fs, &v, NULL);
	}
	*ret_v = v;
	return 1;
}

static int add_name(struct catalog *c, const struct view_term *term, struct buf *out)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r = tag_name(c, term->id, &name);

	if (r >= 0 && term->negate)
		r = buf_add_u8(out, '-');
	return r < 0 ? r : view_encode((const char *)name.data, name.len, TAG_SIGNS, out);
}

/* The folder of this view's tags and one more, as it is reached from it. */
static int link_to_set(struct looker *l, const struct view *v, const struct view_term *more, struct buf *ret_target)
{
	int r = 0;

	for (unsigned k = 0; k < v->depth && r >= 0; k++)
		r = buf_add_str(ret_target, "../");
	for (unsigned k = 0; k < v->n_terms && r >= 0; k++) {
		r = add_name(l->fs->config.catalog, &v->terms[k], ret_target);
		if (r >= 0)
			r = buf_add_str(ret_target, TAG_SIGNS);
	}
	return r < 0 ? r : add_name(l->fs->config.catalog, more, ret_target);
}

int view_narrowing_name(struct looker *l, uint64_t id, struct buf *ret_name)
{
	return add_name(l->fs->config.catalog, &(struct view_term){ .id = id }, ret_name);
}

/* Is there a file that has one more tag? 1, 0 or -errno. */
static int has_file(struct looker *l, const struct view *v)
{
	_cleanup_(view_walk_done) struct view_walk w = { 0 };
	uint64_t ino, cookie;
	int r = view_walk_open(l, v, 0, &w);

	return r < 0 ? r : view_walk_next(&w, &ino, &cookie);
}

/* 1: nothing narrows. 2: a symlink does. */
static int narrow(struct looker *l, const struct view *v, const struct view_term *more,
		  struct view *ret_below, struct buf *ret_target)
{
	struct view below = *v;
	int r = v->n_terms == VIEW_TERMS_MAX || more->negate || view_has_removals(l->fs, view_ino(l->fs, v));

	if (!r) {
		below.class = VIEW_TAG_SET;
		below.depth++;
		below.terms[below.n_terms++] = *more;
		r = has_file(l, &below);
	}
	if (r) {
		r = r < 0 ? r : link_to_set(l, v, more, ret_target);
		return r < 0 ? r : 2;
	}
	view_remember(l->fs, &below, NULL);
	*ret_below = below;
	return 1;
}

int view_tag_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		     struct buf *ret_target)
{
	struct view_term more = { .negate = name[0] == '-' && name[1] };
	int r = v->class == VIEW_TAG ? view_label_below(l, v->id, name, strlen(name), &more.id) : -ENOENT;

	if (r >= 0) {
		*ret_below = (struct view){ .class = VIEW_TAG, .id = more.id, .depth = v->depth + 1,
					    .terms = { { .id = more.id } }, .n_terms = 1 };
		return 1;
	}
	if (r == -ENOENT)
		r = find_tag(l, name + more.negate, strlen(name) - more.negate, &more.id);
	return r < 0 ? r : narrow(l, v, &more, ret_below, ret_target);
}

bool view_tag_takes(struct looker *l, const struct view *v, const char *name, size_t len)
{
	uint64_t id;

	return view_label_below(l, v->id, name, len, &id) == 0;
}

static const struct view_label_listing listed = { .sees = view_label_is_seen, .signs = TAG_SIGNS };

int view_tags_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	return view_label_next(l, LABEL_ROOT_TAGS, &listed, cookie, ret_name, ret_cookie);
}

int view_tag_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	return view_label_next(l, v->id, &listed, cookie, ret_name, ret_cookie);
}
