/* SPDX-License-Identifier: MIT */
/* Tags of a view meet by leaping: whoever is behind goes on to where the foremost is, and only what none leaps over is a
 * file of all of them. Excluded tags are asked of each such file. */
#include <errno.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "catalog/file_sets.h"
#include "fs/virtual/view.h"
#include "fs/virtual/view_dates.h"

#define QUARTER_SHIFT 48

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

static int has_tags(struct catalog *c, const struct view *v, uint64_t ino)
{
	for (unsigned k = 0; k < v->n_terms; k++) {
		int r = has_tag(c, v->terms[k].id, ino);

		if (r < 0 || (r > 0) == v->terms[k].negate)
			return MIN(r, 0);
	}
	return 1;
}

static int has_time(struct catalog *c, const struct view *v, uint64_t ino)
{
	uint64_t low, high;
	struct inode i;
	int r = v->day ? inode_get(c, ino, &i) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	view_day_quarters(v, &low, &high);
	return file_quarter_of(&i) >= low && file_quarter_of(&i) <= high;
}

int view_has(struct looker *l, const struct view *v, uint64_t ino)
{
	struct catalog *c = l->fs->config.catalog;
	uint32_t why = 0;
	int r = 0;

	if (v->class == VIEW_TAG || v->class == VIEW_TAG_SET)
		r = has_tags(c, v, ino);
	else if (v->class == VIEW_DATE)
		r = has_time(c, v, ino);
	else if (v->class == VIEW_VALUE)
		r = label_why(c, v->id, ino, &why);
	if (r == 0 && why)
		r = 1;
	return r > 0 ? looker_sees(l, ino) : r;
}

/* ---- all files */

static int open_tags(struct view_walk *w, uint64_t from)
{
	for (unsigned k = 0; k < w->v->n_terms; k++) {
		int r;

		if (w->v->terms[k].negate)
			continue;
		r = tag_walk_open(w->l->fs->config.catalog, w->v->terms[k].id, &w->tags[w->n]);
		if (r < 0)
			return r;
		tag_walk_seek(&w->tags[w->n++], from);
	}
	return 0;
}

static void open_time(struct view_walk *w, uint64_t cookie)
{
	uint64_t quarter = cookie >> QUARTER_SHIFT, ino = cookie & ((1ull << QUARTER_SHIFT) - 1);

	view_day_quarters(w->v, &w->low, &w->high);
	w->times = file_times_from(w->l->fs->config.catalog, w->low + quarter, cookie ? ino + 1 : 0);
}

int view_walk_open(struct looker *l, const struct view *v, uint64_t cookie, struct view_walk *ret_w)
{
	struct view_walk w = { .l = l, .v = v };
	int r = 0;

	if (v->class == VIEW_TAG || v->class == VIEW_TAG_SET)
		r = open_tags(&w, cookie + 1);
	else if (v->class == VIEW_DATE && v->day)
		open_time(&w, cookie);
	else if (v->class == VIEW_VALUE) {
		w.set = label_walk_files(l->fs->config.catalog, v->id);
		packed_walk_seek(&w.set, cookie + 1, 0);
	}
	if (r < 0)
		view_walk_done(&w);
	else
		*ret_w = w;
	return r;
}

void view_walk_done(struct view_walk *w)
{
	for (unsigned k = 0; k < w->n; k++)
		tag_walk_done(&w->tags[k]);
	packed_walk_done(&w->set);
	file_times_done(&w->times);
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

static int next_time(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	uint64_t quarter;
	int r = file_times_next(&w->times, &quarter, ret_ino);

	if (r <= 0 || quarter > w->high)
		return MIN(r, 0);
	*ret_cookie = (quarter - w->low) << QUARTER_SHIFT | *ret_ino;
	return 1;
}

static int next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	struct packed_member m = { 0 };
	int r = 0;

	if (w->v->class == VIEW_DATE)
		return w->v->day ? next_time(w, ret_ino, ret_cookie) : 0;
	if (w->v->class == VIEW_VALUE)
		r = packed_walk_next(&w->set, &m);
	else if (w->n)
		r = leap(w, &m.a);
	*ret_ino = *ret_cookie = m.a;
	return r;
}

static int is_shown(struct view_walk *w, uint64_t ino)
{
	struct catalog *c = w->l->fs->config.catalog;

	for (unsigned k = 0; k < w->v->n_terms; k++) {
		int r = w->v->terms[k].negate ? has_tag(c, w->v->terms[k].id, ino) : 0;

		if (r)
			return MIN(r, 0);
	}
	return looker_sees(w->l, ino);
}

int view_walk_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie)
{
	int r;

	while ((r = next(w, ret_ino, ret_cookie)) > 0) {
		r = is_shown(w, *ret_ino);
		if (r)
			return r;
	}
	return r;
}
