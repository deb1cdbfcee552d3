/* SPDX-License-Identifier: MIT */
/* From scores to the best hits, in one order: score, then inode number. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/best.h"
#include "index/query/mix.h"
#include "index/query/search.h"

#define SPARE_AT_LEAST 8u
#define SPARE_MORE 64u

enum order { ORDER_SCORE, ORDER_NEWEST, ORDER_OLDEST, ORDER_NAME, ORDER_SIZE, ORDER_NEAR };

static bool asks_for_links(const struct search *s)
{
	for (size_t i = 0; i < s->parsed.n_filters; i++)
		if (s->parsed.filters[i].kind == FILTER_RELATED && !s->parsed.filters[i].negate)
			return true;
	return false;
}

static enum order order_of(const struct search *s)
{
	static const char *const names[] = { "score", "newest", "oldest", "name", "size" };

	for (size_t i = 0; s->query->sort && i < ARRAY_SIZE(names); i++)
		if (strcmp(s->query->sort, names[i]) == 0 && (i > 0 || s->parsed.ranks))
			return (enum order)i;
	return s->parsed.ranks ? ORDER_SCORE : asks_for_links(s) ? ORDER_NEAR : ORDER_NEWEST;
}

/* Of each candidate, for those who weigh it more than once. */
static int note_near(struct search *s)
{
	for (unsigned p = 0; p < s->n_parts && asks_for_links(s); p++) {
		struct search_part *part = &s->parts[p];

		part->near = calloc((size_t)part->segment->n_docs + 1, sizeof(*part->near));
		if (!part->near)
			return -ENOMEM;
		for (uint32_t d = 0; d < part->segment->n_docs; d++)
			if (part->candidate[d])
				part->near[d] = (float)search_near(s, part->segment->docs[d].ino);
	}
	return 0;
}

void hits_done(struct hits *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->items[i].name);
	free(h->items);
	*h = (struct hits){ 0 };
}

/* ---- what other orders need */

/* The nearest first, and of those that are as near the newest: one number for both. */
#define NEAR_UNIT 1000000
#define SECONDS_MAX (1ll << 36)

static int64_t clamp(int64_t seconds)
{
	return seconds < 0 ? 0 : MIN(seconds, SECONDS_MAX - 1);
}

/* 0: the file is gone. */
static int set_order(struct search *s, enum order order, struct hit *h, const struct inode *known)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct inode i;
	int r = 0;

	if (order == ORDER_SCORE)
		return 1;
	if (order == ORDER_NAME) {
		r = tree_path(s->x->config.catalog, h->ino, s->scope->top, 0, &path);
		if (r >= 0 && !buf_cstr(&path))
			r = -ENOMEM;
		if (r >= 0) {
			const char *text = (const char *)path.data, *slash = strrchr(text, '/');

			h->name = strdup(slash ? slash + 1 : text);
			r = h->name ? 1 : -ENOMEM;
		}
		return r == -ENOENT ? 0 : r;
	}
	if (!known)
		r = inode_get(s->x->config.catalog, h->ino, &i);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	known = known ? known : &i;
	h->order = order == ORDER_SIZE ? (int64_t)known->size
				       : (int64_t)known->mtime.tv_sec * 1000000000ll + known->mtime.tv_nsec;
	if (order == ORDER_OLDEST)
		h->order = -h->order;
	if (order == ORDER_NEAR) {
		h->score = search_near(s, h->ino);
		h->order = (int64_t)(MIN(h->score, 100.0) * NEAR_UNIT) * SECONDS_MAX + clamp(known->mtime.tv_sec);
	}
	return 1;
}

