/* SPDX-License-Identifier: MIT */
/* What a query did, for people: lines of a name and values, separated by tabs; those of a result
 * (explain_hit.c) begin with one. It is the query itself, with its results counted in the place of being
 * written, so that nothing is said that was not done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/search.h"

#define TIERS 3u

static const char *const tiers[TIERS] = { "hot", "warm", "cold" };

/* Sums over the results. */
struct touched {
	uint64_t hits[TIERS];
	struct recall_price sum;
};

static unsigned tier_number(const char *tier)
{
	unsigned k = 0;

	while (k + 1 < TIERS && strcmp(tiers[k], tier) != 0)
		k++;
	return k;
}

static int add_hit(struct search *s, const struct hit *h, uint64_t rank, struct touched *t, struct buf *out)
{
	struct hit_place place;

	search_place(s, h->ino, &place);
	t->hits[tier_number(place.tier)]++;
	t->sum.bytes += place.price.bytes;
	t->sum.requests += place.price.requests;
	t->sum.cost += place.price.cost;
	t->sum.ms += place.price.ms;
	t->sum.is_timed &= place.price.is_timed;
	if (place.price.currency[0])
		memcpy(t->sum.currency, place.price.currency, sizeof(t->sum.currency));
	return buf_addf(out, "hit %llu\tscore %.6f\tinode %llu\t%s\t%llu bytes to fetch\n",
			(unsigned long long)rank, search_score(s, h, rank), (unsigned long long)h->ino,
			place.tier, (unsigned long long)place.price.bytes);
}

/* ---- words of each result */

struct texts {
	const struct search *s;
	struct buf *of; /* by hit */
};

static int add_word(void *context, size_t hit, const struct query_word *w, uint32_t count, double score)
{
	struct texts *t = context;
	int r = buf_addf(&t->of[hit], "\t%.*s %u", (int)w->len, w->text, count);

	return r < 0 || t->s->scope->who ? r : buf_addf(&t->of[hit], ": %.6f", score);
}

static int collect_words(struct search *s, const struct hits *h, struct texts *t)
{
	t->of = calloc(h->n + 1, sizeof(*t->of));
	if (!t->of)
		return -ENOMEM;
	return s->mix.words ? search_each_word(s, h, add_word, t) : 0;
}

static void texts_done(struct texts *t, const struct hits *h)
{
	for (size_t k = 0; t->of && k < h->n; k++)
		buf_done(&t->of[k]);
	free(t->of);
}

/* ---- all results */

static int add_order(struct search *s, struct buf *out)
{
	const char *sort = s->query->sort && strcmp(s->query->sort, "score") != 0 ? s->query->sort : NULL;
	bool near = false;

	for (size_t k = 0; k < s->parsed.n_filters; k++)
		near |= s->parsed.filters[k].kind == FILTER_RELATED && !s->parsed.filters[k].negate;
	return buf_addf(out, "order\t%s\n",
			sort              ? sort
			: s->parsed.ranks ? "score"
			: near            ? "nearest, newest"
					  : "newest");
}

static int add_plan(struct search *s, const struct hits *h, struct buf *out)
{
	static const char *const modes[] = { "hybrid", "text", "vector" };
	const struct parsed_query *p = &s->parsed;

	int r = buf_addf(out, "plan\t%s\t%llu words\t%llu phrases\t%llu filters",
			 p->ranks ? modes[s->query->mode] : "filters alone", (unsigned long long)p->n_words,
			 (unsigned long long)p->n_phrases, (unsigned long long)p->n_filters);

	if (r >= 0 && !s->scope->who) /* they are of all files */
		r = buf_addf(out, "\t%u segments", s->n_parts);
	return r < 0 ? r
		     : buf_addf(out, "\nresults\t%llu of %llu\n", (unsigned long long)h->n,
				(unsigned long long)h->total);
}

