/* SPDX-License-Identifier: MIT */
/* How many of the files that a query finds have each tag, type, month ..
 *
 * Each group of a file counts it: one with two tags counts for both, and for the tags above them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "index/query/count.h"
#include "index/query/why.h"

/* ---- what is found */

static bool is_everything(const struct search *s)
{
	return !s->scope->who && s->scope->top == ROOT_INO && !s->query->in && !s->parsed.n_filters && !s->parsed.n_phrases &&
	       !s->parsed.n_words;
}

static int add_documents(struct counting *x)
{
	bool words = x->s->parsed.ranks && x->s->query->mode == QUERY_TEXT;

	for (unsigned p = 0; p < x->s->n_parts; p++) {
		const struct search_part *part = &x->s->parts[p];

		for (uint32_t d = 0; d < part->segment->n_docs; d++) {
			int r = part->candidate[d] && (!words || part->words[d] > 0)
					? ino_set_add(&x->found, part->segment->docs[d].ino) : 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Of those that no document tells of, filters alone know enough. */
static int add_waiting(struct counting *x)
{
	struct search *s = x->s;
	struct inode i;
	uint64_t ino;
	int r = 0;

	if (s->parsed.ranks || s->parsed.n_words || s->parsed.n_phrases)
		return 0;
	for (uint64_t at = 0; r >= 0 && ino_set_next(&s->waiting, at, &ino); at = ino + 1) {
		r = inode_get(s->x->config.catalog, ino, &i);
		if (r >= 0)
			r = S_ISREG(i.mode) && i.nlink ? search_filter_file(s, &i) : 0;
		if (r > 0)
			r = ino_set_add(&x->found, ino);
		if (r == -ENOENT)
			r = 0;
	}
	return r < 0 ? r : 0;
}

static int find_files(struct counting *x)
{
	struct tree_stats stats;
	int r = 0;

	x->all = is_everything(x->s);
	if (x->all) {
		r = tree_get_stats(x->s->x->config.catalog, &stats);
		x->total = stats.files;
		return r;
	}
	if (x->s->parsed.ranks && x->s->query->mode == QUERY_TEXT)
		r = search_words(x->s);
	if (r >= 0)
		r = add_documents(x);
	if (r >= 0)
		r = add_waiting(x);
	x->total = x->found.n;
	return r;
}

/* ---- the answer */

static int compare(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (!x->order && x->files != y->files)
		return x->files < y->files ? 1 : -1;
	return strcmp(x->name, y->name);
}

static json_t *json_group(const struct group *g)
{
	return json_pack("{s:o, s:I}", "value", json_text(g->name, strlen(g->name)), "count", (json_int_t)g->files);
}

static int add_json_line(const struct group *g, struct buf *out)
{
	_cleanup_json_ json_t *o = json_group(g);
	int r = o ? json_add_to(out, o) : -ENOMEM;

	return r < 0 ? r : buf_add_u8(out, '\n');
}

static int add_line(const struct group *g, struct buf *out)
{
	int r = buf_addf(out, "%llu\t", (unsigned long long)g->files);

	for (const char *at = g->name; *at && r >= 0; at++)
		r = *at == '\n' ? buf_add_str(out, "\\n") : *at == '\t' ? buf_add_str(out, "\\t") :
		    *at == '\\' ? buf_add_str(out, "\\\\") : buf_add_u8(out, (uint8_t)*at);
	return r < 0 ? r : buf_add_u8(out, '\n');
}

static int write_json(const struct counting *x, size_t n, struct buf *out)
{
	_cleanup_json_ json_t *counted = json_array();
	_cleanup_json_ json_t *o = NULL;
	int r;

	for (size_t k = 0; counted && k < n; k++)
		if (json_array_append_new(counted, json_group(&x->groups[k])) < 0)
			return -ENOMEM;
	o = json_pack("{s:o, s:I, s:I, s:O}", "by", json_text(x->s->query->by, strlen(x->s->query->by)), "total", (json_int_t)x->total, "pending",
		      (json_int_t)x->s->n_waiting, "counts", counted);
	r = o ? json_add_to(out, o) : -ENOMEM;
	return r < 0 ? r : buf_add_u8(out, '\n');
}

static int write_answer(const struct counting *x, struct buf *out)
{
	enum query_format f = x->s->query->format;
	size_t n = MIN(x->n, (size_t)x->s->query->limit);
	int r = 0;

	if (f == FORMAT_JSON)
		return write_json(x, n, out);
	for (size_t k = 0; k < n && r >= 0; k++)
		r = f == FORMAT_JSONL ? add_json_line(&x->groups[k], out) : add_line(&x->groups[k], out);
	return r;
}

static void counting_done(struct counting *x)
{
	for (size_t k = 0; k < x->n; k++)
		free(x->groups[k].name);
	free(x->groups);
	ino_map_done(&x->places);
	ino_set_done(&x->found);
}

int search_count(struct search *s, uint64_t *ret_total, struct buf *ret_bytes)
{
	_cleanup_(counting_done) struct counting x = { .s = s };
	enum query_format f = s->query->format;
	int r;

	if (f != FORMAT_TSV && f != FORMAT_JSON && f != FORMAT_JSONL)
		return query_why(s->ret_why, "count answers as tsv, json or jsonl");
	r = find_files(&x);
	if (r >= 0)
		r = counting_group(&x);
	if (r < 0)
		return r;
	if (x.n)
		qsort(x.groups, x.n, sizeof(*x.groups), compare);
	*ret_total = x.total;
	return write_answer(&x, ret_bytes);
}
