/* SPDX-License-Identifier: MIT */
#include "index/query/mix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "index/query/search.h"

#define WEIGHT 0.25
/* Documents that are looked at for each of the least and the most cosine. */
#define GUESSES 24u

/* The greatest of many numbers: a heap with the least on top. */
struct greatest {
	double *values; /* owned */
	size_t n, keep;
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

static bool has_vector(const struct cosines *c)
{
	return c->whole > NO_MEANING / 2;
}

static bool is_unseen(const struct cosines *c)
{
	return c->whole_off == HUGE_VALF;
}

static bool is_seen(const struct cosines *c)
{
	return has_vector(c) && !is_unseen(c);
}

static bool is_exact(const struct cosines *c)
{
	return c->whole_off + c->best_off <= 0;
}

static double middle_of(const struct cosines *c)
{
	return 0.5 * ((double)c->whole + c->best);
}

static double off_of(const struct cosines *c)
{
	return 0.5 * ((double)c->whole_off + c->best_off);
}

typedef int visit_candidate(struct search *s, struct search_part *part, uint32_t d, void *context);

/* Calls `visit` for all candidates until it returns something else than 0. */
static int each_candidate(struct search *s, visit_candidate *visit, void *context)
{
	int r = 0;

	for (unsigned p = 0; p < s->n_parts; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; r == 0 && d < part->segment->n_docs; d++)
			if (part->candidate[d])
				r = visit(s, part, d, context);
	}
	return r;
}

/* ---- what is least and most */

