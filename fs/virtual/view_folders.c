/* SPDX-License-Identifier: MIT */
/* Folders in views. Of a tag: the tags below it, and those that still narrow it down, which are symlinks to the one folder that
 * a set of tags has (".tags/a,b"): so no program that walks all folders meets every order of every set. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/virtual/view_dates.h"
#include "fs/virtual/view_find.h"

/* What stands for something in the names of folders of tags. */
#define TAG_SIGNS ","

/* ---- labels */

/* Is there a file with the label that the looker sees? An empty one is seen by who made it, and by the owner. */
static int sees_label(struct looker *l, uint64_t id)
{
	_cleanup_(tag_walk_done) struct tag_walk w = { 0 };
	_cleanup_label_ struct label label = { 0 };
	uint64_t ino;
	int r;

	if (!l->viewer)
		return 1;
	r = tag_walk_open(l->fs->config.catalog, id, &w);
	while (r >= 0 && (r = tag_walk_next(&w, &ino)) > 0) {
		r = looker_sees(l, ino);
		if (r)
			return r;
	}
	if (r == 0)
		r = label_get(l->fs->config.catalog, id, &label);
	return r < 0 ? r : label.flags & LABEL_KEPT && !label.files && !label.below && label.uid == l->caller.uid;
}

static int find_below(struct looker *l, uint64_t above, const char *name, size_t len, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = view_decode(name, len, &text);

	if (r >= 0)
		r = label_find(l->fs->config.catalog, above, (const char *)text.data, text.len, ret_id);
	if (r >= 0)
		r = sees_label(l, *ret_id) > 0 ? 0 : -ENOENT;
	return r;
}

/* By its whole name. */
static int find_tag(struct looker *l, const char *name, size_t len, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = view_decode(name, len, &text);

	if (r >= 0)
		r = tag_find(l->fs->config.catalog, (const char *)text.data, text.len, ret_id);
	if (r >= 0)
		r = sees_label(l, *ret_id) > 0 ? 0 : -ENOENT;
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
static int parse_set(struct looker *l, const char *name, struct view *ret_v)
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

static int tag_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		     struct buf *ret_target)
{
	struct view_term more = { .negate = name[0] == '-' && name[1] };
	int r = v->class == VIEW_TAG ? find_below(l, v->id, name, strlen(name), &more.id) : -ENOENT;

	if (r >= 0) {
		*ret_below = (struct view){ .class = VIEW_TAG, .id = more.id, .depth = v->depth + 1,
					    .terms = { { .id = more.id } }, .n_terms = 1 };
		return 1;
	}
	if (r == -ENOENT)
		r = find_tag(l, name + more.negate, strlen(name) - more.negate, &more.id);
	if (r >= 0)
		r = link_to_set(l, v, &more, ret_target);
	return r < 0 ? r : 2;
}

/* ---- searches */

/* File managers look for names of theirs, which begin with a dot. */
static int words_below(struct looker *l, const char *name, struct view *ret_below)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;
	struct query q;
	char *why = NULL;
	int r = name[0] == '.' ? -ENOENT : buf_addf(&spec, "q=%s", name);

	if (strcmp(name, "saved") == 0) {
		*ret_below = (struct view){ .class = VIEW_SAVED_ROOT, .depth = 1 };
		return 1;
	}
	if (r >= 0)
		r = buf_cstr(&spec) ? query_parse_name(buf_cstr(&spec), &q, &why) : -ENOMEM;
	if (r >= 0) {
		r = index_check_query(&q, &why);
		query_done(&q);
	}
	if (why)
		errors_set(l->fs->virtual->errors, l->caller.uid, why);
	if (r < 0)
		return r;
	*ret_below = view_of_words(l->fs, name);
	return 1;
}

static int saved_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below)
{
	uint64_t above = 0, id;
	int r;

	for (unsigned k = 0; v->class == VIEW_SAVED && view_control_names[k]; k++)
		if (strcmp(name, view_control_names[k]) == 0) {
			*ret_below = (struct view){ .class = VIEW_CONTROL, .id = v->id, .depth = k };
			return 1;
		}
	r = name[0] == '.' ? -ENOENT : view_saved_above(l, v, &above);
	if (r >= 0)
		r = label_find(l->fs->config.catalog, above, name, strlen(name), &id);
	if (r >= 0)
		r = view_sees_saved(l, id);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	*ret_below = (struct view){ .class = VIEW_SAVED, .id = id, .depth = v->depth + 1 };
	return 1;
}

/* ---- all of them */

static int label_below(struct looker *l, const struct view *v, const char *name, enum view_class class, struct view *ret_below)
{
	uint64_t id;
	int r = find_below(l, v->class == VIEW_BY ? LABEL_ROOT_FIELDS : v->id, name, strlen(name), &id);

	*ret_below = (struct view){ .class = class, .id = id, .depth = v->depth + 1 };
	return r < 0 ? r : 1;
}

