/* SPDX-License-Identifier: MIT */
/* .related-to/PATH and .similar-to/PATH: what related? and similar? find, as symlinks, the nearest first.
 * Options are folders below, in any order, each once: depth-2, types-cites,partOf, dir-out and limit-50;
 * threshold-0.8 and limit-50.
 *
 * The text of such a view is what its options are in a query, "&depth=2". Names that are options are no
 * results: those have their numbers there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

static const struct option {
	const char *sign, *key;
	bool related, similar;
} options[] = {
	{ "depth-", "depth", true, false },
	{ "types-", "verb", true, false },
	{ "dir-", "dir", true, false },
	{ "threshold-", "threshold", false, true },
	{ "limit-", "limit", true, true },
};

static bool is_similar(const struct view *v)
{
	return v->class == VIEW_SIMILAR_FILE || v->class == VIEW_SIMILAR;
}

static const struct option *find_option(const struct view *v, const char *name)
{
	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		bool fits = is_similar(v) ? options[k].similar : options[k].related;

		if (fits && strncmp(name, options[k].sign, strlen(options[k].sign)) == 0)
			return &options[k];
	}
	return NULL;
}

/* Names of verbs, which a query looks at when it runs. */
static bool are_verbs(const char *list)
{
	for (;;) {
		size_t len = strcspn(list, ",");

		if (!link_verb_is_good(list, len))
			return false;
		if (!list[len])
			return true;
		list += len + 1;
	}
}

/* Appends what the option is in a query. -ENOENT: it is none, and why is in .query/last-error. */
static int add_option(struct looker *l, const struct view *v, const char *name, struct buf *text)
{
	const struct option *o = find_option(v, name);
	_cleanup_buf_ struct buf spec = BUF_INIT, value = BUF_INIT;
	int r = o ? view_decode(name + strlen(o->sign), strlen(name + strlen(o->sign)), &value) : -ENOENT;

	if (r < 0 || !buf_cstr(&value))
		return r < 0 ? r : -ENOMEM;
	if (strcmp(o->key, "verb") == 0 && !are_verbs(buf_cstr(&value)))
		return -ENOENT;
	r = buf_addf(text, "&%s=", o->key);
	if (r >= 0)
		r = view_add_escaped(text, buf_cstr(&value));
	if (r >= 0)
		r = buf_addf(&spec, "%s?to=x", is_similar(v) ? "similar" : "related");
	if (r >= 0)
		r = buf_add(&spec, text->data, text->len);
	if (r >= 0)
		r = view_check_query(l, &spec);
	return r == -EINVAL ? -ENOENT : r;
}

static bool was_said(struct buf *text, const struct option *o)
{
	_cleanup_buf_ struct buf sign = BUF_INIT;

	return buf_addf(&sign, "&%s=", o->key) >= 0 && buf_cstr(&sign) && buf_cstr(text) &&
	       strstr(buf_cstr(text), buf_cstr(&sign));
}

int view_related_option(struct looker *l, const struct view *v, const char *name, struct view *ret_below)
{
	enum view_class class = is_similar(v) ? VIEW_SIMILAR : VIEW_RELATED;
	struct view below = { .class = class, .file = v->file, .depth = v->depth + 1 };
	const struct option *o = find_option(v, name);
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = o && v->file != ROOT_INO ? 0 : -ENOENT;

	if (r == 0 && view_kind_of(v)->remembered)
		r = view_text(l->fs, v, &text);
	if (r >= 0 && was_said(&text, o))
		r = -ENOENT;
	if (r >= 0)
		r = add_option(l, v, name, &text);
	if (r < 0 || !buf_cstr(&text))
		return r < 0 ? r : -ENOMEM;
	view_remember(l->fs, &below, buf_cstr(&text));
	*ret_below = below;
	return 1;
}

int view_relatives_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
			 struct buf *ret_target)
{
	return view_related_option(l, v, name, ret_below);
}

bool view_relatives_take(struct looker *l, const struct view *v, const char *name, size_t len)
{
	_cleanup_buf_ struct buf text = BUF_INIT, copy = BUF_INIT;

	return buf_add(&copy, name, len) >= 0 && buf_cstr(&copy) &&
	       add_option(l, v, buf_cstr(&copy), &text) >= 0;
}

/* ---- what they show */

/* -ENOENT: it is gone, or not to be seen any more. */
static int spec_of(struct looker *l, const struct view *v, struct buf *ret_spec)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct inode i;
	int r = inode_get(l->fs->config.catalog, v->file, &i);

	if (r >= 0)
		r = looker_knows(l, &i) > 0 ? 0 : -ENOENT;
	if (r >= 0)
		r = tree_path(l->fs->config.catalog, v->file, ROOT_INO, 0, &path);
	if (r >= 0)
		r = buf_cstr(&path) ? buf_addf(ret_spec, "%s?to=", is_similar(v) ? "similar" : "related")
				    : -ENOMEM;
	if (r >= 0)
		r = view_add_escaped(ret_spec, buf_cstr(&path));
	return r < 0 || !view_kind_of(v)->remembered ? r : view_text(l->fs, v, ret_spec);
}

/* A file that is like nothing, since it is not indexed, has an empty folder. */
int view_relatives_results(struct looker *l, const struct view *v, bool waits, const struct results **ret_r)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_buf_ struct buf spec = BUF_INIT;
	char *specs[1];
	int r = spec_of(l, v, &spec);

	if (r < 0)
		return r;
	specs[0] = buf_cstr(&spec);
	looker_rest(l);
	r = specs[0] ? results_get(l->fs, &l->caller, specs, 1, waits, ret_r, &why) : -ENOMEM;
	return r == -EINVAL ? results_name(l->fs->config.catalog, &(struct results_list){ 0 }, ret_r) : r;
}
