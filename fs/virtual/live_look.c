/* SPDX-License-Identifier: MIT */
/* What a saved search finds, compared with what it found before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/clock.h"
#include "catalog/journal.h"
#include "catalog/saved.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/live_impl.h"
#include "fs/virtual/view_kinds.h"
#include "fs/virtual/view_names.h"

/* Of .find/saved/NAME, as views count it. */
#define SAVED_DEPTH 2u

static int load_before(struct look *k)
{
	struct key prefix = saved_members(k->id);
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(k->fs->config.catalog, &prefix);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = buf_add(&k->before, &m.a, sizeof(m.a));
		if (r < 0)
			break;
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool has(const struct buf *inos, uint64_t ino)
{
	return inos->len && bsearch(&ino, inos->data, inos->len / sizeof(ino), sizeof(ino), compare);
}

/* Of a file that is gone there is no path any more. */
static json_t *path_of(struct look *k, uint64_t ino)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (tree_path(k->fs->config.catalog, ino, ROOT_INO, 0, &path) < 0)
		return json_null();
	return json_text(path.data, path.len);
}

static int add_event(struct look *k, struct batch *b, uint64_t ino, bool enters)
{
	_cleanup_json_ json_t *o = NULL;
	_cleanup_buf_ struct buf line = BUF_INIT;
	uint64_t number;
	int r = journal_next(b, JOURNAL_EVENTS, &number);

	if (r < 0)
		return r;
	o = json_pack("{s:I, s:I, s:s, s:o, s:I, s:o}", "seq", (json_int_t)number, "time_ms",
		      (json_int_t)(clock_real_ns() / 1000000), "event", enters ? "enter" : "leave", "search",
		      json_text(k->name, strlen(k->name)), "inode", (json_int_t)ino, "path", path_of(k, ino));
	r = o ? json_add_to(&line, o) : -ENOMEM;
	if (r >= 0)
		r = buf_add_u8(&line, '\n');
	return r < 0 ? r : journal_add(b, JOURNAL_EVENTS, line.data, line.len);
}

static const char *name_in(const struct results *r, uint64_t ino)
{
	for (size_t n = 0; r && n < r->n; n++)
		if (r->items[n].ino == ino && *r->items[n].name)
			return r->items[n].name;
	return NULL;
}

static struct shown *shown_of(struct live *l, uint64_t id)
{
	for (size_t n = 0; n < l->n_shown; n++)
		if (l->shown[n].id == id)
			return &l->shown[n];
	return NULL;
}

/* What another server has shown is called as it is now, if it is still there. */
static int add_name(struct look *k, uint64_t ino, bool enters, struct buf *path)
{
	const struct shown *before = shown_of(k->live, k->id);
	const char *name = name_in(enters ? k->results : before ? before->results : NULL, ino);
	struct inode i;
	int r;

	if (name || k->live->as) /* others are not told what a file is called now that they do not see */
		return name ? buf_add_str(path, name) : -ENOENT;
	r = inode_get(k->fs->config.catalog, ino, &i);
	return r < 0 ? r : view_base_name(k->fs->config.catalog, &i, path);
}

static int add_announcement(struct look *k, uint64_t ino, bool enters)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r = add_name(k, ino, enters, &name);

	if (r < 0 || !buf_cstr(&name))
		return r == -ENOMEM ? r : 0; /* events are the record; this is what can be had beside them */
	r = buf_add_u8(&k->live->names, enters);
	return r < 0 ? r : buf_add(&k->live->names, name.data, name.len + 1);
}

static int tell(struct look *k, struct batch *b, uint64_t ino, bool enters)
{
	const struct packed_change change = { .a = ino, .clear = 1, .set = enters };
	struct key prefix = saved_members(k->id);
	int r = packed_set_change(b, &prefix, &change, NULL);

	if (r >= 0 && !k->live->as)
		r = add_event(k, b, ino, enters);
	return r < 0 ? r : add_announcement(k, ino, enters);
}

/* Who left first, then who came, the best first. */
static int tell_all(struct look *k, struct batch *b, const struct buf *sorted)
{
	const uint64_t *before = (const void *)k->before.data, *now = (const void *)k->now.data;
	int r = 0;

	for (size_t n = 0; n < k->before.len / sizeof(*before) && r >= 0; n++)
		if (!has(sorted, before[n]))
			r = tell(k, b, before[n], false);
	for (size_t n = 0; n < k->now.len / sizeof(*now) && r >= 0; n++)
		if (!has(&k->before, now[n]))
			r = tell(k, b, now[n], true);
	return r;
}

static void announce(struct look *k)
{
	const struct view v = { .class = VIEW_SAVED, .id = k->id, .depth = SAVED_DEPTH + k->depth };
	const char *at = (const char *)k->live->names.data, *end = at + k->live->names.len;
	_cleanup_buf_ struct buf folder = BUF_INIT;

	for (; at < end && buf_addf(&folder, ".find/saved/%s", k->name) >= 0; at += strlen(at + 1) + 2) {
		announcing_add(k->fs->virtual->announcing, *at, view_ino(k->fs, &v),
			       (const char *)folder.data, at + 1, k->live->as);
		buf_reset(&folder);
	}
	buf_reset(&k->live->names);
}

static int commit(struct look *k, const struct buf *sorted)
{
	struct batch *b;
	int r = catalog_begin(k->fs->config.catalog, true, &b);

	if (r < 0)
		return r;
	r = tell_all(k, b, sorted);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	return batch_commit(b, NULL);
}

static int collect(struct look *k, struct buf *sorted)
{
	int r = 0;

	for (size_t n = 0; n < k->results->n && r >= 0; n++)
		if (*k->results->items[n].name)
			r = buf_add(&k->now, &k->results->items[n].ino, sizeof(uint64_t));
	if (r >= 0)
		r = buf_add(sorted, k->now.data, k->now.len);
	if (r >= 0 && sorted->len)
		qsort(sorted->data, sorted->len / sizeof(uint64_t), sizeof(uint64_t), compare);
	return r;
}

static int keep_shown(struct look *k)
{
	struct shown *s = shown_of(k->live, k->id), *grown;

	if (!s) {
		grown = reallocarray(k->live->shown, k->live->n_shown + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		k->live->shown = grown;
		s = &grown[k->live->n_shown++];
		*s = (struct shown){.id = k->id};
	}
	(void) results_put(s->results);
	s->results = steal_ptr(&k->results);
	return 0;
}

int live_look_at(struct look *k)
{
	struct looker l = { .fs = k->fs,
			   .caller = k->live->as ? *k->live->as
						 : (struct caller){ .all = true } }; /* not done: borrowed */
	const struct view v = { .class = VIEW_SAVED, .id = k->id };
	_cleanup_buf_ struct buf sorted = BUF_INIT;
	int r = load_before(k);

	if (r >= 0)
		r = view_saved_results(&l, &v, false, &k->results);
	if (r >= 0)
		r = collect(k, &sorted);
	if (r >= 0 && (sorted.len != k->before.len ||
		       (sorted.len && memcmp(sorted.data, k->before.data, sorted.len) != 0)))
		r = commit(k, &sorted);
	if (r < 0)
		buf_reset(&k->live->names);
	else
		r = keep_shown(k);
	announce(k);
	return r;
}

void live_look_done(struct look *k)
{
	buf_done(&k->before);
	buf_done(&k->now);
	(void) results_put(k->results);
}
