/* SPDX-License-Identifier: MIT */
/* From the two sides' scores to the best hits, in one order: score, then inode number.
 *
 * Mix: (1 - w) B/Bmax + w (c - cmin)/(cmax - cmin), over all candidates; B = 0 without a common term, and a
 * candidate without a vector counts as the farthest.
 *
 * Of most candidates it is only known where c lies (meaning.c). Exact cosines are had, by reading vectors, of
 * those that may be cmin or cmax; of those that would be the best if c were in the middle, which gives a score
 * that must be reached; and of those that may reach it. So scores of hits are exact, and a document is missing
 * only if its c lies outside of where it should. In a segment with lists (index/codes.h), of the documents that
 * were not looked at only those with a common term are hits that may be among the best. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "index/query/search.h"
#include "index/words/words.h"

#define WEIGHT 0.25
/* Documents that are looked at for each of the least and the most cosine. */
#define GUESSES 24u
#define SPARE_AT_LEAST 8u
#define SPARE_MORE 64u

enum order { ORDER_SCORE, ORDER_NEWEST, ORDER_OLDEST, ORDER_NAME, ORDER_SIZE };

static enum order order_of(const struct search *s)
{
	static const char *const names[] = { "score", "newest", "oldest", "name", "size" };

	for (size_t i = 0; s->query->sort && i < ARRAY_SIZE(names); i++)
		if (strcmp(s->query->sort, names[i]) == 0 && (i > 0 || s->parsed.ranks))
			return (enum order)i;
	return s->parsed.ranks ? ORDER_SCORE : ORDER_NEWEST;
}

void hits_done(struct hits *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->items[i].name);
	free(h->items);
	*h = (struct hits){ 0 };
}

/* Does a precede b? */
static int compare_hits(const void *left, const void *right)
{
	const struct hit *a = left, *b = right;
	int c = a->name && b->name ? strcmp(a->name, b->name) : 0;

	if (c == 0)
		c = (a->order < b->order) - (a->order > b->order);
	if (c == 0)
		c = (a->score < b->score) - (a->score > b->score);
	return c ? c : (a->ino > b->ino) - (a->ino < b->ino);
}

/* ---- keeping the best K: a heap with the worst on top */

struct best {
	struct hit *items; /* owned */
	size_t n, cap, keep;
};

static void sift_down(struct best *b, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;
		struct hit h;

		if (child >= b->n)
			return;
		if (child + 1 < b->n && compare_hits(&b->items[child], &b->items[child + 1]) < 0)
			child++;
		if (compare_hits(&b->items[at], &b->items[child]) >= 0)
			return;
		h = b->items[at];
		b->items[at] = b->items[child];
		b->items[child] = h;
		at = child;
	}
}

static void sift_up(struct best *b, size_t at)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;
		struct hit h = b->items[at];

		if (compare_hits(&b->items[parent], &h) >= 0)
			return;
		b->items[at] = b->items[parent];
		b->items[parent] = h;
		at = parent;
	}
}

/* Takes over h->name. */
static int best_add(struct best *b, const struct hit *h)
{
	if (b->n == b->keep) {
		if (b->keep > 0 && compare_hits(h, &b->items[0]) < 0) {
			free(b->items[0].name);
			b->items[0] = *h;
			sift_down(b, 0);
		} else {
			free(h->name);
		}
		return 0;
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 128;
		struct hit *grown = reallocarray(b->items, cap, sizeof(*grown));

		if (!grown) {
			free(h->name);
			return -ENOMEM;
		}
		b->items = grown;
		b->cap = cap;
	}
	b->items[b->n++] = *h;
	sift_up(b, b->n - 1);
	return 0;
}

static void best_done(struct best *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->items[i].name);
	free(b->items);
}

/* ---- mixing */

/* The greatest of many numbers: a heap with the least on top. */
struct greatest {
	double *values; /* owned */
	size_t n, keep;
	double middle;  /* find_threshold(): a score in the middle that is worth a look */
	size_t looks;
};

