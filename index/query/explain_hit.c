/* SPDX-License-Identifier: MIT */
/* Lines that begin with a tab: what a result's score is made of, so that one can add it up, and by what it
 * passes. Who sees ranks in the place of scores is told no figures of theirs either. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "catalog/found.h"
#include "catalog/pack_record.h"
#include "index/query/search.h"

struct hit_lines {
	struct search *s;
	const struct hit *hit;
	const struct search_part *part; /* NULL: it waits */
	struct inode inode;
	struct buf *out;
};

static const struct search_part *part_of(const struct search *s, const struct hit *h)
{
	for (unsigned p = 0; p < s->n_parts; p++)
		if (s->parts[p].segment == h->segment)
			return &s->parts[p];
	return NULL;
}

/* ---- what the score is made of */

static int add_words(struct hit_lines *l, const struct buf *words)
{
	const struct mix *m = &l->s->mix;
	double sum = m->words ? l->part->words[l->hit->doc] : 0;
	int r;

	if (!m->words)
		return 0;
	r = buf_add_str(l->out, "\twords");
	if (r >= 0 && !l->s->scope->who && m->meaning)
		r = buf_addf(l->out, "\t%.6f = %g x %.6f / %.6f",
			     (1 - m->weight) * (m->words_max > 0 ? sum / m->words_max : 0), 1 - m->weight,
			     sum, m->words_max);
	else if (r >= 0 && !l->s->scope->who)
		r = buf_addf(l->out, "\t%.6f", sum);
	if (r >= 0)
		r = buf_add(l->out, words->data, words->len);
	return r < 0 ? r : buf_add_u8(l->out, '\n');
}

static int add_meaning(struct hit_lines *l)
{
	const struct mix *m = &l->s->mix;
	const struct cosines *c = m->meaning ? &l->part->meaning[l->hit->doc] : NULL;
	double cosine = c ? 0.5 * ((double)c->whole + c->best) : 0;
	double share = m->high > m->low ? (cosine - m->low) / (m->high - m->low) : 0;

	if (!m->meaning || l->s->scope->who)
		return 0;
	if (c->whole <= NO_MEANING)
		return buf_add_str(l->out, "\tmeaning\t0.000000\tit has no text\n");
	if (!m->words)
		return buf_addf(l->out, "\tmeaning\t%.6f\tfile %.6f\tpassage %.6f\n", cosine,
				(double)c->whole, (double)c->best);
	return buf_addf(l->out,
			"\tmeaning\t%.6f = %g x (%.6f - %.6f) / (%.6f - %.6f)\tfile %.6f\tpassage %.6f\n",
			m->weight * share, m->weight, cosine, m->low, m->high, m->low, (double)c->whole,
			(double)c->best);
}

static int add_links(struct hit_lines *l)
{
	double near = search_near(l->s, l->hit->ino);

	return near > 0 && l->s->parsed.ranks && !l->s->scope->who
		       ? buf_addf(l->out, "\tlinks\tx %.6f\n", 1 + near)
		       : 0;
}

/* ---- by what it passes */

static int add_time(struct buf *out, const struct inode *i)
{
	time_t at = i->mtime.tv_sec;
	char text[40];
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return buf_addf(out, "%lld s", (long long)at);
	return buf_add_str(out, text);
}

struct value_search {
	struct hit_lines *lines;
	const struct query_filter *filter;
	uint64_t field;
	bool told;
};

static int tell_value(struct value_search *v, const void *value, size_t len)
{
	int r = v->told ? 0 : search_field_matches(v->filter, value, len);

	if (r <= 0)
		return r;
	v->told = true;
	return search_add_escaped(v->lines->out, value, len);
}

static int try_label(void *context, uint64_t id)
{
	struct value_search *v = context;
	_cleanup_label_ struct label label = { 0 };
	int r = label_get(v->lines->s->x->config.catalog, id, &label);

	if (r < 0 || label.above != v->field)
		return r == -ENOENT ? 0 : MIN(r, 0);
	return tell_value(v, label.name.data, label.name.len);
}

/* What the user said first, then what was found. */
static int try_field(void *context, const char *name)
{
	struct value_search *v = context;
	struct catalog *c = v->lines->s->x->config.catalog;
	_cleanup_buf_ struct buf value = BUF_INIT;
	char xattr[256];
	int r = snprintf(xattr, sizeof(xattr), "user.%s", name) < (int)sizeof(xattr)
			? tree_getxattr(c, v->lines->hit->ino, xattr, &value)
			: -ENODATA;

	if (r >= 0)
		r = tell_value(v, value.data, value.len);
	if (r < 0 && r != -ENODATA && r != -ERANGE)
		return r;
	r = field_find_name(c, name, &v->field);
	if (r >= 0)
		r = found_foreach_label(c, v->lines->hit->ino, try_label, v);
	return r == -ENOENT ? 0 : MIN(r, 0);
}

