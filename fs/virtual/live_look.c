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

/* `name`: empty: nobody knows. */
static int add_event(struct look *k, struct batch *b, uint64_t ino, const struct buf *name, bool enters)
{
	_cleanup_json_ json_t *o = NULL;
	_cleanup_buf_ struct buf line = BUF_INIT;
	uint64_t number;
	int r = journal_next(b, JOURNAL_EVENTS, &number);

	if (r < 0)
		return r;
	o = json_pack("{s:I, s:I, s:s, s:o, s:I, s:o, s:o}", "seq", (json_int_t)number, "time_ms",
		      (json_int_t)(clock_real_ns() / 1000000), "event", enters ? "enter" : "leave", "search",
		      json_text(k->name, strlen(k->name)), "inode", (json_int_t)ino, "path", path_of(k, ino), "name",
		      name->len ? json_text(name->data, name->len) : json_null());
	r = o ? json_add_to(&line, o) : -ENOMEM;
	if (r >= 0)
		r = buf_add_u8(&line, '\n');
	return r < 0 ? r : journal_add(b, JOURNAL_EVENTS, line.data, line.len);
}

static int prepare_announcement(struct look *k, uint64_t ino, struct buf *name, bool enters)
{
	const struct view v = { .class = VIEW_SAVED, .id = k->id, .depth = SAVED_DEPTH + k->depth };
	_cleanup_buf_ struct buf folder = BUF_INIT;
	int r = buf_addf(&folder, ".find/saved/%s", k->name);

	if (r < 0 || !buf_cstr(name) || !buf_cstr(&folder))
		return -ENOMEM;
	announcing_prepare(k->fs->virtual->announcing, &(struct found_change){
		.came = enters,
		.search = k->id,
		.ino = ino,
		.dir = view_ino(k->fs, &v),
		.folder = buf_cstr(&folder),
		.name = buf_cstr(name),
		.as = k->live->as,
	});
	return 0;
}

static int tell(struct look *k, struct batch *b, uint64_t ino, bool enters)
{
	const struct packed_change change = { .a = ino, .clear = 1, .set = enters };
	struct key prefix = saved_members(k->id);
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r = packed_set_change(b, &prefix, &change, NULL);

	if (r >= 0) {
		r = live_add_name(k, ino, enters, &name);
		r = r == -ENOMEM ? r : 0;
	}
	if (r >= 0 && !k->live->as)
		r = add_event(k, b, ino, &name, enters);
	return r < 0 || !name.len ? r : prepare_announcement(k, ino, &name, enters);
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

static int commit(struct look *k, const struct buf *sorted)
{
	struct batch *b;
	int r = catalog_begin(k->fs->config.catalog, true, &b);

	if (r < 0)
		return r;
	r = tell_all(k, b, sorted);
	if (r < 0)
		(void) batch_abort(b);
	else
		r = batch_commit(b, NULL);
	announcing_settle(k->fs->virtual->announcing, r >= 0);
	return r;
}

static void sort(struct buf *inos)
{
	if (inos->len)
		qsort(inos->data, inos->len / sizeof(uint64_t), sizeof(uint64_t), compare);
}

/* Runs the search; `sorted`: of what it finds the inodes, ascending. */
static int find(struct look *k, struct buf *sorted)
{
	struct looker l = { .fs = k->fs,
			    .caller = k->live->as ? *k->live->as
						  : (struct caller){ .all = true } }; /* not done: borrowed */
	const struct view v = { .class = VIEW_SAVED, .id = k->id };
	int r;

	(void) results_put(steal_ptr(&k->results));
	buf_reset(&k->now);
	buf_reset(sorted);
	r = view_saved_results(&l, &v, RESULTS_NOW, &k->results);
	for (size_t n = 0; r >= 0 && n < k->results->n; n++)
		if (*k->results->items[n].name)
			r = buf_add(&k->now, &k->results->items[n].ino, sizeof(uint64_t));
	if (r >= 0)
		r = buf_add(sorted, k->now.data, k->now.len);
	sort(sorted);
	return r;
}

/* Has it its name still, and does the index not know yet what it is now? It waits after each change, and after a
 * crash. */
static bool is_undecided(struct look *k, uint64_t ino)
{
	struct inode i;

	return index_awaits(k->fs->config.index, ino) && inode_get(k->fs->config.catalog, ino, &i) >= 0 && i.nlink > 0;
}

/* Of what is not found any more, that of which the index has still to say whether it is. 1: something is not found; 0. */
static int list_undecided(struct look *k, const struct buf *sorted, struct buf *undecided)
{
	const uint64_t *before = (const void *)k->before.data;
	int missing = 0, r = 0;

	for (size_t n = 0; n < k->before.len / sizeof(*before) && r >= 0; n++) {
		if (has(sorted, before[n]))
			continue;
		missing = 1;
		if (is_undecided(k, before[n]))
			r = buf_add(undecided, &before[n], sizeof(before[n]));
	}
	return r < 0 ? r : missing;
}

/* What is undecided stays. What is missing is searched for once more: it may have been found just before the index was asked. */
static int find_decided(struct look *k, struct buf *sorted)
{
	_cleanup_buf_ struct buf undecided = BUF_INIT;
	const uint64_t *at;
	int r = find(k, sorted);

	if (r >= 0)
		r = list_undecided(k, sorted, &undecided);
	if (r <= 0)
		return r;
	r = find(k, sorted);
	at = (const void *)undecided.data;
	for (size_t n = 0, found = sorted->len; n < undecided.len / sizeof(*at) && r >= 0; n++) {
		const struct buf first = { .data = sorted->data, .len = found };

		if (has(&first, at[n]))
			continue;
		r = buf_add(sorted, &at[n], sizeof(at[n]));
		k->undecided = true;
	}
	sort(sorted);
	return r;
}

/* What is undecided is called as it was. */
static int keep_shown(struct look *k)
{
	struct shown *s = live_shown(k->live, k->id), *grown;

	if (s && k->undecided)
		return 0;
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
	_cleanup_buf_ struct buf sorted = BUF_INIT;
	int r = load_before(k);

	if (r >= 0)
		r = find_decided(k, &sorted);
	if (r >= 0 && (sorted.len != k->before.len ||
		       (sorted.len && memcmp(sorted.data, k->before.data, sorted.len) != 0)))
		r = commit(k, &sorted);
	return r < 0 ? r : keep_shown(k);
}

void live_look_done(struct look *k)
{
	buf_done(&k->before);
	buf_done(&k->now);
	buf_done(&k->events);
	(void) results_put(k->results);
}