static void greatest_add(struct greatest *g, double value)
{
	size_t at = 0;

	if (g->n < g->keep) {
		for (at = g->n++; at > 0 && g->values[(at - 1) / 2] > value; at = (at - 1) / 2)
			g->values[at] = g->values[(at - 1) / 2];
		g->values[at] = value;
		return;
	}
	if (value <= g->values[0])
		return;
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < g->n && g->values[child + 1] < g->values[child])
			child++;
		if (child >= g->n || g->values[child] >= value)
			break;
		g->values[at] = g->values[child];
		at = child;
	}
	g->values[at] = value;
}

struct mix {
	double weight, words_max, low, high;
	bool words, meaning;
};

/* Are fewer than half of the query's letters ASCII? Then an English model has less to say. */
static bool is_foreign(const struct search *s)
{
	const uint8_t *at = s->parsed.text.data, *end = at + s->parsed.text.len;
	size_t ascii = 0, others = 0;

	while (at < end) {
		uint32_t c = utf8_next(&at, end);

		ascii += (c | 0x20) >= 'a' && (c | 0x20) <= 'z' && c < 128;
		others += c >= 128;
	}
	return others > ascii;
}

static bool has_vector(const struct span *c)
{
	return c->high > NO_MEANING / 2;
}

static bool is_unseen(const struct span *c)
{
	return c->low == -HUGE_VAL && c->high == HUGE_VAL;
}

static double middle_of(const struct span *c)
{
	return c->low + (c->high - c->low) / 2;
}

static int extend_exactly(struct search *s, struct mix *m, struct search_part *part, uint32_t d)
{
	int r = search_meaning_exactly(s, part, d);

	m->low = MIN(m->low, part->meaning[d].low);
	m->high = MAX(m->high, part->meaning[d].low);
	return r;
}

typedef int visit_seen(struct search *s, struct search_part *part, uint32_t d, void *context);

/* Calls `visit` for candidates that were looked at until it returns something else than 0. */
static int each_seen(struct search *s, visit_seen *visit, void *context)
{
	int r = 0;

	for (unsigned p = 0; p < s->n_parts; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; r == 0 && d < part->segment->n_docs; d++)
			if (part->candidate[d] && has_vector(&part->meaning[d]) && !is_unseen(&part->meaning[d]))
				r = visit(s, part, d, context);
	}
	return r;
}

struct extremes {
	struct mix *mix;
	struct greatest least, most; /* middles; those of `least` with the other sign */
};

static int guess_extreme(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct extremes *e = context;

	greatest_add(&e->least, -middle_of(&part->meaning[d]));
	greatest_add(&e->most, middle_of(&part->meaning[d]));
	return 0;
}

static int check_guess(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct extremes *e = context;
	double middle = middle_of(&part->meaning[d]);

	return -middle >= e->least.values[0] || middle >= e->most.values[0] ? extend_exactly(s, e->mix, part, d) : 0;
}

static int check_others(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct extremes *e = context;
	const struct span *c = &part->meaning[d];

	return c->low < e->mix->low || c->high > e->mix->high ? extend_exactly(s, e->mix, part, d) : 0;
}

/* The least and the most cosine of all that was looked at. Those that seem to be it, some from either end, leave
 * few others that may be. */
static int find_extremes(struct search *s, struct mix *m)
{
	double least[GUESSES], most[GUESSES];
	struct extremes e = { .mix = m, .least = { .values = least, .keep = GUESSES },
			      .most = { .values = most, .keep = GUESSES } };
	int r = each_seen(s, guess_extreme, &e);

	if (r >= 0)
		r = each_seen(s, check_guess, &e);
	return r < 0 ? r : each_seen(s, check_others, &e);
}

