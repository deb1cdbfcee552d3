/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "index/query/duplicates.h"
#include "index/query/relations.h"
#include "index/query/why.h"
#include "index/viewers.h"

/* A query that meets damaged segments runs again without them, so often at most. */
#define DAMAGED_MAX 16

static int list_waiting(struct search *s)
{
	struct index *x = s->x;
	LOCKED(&x->table_lock);

	s->n_waiting = work_count(&x->work);
	return s->parsed.ranks ? 0 : work_list(&x->work, true, &s->waiting);
}

/* Takes out those that have a document, some at a time: writers wait for table_lock. */
static bool leave_out_documents(struct search *s, uint64_t *at)
{
	struct index *x = s->x;
	LOCKED(&x->table_lock);
	uint64_t ino;

	for (unsigned n = 0; n < 1024; n++) {
		if (!ino_set_next(&s->waiting, *at, &ino))
			return false;
		if (ino_map_find(&x->places, ino))
			(void) ino_set_remove(&s->waiting, ino);
		*at = ino + 1;
	}
	return true;
}

/* What is not known yet, at the moment of the snapshot. Under segments_lock, so a document is either in
 * a segment or its file is counted here. */
static int note_waiting(struct search *s)
{
	uint64_t at = 0;
	int r = list_waiting(s);

	while (r >= 0 && leave_out_documents(s, &at))
		;
	return r;
}

static int count(struct search *s, struct answer *ret)
{
	ret->pending = s->n_waiting;
	return search_count(s, &ret->total, &ret->bytes);
}

static int duplicates(struct search *s, struct answer *ret)
{
	ret->pending = s->n_waiting;
	return search_duplicates(s, &ret->total, &ret->bytes);
}

/* For those who rank nothing words are a filter, too: a file passes that has one of them. */
static int filter(struct search *s)
{
	int r = search_filter(s);

	if (r < 0 || !s->parsed.ranks)
		return r;
	r = search_words(s);
	for (unsigned p = 0; p < s->n_parts && r >= 0; p++)
		for (uint32_t d = 0; d < s->parts[p].segment->n_docs; d++)
			s->parts[p].candidate[d] &= s->parts[p].words[d] > 0;
	return r;
}

static bool ranks(const struct search *s)
{
	enum query_verb v = s->query->verb;

	return v == QUERY_FIND || v == QUERY_EXPLAIN || v == QUERY_SIMILAR || v == QUERY_COUNT;
}

/* Filters come first, since who sees what is asked of each file that a link leads to. */
static int graph(struct search *s, struct answer *ret)
{
	int r = filter(s);

	ret->pending = s->n_waiting;
	return r < 0 ? r : search_graph(s, &ret->total, &ret->bytes);
}

static bool follows_links(const struct search *s)
{
	return s->query->verb == QUERY_RELATED || s->query->verb == QUERY_PATH;
}

/* What is to be known before the files that match are looked for. */
static int choose(struct search *s)
{
	switch (s->query->verb) {
	case QUERY_SIMILAR:
		return search_likeness(s);
	case QUERY_RELATED:
		return search_related(s);
	case QUERY_PATH:
		return search_path(s);
	case QUERY_EXPLAIN:
		return search_name_files(s);
	case QUERY_DUPLICATES:
		return search_named(s);
	default:
		return 0;
	}
}

/* Of files that wait nobody knows what they say, and what they are. */
static bool knows_waiting(const struct search *s)
{
	const struct parsed_query *p = &s->parsed;
	bool knows = s->query->verb == QUERY_FIND && !s->scope->who && !p->ranks && !p->n_words && !p->n_phrases;

	for (size_t k = 0; k < p->n_filters; k++)
		knows &= p->filters[k].kind != FILTER_TYPE && p->filters[k].kind != FILTER_LANG &&
			 p->filters[k].kind != FILTER_TITLE;
	return knows;
}

