/* SPDX-License-Identifier: MIT */
/* Files by tag and by field: labels (catalog/labels.h) have them as sets, so a filter asks for its set once,
 * and not for each document what it has. All values of a field are looked at, since case does not count and
 * ranges take many. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "catalog/derive.h"
#include "catalog/found.h"
#include "index/query/search.h"
#include "index/query/why.h"
#include "index/words/words.h"

/* What programs of the desktop call what people call otherwise. */
static const char *const aliases[][2] = { { "rating", "baloo.rating" }, { "comment", "xdg.comment" } };

int search_foreach_field(const struct query_filter *f, int (*each)(void *context, const char *name),
			 void *context)
{
	_cleanup_free_ char *lower = strdup(f->field);
	int r = lower ? each(context, f->field) : -ENOMEM;

	for (char *at = lower; at && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (r == 0 && strcmp(lower, f->field) != 0)
		r = each(context, lower);
	for (size_t k = 0; r == 0 && k < ARRAY_SIZE(aliases); k++)
		if (strcmp(aliases[k][0], lower) == 0)
			r = each(context, aliases[k][1]);
	return r;
}

int search_field_matches(const struct query_filter *f, const void *value, size_t len)
{
	_cleanup_buf_ struct buf folded = BUF_INIT;
	int r;

	if (value_is_in(&f->range, value, len))
		return 1;
	if (f->is_range)
		return 0;
	r = fold_text(value, len, &folded);
	if (r < 0)
		return r;
	if (folded.len == f->len && memcmp(folded.data, f->value, f->len) == 0)
		return 1;
	return words_is_glob(f->value, f->len) &&
	       words_glob(f->value, f->len, (const char *)folded.data, folded.len);
}

static int note_file(void *files, uint64_t ino)
{
	int r = ino_set_add(files, ino);

	return MIN(r, 0);
}

struct collecting {
	struct search *s;
	const struct query_filter *filter;
	struct ino_set *files;
};

static int collect_value(const struct collecting *x, uint64_t id)
{
	_cleanup_(packed_walk_done) struct packed_walk files = { 0 };
	_cleanup_label_ struct label value = { 0 };
	struct packed_member m;
	int r = label_get(x->s->x->config.catalog, id, &value);

	if (r >= 0)
		r = search_field_matches(x->filter, value.name.data, value.name.len);
	if (r <= 0)
		return r == -ENOENT ? 0 : r;
	files = label_walk_files(x->s->x->config.catalog, id);
	while ((r = packed_walk_next(&files, &m)) > 0) {
		r = note_file(x->files, m.a);
		if (r < 0)
			break;
	}
	return r;
}

static int collect_field(void *context, const char *name)
{
	const struct collecting *x = context;
	_cleanup_(packed_walk_done) struct packed_walk values = { 0 };
	struct packed_member m;
	uint64_t id;
	int r = field_find_name(x->s->x->config.catalog, name, &id);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	values = label_walk_below(x->s->x->config.catalog, id);
	while ((r = packed_walk_next(&values, &m)) > 0) {
		r = collect_value(x, m.a);
		if (r < 0)
			break;
	}
	return MIN(r, 0);
}

static int collect_tag(const struct collecting *x)
{
	struct catalog *c = x->s->x->config.catalog;
	uint64_t id;
	int r = tag_find(c, x->filter->value, x->filter->len, &id);

	if (r >= 0)
		r = tag_foreach_file(c, id, note_file, x->files);
	return r == -ENOENT ? 0 : r;
}

static int collect(const struct collecting *x)
{
	const struct query_filter *f = x->filter;
	bool by_label = f->kind == FILTER_TAG || f->kind == FILTER_FIELD || f->kind == FILTER_TITLE ||
			(f->kind == FILTER_LANG && strlen(f->field) > strlen("lang"));
	int r = 0;

	if (by_label && derive_is_due(x->s->x->config.catalog))
		return query_why(x->s->ret_why,
				 "%.100s:%.100s: the tags and fields of this volume are of an older version; "
				 "mount it for "
				 "writing once",
				 f->field, f->value);
	if (f->kind == FILTER_TITLE)
		r = search_find_titles(x->s, f, x->files);
	if (r >= 0 && f->kind == FILTER_TAG)
		r = collect_tag(x);
	else if (r >= 0 && by_label)
		r = search_foreach_field(f, collect_field, (void *)x);
	return MIN(r, 0);
}

int search_find_members(struct search *s)
{
	int r = 0;

	for (size_t i = 0; i < s->parsed.n_filters && r >= 0; i++)
		r = collect(&(struct collecting){ s, &s->parsed.filters[i], &s->members[i].files });
	return r;
}
