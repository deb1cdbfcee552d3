/* SPDX-License-Identifier: MIT */
/* What stands before a colon and is neither a filter nor a field: as good a query as others, since a field may be set any
 * day, but who has mistyped `type:` wants to know why nothing is found. Only the owner of the mount is told, as a field may
 * be of files that others do not see. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "catalog/found.h"
#include "index/query/search.h"

static int has_field(void *catalog, const char *name)
{
	uint64_t id;
	int r = field_find_name(catalog, name, &id);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static bool is_first(const struct search *s, size_t filter)
{
	const struct query_filter *all = s->parsed.filters;

	for (size_t k = 0; k < filter; k++)
		if (strcmp(all[k].field, all[filter].field) == 0)
			return false;
	return true;
}

/* Calls `tell` with each name once. What a file has passed is known, even if its value is such that it is not listed. */
static int foreach_unknown(const struct search *s, const struct hits *h,
			   int (*tell)(void *context, const char *name), void *context)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && !s->scope->who && k < s->parsed.n_filters; k++) {
		const struct query_filter *f = &s->parsed.filters[k];

		if (f->kind != FILTER_FIELD || (h->total && !f->negate) || !is_first(s, k))
			continue;
		r = search_foreach_field(f, has_field, s->x->config.catalog);
		if (r == 0)
			r = tell(context, f->field);
	}
	return MIN(r, 0);
}

static int add_line(void *out, const char *name)
{
	return buf_addf(out, "unknown\t%s\tthere is no such filter, and no such field in .by/\n", name);
}

int search_explain_unknown(const struct search *s, const struct hits *h, struct buf *out)
{
	return foreach_unknown(s, h, add_line, out);
}

static int add_name(void *names, const char *name)
{
	return json_array_append_new(names, json_text(name, strlen(name))) < 0 ? -ENOMEM : 0;
}

int search_json_unknown(const struct search *s, const struct hits *h, json_t *o)
{
	_cleanup_json_ json_t *names = json_array();
	int r = names ? foreach_unknown(s, h, add_name, names) : -ENOMEM;

	if (r < 0 || json_array_size(names) == 0)
		return r;
	return json_object_set(o, "unknown_fields", names) < 0 ? -ENOMEM : 0;
}
