/* SPDX-License-Identifier: MIT */
/* Folders of searches: .find/WORDS, those that are kept, and .by/concept/WORDS. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/virtual/live.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"
#include "fs/virtual/view_labels.h"

int view_check_query(struct looker *l, struct buf *spec)
{
	char *why = NULL;
	struct query q;
	int r = buf_cstr(spec) ? query_parse(buf_cstr(spec), &q, &why) : -ENOMEM;

	if (r >= 0) {
		r = index_check_query(&q, &why);
		query_done(&q);
	}
	if (why)
		errors_set(l->fs->virtual->errors, l->caller.uid, why);
	return r;
}

int view_search(struct looker *l, struct buf *spec, unsigned depth, struct view *ret_v)
{
	struct view v = { .class = VIEW_RESULTS, .depth = depth };
	int r = view_check_query(l, spec);

	if (r < 0)
		return r;
	view_remember(l->fs, &v, buf_cstr(spec));
	*ret_v = v;
	return 1;
}

/* File managers look for names of theirs, which begin with a dot. */
int view_find_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;
	int r = name[0] == '.' ? -ENOENT : buf_addf(&spec, "find?q=%s", name);

	if (strcmp(name, "saved") == 0) {
		*ret_below = (struct view){ .class = VIEW_SAVED_ROOT, .depth = 1 };
		return 1;
	}
	return r < 0 ? r : view_search(l, &spec, 1, ret_below);
}

int view_saved_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	uint64_t above = 0, id;
	int r;

	for (unsigned k = 0; v->class == VIEW_SAVED && view_control_names[k]; k++)
		if (strcmp(name, view_control_names[k]) == 0) {
			*ret_below = (struct view){ .class = VIEW_CONTROL, .id = v->id, .depth = k };
			return 1;
		}
	live_met(l->fs->virtual->live, &l->caller);
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

/* ---- listing */

static const struct view_label_listing listed = { .sees = view_sees_saved, .raw = true };

static int add_text(struct buf *name, const char *text, uint64_t cookie, uint64_t *ret_cookie)
{
	int r;

	buf_reset(name);
	r = buf_add_str(name, text);
	*ret_cookie = cookie;
	return r < 0 ? r : 1;
}

int view_saved_root_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name,
			      uint64_t *ret_cookie)
{
	uint64_t above;
	int r = view_saved_above(l, v, &above);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return view_label_next(l, above, &listed, cookie, ret_name, ret_cookie);
}

/* Its settings, then the searches in it, whose cookies are that much higher. */
int view_saved_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	int r;

	if (cookie < SAVED_SETTINGS)
		return add_text(ret_name, view_control_names[cookie], cookie + 1, ret_cookie);
	r = view_label_next(l, v->id, &listed, cookie - SAVED_SETTINGS, ret_name, ret_cookie);
	*ret_cookie += r > 0 ? SAVED_SETTINGS : 0;
	return r;
}

int view_find_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	return cookie ? 0 : add_text(ret_name, "saved", 1, ret_cookie);
}

/* ---- .by/concept */

/* -ENOENT: no file has a field of this name. */
static int find_field(struct looker *l, struct view *ret_field)
{
	static const char field[] = "concept";
	uint64_t id;
	int r = view_label_below(l, LABEL_ROOT_FIELDS, field, strlen(field), &id);

	*ret_field = (struct view){ .class = VIEW_FIELD, .id = id, .depth = 1 };
	return r;
}

/* The files that say so in a field of this name; if none does, those whose meaning is nearest to these words. */
int view_concept_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		       struct buf *ret_target)
{
	_cleanup_buf_ struct buf spec = BUF_INIT;
	struct view field;
	int r = find_field(l, &field);

	if (r >= 0)
		r = view_field_below(l, &field, name, ret_below, ret_target);
	if (r != -ENOENT)
		return r;
	r = name[0] == '.' ? -ENOENT : buf_addf(&spec, "similar?text=%s", name);
	return r < 0 ? r : view_search(l, &spec, 2, ret_below);
}

int view_concept_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name,
			 uint64_t *ret_cookie)
{
	struct view field;
	int r = find_field(l, &field);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return view_field_folders(l, &field, cookie, ret_name, ret_cookie);
}
