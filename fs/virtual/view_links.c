/* SPDX-License-Identifier: MIT */
/* .links/PATH/VERB: what a file is linked to, as symlinks: what users set and what is found in it. Of a file
 * the verbs are listed that it has; any other is an empty folder, where one can be made. A folder of the
 * mount has its entries there, and beside them, unlisted, the verbs of its own links.
 *
 * Of a verb that has an inverse (catalog/verbs.h) what is said from the other end is shown, too.
 *
 * Links that users set and that wait for a file are symlinks that lead nowhere. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/links.h"
#include "catalog/verbs.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

/* Is there a file of this number, and may it be known? */
static int knows(struct looker *l, uint64_t ino)
{
	struct inode i;
	int r = inode_get(l->fs->config.catalog, ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return i.nlink && i.parent ? looker_knows(l, &i) : 0;
}

/* A file that is not seen has no links. */
static int check_source(struct looker *l, const struct view *v)
{
	int r = knows(l, v->file);

	return r < 0 ? r : r ? 0 : -ENOENT;
}

/* For the links in what was written just now. */
static void wait_for_index(struct looker *l)
{
	looker_rest(l);
	view_wait(l->fs, VIEW_WAIT_MS);
}

/* ---- verbs */

struct verbs {
	struct looker *l;
	struct buf said;   /* uint32_t: of links from the file that may be known */
	struct buf turned; /* the same of links to it, whose verbs have inverses */
	struct buf others; /* of links to it: verbs that have none */
};

static void verbs_done(struct verbs *x)
{
	buf_done(&x->said);
	buf_done(&x->turned);
	buf_done(&x->others);
}

static bool has_verb(const struct buf *verbs, uint32_t verb)
{
	const uint32_t *at = (const void *)verbs->data;

	for (size_t k = 0; k < verbs->len / sizeof(*at); k++)
		if (at[k] == verb)
			return true;
	return false;
}

static int add_verb(struct buf *verbs, uint32_t verb, int seen)
{
	return seen <= 0 ? seen : buf_add(verbs, &verb, sizeof(verb));
}

static int add_waiting_verb(void *context, const struct found_link *f)
{
	struct verbs *x = context;

	if (f->bound || has_verb(&x->said, f->verb))
		return 0;
	return add_verb(&x->said, f->verb, looker_may_try(x->l, f->target, f->len));
}

static int add_said(struct verbs *x, uint64_t file)
{
	_cleanup_(packed_walk_done) struct packed_walk w = links_from(x->l->fs->config.catalog, file);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		uint32_t verb = (uint32_t)m.b;

		r = has_verb(&x->said, verb) ? 0 : add_verb(&x->said, verb, knows(x->l, m.a));
		if (r < 0)
			break;
	}
	return r;
}

/* Appends what a verb is called from the other end. 1, 0: it has no such name. */
static int add_inverse(struct looker *l, uint32_t verb, struct buf *ret_name)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	const char *inverse;
	int r = link_verb_name(l->fs->config.catalog, verb, &name);

	inverse = r < 0 ? NULL : verb_inverse((const char *)name.data, name.len);
	if (!inverse)
		return r;
	r = buf_add_str(ret_name, inverse);
	return r < 0 ? r : 1;
}

static int turn(struct verbs *x, const struct packed_member *m)
{
	_cleanup_buf_ struct buf inverse = BUF_INIT;
	uint32_t verb = (uint32_t)m->b;
	int r;

	if (has_verb(&x->turned, verb) || has_verb(&x->others, verb))
		return 0;
	r = add_inverse(x->l, verb, &inverse);
	if (r <= 0)
		return r < 0 ? r : add_verb(&x->others, verb, 1);
	return add_verb(&x->turned, verb, knows(x->l, m->a));
}

static int add_turned(struct verbs *x, uint64_t file)
{
	_cleanup_(packed_walk_done) struct packed_walk w = links_to(x->l->fs->config.catalog, file);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = turn(x, &m);
		if (r < 0)
			break;
	}
	return r;
}

static int add_names(const struct verbs *x, struct buf *ret_names)
{
	const uint32_t *said = (const void *)x->said.data, *turned = (const void *)x->turned.data;
	int r = 0;

	for (size_t k = 0; k < x->said.len / sizeof(*said) && r >= 0; k++) {
		r = link_verb_name(x->l->fs->config.catalog, said[k], ret_names);
		if (r >= 0)
			r = buf_add_u8(ret_names, 0);
	}
	for (size_t k = 0; k < x->turned.len / sizeof(*turned) && r >= 0; k++) {
		r = add_inverse(x->l, turned[k], ret_names);
		if (r >= 0)
			r = buf_add_u8(ret_names, 0);
	}
	return r;
}

