/* SPDX-License-Identifier: MIT */
#include "index/query/duplicates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/leaders.h"
#include "index/query/why.h"

/* A document that may be one. */
struct copy {
	struct id128 content;
	uint64_t ino;
	uint32_t part, doc;
	uint32_t group; /* by content: that of the first copy of its leader, as it stands in the list */
	bool has_sketch;
};

void duplicates_done(struct duplicates *d)
{
	buf_done(&d->copies);
	buf_done(&d->files);
	buf_done(&d->groups);
}

static struct copy *copies_of(const struct duplicates *d, size_t *ret_n)
{
	*ret_n = d->copies.len / sizeof(struct copy);
	return (void *)d->copies.data;
}

static int fingerprint_of(struct search *s, uint32_t part, uint32_t doc, struct fingerprint *ret_f)
{
	struct segment *segment = s->parts[part].segment;

	return search_failed(s, segment, segment->ops->fingerprint(segment, doc, ret_f));
}

/* ---- what is compared */

static int note_uncompared(struct duplicates *d, uint64_t ino)
{
	struct inode i;
	int r = inode_get(d->s->x->config.catalog, ino, &i);

	d->n_uncompared += r >= 0 && i.size > 0;
	return r == -ENOENT ? 0 : r;
}

static int add_copy(struct duplicates *d, uint32_t part, uint32_t doc)
{
	struct copy c = { .ino = d->s->parts[part].segment->docs[doc].ino, .part = part, .doc = doc };
	struct fingerprint f;
	int r = fingerprint_of(d->s, part, doc, &f);

	if (r < 0)
		return r;
	c.content = f.content;
	c.has_sketch = f.has_sketch && d->text;
	if (id128_is_zero(c.content) && d->content) {
		r = note_uncompared(d, c.ino);
		if (r < 0)
			return r;
	}
	return id128_is_zero(c.content) && !c.has_sketch ? 0 : buf_add(&d->copies, &c, sizeof(c));
}

static int collect(struct duplicates *d)
{
	int r = 0;

	for (uint32_t p = 0; p < d->s->n_parts; p++)
		for (uint32_t k = 0; r >= 0 && k < d->s->parts[p].segment->n_docs; k++)
			if (d->s->parts[p].candidate[k])
				r = add_copy(d, p, k);
	return r;
}

/* ---- by content */

static int by_content(const void *a, const void *b)
{
	const struct copy *x = a, *y = b;
	int c = memcmp(&x->content, &y->content, sizeof(x->content));

	return c ? c : (x->ino > y->ino) - (x->ino < y->ino);
}

static int by_group(const void *a, const void *b)
{
	const struct copy *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->ino > y->ino) - (x->ino < y->ino);
}

/* Each copy's group is the first one of its content. */
static void group_by_content(struct duplicates *d)
{
	size_t n, first = 0;
	struct copy *c = copies_of(d, &n);

	if (n)
		qsort(c, n, sizeof(*c), by_content);
	for (size_t k = 0; k < n; k++) {
		if (id128_is_zero(c[k].content) || !id128_equal(c[k].content, c[first].content))
			first = k;
		c[k].group = (uint32_t)first;
	}
}

/* ---- by text */

struct first {
	uint64_t ino;
	uint32_t copy;
};

