/* SPDX-License-Identifier: MIT */
/* How many of the files that a query finds have each tag, type, month .. : groups lie in the catalog as sets of files, which
 * are compared with the set that was found; types and languages stand in the documents.
 *
 * Each group of a file counts it: one with two tags counts for both, and for the tags above them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/zone.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/pack_record.h"
#include "catalog/tag_walk.h"
#include "index/query/search.h"
#include "index/query/why.h"

struct group {
	char *name;      /* owned */
	uint64_t order;  /* of times: ascending; else 0 */
	uint64_t files;
};

struct counting {
	struct search *s;
	struct ino_set found; /* unless all count */
	bool all;             /* every file of the volume is found */
	uint64_t total;
	struct group *groups; /* owned */
	size_t n, cap;
	struct ino_map places; /* hash of a name and one: its group, when names repeat */
	enum { BY_YEAR, BY_MONTH, BY_DAY } unit;
};

/* ---- groups */

static int add_group(struct counting *x, const char *name, size_t len, uint64_t order, uint64_t files)
{
	if (!files)
		return 0;
	if (x->n == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 64;
		struct group *grown = reallocarray(x->groups, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		x->groups = grown;
		x->cap = cap;
	}
	x->groups[x->n] = (struct group){ strndup(name, len), order, files };
	return x->groups[x->n].name ? (x->n++, 0) : -ENOMEM;
}

/* One file more in a group of that name. */
static int count_one(struct counting *x, const char *name)
{
	size_t len = strlen(name);
	uint64_t key = hash_bytes(name, len, 0) | 1;
	struct ino_entry *e = ino_map_find(&x->places, key);
	int r;

	if (e) {
		x->groups[e->number].files++;
		return 0;
	}
	r = add_group(x, name, len, 0, 1);
	return r < 0 ? r : ino_map_set(&x->places, key, NULL, (uint32_t)x->n - 1);
}

static bool counts(const struct counting *x, uint64_t ino)
{
	return x->all || ino_set_has(&x->found, ino);
}

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
		tree_get_stats(x->s->x->config.catalog, &stats);
		x->total = stats.files;
		return 0;
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

/* ---- by labels */

static int count_found(void *context, uint64_t ino)
{
	struct counting *x = ((void **)context)[0];

	*(uint64_t *)((void **)context)[1] += counts(x, ino);
	return 0;
}

/* Files of a label and of those below it. */
static int count_label(struct counting *x, uint64_t id, uint64_t *ret_files)
{
	void *context[] = { x, ret_files };

	*ret_files = 0;
	return x->all ? tag_count_files(x->s->x->config.catalog, id, ret_files)
		      : tag_foreach_file(x->s->x->config.catalog, id, count_found, context);
}

static int by_labels(struct counting *x, uint64_t above, const char *prefix, unsigned depth);

static int by_label(struct counting *x, uint64_t id, const char *prefix, unsigned depth)
{
	_cleanup_label_ struct label l = { 0 };
	_cleanup_buf_ struct buf name = BUF_INIT;
	uint64_t files = 0;
	int r = label_get(x->s->x->config.catalog, id, &l);

	if (r >= 0)
		r = buf_add_str(&name, prefix);
	if (r >= 0)
		r = buf_add(&name, l.name.data, l.name.len);
	if (r >= 0)
		r = count_label(x, id, &files);
	if (r >= 0)
		r = add_group(x, (const char *)name.data, name.len, 0, files);
	if (r < 0 || !l.below || depth >= LABEL_DEPTH_MAX)
		return r == -ENOENT ? 0 : r;
	r = buf_add_u8(&name, '/');
	return r < 0 || !buf_cstr(&name) ? -ENOMEM : by_labels(x, id, buf_cstr(&name), depth + 1);
}

static int by_labels(struct counting *x, uint64_t above, const char *prefix, unsigned depth)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(x->s->x->config.catalog, above);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = by_label(x, m.a, prefix, depth);
		if (r < 0)
			break;
	}
	return MIN(r, 0);
}

static int by_tag(struct counting *x)
{
	return by_labels(x, LABEL_ROOT_TAGS, "", 0);
}

static int by_field(struct counting *x)
{
	uint64_t id;
	int r = field_find_name(x->s->x->config.catalog, x->s->query->by, &id);

	if (r == -ENOENT)
		return 0; /* no file has it */
	return r < 0 ? r : by_labels(x, id, "", 0);
}

/* ---- by time */

static int name_time(const struct counting *x, int64_t second, char *ret_name, size_t size)
{
	time_t at = second;
	struct tm tm;
	size_t n;

	if (!zone_break(at, &tm))
		return -EOVERFLOW;
	n = x->unit == BY_YEAR ? strftime(ret_name, size, "%Y", &tm)
	    : x->unit == BY_MONTH ? strftime(ret_name, size, "%Y-%m", &tm) : strftime(ret_name, size, "%Y-%m-%d", &tm);
	return n ? 0 : -EOVERFLOW;
}

