/* SPDX-License-Identifier: MIT */
/* What a saved search finds, compared with what it found before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/saved.h"
#include "fs/virtual/live_impl.h"
#include "fs/virtual/view_kinds.h"

static int load_before(struct live *l, struct look *k)
{
	struct key prefix = saved_members(k->id);
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(l->fs->config.catalog, &prefix);
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

static void sort(struct buf *inos)
{
	if (inos->len)
		qsort(inos->data, inos->len / sizeof(uint64_t), sizeof(uint64_t), compare);
}

bool look_has(const struct buf *sorted, uint64_t ino)
{
	return sorted->len && bsearch(&ino, sorted->data, sorted->len / sizeof(ino), sizeof(ino), compare);
}

/* Runs the search. */
static int find(struct live *l, struct look *k)
{
	struct looker looker = { .fs = l->fs, .caller = k->as }; /* not done: borrowed */
	const struct view v = { .class = VIEW_SAVED, .id = k->id };
	int r;

	(void) results_put(steal_ptr(&k->results));
	buf_reset(&k->now);
	buf_reset(&k->sorted);
	r = view_saved_results(&looker, &v, RESULTS_NOW, &k->results);
	for (size_t n = 0; r >= 0 && n < k->results->n; n++)
		if (*k->results->items[n].name)
			r = buf_add(&k->now, &k->results->items[n].ino, sizeof(uint64_t));
	if (r >= 0)
		r = buf_add(&k->sorted, k->now.data, k->now.len);
	sort(&k->sorted);
	return r;
}

/* Has it its name still, and does the index not know yet what it is now? It waits after each change, and after a
 * crash. */
static bool is_undecided(struct live *l, const struct look *k, uint64_t ino)
{
	struct inode i;

	return !k->results->knows_waiting && index_awaits(l->fs->config.index, ino) &&
	       inode_get(l->fs->config.catalog, ino, &i) >= 0 && i.nlink > 0;
}

/* Of what is not found any more, that of which the index has still to say whether it is. 1: something is not found; 0. */
static int list_undecided(struct live *l, const struct look *k, struct buf *undecided)
{
	const uint64_t *before = (const void *)k->before.data;
	int missing = 0, r = 0;

	for (size_t n = 0; n < k->before.len / sizeof(*before) && r >= 0; n++) {
		if (look_has(&k->sorted, before[n]))
			continue;
		missing = 1;
		if (is_undecided(l, k, before[n]))
			r = buf_add(undecided, &before[n], sizeof(before[n]));
	}
	return r < 0 ? r : missing;
}

static int add_undecided(struct look *k, const struct buf *undecided)
{
	const uint64_t *at = (const void *)undecided->data;
	size_t found = k->sorted.len;
	int r = 0;

	for (size_t n = 0; n < undecided->len / sizeof(*at) && r >= 0; n++) {
		const struct buf first = { .data = k->sorted.data, .len = found };

		if (look_has(&first, at[n]))
			continue;
		r = buf_add(&k->sorted, &at[n], sizeof(at[n]));
		k->undecided = true;
	}
	sort(&k->sorted);
	return r;
}

/* What is undecided stays. What is missing is searched for once more: it may have been found just before the index was
 * asked. */
int look_take(struct live *l, struct look *k)
{
	_cleanup_buf_ struct buf undecided = BUF_INIT;
	int r = load_before(l, k);

	if (r >= 0)
		r = find(l, k);
	if (r >= 0)
		r = list_undecided(l, k, &undecided);
	if (r <= 0)
		return r;
	r = find(l, k);
	return r < 0 ? r : add_undecided(k, &undecided);
}

bool look_has_changed(const struct look *k)
{
	return k->sorted.len != k->before.len ||
	       (k->sorted.len && memcmp(k->sorted.data, k->before.data, k->sorted.len) != 0);
}

/* What is undecided is called as it was. */
int look_keep(struct live *l, struct look *k)
{
	struct shown *s = live_shown(l, k->id), *grown;

	if (s && k->undecided)
		return 0;
	if (!s) {
		grown = reallocarray(l->shown, l->n_shown + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->shown = grown;
		s = &grown[l->n_shown++];
		*s = (struct shown){ .id = k->id };
	}
	(void) results_put(s->results);
	s->results = steal_ptr(&k->results);
	return 0;
}

void look_done(struct look *k)
{
	free(k->name);
	caller_done(&k->as);
	buf_done(&k->before);
	buf_done(&k->now);
	buf_done(&k->sorted);
	(void) results_put(k->results);
}