int view_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	switch (v->class) {
	case VIEW_TAGS:
		return parse_set(l, name, ret_below);
	case VIEW_TAG:
	case VIEW_TAG_SET:
		return tag_below(l, v, name, ret_below, ret_target);
	case VIEW_DATES:
	case VIEW_DATE:
		return view_parse_date(v, name, ret_below) ? 1 : -ENOENT;
	case VIEW_BY:
		return label_below(l, v, name, VIEW_FIELD, ret_below);
	case VIEW_FIELD:
		return label_below(l, v, name, VIEW_VALUE, ret_below);
	case VIEW_FIND:
		return words_below(l, name, ret_below);
	case VIEW_SAVED_ROOT:
	case VIEW_SAVED:
		return saved_below(l, v, name, ret_below);
	case VIEW_VALUE:
	case VIEW_RESULTS:
		break;
	case VIEW_CONTROL:
		return -ENOTDIR;
	}
	return -ENOENT;
}

bool view_takes_name(struct looker *l, const struct view *v, const char *name, size_t len)
{
	uint64_t id;

	return v->class == VIEW_TAG && find_below(l, v->id, name, len, &id) == 0;
}

/* ---- listing */

struct listed {
	int (*sees)(struct looker *l, uint64_t id);
	const char *signs; /* that are encoded in names */
	bool raw;          /* nothing is */
};
static const struct listed listed_tags = { .sees = sees_label, .signs = TAG_SIGNS };
static const struct listed listed_fields = { .sees = sees_label, .signs = "" };
static const struct listed listed_saved = { .sees = view_sees_saved, .raw = true };

/* The next label below `above` that is seen; its cookie is its id. */
static int next_label(struct looker *l, uint64_t above, const struct listed *kind, uint64_t cookie, struct buf *ret_name,
		      uint64_t *ret_cookie)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(l->fs->config.catalog, above);
	struct packed_member m;
	int r;

	packed_walk_seek(&w, cookie + 1, 0);
	while ((r = packed_walk_next(&w, &m)) > 0) {
		_cleanup_label_ struct label label = { 0 };

		r = kind->sees(l, m.a);
		if (r > 0)
			r = label_get(l->fs->config.catalog, m.a, &label);
		if (r == -ENOENT || (r == 0 && !label.id))
			continue;
		buf_reset(ret_name);
		if (r >= 0)
			r = kind->raw ? buf_add(ret_name, label.name.data, label.name.len)
				      : view_encode((const char *)label.name.data, label.name.len, kind->signs, ret_name);
		if (r >= 0 && ret_name->len > TREE_NAME_MAX)
			continue; /* it has a name that no program could open */
		*ret_cookie = m.a;
		return r < 0 ? r : 1;
	}
	return r;
}

static int next_date(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	int at = (int)cookie + 1, r = view_next_date(l, v, &at);

	if (r <= 0)
		return r;
	buf_reset(ret_name);
	*ret_cookie = (uint64_t)at;
	r = buf_addf(ret_name, v->class == VIEW_DATES ? "%04d" : "%02d", at);
	return r < 0 ? r : 1;
}

static int add_text(struct buf *name, const char *text, uint64_t cookie, uint64_t *ret_cookie)
{
	int r;

	buf_reset(name);
	r = buf_add_str(name, text);
	*ret_cookie = cookie;
	return r < 0 ? r : 1;
}

static int next_saved_in_root(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name,
			      uint64_t *ret_cookie)
{
	uint64_t above;
	int r = view_saved_above(l, v, &above);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return next_label(l, above, &listed_saved, cookie, ret_name, ret_cookie);
}

/* Its settings, then the searches in it, whose cookies are that much higher. */
static int next_saved(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	int r;

	if (cookie < SAVED_SETTINGS)
		return add_text(ret_name, view_control_names[cookie], cookie + 1, ret_cookie);
	r = next_label(l, v->id, &listed_saved, cookie - SAVED_SETTINGS, ret_name, ret_cookie);
	*ret_cookie += r > 0 ? SAVED_SETTINGS : 0;
	return r;
}

int view_next_folder(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	switch (v->class) {
	case VIEW_TAGS:
		return next_label(l, LABEL_ROOT_TAGS, &listed_tags, cookie, ret_name, ret_cookie);
	case VIEW_TAG:
		return next_label(l, v->id, &listed_tags, cookie, ret_name, ret_cookie);
	case VIEW_DATES:
	case VIEW_DATE:
		return next_date(l, v, cookie, ret_name, ret_cookie);
	case VIEW_BY:
		return next_label(l, LABEL_ROOT_FIELDS, &listed_fields, cookie, ret_name, ret_cookie);
	case VIEW_FIELD:
		return next_label(l, v->id, &listed_fields, cookie, ret_name, ret_cookie);
	case VIEW_FIND:
		return cookie ? 0 : add_text(ret_name, "saved", 1, ret_cookie);
	case VIEW_SAVED_ROOT:
		return next_saved_in_root(l, v, cookie, ret_name, ret_cookie);
	case VIEW_SAVED:
		return next_saved(l, v, cookie, ret_name, ret_cookie);
	case VIEW_TAG_SET:
	case VIEW_VALUE:
	case VIEW_RESULTS:
	case VIEW_CONTROL:
		break;
	}
	return 0;
}
