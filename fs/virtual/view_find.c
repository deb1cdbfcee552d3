/* SPDX-License-Identifier: MIT */
#include "fs/virtual/view_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/ops/ops.h"
#include "fs/virtual/view_kinds.h"
#include "fs/virtual/view_names.h"

/* A saved search within others: their number is bounded by how deep labels lie. */
#define SPECS_MAX (LABEL_DEPTH_MAX + 1)

int view_sees_saved(struct looker *l, uint64_t id)
{
	_cleanup_label_ struct label label = { 0 };
	int r = l->caller.all ? 1 : label_get(l->fs->config.catalog, id, &label);

	return r < 0 || l->caller.all ? r : label.uid == l->caller.uid;
}

int view_saved_above(struct looker *l, const struct view *v, uint64_t *ret_id)
{
	if (v->class == VIEW_SAVED || l->caller.all) {
		*ret_id = v->class == VIEW_SAVED ? v->id : LABEL_ROOT_SAVED;
		return 0;
	}
	return saved_root_of(l->fs->config.catalog, l->caller.uid, ret_id);
}

/* ---- what to ask */

int view_add_escaped(struct buf *out, const char *text)
{
	int r = 0;

	for (; *text && r >= 0; text++)
		r = strchr("%&=", *text) ? buf_addf(out, "%%%02X", (unsigned char)*text) : buf_add_u8(out, (uint8_t)*text);
	return r;
}

static int spec_of_saved(const struct saved *s, struct buf *ret_spec)
{
	static const char *const keys[SAVED_SETTINGS] = { "q", "limit", "mode", "sort" };
	int r = buf_add_str(ret_spec, "find?");

	for (unsigned k = 0; k < SAVED_SETTINGS && r >= 0; k++) {
		if (!s->settings[k][0])
			continue;
		r = buf_addf(ret_spec, "%s%s=", k ? "&" : "", keys[k]);
		if (r >= 0)
			r = view_add_escaped(ret_spec, s->settings[k]);
	}
	return r;
}

static int add_spec(struct buf *text, char **specs, size_t *n)
{
	if (*n == SPECS_MAX || !buf_cstr(text))
		return *n == SPECS_MAX ? -ELOOP : -ENOMEM;
	specs[*n] = strdup(buf_cstr(text));
	return specs[*n] ? (++*n, 0) : -ENOMEM;
}

/* The search itself, then those that it lies in. */
static int specs_of_saved(struct catalog *c, uint64_t id, char **specs, size_t *n)
{
	int r = 0;

	while (r >= 0 && id != LABEL_ROOT_SAVED) {
		_cleanup_label_ struct label label = { 0 };
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct saved s = { 0 };

		r = label_get(c, id, &label);
		if (r >= 0 && saved_is_root(&label))
			break;
		if (r >= 0)
			r = saved_get(c, id, &s);
		if (r >= 0)
			r = spec_of_saved(&s, &text);
		saved_done(&s);
		if (r >= 0)
			r = add_spec(&text, specs, n);
		id = label.above;
	}
	return r;
}

/* What `specs` find; takes them over. */
static int run(struct looker *l, char **specs, size_t n, enum results_age age, const struct results **ret_r)
{
	char *why = NULL;
	int r = n ? 0 : -ENOENT;

	looker_rest(l);
	if (r >= 0)
		r = results_get(l->fs, &l->caller, specs, n, age, ret_r, &why);
	if (r < 0 && why)
		errors_set(l->fs->virtual->errors, l->caller.uid, steal_ptr(&why));
	free(why);
	while (n > 0)
		free(specs[--n]);
	return r;
}

int view_run(struct looker *l, struct buf *spec, enum results_age age, const struct results **ret_r)
{
	char *specs[1];
	size_t n = 0;
	int r = add_spec(spec, specs, &n);

	return r < 0 ? r : run(l, specs, n, age, ret_r);
}

int view_find_results(struct looker *l, const struct view *v, enum results_age age, const struct results **ret_r)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;
	int r = view_text(l->fs, v, &spec);

	return r < 0 ? r : view_run(l, &spec, age, ret_r);
}

int view_saved_results(struct looker *l, const struct view *v, enum results_age age, const struct results **ret_r)
{
	char *specs[SPECS_MAX];
	size_t n = 0;
	int r = specs_of_saved(l->fs->config.catalog, v->id, specs, &n);

	if (r >= 0)
		return run(l, specs, n, age, ret_r);
	while (n > 0)
		free(specs[--n]);
	return r;
}

/* ---- results */

int view_result_name(struct looker *l, const struct view *v, const struct result *item, struct buf *ret_name)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	size_t len = strlen(item->name);
	int r;

	if (!view_takes_name(l, v, item->name, len))
		return buf_add(ret_name, item->name, len);
	r = buf_add(&name, item->name, len);
	return r < 0 ? r : view_numbered_name(&name, item->ino, ret_name);
}

/* Under the name with its number? */
static bool is_numbered(const struct result *item, const char *name)
{
	_cleanup_buf_ struct buf base = BUF_INIT, numbered = BUF_INIT;

	return buf_add_str(&base, item->name) >= 0 && view_numbered_name(&base, item->ino, &numbered) >= 0 &&
	       buf_cstr(&numbered) && strcmp((const char *)numbered.data, name) == 0;
}

const struct result *view_find_result(const struct results *r, const char *name)
{
	bool maybe_numbered = strchr(name, '~');

	for (size_t k = 0; k < r->n; k++)
		if (*r->items[k].name && strcmp(r->items[k].name, name) == 0)
			return &r->items[k];
	for (size_t k = 0; maybe_numbered && k < r->n; k++)
		if (*r->items[k].name && is_numbered(&r->items[k], name))
			return &r->items[k];
	return NULL;
}

static int add_way_up(const struct view *v, struct buf *target)
{
	int r = 0;

	for (unsigned k = 0; k <= v->depth && r >= 0; k++)
		r = buf_add_str(target, "../");
	return r;
}

int view_target(struct fs *fs, const struct view *v, uint64_t ino, struct buf *ret_target)
{
	int r = add_way_up(v, ret_target);

	return r < 0 ? r : tree_path(fs->config.catalog, ino, ROOT_INO, 0, ret_target);
}

int view_result_target(struct fs *fs, const struct view *v, const struct result *item, struct buf *ret_target)
{
	int r = item->target ? add_way_up(v, ret_target) : view_target(fs, v, item->ino, ret_target);

	return r < 0 || !item->target ? r : buf_add_str(ret_target, item->target + strspn(item->target, "/"));
}