/* Names, each with its NUL; one may come twice. */
static int list_verbs(struct looker *l, uint64_t file, struct buf *ret_names)
{
	_cleanup_(verbs_done) struct verbs x = { .l = l };
	int r = add_said(&x, file);

	if (r >= 0)
		r = links_foreach_set(l->fs->config.catalog, file, add_waiting_verb, &x);
	if (r >= 0)
		r = add_turned(&x, file);
	return r < 0 ? r : add_names(&x, ret_names);
}

int view_verbs_folders(struct looker *l, const struct view *v, struct buf *ret_names)
{
	int r;

	wait_for_index(l);
	r = check_source(l, v);
	return r < 0 ? r : list_verbs(l, v->file, ret_names);
}

int view_verbs_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below,
		     struct buf *ret_target)
{
	struct view below = { .class = VIEW_VERB, .file = v->file, .depth = v->depth + 1 };
	int r = link_verb_is_good(name, strlen(name)) ? check_source(l, v) : -ENOENT;

	if (r < 0)
		return r;
	view_remember(l->fs, &below, name);
	*ret_below = below;
	return 1;
}

int view_verb_option(struct looker *l, const struct view *v, const char *name, struct view *ret_below)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	int r = link_verb_is_good(name, strlen(name)) ? list_verbs(l, v->file, &names) : -ENOENT;

	for (size_t at = 0; r >= 0 && at < names.len; at += strlen((const char *)names.data + at) + 1)
		if (strcmp((const char *)names.data + at, name) == 0)
			return view_verbs_below(l, v, name, ret_below, NULL);
	return r < 0 ? r : -ENOENT;
}

/* ---- links of a verb */

struct targets {
	struct looker *l;
	const struct view *v;
	uint32_t verb;
	struct results_list list;
};

static int add_end(struct targets *x, uint64_t ino)
{
	int r = knows(x->l, ino);

	return r > 0 ? results_list_add(&x->list, ino, NULL, 0) : r;
}

/* The other ends of links by `verb`, but for those of `said`: what the file says itself. */
static int add_ends(struct targets *x, struct packed_walk links, uint32_t verb, const struct packed_walk *said)
{
	_cleanup_(packed_walk_done) struct packed_walk w = links;
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		if (m.b != verb)
			continue;
		r = said ? links_have(said, m.a, x->verb) : 0;
		if (!r)
			r = add_end(x, m.a);
		if (r < 0)
			break;
	}
	return r;
}

/* What nothing could lie at has no name here. */
static bool is_good_path(const char *path, size_t len)
{
	const char *slash = memrchr(path, '/', len);
	size_t name = slash ? len - (size_t)(slash + 1 - path) : len;
	const char *last = path + len - name;

	return len < PATH_MAX / 2 && name > 0 && name <= TREE_NAME_MAX && !memchr(path, 0, len) &&
	       !(name <= 2 && memcmp(last, "..", name) == 0);
}

static int add_waiting(void *context, const struct found_link *f)
{
	struct targets *x = context;
	size_t slashes = 0;
	uint64_t number;
	int r;

	while (slashes < f->len && f->target[slashes] == '/')
		slashes++;
	if (f->bound || f->verb != x->verb || !is_good_path(f->target + slashes, f->len - slashes))
		return 0;
	r = looker_may_try(x->l, f->target + slashes, f->len - slashes);
	number = hash_bytes(f->target, f->len, x->verb) | INO_VIRTUAL; /* as good as an inode's */
	return r <= 0 ? r : results_list_add(&x->list, number, f->target, f->len);
}

static int add_links(struct targets *x, const char *verb)
{
	struct catalog *c = x->l->fs->config.catalog;
	const char *inverse = verb_inverse(verb, strlen(verb));
	struct packed_walk from = links_from(c, x->v->file);
	uint32_t other;
	int r = link_verb_find(c, verb, strlen(verb), &x->verb);
	bool is_known = r >= 0;

	if (r >= 0)
		r = add_ends(x, from, x->verb, NULL);
	if (r >= 0)
		r = links_foreach_set(c, x->v->file, add_waiting, x);
	if ((r < 0 && r != -ENOENT) || !inverse)
		return r;
	r = link_verb_find(c, inverse, strlen(inverse), &other);
	return r < 0 ? r : add_ends(x, links_to(c, x->v->file), other, is_known ? &from : NULL);
}

/* A verb that no file has yet has no number. */
int view_verb_results(struct looker *l, const struct view *v, enum results_age age, const struct results **ret_r)
{
	_cleanup_buf_ struct buf verb = BUF_INIT;
	struct targets x = { .l = l, .v = v };
	int r = view_text(l->fs, v, &verb);

	if (r >= 0 && !buf_cstr(&verb))
		r = -ENOMEM;
	if (r >= 0 && age == RESULTS_AWAITED)
		wait_for_index(l);
	if (r >= 0)
		r = check_source(l, v);
	if (r >= 0)
		r = add_links(&x, buf_cstr(&verb));
	if (r >= 0 || r == -ENOENT)
		r = results_name(l->fs->config.catalog, &x.list, ret_r);
	results_list_done(&x.list);
	return r;
}
