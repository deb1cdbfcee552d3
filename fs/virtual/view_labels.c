/* SPDX-License-Identifier: MIT */
/* Labels (catalog/labels.h) as folders, and .by with the fields that are labels. */
#include "fs/virtual/view_labels.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/virtual/view_computed.h"
#include "fs/virtual/view_kinds.h"

/* Is there a file with the label that the looker sees? An empty one is seen by who made it, and by the owner. */
int view_label_is_seen(struct looker *l, uint64_t id)
{
	_cleanup_(tag_walk_done) struct tag_walk w = { 0 };
	_cleanup_label_ struct label label = { 0 };
	uint64_t ino;
	int r;

	if (l->caller.all)
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

int view_label_below(struct looker *l, uint64_t above, const char *name, size_t len, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = view_decode(name, len, &text);

	if (r >= 0)
		r = label_find(l->fs->config.catalog, above, (const char *)text.data, text.len, ret_id);
	if (r >= 0)
		r = view_label_is_seen(l, *ret_id) > 0 ? 0 : -ENOENT;
	return r;
}

int view_label_next(struct looker *l, uint64_t above, const struct view_label_listing *kind, uint64_t cookie, struct buf *ret_name,
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

/* ---- .by */

static const struct view_label_listing listed = { .sees = view_label_is_seen, .signs = "" };

int view_fields_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	uint64_t id;
	int r = view_computed_field(name, ret_below);

	if (r > 0)
		return r;
	r = view_label_below(l, LABEL_ROOT_FIELDS, name, strlen(name), &id);
	*ret_below = (struct view){ .class = VIEW_FIELD, .id = id, .depth = v->depth + 1 };
	return r < 0 ? r : 1;
}

int view_field_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	uint64_t id;
	int r = view_label_below(l, v->id, name, strlen(name), &id);

	*ret_below = (struct view){ .class = VIEW_VALUE, .id = id, .depth = v->depth + 1 };
	return r < 0 ? r : 1;
}

/* Those that are computed, then labels, whose cookies are that much higher; one that is called as those are is not reached. */
int view_fields_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	struct view computed;
	int r;

	if (cookie < COMPUTED_FIELDS) {
		*ret_cookie = cookie + 1;
		buf_reset(ret_name);
		r = buf_add_str(ret_name, view_computed_names[cookie]);
		return r < 0 ? r : 1;
	}
	do {
		r = view_label_next(l, LABEL_ROOT_FIELDS, &listed, cookie - COMPUTED_FIELDS, ret_name, &cookie);
		cookie += COMPUTED_FIELDS;
		if (r > 0 && !buf_cstr(ret_name))
			r = -ENOMEM;
	} while (r > 0 && view_computed_field((const char *)ret_name->data, &computed) > 0);
	*ret_cookie = cookie;
	return r;
}

int view_field_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	return view_label_next(l, v->id, &listed, cookie, ret_name, ret_cookie);
}

/* ---- the files of a value */

int view_value_has(struct looker *l, const struct view *v, uint64_t ino)
{
	uint32_t why = 0;
	int r = label_why(l->fs->config.catalog, v->id, ino, &why);

	return r < 0 ? r : why != 0;
}

int view_value_open(struct view_walk *w, uint64_t cookie)
{
	w->set = label_walk_files(w->l->fs->config.catalog, w->v->id);
	packed_walk_seek(&w->set, cookie + 1, 0);
	return 0;
}

int view_value_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	struct packed_member m;
	int r = packed_walk_next(&w->set, &m);

	if (r > 0)
		*ret_ino = *ret_cookie = m.a;
	return r;
}