static int mix_of(struct search *s, bool meaning, struct mix *ret_m)
{
	struct mix m = { .words = s->query->mode != QUERY_VECTOR, .meaning = meaning, .low = 2, .high = -2 };

	m.weight = s->query->alpha >= 0 ? s->query->alpha : is_foreign(s) ? WEIGHT / 4 : WEIGHT;
	for (unsigned p = 0; m.words && p < s->n_parts; p++) {
		const struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; d < part->segment->n_docs; d++)
			if (part->candidate[d])
				m.words_max = MAX(m.words_max, part->words[d]);
	}
	*ret_m = m;
	return meaning ? find_extremes(s, ret_m) : 0;
}

enum place { AT_LOW, AT_MIDDLE, AT_HIGH };

/* The unseen ones are where those are that were seen. */
static double cosine_at(const struct mix *m, const struct span *c, enum place place)
{
	if (is_unseen(c))
		return place == AT_HIGH ? m->high : m->low;
	return place == AT_LOW ? c->low : place == AT_HIGH ? c->high : middle_of(c);
}

static double between_0_and_1(double x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* The document's score if its cosine is at that place; false when nothing connects it with the query. It grows
 * with the cosine, and no step of rounding changes that. */
static bool score_of(const struct mix *m, const struct search_part *part, uint32_t d, enum place place,
		     double *ret_score)
{
	bool has_meaning = m->meaning && has_vector(&part->meaning[d]);
	double cosine = has_meaning ? cosine_at(m, &part->meaning[d], place) : NO_MEANING;
	double words = m->words ? part->words[d] : 0, meaning = 0;

	if (words <= 0 && !has_meaning)
		return false;
	if (!m->words) {
		*ret_score = cosine;
	} else if (!m->meaning) {
		*ret_score = words;
	} else {
		if (has_meaning && m->high > m->low)
			meaning = between_0_and_1((cosine - m->low) / (m->high - m->low));
		*ret_score = (1 - m->weight) * (m->words_max > 0 ? words / m->words_max : 0) + m->weight * meaning;
	}
	return true;
}

/* Is it known without a look at it that it is not among the best? */
static bool is_far(const struct mix *m, const struct search_part *part, uint32_t d)
{
	return m->meaning && is_unseen(&part->meaning[d]) && !(m->words && part->words[d] > 0);
}

/* ---- who needs an exact score */

typedef int visit_middle(struct search *s, const struct mix *m, struct search_part *part, uint32_t d, double score,
			 struct greatest *g);

/* Calls `visit` for candidates that may be among the best, with their scores in the middle; until it returns
 * something else than 0. */
static int each_middle(struct search *s, const struct mix *m, struct greatest *g, visit_middle *visit)
{
	int r = 0;

	for (unsigned p = 0; p < s->n_parts; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; r == 0 && d < part->segment->n_docs; d++) {
			double score;

			if (part->candidate[d] && !is_far(m, part, d) && score_of(m, part, d, AT_MIDDLE, &score))
				r = visit(s, m, part, d, score, g);
		}
	}
	return r;
}

static int add_middle(struct search *s, const struct mix *m, struct search_part *part, uint32_t d, double score,
		      struct greatest *g)
{
	greatest_add(g, score);
	return 0;
}

static int add_exact(struct search *s, const struct mix *m, struct search_part *part, uint32_t d, double score,
		     struct greatest *g)
{
	int r;

	if (score < g->middle)
		return 0;
	r = search_meaning_exactly(s, part, d);
	if (r < 0)
		return r;
	(void) score_of(m, part, d, AT_LOW, &score);
	greatest_add(g, score);
	return --g->looks == 0;
}

/* What a score must reach: `keep` documents have that much. Twice as many are looked at: the best of them by
 * their true scores, not by those in the middle, give a threshold that leaves few others to be looked at. */