/* Unless its cosine is known to be between those that there were. */
static int extend(struct search *s, struct mix *m, struct search_part *part, uint32_t d)
{
	const struct cosines *c = &part->meaning[d];
	double middle = middle_of(c), off = off_of(c);
	int r = 0;

	while (r >= 0 && (middle - off < m->low || middle + off > m->high)) {
		if (is_exact(c)) {
			m->low = MIN(m->low, middle);
			m->high = MAX(m->high, middle);
			break;
		}
		r = search_meaning_nearer(s, part, d);
		middle = middle_of(c);
		off = off_of(c);
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
	const struct cosines *c = &part->meaning[d];

	if (is_seen(c)) {
		greatest_add(&e->least, -middle_of(c));
		greatest_add(&e->most, middle_of(c));
	}
	return 0;
}

static int check_guess(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct extremes *e = context;
	double middle = middle_of(&part->meaning[d]);

	if (!is_seen(&part->meaning[d]) || (-middle < e->least.values[0] && middle < e->most.values[0]))
		return 0;
	return extend(s, e->mix, part, d);
}

static int check_others(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct extremes *e = context;

	return is_seen(&part->meaning[d]) ? extend(s, e->mix, part, d) : 0;
}

/* The least and the most cosine of all that was looked at. Those that seem to be it, some from either end, leave
 * few others that may be. */
static int find_extremes(struct search *s, struct mix *m)
{
	double least[GUESSES], most[GUESSES];
	struct extremes e = { .mix = m, .least = { .values = least, .keep = GUESSES },
			      .most = { .values = most, .keep = GUESSES } };
	int r = each_candidate(s, guess_extreme, &e);

	if (r >= 0)
		r = each_candidate(s, check_guess, &e);
	return r < 0 ? r : each_candidate(s, check_others, &e);
}

static int note_words(struct search *s, struct search_part *part, uint32_t d, void *words_max)
{
	*(double *)words_max = MAX(*(double *)words_max, part->words[d]);
	return 0;
}

int mix_begin(struct search *s, bool meaning, struct mix *ret_m)
{
	struct mix m = { .words = s->query->mode != QUERY_VECTOR, .meaning = meaning, .low = 2, .high = -2 };

	m.weight = s->query->alpha >= 0 ? s->query->alpha : is_foreign(s) ? WEIGHT / 4 : WEIGHT;
	if (m.words)
		(void) each_candidate(s, note_words, &m.words_max);
	*ret_m = m;
	return meaning ? find_extremes(s, ret_m) : 0;
}

/* ---- scores */

enum place { AT_MIDDLE, AT_HIGH };

/* The unseen ones are where those are that were seen. */
static double cosine_at(const struct mix *m, const struct cosines *c, enum place place)
{
	if (is_unseen(c))
		return place == AT_HIGH ? m->high : m->low;
	return middle_of(c) + (place == AT_HIGH ? off_of(c) : 0);
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
	if (part->near)
		*ret_score *= *ret_score < 0 ? 1 / (1 + (double)part->near[d]) : 1 + (double)part->near[d];
	return true;
}

/* Is it known without a look at it that it is not among the best? */
static bool is_far(const struct mix *m, const struct search_part *part, uint32_t d)
{
	return m->meaning && is_unseen(&part->meaning[d]) && !(m->words && part->words[d] > 0);
}

/* ---- what a score must reach */

struct threshold {
	const struct mix *mix;
	struct greatest scores; /* of all candidates in the middle; then exact ones of those that are looked at */
	double middle;          /* from where on they are looked at */
	size_t looks;           /* so many more */
};

static bool score_in_the_middle(const struct mix *m, const struct search_part *part, uint32_t d, double *ret_score)
{
	return !is_far(m, part, d) && score_of(m, part, d, AT_MIDDLE, ret_score);
}

static int add_middle(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct threshold *t = context;
	double score;

	if (score_in_the_middle(t->mix, part, d, &score))
		greatest_add(&t->scores, score);
	return 0;
}

static int add_exact(struct search *s, struct search_part *part, uint32_t d, void *context)
{
	struct threshold *t = context;
	double score;
	int r;

	if (!score_in_the_middle(t->mix, part, d, &score) || score < t->middle)
		return 0;
	r = search_meaning_exactly(s, part, d);
	if (r < 0)
		return r;
	(void) score_of(t->mix, part, d, AT_MIDDLE, &score);
	greatest_add(&t->scores, score);
	return --t->looks == 0;
}

/* Half as many again are looked at: the best of them by their true scores, not by those in the middle, give a
 * threshold that leaves few others to be looked at. */
int mix_threshold(struct search *s, const struct mix *m, size_t keep, double *ret_score)
{
	struct threshold t = { .mix = m, .scores.keep = keep + keep / 2, .looks = keep + keep / 2 };
	size_t docs = 0;
	int r;

	for (unsigned p = 0; p < s->n_parts; p++)
		docs += s->parts[p].segment->n_docs;
	*ret_score = -HUGE_VAL;
	if (!m->meaning || keep == 0 || docs <= t.looks)
		return 0;
	t.scores.values = calloc(t.looks, sizeof(*t.scores.values));
	if (!t.scores.values)
		return -ENOMEM;
	r = each_candidate(s, add_middle, &t);
	if (r >= 0 && t.scores.n == t.looks) {
		t.middle = t.scores.values[0];
		t.scores.n = 0;
		t.scores.keep = keep;
		r = each_candidate(s, add_exact, &t);
		if (t.scores.n == keep)
			*ret_score = t.scores.values[0];
	}
	free(t.scores.values);
	return r < 0 ? r : 0;
}

/* ---- one document */

int mix_weigh(struct search *s, const struct mix *m, struct search_part *part, uint32_t d, double threshold,
	      double *ret_score)
{
	int r = 0;

	if (!score_of(m, part, d, AT_HIGH, ret_score))
		return -ENOENT;
	if (is_far(m, part, d))
		return 0;
	while (r >= 0 && *ret_score >= threshold && m->meaning && !is_exact(&part->meaning[d])) {
		r = search_meaning_nearer(s, part, d);
		(void) score_of(m, part, d, AT_HIGH, ret_score);
	}
	return r < 0 ? r : *ret_score >= threshold;
}
