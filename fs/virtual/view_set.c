/* SPDX-License-Identifier: MIT */
/* Tags of a view meet by leaping: whoever is behind goes on to where the foremost is, and only what none leaps over is a
 * file of all of them. Excluded tags are asked of each such file. */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/virtual/view_kinds.h"

/* ---- one file */

struct search {
	struct catalog *c;
	uint64_t id;
};

static int compare_tag(void *context, uint64_t id, uint32_t why)
{
	const struct search *s = context;

	return label_is_below(s->c, id, s->id);
}

/* Has the file the tag, or one below it? */
static int has_tag(struct catalog *c, uint64_t id, uint64_t ino)
{
	_cleanup_label_ struct label l = { 0 };
	struct search s = { c, id };
	uint32_t why = 0;
	int r = label_why(c, id, ino, &why);

	if (r < 0 || why)
		return r < 0 ? r : 1;
	r = label_get(c, id, &l);
	if (r < 0 || !l.below)
		return r == -ENOENT ? 0 : r;
	return tree_foreach_tag(c, ino, compare_tag, &s);
}

/* ---- the kinds of tags */

int view_tag_has(struct looker *l, const struct view *v, uint64_t ino)
{
	for (unsigned k = 0; k < v->n_terms; k++) {
		int r = has_tag(l->fs->config.catalog, v->terms[k].id, ino);

		if (r < 0 || (r > 0) == v->terms[k].negate)
			return MIN(r, 0);
	}
	return 1;
}

int view_tag_open(struct view_walk *w, uint64_t cookie)
{
	for (unsigned k = 0; k < w->v->n_terms; k++) {
		int r;

		if (w->v->terms[k].negate)
			continue;
		r = tag_walk_open(w->l->fs->config.catalog, w->v->terms[k].id, &w->tags[w->n]);
		if (r < 0)
			return r;
		tag_walk_seek(&w->tags[w->n++], cookie + 1);
	}
	return 0;
}

/* The next file that all walks have. */
static int leap(struct view_walk *w, uint64_t *ret_ino)
{
	uint64_t foremost = 0, ino;
	unsigned met = 0;

	for (unsigned k = 0; met < w->n; k = (k + 1) % w->n) {
		int r;

		tag_walk_seek(&w->tags[k], foremost);
		r = tag_walk_next(&w->tags[k], &ino);
		if (r <= 0)
			return r;
		met = ino == foremost ? met + 1 : 1;
		foremost = ino;
	}
	*ret_ino = foremost;
	return w->n > 0;
}

static int is_excluded(struct view_walk *w, uint64_t ino)
{
	for (unsigned k = 0; k < w->v->n_terms; k++) {
		int r = w->v->terms[k].negate ? has_tag(w->l->fs->config.catalog, w->v->terms[k].id, ino) : 0;

		if (r)
			return r;
	}
	return 0;
}

int view_tag_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	uint64_t ino = 0;
	int r;

	while ((r = w->n ? leap(w, &ino) : 0) > 0) {
		r = is_excluded(w, ino);
		if (r < 0)
			return r;
		if (r)
			continue;
		*ret_ino = *ret_cookie = ino;
		return 1;
	}
	return r;
}

/* ---- all kinds */

int view_has(struct looker *l, const struct view *v, uint64_t ino)
{
	const struct view_kind *kind = view_kind_of(v);
	int r = kind->has ? kind->has(l, v, ino) : 0;

	return r > 0 ? looker_sees(l, ino) : r;
}

int view_walk_open(struct looker *l, const struct view *v, uint64_t cookie, struct view_walk *ret_w)
{
	const struct view_kind *kind = view_kind_of(v);
	int r;

	*ret_w = (struct view_walk){ .l = l, .v = v };
	r = kind->open ? kind->open(ret_w, cookie) : 0;
	if (r < 0)
		view_walk_done(ret_w);
	return r;
}

int view_walk_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	const struct view_kind *kind = view_kind_of(w->v);
	int r;

	while ((r = kind->next ? kind->next(w, ret_ino, ret_cookie) : 0) > 0) {
		r = looker_sees(w->l, *ret_ino);
		if (r)
			return r;
	}
	return r;
}

void view_walk_done(struct view_walk *w)
{
	for (unsigned k = 0; k < w->n; k++)
		tag_walk_done(&w->tags[k]);
	packed_walk_done(&w->set);
	file_times_done(&w->times);
	buf_done(&w->page);
	*w = (struct view_walk){ .l = w->l, .v = w->v };
}
