/* SPDX-License-Identifier: MIT */
#include "fs/virtual/view_kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

static const struct view_kind kinds[VIEW_CLASSES] = {
	[VIEW_TAGS] = { .root = ".tags", .takes = true, .below = view_tags_below, .next_folder = view_tags_folders },
	[VIEW_TAG] = { .takes = true, .tags = true, .below = view_tag_below, .next_folder = view_tag_folders,
		       .takes_name = view_tag_takes, .has = view_tag_has, .open = view_tag_open, .next = view_tag_next },
	[VIEW_TAG_SET] = { .remembered = true, .takes = true, .tags = true, .below = view_tag_below, .has = view_tag_has,
			   .open = view_tag_open, .next = view_tag_next },
	[VIEW_DATES] = { .root = ".dates", .below = view_date_below, .next_folder = view_date_folders },
	[VIEW_DATE] = { .below = view_date_below, .next_folder = view_date_folders, .has = view_date_has,
			.open = view_date_open, .next = view_date_next },
	[VIEW_BY] = { .root = ".by", .below = view_fields_below, .next_folder = view_fields_folders },
	[VIEW_FIELD] = { .below = view_field_below, .next_folder = view_field_folders },
	[VIEW_VALUE] = { .has = view_value_has, .open = view_value_open, .next = view_value_next },
	[VIEW_FIND] = { .root = ".find", .below = view_find_below, .next_folder = view_find_folders },
	[VIEW_RESULTS] = { .remembered = true, .results = view_find_results },
	[VIEW_SAVED_ROOT] = { .takes = true, .below = view_saved_below, .next_folder = view_saved_root_folders },
	[VIEW_SAVED] = { .takes = true, .below = view_saved_below, .next_folder = view_saved_folders,
			 .results = view_saved_results },
	[VIEW_CONTROL] = { 0 },
	[VIEW_COMPUTED] = { .below = view_computed_below, .folders = view_computed_folders },
	[VIEW_COMPUTED_VALUE] = { .remembered = true, .has = view_computed_has, .open = view_computed_open,
				  .next = view_computed_next },
	[VIEW_CONCEPTS] = { .below = view_concept_below, .next_folder = view_concept_folders },
	[VIEW_RELATED_FOLDER] = { .root = ".related-to", .path = true, .of_file = VIEW_RELATED_FILE, .below = view_path_below,
				  .option = view_related_option },
	[VIEW_RELATED_FILE] = { .path = true, .below = view_relatives_below, .takes_name = view_relatives_take,
				.results = view_relatives_results },
	[VIEW_RELATED] = { .remembered = true, .below = view_relatives_below, .takes_name = view_relatives_take,
			   .results = view_relatives_results },
	[VIEW_SIMILAR_FOLDER] = { .root = ".similar-to", .path = true, .of_file = VIEW_SIMILAR_FILE, .below = view_path_below },
	[VIEW_SIMILAR_FILE] = { .path = true, .below = view_relatives_below, .takes_name = view_relatives_take,
				.results = view_relatives_results },
	[VIEW_SIMILAR] = { .remembered = true, .below = view_relatives_below, .takes_name = view_relatives_take,
			   .results = view_relatives_results },
	[VIEW_LINKS_FOLDER] = { .root = ".links", .path = true, .of_file = VIEW_LINKS_FILE, .below = view_path_below,
				.option = view_verb_option },
	[VIEW_LINKS_FILE] = { .path = true, .takes = true, .below = view_verbs_below, .folders = view_verbs_folders },
	[VIEW_VERB] = { .remembered = true, .takes = true, .results = view_verb_results },
};

const struct view_kind *view_kind_of(const struct view *v)
{
	return &kinds[v->class];
}

int view_root(const char *name, struct view *ret_v)
{
	for (unsigned k = 0; k < VIEW_CLASSES; k++)
		if (kinds[k].root && strcmp(name, kinds[k].root) == 0) {
			*ret_v = (struct view){ .class = (enum view_class)k, .file = ROOT_INO, .id = kinds[k].path ? ROOT_INO : 0 };
			return 1;
		}
	return -ENOENT;
}

int view_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target)
{
	const struct view_kind *kind = view_kind_of(v);

	if (v->class == VIEW_CONTROL)
		return -ENOTDIR;
	return kind->below ? kind->below(l, v, name, ret_below, ret_target) : -ENOENT;
}

int view_next_folder(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie)
{
	const struct view_kind *kind = view_kind_of(v);

	return kind->next_folder ? kind->next_folder(l, v, cookie, ret_name, ret_cookie) : 0;
}

bool view_takes_name(struct looker *l, const struct view *v, const char *name, size_t len)
{
	const struct view_kind *kind = view_kind_of(v);

	return kind->takes_name && kind->takes_name(l, v, name, len);
}

/* ---- few folders */

#define NAME_COOKIE_BITS 48 /* few names: none of them meet */

static int compare(const void *a, const void *b)
{
	const struct view_few_name *x = a, *y = b;

	return x->cookie != y->cookie ? (x->cookie > y->cookie) - (x->cookie < y->cookie) : strcmp(x->name, y->name);
}

static int sort_names(struct view_few *f)
{
	const char *at = (const char *)f->names.data, *end = at + f->names.len;
	size_t n = 0, kept = 0;

	for (const char *p = at; p < end; p += strlen(p) + 1)
		n++;
	f->items = calloc(n + 1, sizeof(*f->items));
	if (!f->items)
		return -ENOMEM;
	for (; at < end; at += strlen(at) + 1)
		f->items[f->n++] = (struct view_few_name){ hash_bytes(at, strlen(at), 1) >> (64 - NAME_COOKIE_BITS), at };
	if (n)
		qsort(f->items, n, sizeof(*f->items), compare);
	for (size_t k = 0; k < n; k++)
		if (!kept || f->items[kept - 1].cookie != f->items[k].cookie)
			f->items[kept++] = f->items[k];
	f->n = kept;
	return 0;
}

int view_few_begin(struct looker *l, const struct view *v, struct view_few *ret_f)
{
	int r;

	*ret_f = (struct view_few){ 0 };
	r = view_kind_of(v)->folders(l, v, &ret_f->names);
	if (r >= 0)
		r = sort_names(ret_f);
	if (r < 0)
		view_few_done(ret_f);
	return r;
}

void view_few_done(struct view_few *f)
{
	free(f->items);
	buf_done(&f->names);
	*f = (struct view_few){ 0 };
}
