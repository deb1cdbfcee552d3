/* SPDX-License-Identifier: MIT */
#include "index/query/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/census.h"
#include "index/rules.h"
#include "index/viewers.h"

int search_failed(struct search *s, struct segment *segment, int error)
{
	if (error == -EBADMSG && segment->number)
		s->damaged = segment;
	return error;
}

static int judge_part(struct search_part *p)
{
	const struct segment *segment = p->segment;

	p->alive = malloc(segment->n_docs + 1);
	p->candidate = malloc(segment->n_docs + 1);
	if (!p->alive || !p->candidate)
		return -ENOMEM;
	p->n_dead = atomic_load(&segment->n_dead);
	p->all_alive = p->n_dead == 0;
	memset(p->alive, 1, segment->n_docs);
	for (uint32_t d = 0; !p->all_alive && d < segment->n_docs; d++)
		p->alive[d] = !segment_is_dead(segment, d);
	memcpy(p->candidate, p->alive, segment->n_docs);
	return 0;
}

/* What BM25 and idf count: whole numbers, so the order of adding does not matter. */
static void count_documents(struct search *s)
{
	uint64_t words = 0, with_text = 0;
	bool used[256] = { [LANGUAGE_ENGLISH] = true };

	for (unsigned i = 0; i < s->n_parts; i++) {
		const struct search_part *p = &s->parts[i];
		struct census c;

		if (s->scope->who)
			census_take(p->segment, p->alive, &c);
		else
			census_of_living(s->x, p->segment, p->alive, p->n_dead, &c);
		for (unsigned l = 0; l < ARRAY_SIZE(c.languages); l++)
			if (c.languages[l])
				used[languages_stem_of(s->x->rules->languages, (uint8_t)l)] = true;
		s->n_words_docs += c.with_words;
		s->n_text_docs += c.with_text;
		with_text += c.with_both;
		words += c.words;
	}
	s->mean_words = with_text ? (double)words / (double)with_text : 1;
	for (unsigned l = 0; l < LANGUAGES; l++)
		if (used[l])
			s->languages[s->n_languages++] = (uint8_t)l;
}

bool search_picks(const struct search *s)
{
	const struct parsed_query *p = &s->parsed;

	return (s->query->verb == QUERY_RELATED || s->query->verb == QUERY_PATH) && !p->n_filters && !p->n_phrases &&
	       !p->n_words && !s->query->in;
}

static int judge_documents(struct search *s)
{
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < s->n_parts; i++)
		r = judge_part(&s->parts[i]);
	if (r >= 0 && s->scope->who)
		r = search_hide(s);
	if (r >= 0)
		count_documents(s);
	return r;
}

int search_begin(struct search *s)
{
	struct index *x = s->x;
	int r = 0;

	s->parts = calloc(x->n_segments, sizeof(*s->parts));
	s->members = calloc(s->parsed.n_filters + 1, sizeof(*s->members));
	if (!s->parts || !s->members)
		return -ENOMEM;
	while (s->n_parts < x->n_segments) {
		s->parts[s->n_parts].segment = x->segments[s->n_parts];
		s->n_parts++;
	}
	if (s->scope->who)
		r = search_view(s);
	if (r >= 0 && !search_picks(s))
		r = judge_documents(s);
	if (r < 0)
		return r;
	return stemmer_new(x->rules->languages, 1024, &s->stemmer);
}

void search_done(struct search *s)
{
	for (unsigned i = 0; i < s->n_parts; i++) {
		free(s->parts[i].alive);
		free(s->parts[i].candidate);
		free(s->parts[i].words);
		free(s->parts[i].meaning);
		free(s->parts[i].near);
		vector_reader_done(&s->parts[i].reader);
	}
	free(s->parts);
	free(s->vector);
	buf_done(&s->chosen);
	stemmer_free(s->stemmer);
	for (size_t i = 0; s->members && i < s->parsed.n_filters; i++) {
		ino_set_done(&s->members[i].files);
		ino_map_done(&s->members[i].steps);
	}
	free(s->members);
	ino_set_done(&s->waiting);
	ino_set_done(&s->unsettled);
	s->viewer = viewer_put(s->viewer);
	buf_done(&s->folder_path);
	parsed_query_done(&s->parsed);
}

static struct segment *place_of(struct index *x, uint64_t ino, uint32_t *ret_doc)
{
	LOCKED(&x->table_lock);
	const struct ino_entry *e = ino_map_find(&x->places, ino);

	*ret_doc = e ? e->number : 0;
	return e ? e->value : NULL;
}

/* A file that waits has no document for who may not see every file (visible.c). */
static bool is_alive(const struct search *s, const struct search_part *p, uint32_t doc)
{
	if (p->alive)
		return p->alive[doc];
	return !segment_is_dead(p->segment, doc) &&
	       !(s->unsettled.n > 0 && ino_set_has(&s->unsettled, p->segment->docs[doc].ino));
}

struct search_part *search_document(struct search *s, uint64_t ino, uint32_t *ret_doc)
{
	const struct segment *segment = place_of(s->x, ino, ret_doc);

	for (unsigned p = 0; segment && p < s->n_parts; p++)
		if (s->parts[p].segment == segment)
			return is_alive(s, &s->parts[p], *ret_doc) ? &s->parts[p] : NULL;
	return NULL;
}

unsigned search_terms(struct search *s, const char *word, size_t len, bool stops, struct term *ret_terms)
{
	unsigned n = 0;

	for (unsigned l = 0; l < s->n_languages; l++) {
		struct term t = stemmer_term(s->stemmer, s->languages[l], word, len);
		bool known = t.bytes[0] == TERM_STOP && !stops;

		for (unsigned i = 0; i < n && !known; i++)
			known = t.len == ret_terms[i].len && memcmp(t.bytes, ret_terms[i].bytes, t.len) == 0;
		if (!known)
			ret_terms[n++] = t;
	}
	return n;
}

/* Two lists that follow each other, both ascending, become one; a document in both has the sum. */
static int add_up(struct postings *p, size_t first_n)
{
	const struct posting *a = p->items, *b = a + first_n, *a_end = b, *b_end = a + p->n;
	struct posting *sum = malloc(p->n * sizeof(*sum));
	size_t n = 0;

	if (!sum)
		return -ENOMEM;
	while (a < a_end || b < b_end) {
		bool from_a = a < a_end && (b == b_end || a->doc <= b->doc);
		bool from_b = b < b_end && (!from_a || a->doc == b->doc);

		sum[n].doc = from_a ? a->doc : b->doc;
		sum[n].count = (from_a ? a->count : 0) + (from_b ? b->count : 0);
		a += from_a;
		b += from_b;
		n++;
	}
	memcpy(p->items, sum, n * sizeof(*sum));
	p->n = n;
	free(sum);
	return 0;
}

int search_postings(struct search *s, struct search_part *part, const struct term *terms, unsigned n,
		    struct postings *ret_p)
{
	for (unsigned i = 0; i < n; i++) {
		size_t before = ret_p->n;
		int r = part->segment->ops->postings(part->segment, terms[i].bytes, terms[i].len, ret_p);

		if (r < 0)
			return search_failed(s, part->segment, r);
		r = before > 0 && ret_p->n > before ? add_up(ret_p, before) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
