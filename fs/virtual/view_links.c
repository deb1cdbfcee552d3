/* SPDX-License-Identifier: MIT */
/* .links/PATH/VERB: what a file is linked to, as symlinks: what users set and what is found in it. Of a file
 * the verbs are listed that it has; any other is an empty folder, where one can be made. A folder of the
 * mount has its entries there, and beside them, unlisted, the verbs of its own links.
 *
 * Links that users set and that wait for a file are symlinks that lead nowhere. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/links.h"
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
	if (l->fs->config.index)
		(void) index_wait(l->fs->config.index, VIEW_WAIT_MS);
}

/* ---- verbs */

struct verbs {
	struct looker *l;
	struct buf ids; /* uint32_t: those that are known to be there */
};

static bool has_verb(const struct verbs *x, uint32_t verb)
{
	const uint32_t *at = (const void *)x->ids.data;

	for (size_t k = 0; k < x->ids.len / sizeof(*at); k++)
		if (at[k] == verb)
			return true;
	return false;
}

static int add_verb(struct verbs *x, uint32_t verb, int seen)
{
	return seen <= 0 ? seen : buf_add(&x->ids, &verb, sizeof(verb));
}

static int add_waiting_verb(void *context, const struct found_link *f)
{
	struct verbs *x = context;

	if (f->bound || has_verb(x, f->verb))
		return 0;
	return add_verb(x, f->verb, looker_may_try(x->l, f->target, f->len));
}

static int collect_verbs(struct verbs *x, uint64_t file)
{
	struct catalog *c = x->l->fs->config.catalog;
	_cleanup_(packed_walk_done) struct packed_walk w = links_from(c, file);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = has_verb(x, (uint32_t)m.b) ? 0 : add_verb(x, (uint32_t)m.b, knows(x->l, m.a));
		if (r < 0)
			return r;
	}
	return r < 0 ? r : links_foreach_set(c, file, add_waiting_verb, x);
}

static int add_verb_names(const struct verbs *x, struct buf *ret_names)
{
	const uint32_t *at = (const void *)x->ids.data;
	int r = 0;

	for (size_t k = 0; k < x->ids.len / sizeof(*at) && r >= 0; k++) {
		r = link_verb_name(x->l->fs->config.catalog, at[k], ret_names);
		if (r >= 0)
			r = buf_add_u8(ret_names, 0);
	}
	return r;
}

int view_verbs_folders(struct looker *l, const struct view *v, struct buf *ret_names)
{
	struct verbs x = { .l = l };
	int r;

	wait_for_index(l);
	r = check_source(l, v);
	if (r == 0)
		r = collect_verbs(&x, v->file);
	if (r >= 0)
		r = add_verb_names(&x, ret_names);
	buf_done(&x.ids);
	return r;
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
	struct verbs x = { .l = l };
	uint32_t verb;
	int r = link_verb_find(l->fs->config.catalog, name, strlen(name), &verb);

	if (r >= 0)
		r = collect_verbs(&x, v->file);
	if (r >= 0)
		r = has_verb(&x, verb) ? view_verbs_below(l, v, name, ret_below, NULL) : -ENOENT;
	buf_done(&x.ids);
	return r;
}

/* ---- links of a verb */

struct targets {
	struct looker *l;
	const struct view *v;
	uint32_t verb;
	struct results_list list;
};

static int add_bound(struct targets *x)
{
	_cleanup_(packed_walk_done) struct packed_walk w = links_from(x->l->fs->config.catalog, x->v->file);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = m.b == x->verb ? knows(x->l, m.a) : 0;
		if (r > 0)
			r = results_list_add(&x->list, m.a, NULL, 0);
		if (r < 0)
			return r;
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

/* A verb that no file has yet has no number. */
int view_verb_results(struct looker *l, const struct view *v, bool waits, const struct results **ret_r)
{
	struct catalog *c = l->fs->config.catalog;
	_cleanup_buf_ struct buf verb = BUF_INIT;
	struct targets x = { .l = l, .v = v };
	int r = view_text(l->fs, v, &verb);

	if (r >= 0 && waits)
		wait_for_index(l);
	if (r >= 0)
		r = check_source(l, v);
	if (r >= 0)
		r = link_verb_find(c, (const char *)verb.data, verb.len, &x.verb);
	if (r >= 0)
		r = add_bound(&x);
	if (r >= 0)
		r = links_foreach_set(c, v->file, add_waiting, &x);
	if (r >= 0 || r == -ENOENT)
		r = results_name(c, &x.list, ret_r);
	results_list_done(&x.list);
	return r;
}