static int run(struct search *s, uint64_t start_ns, struct answer *ret)
{
	struct hits hits = { 0 };
	int r = search_begin(s);

	if (r >= 0 && !s->scope->who)
		r = note_waiting(s);
	if (r >= 0 && !search_picks(s))
		r = search_scope(s);
	if (r >= 0)
		r = search_find_related(s);
	if (r >= 0)
		r = choose(s);
	if (r >= 0 && s->query->verb == QUERY_GRAPH)
		return graph(s, ret);
	s->viewer = viewer_put(s->viewer); /* all is known of who may see what: others of this identity go on */
	if (r >= 0 && !search_picks(s))
		r = ranks(s) ? search_filter(s) : filter(s);
	if (r >= 0 && s->query->verb == QUERY_COUNT)
		return count(s, ret);
	if (r >= 0 && s->query->verb == QUERY_DUPLICATES)
		return duplicates(s, ret);
	if (r >= 0)
		r = follows_links(s) ? search_take_chosen(s, &hits) : search_rank(s, &hits);
	ret->pending = s->n_waiting + hits.dropped;
	ret->knows_waiting = knows_waiting(s);
	ret->total = hits.total;
	ret->took_us = s->scope->who ? 0 : (clock_mono_ns() - start_ns) / 1000;
	if (r >= 0)
		r = s->query->verb == QUERY_EXPLAIN ? search_explain(s, &hits, ret->pending, ret->took_us, &ret->bytes) :
					search_format(s, &hits, ret->pending, ret->took_us, &ret->bytes);
	hits_done(&hits);
	return r;
}

/* Keys that say which links are followed make no sense where none are. */
static int check_links(const struct query *q, const struct parsed_query *p, char **ret_why)
{
	bool follows = q->verb == QUERY_RELATED || q->verb == QUERY_PATH;
	bool said = q->depth || q->direction != GRAPH_BOTH || (q->verbs && q->verb != QUERY_GRAPH);

	for (size_t k = 0; k < p->n_filters; k++)
		follows |= p->filters[k].kind == FILTER_RELATED || p->filters[k].kind == FILTER_LINK;
	return follows || !said ? 0 : query_why(ret_why, "depth, dir and verb say which links related: and link: follow; neither is in q");
}

static int parse(const struct query *q, struct parsed_query *ret_p, char **ret_why)
{
	struct parsed_query p = { 0 };
	int r = q->text ? query_language_parse(q->text, q->literal, &p, ret_why) : 0;

	if (r >= 0)
		r = query_language_check(&p, ret_why);
	if (r >= 0)
		r = check_links(q, &p, ret_why);
	if (r < 0) {
		parsed_query_done(&p);
		return r;
	}
	*ret_p = p;
	return 0;
}

static int run_once(struct index *x, const struct query *q, const struct query_scope *scope, uint64_t start_ns,
		    struct answer *ret, char **ret_why, struct segment **ret_damaged)
{
	struct search s = { .x = x, .query = q, .scope = scope, .ret_why = ret_why };
	int r = parse(q, &s.parsed, ret_why);

	if (r < 0)
		return r;
	(void) pthread_rwlock_rdlock(&x->segments_lock);
	r = run(&s, start_ns, ret);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	*ret_damaged = s.damaged;
	search_done(&s);
	return r;
}

int index_check_query(const struct query *q, char **ret_why)
{
	struct parsed_query parsed = { 0 };
	int r = parse(q, &parsed, ret_why);

	if (r >= 0)
		parsed_query_done(&parsed);
	return r;
}

int index_query(struct index *x, const struct query *q, const struct query_scope *scope,
		struct answer *ret_answer, char **ret_why)
{
	uint64_t start_ns = clock_mono_ns();
	int r = -EBADMSG;

	*ret_why = NULL;
	if (!x->ready) {
		if (x->load_error)
			*ret_why = strdup("the index could not be loaded");
		return x->load_error ? x->load_error : -EAGAIN;
	}
	for (int i = 0; i < DAMAGED_MAX && r == -EBADMSG; i++) {
		struct answer answer = { 0 };
		struct segment *damaged = NULL;

		r = run_once(x, q, scope, start_ns, &answer, ret_why, &damaged);
		if (r >= 0) {
			*ret_answer = answer;
			return 0;
		}
		answer_done(&answer);
		if (!damaged)
			break;
		segments_drop(x, damaged);
	}
	return r;
}