static int add_sums(const struct touched *t, struct buf *out)
{
	const struct recall_price *p = &t->sum;
	int r = buf_addf(out, "tiers\thot %llu\twarm %llu\tcold %llu\n", (unsigned long long)t->hits[0],
			 (unsigned long long)t->hits[1], (unsigned long long)t->hits[2]);

	if (r >= 0)
		r = buf_add_str(out, "snippets\tfrom the local index\nbucket\t0 requests\t0 bytes\n");
	if (r >= 0)
		r = buf_addf(out, "to read them all\t%llu requests\t%llu bytes\tcost %.6f%s%s\t",
			     (unsigned long long)p->requests, (unsigned long long)p->bytes,
			     (double)p->cost / 1e6, p->currency[0] ? " " : "", p->currency);
	if (r < 0)
		return r;
	return p->is_timed ? buf_addf(out, "%.1f s\n", (double)p->ms / 1000)
			   : buf_add_str(out, "time not known\n");
}

/* `ranks`: of each, from 1. */
static int add_hits(struct search *s, const struct hits *h, const uint64_t *ranks, struct touched *t,
		    struct buf *lines)
{
	struct texts texts = { .s = s };
	int r = collect_words(s, h, &texts);

	for (size_t k = 0; r >= 0 && k < h->n; k++) {
		r = add_hit(s, &h->items[k], ranks[k], t, lines);
		if (r >= 0)
			r = search_explain_hit(s, &h->items[k], &texts.of[k], lines);
	}
	texts_done(&texts, h);
	return r;
}

/* Is it one of the files that are asked about, if any are? */
static bool is_asked(const struct search *s, uint64_t ino)
{
	const struct search_choice *c = (const void *)s->chosen.data;
	bool asked = !s->chosen.len;

	for (size_t k = 0; k < s->chosen.len / sizeof(*c) && !asked; k++)
		asked = c[k].ino == ino;
	return asked;
}

static int add_missing(struct search *s, const struct hits *h, struct buf *lines)
{
	const struct search_choice *c = (const void *)s->chosen.data;
	int r = 0;

	for (size_t k = 0; k < s->chosen.len / sizeof(*c) && r >= 0; k++) {
		size_t at = 0;

		while (at < h->n && h->items[at].ino != c[k].ino)
			at++;
		if (at == h->n)
			r = search_explain_missing(s, c[k].ino, lines);
	}
	return r;
}

static int add_asked(struct search *s, const struct hits *all, struct touched *t, struct buf *lines)
{
	struct hits asked = { .items = calloc(all->n + 1, sizeof(*asked.items)), .total = all->total };
	uint64_t *ranks = calloc(all->n + 1, sizeof(*ranks));
	int r = asked.items && ranks ? 0 : -ENOMEM;

	for (size_t k = 0; r >= 0 && k < all->n; k++)
		if (is_asked(s, all->items[k].ino)) {
			ranks[asked.n] = s->query->offset + 1u + k;
			asked.items[asked.n++] = all->items[k];
		}
	if (r >= 0)
		r = add_hits(s, &asked, ranks, t, lines);
	if (r >= 0)
		r = add_missing(s, &asked, lines);
	free(asked.items); /* names are those of `all` */
	free(ranks);
	return r;
}

int search_explain(struct search *s, const struct hits *h, uint64_t pending, uint64_t took_us,
		   struct buf *ret_bytes)
{
	_cleanup_buf_ struct buf lines = BUF_INIT;
	struct touched t = { .sum.is_timed = true };
	int r = add_plan(s, h, ret_bytes);

	if (r >= 0)
		r = add_asked(s, h, &t, &lines);
	if (r >= 0)
		r = add_sums(&t, ret_bytes);
	if (r >= 0)
		r = add_order(s, ret_bytes);
	if (r >= 0)
		r = search_explain_unknown(s, h, ret_bytes);
	if (r >= 0)
		r = buf_addf(ret_bytes, "pending\t%llu\n", (unsigned long long)pending);
	if (r >= 0 && !s->scope->who)
		r = buf_addf(ret_bytes, "took\t%.3f ms\n", (double)took_us / 1000);
	return r < 0 ? r : buf_add(ret_bytes, lines.data, lines.len);
}