/* Times come in their order. */
static int add_time(struct counting *x, int64_t second, uint64_t files)
{
	char name[32];
	int r = name_time(x, second, name, sizeof(name));

	if (r < 0)
		return r;
	if (x->n == 0 || strcmp(x->groups[x->n - 1].name, name) != 0)
		return add_group(x, name, strlen(name), x->n + 1, files);
	x->groups[x->n - 1].files += files;
	return 0;
}

/* Where the month (or day, or year) ends that holds this second. */
static int64_t end_of(const struct counting *x, int64_t second)
{
	time_t at = second;
	struct tm tm, end;

	if (!zone_break(at, &tm))
		return INT64_MAX;
	end = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday };
	if (x->unit == BY_DAY)
		end.tm_mday++;
	else if (x->unit == BY_MONTH)
		end.tm_mon++, end.tm_mday = 1;
	else
		end.tm_year++, end.tm_mon = 0, end.tm_mday = 1;
	return zone_make(&end);
}

/* All of a month are counted without being looked at. */
static int by_time_of_all(struct counting *x)
{
	struct catalog *c = x->s->x->config.catalog;
	uint64_t at = 0;

	for (;;) {
		_cleanup_(file_times_done) struct file_times t = file_times_from(c, at, 0);
		uint64_t quarter, ino, files;
		int r = file_times_next(&t, &quarter, &ino);

		if (r <= 0)
			return r;
		at = file_quarter(end_of(x, file_quarter_begins(quarter)));
		r = file_times_count(c, quarter, at - 1, &files);
		if (r >= 0)
			r = add_time(x, file_quarter_begins(quarter), files);
		if (r < 0)
			return r;
	}
}

static int by_time(struct counting *x)
{
	_cleanup_(file_times_done) struct file_times t = file_times_from(x->s->x->config.catalog, 0, 0);
	uint64_t now = 0, files = 0, quarter, ino;
	int r;

	if (x->all)
		return by_time_of_all(x);
	while ((r = file_times_next(&t, &quarter, &ino)) > 0) {
		if (!counts(x, ino))
			continue;
		if (files && quarter != now) {
			r = add_time(x, file_quarter_begins(now), files);
			if (r < 0)
				return r;
			files = 0;
		}
		now = quarter;
		files++;
	}
	return r < 0 || !files ? r : add_time(x, file_quarter_begins(now), files);
}

static int by_month(struct counting *x)
{
	x->unit = BY_MONTH;
	return by_time(x);
}

static int by_day(struct counting *x)
{
	x->unit = BY_DAY;
	return by_time(x);
}

static int by_year(struct counting *x)
{
	x->unit = BY_YEAR;
	return by_time(x);
}

/* ---- by what documents say */

static int foreach_document(struct counting *x, int (*each)(struct counting *x, const struct search_part *p, uint32_t d))
{
	for (unsigned p = 0; p < x->s->n_parts; p++) {
		const struct search_part *part = &x->s->parts[p];

		for (uint32_t d = 0; d < part->segment->n_docs; d++) {
			int r = part->alive[d] && counts(x, part->segment->docs[d].ino) ? each(x, part, d) : 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int count_type(struct counting *x, const struct search_part *p, uint32_t d)
{
	return count_one(x, search_type(p->segment, d));
}

static int by_type(struct counting *x)
{
	return foreach_document(x, count_type);
}

static int count_language(struct counting *x, const struct search_part *p, uint32_t d)
{
	const char *code = language_code(p->segment->docs[d].language);

	return *code ? count_one(x, code) : 0;
}

static int by_language(struct counting *x)
{
	return foreach_document(x, count_language);
}

static int count_tier_of(struct counting *x, uint64_t ino)
{
	struct catalog *c = x->s->x->config.catalog;
	struct inode i;
	int r = inode_get(c, ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return S_ISREG(i.mode) && i.nlink ? count_one(x, inode_tier(c, &i)) : 0;
}

static int count_tier(struct counting *x, const struct search_part *p, uint32_t d)
{
	return count_tier_of(x, p->segment->docs[d].ino);
}

/* Of what waits it is known, too. */
static int by_tier(struct counting *x)
{
	int r = foreach_document(x, count_tier);
	uint64_t ino;

	for (uint64_t at = 0; r >= 0 && ino_set_next(&x->s->waiting, at, &ino); at = ino + 1)
		r = counts(x, ino) ? count_tier_of(x, ino) : 0;
	return r;
}

static const struct {
	const char *name;
	int (*count)(struct counting *x);
} ways[] = {
	{ "tag", by_tag }, { "type", by_type }, { "month", by_month }, { "day", by_day }, { "year", by_year },
	{ "lang", by_language }, { "tier", by_tier },
};

static int count_groups(struct counting *x)
{
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
		if (strcmp(ways[k].name, x->s->query->by) == 0)
			return ways[k].count(x);
	return by_field(x);
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
	o = json_pack("{s:s, s:I, s:I, s:O}", "by", x->s->query->by, "total", (json_int_t)x->total, "pending",
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
		r = count_groups(&x);
	if (r < 0)
		return r;
	if (x.n)
		qsort(x.groups, x.n, sizeof(*x.groups), compare);
	*ret_total = x.total;
	return write_answer(&x, ret_bytes);
}