static int by_ino(const void *a, const void *b)
{
	const struct first *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

/* The first copy of each content whose text is known, in the order in which they were made. */
static int list_firsts(struct duplicates *d, struct buf *ret)
{
	size_t n;
	const struct copy *c = copies_of(d, &n);
	int r = 0;

	for (uint32_t k = 0; k < n && r >= 0; k++) {
		const struct first f = { c[k].ino, k };

		if (c[k].group == k && c[k].has_sketch)
			r = buf_add(ret, &f, sizeof(f));
	}
	if (r >= 0 && ret->len / sizeof(struct first) > DUPLICATES_TEXTS_MAX)
		return query_why(d->s->ret_why, "kind=near compares %u texts at most: name a folder with in=, or files with q=",
				 DUPLICATES_TEXTS_MAX);
	if (r >= 0 && ret->len)
		qsort(ret->data, ret->len / sizeof(struct first), sizeof(struct first), by_ino);
	return r;
}

/* `leaders`: by leader, the copy that it is. */
static int join(struct duplicates *d, struct leaders *l, uint32_t copy, uint32_t *leaders)
{
	size_t n;
	struct copy *c = copies_of(d, &n);
	struct fingerprint f;
	uint32_t leader;
	int r = fingerprint_of(d->s, c[copy].part, c[copy].doc, &f);

	if (r < 0)
		return r;
	leader = leaders_find(l, f.sketch, d->threshold);
	if (leader == LEADER_NONE)
		leaders[leaders_add(l, f.sketch)] = copy;
	else
		c[copy].group = leaders[leader];
	return 0;
}

/* The other copies of a content follow its first. */
static void follow_firsts(struct duplicates *d)
{
	size_t n, first = 0;
	struct copy *c = copies_of(d, &n);

	for (size_t k = 0; k < n; k++) {
		if (id128_is_zero(c[k].content) || !id128_equal(c[k].content, c[first].content))
			first = k;
		c[k].group = c[first].group;
	}
}

static int group_by_text(struct duplicates *d)
{
	_cleanup_buf_ struct buf firsts = BUF_INIT;
	_cleanup_(leaders_done) struct leaders l = { 0 };
	_cleanup_free_ uint32_t *leaders = NULL;
	int r = list_firsts(d, &firsts);
	size_t n = firsts.len / sizeof(struct first);

	if (r >= 0)
		r = leaders_init(&l, (uint32_t)n);
	if (r < 0)
		return r;
	leaders = calloc(n + 1, sizeof(*leaders));
	if (!leaders)
		return -ENOMEM;
	for (size_t k = 0; k < n && r >= 0; k++)
		r = join(d, &l, ((struct first *)(void *)firsts.data)[k].copy, leaders);
	follow_firsts(d);
	return r;
}

/* ---- groups of files */

/* 1: the file is there, and its document is of its content. */
static int load_file(struct duplicates *d, uint32_t part, uint32_t doc, struct duplicate *ret_f)
{
	struct segment *segment = d->s->parts[part].segment;
	struct inode i;
	int r = inode_get(d->s->x->config.catalog, segment->docs[doc].ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	*ret_f = (struct duplicate){ .hit = { .ino = i.ino, .segment = segment, .doc = doc }, .size = i.size };
	return i.nlink > 0 && segment->docs[doc].lsn == i.content_lsn;
}

/* Ends a group that began at `first` in the files; `least`: of as many. */
static int end_group(struct duplicates *d, size_t first, size_t least)
{
	const struct duplicate *f = (const struct duplicate *)(const void *)d->files.data + first;
	struct duplicate_group g = { .first = first, .n = d->files.len / sizeof(*f) - first, .same = true, .named = d->named };

	for (size_t k = 0; k < g.n; k++) {
		g.same &= f[k].same;
		g.saves += k + 2 > least ? f[k].size : 0;
	}
	if (g.n >= least && (d->content || !g.same) && (d->text || g.same))
		return buf_add(&d->groups, &g, sizeof(g));
	d->files.len = first * sizeof(*f);
	return 0;
}

/* Compared with the first that is still there. */
static int add_to_group(struct duplicates *d, const struct copy *c, bool is_first, struct fingerprint *leader)
{
	struct fingerprint print;
	struct duplicate f;
	int r = load_file(d, c->part, c->doc, &f);

	if (r > 0)
		r = fingerprint_of(d->s, c->part, c->doc, &print);
	else
		return r;
	if (r < 0)
		return r;
	if (is_first)
		*leader = print;
	f.same = is_first || (!id128_is_zero(print.content) && id128_equal(print.content, leader->content));
	f.hit.score = f.same ? 1 : sketch_resemblance(print.sketch, leader->sketch);
	return buf_add(&d->files, &f, sizeof(f));
}

static int add_group(struct duplicates *d, const struct copy *c, size_t n)
{
	size_t first = d->files.len / sizeof(struct duplicate);
	struct fingerprint leader;
	int r = 0;

	for (size_t k = 0; k < n && r >= 0; k++)
		r = add_to_group(d, &c[k], d->files.len == first * sizeof(struct duplicate), &leader);
	return r < 0 ? r : end_group(d, first, 2);
}

static int list_groups(struct duplicates *d)
{
	size_t n, first = 0;
	struct copy *c = copies_of(d, &n);
	int r = 0;

	if (n)
		qsort(c, n, sizeof(*c), by_group);
	for (size_t k = 1; k <= n && r >= 0; k++)
		if (k == n || c[k].group != c[first].group) {
			if (k - first > 1)
				r = add_group(d, &c[first], k - first);
			first = k;
		}
	return r;
}

static int by_saves(const void *a, const void *b)
{
	const struct duplicate_group *x = a, *y = b;

	if (x->saves != y->saves)
		return x->saves < y->saves ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

/* ---- of files that are named */

static int compare_with(struct duplicates *d, const struct fingerprint *with, uint32_t part, uint32_t doc)
{
	struct fingerprint print;
	struct duplicate f;
	bool same;
	double score;
	int r = fingerprint_of(d->s, part, doc, &print);

	if (r < 0)
		return r;
	same = !id128_is_zero(with->content) && id128_equal(print.content, with->content);
	score = same ? 1 : with->has_sketch && print.has_sketch ? sketch_resemblance(print.sketch, with->sketch) : 0;
	if (same ? !d->content : !d->text || score < d->threshold)
		return 0;
	r = load_file(d, part, doc, &f);
	f.same = same;
	f.hit.score = score;
	return r <= 0 ? r : buf_add(&d->files, &f, sizeof(f));
}

/* What is most like it first. */
static int by_likeness(const void *a, const void *b)
{
	const struct duplicate *x = a, *y = b;

	if (x->same != y->same)
		return x->same ? -1 : 1;
	if (x->hit.score != y->hit.score)
		return x->hit.score < y->hit.score ? 1 : -1;
	return (x->hit.ino > y->hit.ino) - (x->hit.ino < y->hit.ino);
}

static int find_like(struct duplicates *d, const struct fingerprint *with)
{
	size_t first = d->files.len / sizeof(struct duplicate);
	int r = 0;

	for (uint32_t p = 0; p < d->s->n_parts; p++)
		for (uint32_t k = 0; r >= 0 && k < d->s->parts[p].segment->n_docs; k++)
			if (d->s->parts[p].candidate[k])
				r = compare_with(d, with, p, k);
	if (r >= 0 && d->files.len > first * sizeof(struct duplicate))
		qsort((struct duplicate *)(void *)d->files.data + first,
		      d->files.len / sizeof(struct duplicate) - first, sizeof(struct duplicate), by_likeness);
	return r < 0 ? r : end_group(d, first, 1);
}

static int find_like_all(struct duplicates *d)
{
	const struct fingerprint *named = (const void *)d->s->chosen.data;
	size_t n = d->s->chosen.len / sizeof(*named);
	int r = 0;

	for (size_t k = 0; k < n && r >= 0; k++) {
		d->named = (uint32_t)k;
		r = find_like(d, &named[k]);
	}
	return r;
}

static int name_one(struct search *s, const char *path)
{
	struct fingerprint f;
	struct search_part *p;
	uint32_t doc;
	int r = search_walk_to(s, path, &p, &doc);

	if (r >= 0)
		r = fingerprint_of(s, (uint32_t)(p - s->parts), doc, &f);
	if (r < 0)
		return r;
	if (id128_is_zero(f.content) && !f.has_sketch)
		return query_why(s->ret_why, "to=%s: it is empty, or was not read whole, and is compared with nothing", path);
	p->candidate[doc] = 0;
	return buf_add(&s->chosen, &f, sizeof(f));
}

int search_named(struct search *s)
{
	const struct query *q = s->query;
	int r = 0;

	for (const char *at = q->to, *end = at + q->to_len; q->to && at < end && r >= 0; at += strlen(at) + 1)
		r = name_one(s, at);
	return r;
}

int duplicates_find(struct search *s, struct duplicates *ret_d)
{
	const struct query *q = s->query;
	struct duplicates *d = ret_d;
	int r;

	*d = (struct duplicates){ .s = s, .content = q->kind != DUPLICATES_NEAR, .text = q->kind != DUPLICATES_SAME,
				  .threshold = q->threshold < 0 ? DUPLICATES_THRESHOLD : q->threshold };
	if (q->to)
		return find_like_all(d);
	r = collect(d);
	if (r < 0)
		return r;
	group_by_content(d);
	if (d->text)
		r = group_by_text(d);
	if (r >= 0)
		r = list_groups(d);
	if (r >= 0 && d->groups.len)
		qsort(d->groups.data, d->groups.len / sizeof(struct duplicate_group), sizeof(struct duplicate_group), by_saves);
	return r;
}
