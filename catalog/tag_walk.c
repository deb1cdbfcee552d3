/* SPDX-License-Identifier: MIT */
/* Of a few labels each has a walk of its own, and the smallest comes next; a walk of more than that would hold
 * megabytes of cursors, and their files are gathered and sorted instead. */
#include "catalog/tag_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/tree_impl.h"

#define WALKS_MAX 64u

/* Appends the label and all below it. */
static int collect(struct catalog *c, uint64_t id, unsigned depth, struct buf *ids)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(c, id);
	struct packed_member m;
	int r = buf_add(ids, &id, sizeof(id));

	while (r >= 0 && depth < LABEL_DEPTH_MAX && (r = packed_walk_next(&w, &m)) > 0)
		r = collect(c, m.a, depth + 1, ids);
	return MIN(r, 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int gather_label(struct tag_walk *w, uint64_t id)
{
	_cleanup_(packed_walk_done) struct packed_walk files = label_walk_files(w->c, id);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&files, &m)) > 0) {
		r = buf_add(&w->all, &m.a, sizeof(m.a));
		if (r < 0)
			break;
	}
	return r;
}

static int gather(struct tag_walk *w, const uint64_t *ids, size_t n)
{
	uint64_t *all;
	size_t kept = 0, count;
	int r = 0;

	w->is_list = true;
	for (size_t k = 0; k < n && r >= 0; k++)
		r = gather_label(w, ids[k]);
	if (r < 0)
		return r;
	all = (uint64_t *)(void *)w->all.data;
	count = w->all.len / sizeof(*all);
	if (count)
		qsort(all, count, sizeof(*all), compare);
	for (size_t k = 0; k < count; k++)
		if (!kept || all[kept - 1] != all[k])
			all[kept++] = all[k];
	w->all.len = kept * sizeof(*all);
	return 0;
}

static int begin(struct tag_walk *w, const uint64_t *ids, size_t n)
{
	w->walks = calloc(n, sizeof(*w->walks));
	w->heads = calloc(n, sizeof(*w->heads));
	w->ended = calloc(n, sizeof(*w->ended));
	if (!w->walks || !w->heads || !w->ended)
		return -ENOMEM;
	w->n = n;
	for (size_t k = 0; k < n; k++)
		w->walks[k] = label_walk_files(w->c, ids[k]);
	return 0;
}

int tag_walk_open(struct catalog *c, uint64_t id, struct tag_walk *ret_w)
{
	_cleanup_(tag_walk_done) struct tag_walk w = { .c = c };
	_cleanup_buf_ struct buf ids = BUF_INIT;
	size_t n;
	int r = collect(c, id, 0, &ids);

	if (r < 0)
		return r;
	n = ids.len / sizeof(uint64_t);
	r = n > WALKS_MAX ? gather(&w, (const void *)ids.data, n) : begin(&w, (const void *)ids.data, n);
	if (r < 0)
		return r;
	*ret_w = w;
	w = (struct tag_walk){ 0 };
	return 0;
}

void tag_walk_done(struct tag_walk *w)
{
	for (size_t k = 0; k < w->n; k++)
		packed_walk_done(&w->walks[k]);
	free(w->walks);
	free(w->heads);
	free(w->ended);
	buf_done(&w->all);
	*w = (struct tag_walk){ 0 };
}

static void seek_list(struct tag_walk *w, uint64_t ino)
{
	const uint64_t *all = (const void *)w->all.data;
	size_t high = w->all.len / sizeof(*all);

	while (w->at < high) {
		size_t middle = w->at + (high - w->at) / 2;

		if (all[middle] < ino)
			w->at = middle + 1;
		else
			high = middle;
	}
}

void tag_walk_seek(struct tag_walk *w, uint64_t ino)
{
	if (w->is_list)
		seek_list(w, ino);
	for (size_t k = 0; k < w->n; k++) {
		if (w->ended[k] || (w->heads[k].n && w->heads[k].a >= ino))
			continue;
		packed_walk_seek(&w->walks[k], ino, 0);
		w->heads[k].n = 0;
	}
}

static int next_of_list(struct tag_walk *w, uint64_t *ret_ino)
{
	const uint64_t *all = (const void *)w->all.data;

	if (w->at == w->all.len / sizeof(*all))
		return 0;
	*ret_ino = all[w->at++];
	return 1;
}

static int fill_heads(struct tag_walk *w)
{
	for (size_t k = 0; k < w->n; k++) {
		int r;

		if (w->ended[k] || w->heads[k].n)
			continue;
		r = packed_walk_next(&w->walks[k], &w->heads[k]);
		if (r < 0)
			return r;
		w->ended[k] = r == 0;
	}
	return 0;
}

int tag_walk_next(struct tag_walk *w, uint64_t *ret_ino)
{
	uint64_t least = UINT64_MAX;
	bool any = false;
	int r;

	if (w->is_list)
		return next_of_list(w, ret_ino);
	r = fill_heads(w);
	if (r < 0)
		return r;
	for (size_t k = 0; k < w->n; k++)
		if (!w->ended[k]) {
			least = MIN(least, w->heads[k].a);
			any = true;
		}
	for (size_t k = 0; k < w->n; k++)
		if (!w->ended[k] && w->heads[k].a == least)
			w->heads[k].n = 0;
	*ret_ino = least;
	return any;
}

/* Does a label have as many files as it says? -ENOENT: it went away, with its files. */
static int compare_count(struct catalog *c, uint64_t id)
{
	struct packed_walk files = label_walk_files(c, id);
	_cleanup_label_ struct label l = { 0 };
	uint64_t n = 0;
	int r = packed_set_count(c, &files.prefix, 0, UINT64_MAX, &n);

	if (r >= 0)
		r = label_get(c, id, &l);
	return r < 0 ? r : n == l.files;
}

/* A difference may come from a change in between: another look, while nothing changes. */
static int check_count(struct catalog *c, uint64_t id)
{
	struct batch *hold;
	int r = compare_count(c, id);

	if (r)
		return r == -ENOENT ? 0 : MIN(r, 0);
	hold = tree_hold(c);
	r = compare_count(c, id);
	tree_release(hold);
	return r ? MIN(r, 0) : -EBADMSG;
}

static int check_counts(struct catalog *c, uint64_t id)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;
	int r = collect(c, id, 0, &ids);

	for (size_t k = 0; r >= 0 && k < ids.len / sizeof(uint64_t); k++)
		r = check_count(c, ((const uint64_t *)(const void *)ids.data)[k]);
	return r;
}

int tag_foreach_file(struct catalog *c, uint64_t id, int (*file)(void *context, uint64_t ino), void *context)
{
	_cleanup_(tag_walk_done) struct tag_walk w = { 0 };
	uint64_t ino;
	int r = tag_walk_open(c, id, &w);

	while (r >= 0 && (r = tag_walk_next(&w, &ino)) > 0) {
		r = file(context, ino);
		if (r)
			return r;
	}
	return r < 0 ? r : check_counts(c, id);
}

static int count_one(void *context, uint64_t ino)
{
	++*(uint64_t *)context;
	return 0;
}

int tag_count_files(struct catalog *c, uint64_t id, uint64_t *ret_files)
{
	_cleanup_label_ struct label l = { 0 };
	uint64_t files = 0;
	int r = label_get(c, id, &l);

	if (r >= 0 && l.below)
		r = tag_foreach_file(c, id, count_one, &files);
	else
		files = l.files;
	if (r >= 0)
		*ret_files = files;
	return r;
}
