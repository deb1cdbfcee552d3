/* SPDX-License-Identifier: MIT */
/* Groups by tag and field lie in the catalog as sets of files, and so do months; they are compared with the
 * set that was found. Types and languages stand in the documents. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/zone.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/pack_record.h"
#include "catalog/tag_walk.h"
#include "index/query/count.h"

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

/* ---- by labels */

static int count_found(void *context, uint64_t ino)
{
	struct counting *x = ((void **)context)[0];

	*(uint64_t *)((void **)context)[1] += counting_has(x, ino);
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

/* ---- by fields, which may go by several names */

#define NAMES_MAX 4u

struct naming {
	struct counting *x;
	uint64_t ids[NAMES_MAX]; /* labels of the names that there are */
	unsigned n;
};

static int add_name(void *context, const char *name)
{
	struct naming *f = context;
	int r = f->n < NAMES_MAX ? field_find_name(f->x->s->x->config.catalog, name, &f->ids[f->n]) : -ENOENT;

	f->n += r >= 0;
	return r == -ENOENT ? 0 : r;
}

struct uniting {
	struct counting *x;
	struct ino_set files;
};

static int unite(void *context, uint64_t ino)
{
	struct uniting *u = context;
	int r = counting_has(u->x, ino) ? ino_set_add(&u->files, ino) : 0;

	return MIN(r, 0);
}

/* Files of a value under the names from the nth on; none when one before has it: there it was counted. */
static int count_value(const struct naming *f, unsigned nth, const struct label *value, uint64_t *ret_files)
{
	struct uniting u = { .x = f->x };
	int r = 0;

	for (unsigned k = 0; k < f->n && r >= 0; k++) {
		uint64_t id;

		r = label_find(f->x->s->x->config.catalog, f->ids[k], (const char *)value->name.data,
			       value->name.len, &id);
		if (r >= 0 && k < nth)
			break;
		if (r >= 0)
			r = tag_foreach_file(f->x->s->x->config.catalog, id, unite, &u);
		if (r == -ENOENT)
			r = 0;
	}
	*ret_files = u.files.n;
	ino_set_done(&u.files);
	return r;
}

static int by_values(const struct naming *f, unsigned nth)
{
	struct catalog *c = f->x->s->x->config.catalog;
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(c, f->ids[nth]);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		_cleanup_label_ struct label value = { 0 };
		uint64_t files = 0;

		r = label_get(c, m.a, &value);
		if (r >= 0)
			r = count_value(f, nth, &value, &files);
		if (r >= 0)
			r = add_group(f->x, (const char *)value.name.data, value.name.len, 0, files);
		if (r < 0 && r != -ENOENT)
			break;
	}
	return MIN(r, 0);
}

static int by_field(struct counting *x)
{
	const struct query_filter named = { .kind = FILTER_FIELD, .field = x->s->query->by };
	struct naming f = { .x = x };
	int r = search_foreach_field(&named, add_name, &f);

	if (r >= 0 && f.n == 1)
		return by_labels(x, f.ids[0], "", 0);
	for (unsigned k = 0; k < f.n && r >= 0; k++)
		r = by_values(&f, k);
	return r;
}

/* ---- by time */

static int name_time(const struct counting *x, int64_t second, char *ret_name, size_t size)
{
	time_t at = second;
	struct tm tm;
	size_t n;

	if (!zone_break(at, &tm))
		return -EOVERFLOW;
	n = x->unit == BY_YEAR    ? strftime(ret_name, size, "%Y", &tm)
	    : x->unit == BY_MONTH ? strftime(ret_name, size, "%Y-%m", &tm)
				  : strftime(ret_name, size, "%Y-%m-%d", &tm);
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
		at = file_quarter_from(end_of(x, file_quarter_begins(quarter)));
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
		if (!counting_has(x, ino))
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

static int foreach_document(struct counting *x,
			    int (*each)(struct counting *x, const struct search_part *p, uint32_t d))
{
	for (unsigned p = 0; p < x->s->n_parts; p++) {
		const struct search_part *part = &x->s->parts[p];

		for (uint32_t d = 0; d < part->segment->n_docs; d++) {
			int r = part->alive[d] && counting_has(x, part->segment->docs[d].ino)
					? each(x, part, d)
					: 0;

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
		r = counting_has(x, ino) ? count_tier_of(x, ino) : 0;
	return r;
}

static const struct {
	const char *name;
	int (*count)(struct counting *x);
} ways[] = {
	{ "tag", by_tag },   { "type", by_type },     { "month", by_month }, { "day", by_day },
	{ "year", by_year }, { "lang", by_language }, { "tier", by_tier },
};

int counting_group(struct counting *x)
{
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
		if (strcmp(ways[k].name, x->s->query->by) == 0)
			return ways[k].count(x);
	return by_field(x);
}
