/* SPDX-License-Identifier: MIT */
/* What each class of views is made of: a table, so that requests know no classes. What a class does not have is NULL.
 * Functions are called with a looker, which they let rest before they ask the index anything. */
#pragma once

#include "fs/virtual/results.h"
#include "fs/virtual/view.h"

struct view_kind {
	const char *root;  /* its name at the top of the mount; NULL: it lies below another view */
	bool remembered;   /* its number is a hash (view_remember()) */
	bool path;         /* a path of the mount leads to it (view_place()) */
	enum view_class of_file; /* of files, where it has the entries of a folder of the mount. 0: it has not */
	bool takes;        /* something may be made in it */
	bool tags;         /* its files are those of tags, which they get and lose there */
	/* ---- folders */
	/* As view_below(). */
	int (*below)(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
	/* As view_next_folder(). */
	int (*next_folder)(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
	/* In its place: the names of all, when they are few, each with a NUL behind it; one may come twice. */
	int (*folders)(struct looker *l, const struct view *v, struct buf *ret_names);
	/* As view_takes_name(). */
	bool (*takes_name)(struct looker *l, const struct view *v, const char *name, size_t len);
	/* With `path`: the view of a name that the folder does not have. As view_below(). */
	int (*option)(struct looker *l, const struct view *v, const char *name, struct view *ret_below);
	/* ---- files, whoever sees them: a set */
	int (*has)(struct looker *l, const struct view *v, uint64_t ino);
	int (*open)(struct view_walk *w, uint64_t cookie);
	int (*next)(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie);
	/* ---- or what a search finds. `waits`: for the index, as the query says */
	int (*results)(struct looker *l, const struct view *v, bool waits, const struct results **ret_r);
};
const struct view_kind *view_kind_of(const struct view *v);
/* The names that view_kind.folders gives, each once, in an order that does not depend on the others. */
struct view_few {
	struct view_few_name {
		uint64_t cookie;  /* of the name: rises */
		const char *name;
	} *items;          /* owned */
	size_t n;
	struct buf names;  /* owned */
};
int view_few_begin(struct looker *l, const struct view *v, struct view_few *ret_f);
void view_few_done(struct view_few *f);
/* The class with this root. -ENOENT. */
int view_root(const char *name, struct view *ret_v);

/* ---- view_tags.c, view_set.c */
int view_tags_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_tags_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_tag_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_tag_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
bool view_tag_takes(struct looker *l, const struct view *v, const char *name, size_t len);
int view_tag_has(struct looker *l, const struct view *v, uint64_t ino);
int view_tag_open(struct view_walk *w, uint64_t cookie);
int view_tag_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie);

/* ---- view_dates.c */
int view_date_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_date_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_date_has(struct looker *l, const struct view *v, uint64_t ino);
int view_date_open(struct view_walk *w, uint64_t cookie);
int view_date_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie);

/* ---- view_labels.c: .by */
int view_fields_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_fields_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_field_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_field_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_value_has(struct looker *l, const struct view *v, uint64_t ino);
int view_value_open(struct view_walk *w, uint64_t cookie);
int view_value_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie);

/* ---- view_computed.c */
int view_computed_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_computed_folders(struct looker *l, const struct view *v, struct buf *ret_names);
int view_computed_has(struct looker *l, const struct view *v, uint64_t ino);
int view_computed_open(struct view_walk *w, uint64_t cookie);
int view_computed_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie);

/* ---- view_searches.c, view_find.c */
int view_find_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_find_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_saved_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
int view_saved_root_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_saved_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
int view_find_results(struct looker *l, const struct view *v, bool waits, const struct results **ret_r);
int view_saved_results(struct looker *l, const struct view *v, bool waits, const struct results **ret_r);
int view_concept_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		       struct buf *ret_target);
int view_concept_folders(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name,
			 uint64_t *ret_cookie);

/* ---- view_paths.c */
int view_path_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		    struct buf *ret_target);
/* The view of an entry of the folder that `v` shows. 1. 0: it has none, or the looker does not see it. */
int view_path_entry(struct looker *l, const struct view *v, const struct inode *i, struct view *ret_below);

/* ---- view_relatives.c: .related-to, .similar-to */
int view_related_option(struct looker *l, const struct view *v, const char *name, struct view *ret_below);
int view_relatives_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
			 struct buf *ret_target);
bool view_relatives_take(struct looker *l, const struct view *v, const char *name, size_t len);
int view_relatives_results(struct looker *l, const struct view *v, bool waits, const struct results **ret_r);

/* ---- view_links.c */
int view_verb_option(struct looker *l, const struct view *v, const char *name, struct view *ret_below);
int view_verbs_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		     struct buf *ret_target);
int view_verbs_folders(struct looker *l, const struct view *v, struct buf *ret_names);
int view_verb_results(struct looker *l, const struct view *v, bool waits, const struct results **ret_r);