static int add_steps(struct hit_lines *l, size_t filter)
{
	const struct ino_entry *e = ino_map_find(&l->s->members[filter].steps, l->hit->ino);

	return e ? buf_addf(l->out, "\t%u step%s", e->number, e->number == 1 ? "" : "s") : 0;
}

/* What of the file the filter looked at; nothing where that says what the filter says. */
static int add_value(struct hit_lines *l, size_t number)
{
	const struct query_filter *f = &l->s->parsed.filters[number];
	struct value_search v = { .lines = l, .filter = f };
	size_t before = l->out->len;
	int r = buf_add_u8(l->out, '\t');

	if (r < 0)
		return r;
	if (f->kind == FILTER_SIZE)
		r = buf_addf(l->out, "%llu bytes", (unsigned long long)l->inode.size);
	else if (f->kind == FILTER_TIME)
		r = add_time(l->out, &l->inode);
	else if (f->kind == FILTER_TYPE && l->part)
		r = buf_add_str(l->out, search_type(l->part->segment, l->hit->doc));
	else if (f->kind == FILTER_LANG && l->part)
		r = buf_add_str(l->out, language_code(l->part->segment->docs[l->hit->doc].language));
	else if (f->kind == FILTER_TIER)
		r = buf_add_str(l->out, inode_tier(l->s->x->config.catalog, &l->inode));
	else if (f->kind == FILTER_FIELD && !f->negate)
		r = search_foreach_field(f, try_field, &v);
	if (r >= 0 && l->out->len == before + 1)
		l->out->len = before;
	return r;
}

static int add_filter(struct hit_lines *l, size_t number)
{
	const struct query_filter *f = &l->s->parsed.filters[number];
	int r = buf_addf(l->out, "\tpasses\t%s%s:", f->negate ? "-" : "", f->field);

	if (r >= 0)
		r = search_add_escaped(l->out, f->value, f->len);
	if (r >= 0)
		r = f->kind == FILTER_RELATED || f->kind == FILTER_LINK ? add_steps(l, number)
									: add_value(l, number);
	return r < 0 ? r : buf_add_u8(l->out, '\n');
}

static int add_phrase(struct hit_lines *l, const struct query_phrase *q)
{
	int r = buf_addf(l->out, "\tpasses\t%s\"", q->negate ? "-" : "");

	if (r >= 0)
		r = search_add_escaped(l->out, q->text, q->len);
	return r < 0 ? r : buf_add_str(l->out, "\"\n");
}

static int add_passed(struct hit_lines *l)
{
	int r = 0;

	for (size_t k = 0; k < l->s->parsed.n_filters && r >= 0; k++)
		r = add_filter(l, k);
	for (size_t k = 0; k < l->s->parsed.n_phrases && r >= 0; k++)
		r = add_phrase(l, &l->s->parsed.phrases[k]);
	return r;
}

/* ---- all */

static int add_path(struct hit_lines *l)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = search_hit_path(l->s, l->hit, &path);

	if (r == -ENOENT)
		return 0; /* gone meanwhile */
	if (r >= 0)
		r = buf_add_str(l->out, "\tpath\t");
	if (r >= 0)
		r = search_add_escaped(l->out, path.data, path.len);
	return r < 0 ? r : buf_add_u8(l->out, '\n');
}

static int add_file(struct hit_lines *l)
{
	int r = inode_get(l->s->x->config.catalog, l->hit->ino, &l->inode);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = buf_add_str(l->out, "\tmodified\t");
	if (r >= 0)
		r = add_time(l->out, &l->inode);
	if (r >= 0)
		r = buf_addf(l->out, "\n%s", l->part ? "" : "\twaits to be indexed\n");
	return r < 0 ? r : add_passed(l);
}

int search_explain_hit(struct search *s, const struct hit *h, const struct buf *words, struct buf *out)
{
	struct hit_lines l = { .s = s, .hit = h, .part = part_of(s, h), .out = out };
	int r = add_path(&l);

	if (r >= 0 && s->parsed.ranks && l.part) {
		r = add_words(&l, words);
		if (r >= 0)
			r = add_meaning(&l);
		if (r >= 0)
			r = add_links(&l);
	}
	return r < 0 ? r : add_file(&l);
}