static int collect_documents(struct search *s, const struct mix *m, enum order order, struct best *b,
			     uint64_t *ret_total)
{
	double threshold = -HUGE_VAL;
	int r = order == ORDER_SCORE ? mix_threshold(s, m, b->keep, &threshold) : 0;

	if (r < 0)
		return r;
	for (unsigned p = 0; p < s->n_parts; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; d < part->segment->n_docs; d++) {
			struct hit h = { .ino = part->segment->docs[d].ino, .segment = part->segment, .doc = d };

			if (!part->candidate[d])
				continue;
			if (order == ORDER_SCORE && b->n > 0 && b->n == b->keep)
				threshold = MAX(threshold, b->items[0].score);
			r = s->parsed.ranks ? mix_weigh(s, m, part, d, threshold, &h.score) : 1;
			if (r == -ENOENT)
				continue;
			if (r == 0)
				++*ret_total;
			if (r > 0)
				r = set_order(s, order, &h, NULL);
			if (r > 0) {
				r = best_add(b, &h);
				++*ret_total;
			}
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Files that wait: filters alone know enough of them. */
static int collect_waiting_file(struct search *s, const struct inode *i, enum order order, struct best *b,
				uint64_t *ret_total)
{
	struct hit h = { .ino = i->ino };
	int r = S_ISREG(i->mode) && i->nlink > 0 ? search_filter_file(s, i) : 0;

	if (r > 0)
		r = set_order(s, order, &h, i);
	if (r <= 0)
		return r;
	++*ret_total;
	return best_add(b, &h);
}

static int collect_waiting(struct search *s, enum order order, struct best *b, uint64_t *ret_total)
{
	struct inode_walk inodes = { .c = s->x->config.catalog };
	uint64_t ino;
	int r = 0;

	for (uint64_t at = 0; r >= 0 && ino_set_next(&s->waiting, at, &ino); at = ino + 1) {
		struct inode i;

		r = inode_walk_get(&inodes, ino, &i);
		if (r >= 0)
			r = collect_waiting_file(s, &i, order, b, ret_total);
		else if (r == -ENOENT)
			r = 0;
	}
	inode_walk_done(&inodes);
	return r < 0 ? r : 0;
}

/* Drops hits whose document is not of the file's present content, then those before the offset. */
static int settle(struct search *s, struct best *b, struct hits *ret_h)
{
	size_t end = (size_t)s->query->offset + s->query->limit, n = 0;

	for (size_t k = 0; k < b->n; k++) {
		struct hit *h = &b->items[k];
		struct inode i = { 0 };
		int r = n < end ? inode_get(s->x->config.catalog, h->ino, &i) : -ENOENT;

		if (r < 0 && r != -ENOENT)
			return r;
		if (r >= 0 && h->segment && h->segment->docs[h->doc].lsn != i.content_lsn)
			ret_h->dropped++;
		else if (r >= 0 && i.nlink > 0 && n++ >= s->query->offset) {
			ret_h->items[ret_h->n++] = *h;
			h->name = NULL;
		}
		free(steal_ptr(&h->name));
	}
	b->n = 0;
	return 0;
}

/* Hits that turn out to be out of date are replaced: their files wait to be indexed, or have changed just now. */
static size_t keep_of(const struct search *s)
{
	return (size_t)s->query->offset + s->query->limit + SPARE_AT_LEAST + MIN(s->n_waiting, (uint64_t)SPARE_MORE);
}

static int collect(struct search *s, const struct mix *m, struct best *b, uint64_t *ret_total)
{
	enum order order = order_of(s);
	int r;

	b->keep = keep_of(s);
	r = collect_documents(s, m, order, b, ret_total);
	if (r >= 0 && !s->parsed.ranks && s->parsed.n_words == 0 && s->parsed.n_phrases == 0)
		r = collect_waiting(s, order, b, ret_total);
	best_sort(b);
	return r;
}

/* Of how many candidates in a segment cosines must be known, if only nearly. */
static size_t needed_of(const struct search *s)
{
	return order_of(s) == ORDER_SCORE && s->query->threshold < 0 ? keep_of(s) : SIZE_MAX;
}

int search_rank(struct search *s, struct hits *ret_h)
{
	struct best b = { 0 };
	bool meaning = false;
	int r = note_near(s);

	if (r >= 0 && s->parsed.ranks && s->query->mode != QUERY_VECTOR)
		r = search_words(s);
	if (r >= 0 && s->parsed.ranks && (s->query->mode != QUERY_TEXT || s->query->threshold >= 0))
		r = search_meaning(s, needed_of(s), &meaning);
	if (r < 0)
		return r;
	if (s->parsed.ranks)
		r = mix_begin(s, meaning && s->query->mode != QUERY_TEXT, &s->mix);
	if (r >= 0 && s->query->threshold >= 0)
		r = search_filter_like(s, meaning);
	if (r >= 0)
		r = collect(s, &s->mix, &b, &ret_h->total);
	if (r >= 0) {
		ret_h->items = calloc(b.n + 1, sizeof(*ret_h->items));
		r = ret_h->items ? settle(s, &b, ret_h) : -ENOMEM;
	}
	best_done(&b);
	return r;
}