static int find_threshold(struct search *s, const struct mix *m, size_t keep, double *ret_score)
{
	struct greatest g = { .keep = 2 * keep, .looks = 2 * keep };
	size_t docs = 0;
	int r;

	for (unsigned p = 0; p < s->n_parts; p++)
		docs += s->parts[p].segment->n_docs;
	*ret_score = -HUGE_VAL;
	if (!m->meaning || keep == 0 || docs <= g.keep)
		return 0;
	g.values = calloc(g.keep, sizeof(*g.values));
	if (!g.values)
		return -ENOMEM;
	r = each_middle(s, m, &g, add_middle);
	if (r >= 0 && g.n == g.keep) {
		g.middle = g.values[0];
		g.n = 0;
		g.keep = keep;
		r = each_middle(s, m, &g, add_exact);
		if (g.n == keep)
			*ret_score = g.values[0];
	}
	free(g.values);
	return r < 0 ? r : 0;
}

/* ---- what other orders need */

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
	return 1;
}

/* The exact score into *ret_score. 1: it may be among the best. 0: it is a hit, but no such one. -ENOENT: it is
 * none. */
static int weigh(struct search *s, const struct mix *m, struct search_part *part, uint32_t d, double threshold,
		 double *ret_score)
{
	int r;

	if (!score_of(m, part, d, AT_HIGH, ret_score))
		return -ENOENT;
	if (*ret_score < threshold || is_far(m, part, d))
		return 0;
	r = m->meaning ? search_meaning_exactly(s, part, d) : 0;
	if (r < 0)
		return r;
	(void) score_of(m, part, d, AT_LOW, ret_score);
	return 1;
}

static int collect_documents(struct search *s, const struct mix *m, enum order order, struct best *b,
			     uint64_t *ret_total)
{
	double threshold = -HUGE_VAL;
	int r = order == ORDER_SCORE ? find_threshold(s, m, b->keep, &threshold) : 0;

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
			r = s->parsed.ranks ? weigh(s, m, part, d, threshold, &h.score) : 1;
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
static int collect_waiting(struct search *s, enum order order, struct best *b, uint64_t *ret_total)
{
	const uint64_t *inos = (const uint64_t *)(const void *)s->waiting.data;

	for (size_t k = 0; k < s->waiting.len / sizeof(*inos); k++) {
		struct hit h = { .ino = inos[k] };
		struct inode i;
		int r = inode_get(s->x->config.catalog, inos[k], &i);

		if (r == -ENOENT || (r >= 0 && (!S_ISREG(i.mode) || i.nlink == 0)))
			continue;
		if (r >= 0)
			r = search_filter_file(s, &i);
		if (r > 0)
			r = set_order(s, order, &h, &i);
		if (r > 0) {
			r = best_add(b, &h);
			++*ret_total;
		}
		if (r < 0)
			return r;
	}
	return 0;
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
			continue;
		}
		free(h->name);
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
	if (b->n > 0)
		qsort(b->items, b->n, sizeof(*b->items), compare_hits);
	return r;
}

int search_rank(struct search *s, struct hits *ret_h)
{
	struct mix m = { 0 };
	struct best b = { 0 };
	bool meaning = false;
	int r = 0;

	if (s->parsed.ranks && s->query->mode != QUERY_VECTOR)
		r = search_words(s);
	if (r >= 0 && s->parsed.ranks && s->query->mode != QUERY_TEXT)
		r = search_meaning(s, order_of(s) == ORDER_SCORE ? keep_of(s) : SIZE_MAX, &meaning);
	if (r < 0)
		return r;
	if (s->parsed.ranks)
		r = mix_of(s, meaning, &m);
	if (r >= 0)
		r = collect(s, &m, &b, &ret_h->total);
	if (r >= 0) {
		ret_h->items = calloc(b.n + 1, sizeof(*ret_h->items));
		r = ret_h->items ? settle(s, &b, ret_h) : -ENOMEM;
	}
	best_done(&b);
	return r;
}
