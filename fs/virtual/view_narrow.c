/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "fs/virtual/view.h"
#include "index/ino_map.h"

/* Files whose tags are looked at. */
#define FILES_MAX 10000u

struct census {
	struct looker *l;
	const struct view *v;
	struct ino_map tags; /* label: how many files have it */
	uint32_t files;
};

static bool is_term(const struct view *v, uint64_t id)
{
	for (unsigned k = 0; k < v->n_terms; k++)
		if (v->terms[k].id == id)
			return true;
	return false;
}

static int count_tag(void *context, uint64_t id, uint32_t why)
{
	struct census *x = context;
	struct ino_entry *e = ino_map_find(&x->tags, id);

	return ino_map_set(&x->tags, id, NULL, e ? e->number + 1 : 1);
}

static int count_files(struct census *x)
{
	_cleanup_(view_walk_done) struct view_walk w = { 0 };
	uint64_t ino, cookie;
	int r = view_walk_open(x->l, x->v, 0, &w);

	while (r >= 0 && x->files < FILES_MAX && (r = view_walk_next(&w, &ino, &cookie)) > 0) {
		x->files++;
		r = tree_foreach_tag(x->l->fs->config.catalog, ino, count_tag, x);
	}
	return MIN(r, 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Tags below the one that is looked at have folders of their own. */
static int keep(const struct census *x, const struct ino_entry *e, struct buf *ids)
{
	int r = is_term(x->v, e->ino) || e->number == x->files;

	if (!r && x->v->class == VIEW_TAG)
		r = label_is_below(x->l->fs->config.catalog, e->ino, x->v->id);
	return r ? MIN(r, 0) : buf_add(ids, &e->ino, sizeof(e->ino));
}

int view_narrowing(struct looker *l, const struct view *v, struct buf *ret_ids)
{
	struct census x = { .l = l, .v = v };
	int r = v->n_terms ? count_files(&x) : 0;

	for (size_t k = 0; r >= 0 && x.tags.places && k <= x.tags.mask; k++)
		if (x.tags.places[k].ino)
			r = keep(&x, &x.tags.places[k], ret_ids);
	ino_map_done(&x.tags);
	if (r >= 0 && ret_ids->len)
		qsort(ret_ids->data, ret_ids->len / sizeof(uint64_t), sizeof(uint64_t), compare);
	return r;
}
