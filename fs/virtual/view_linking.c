/* SPDX-License-Identifier: MIT */
/* Links that are made and removed by way of .links/PATH/VERB: "ln -s" makes one to what its target names, now
 * or later, "ln" to a file, "rm" removes what a user has set. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "catalog/verbs.h"
#include "fs/virtual/view_change.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

bool view_takes_links(uint64_t dir)
{
	return view_is(dir) && virtual_number_of(dir) >> VIEW_CLASS_SHIFT == VIEW_VERB;
}

bool view_has_verbs(uint64_t dir)
{
	uint64_t class = virtual_number_of(dir) >> VIEW_CLASS_SHIFT;

	return view_is(dir) && (class == VIEW_LINKS_FILE || class == VIEW_LINKS_FOLDER);
}

/* A verb of a file that the caller may write to. */
struct linking {
	struct viewing x;
	struct view v;
	struct buf verb; /* NUL-terminated */
};

static void linking_end(struct linking *k)
{
	viewing_end(&k->x);
	buf_done(&k->verb);
}

static int check_linking(struct linking *k, uint64_t dir)
{
	struct inode i;
	int r = view_of(k->x.l.fs, dir, &k->v);

	if (r == 0)
		r = view_text(k->x.l.fs, &k->v, &k->verb);
	if (r >= 0)
		r = inode_get(k->x.c, k->v.file, &i);
	if (r >= 0)
		r = looker_knows(&k->x.l, &i) > 0 ? 0 : -ENOENT;
	if (r >= 0)
		r = viewing_may_tag(&k->x, &i);
	looker_rest(&k->x.l); /* there may be two at once */
	return r < 0 ? r : buf_cstr(&k->verb) ? 0 : -ENOMEM;
}

static int linking_begin(fuse_req_t req, uint64_t dir, struct linking *ret_k)
{
	struct linking k = { 0 };
	int r = viewing_begin(req, &k.x);

	if (r < 0)
		return r;
	r = check_linking(&k, dir);
	if (r < 0)
		linking_end(&k);
	else
		*ret_k = k;
	return r;
}

static int add(struct linking *k, const struct link_target *to)
{
	int status, r = viewing_was_done(k->x.req, &status)
				? status
				: tree_add_link(k->x.c, &k->x.rq, k->v.file, buf_cstr(&k->verb), to);

	if (r >= 0)
		viewing_changed(&k->x, k->v.file);
	return r;
}

void view_link_to(fuse_req_t req, uint64_t ino, uint64_t dir)
{
	struct linking k;
	struct inode i;
	int r = linking_begin(req, dir, &k);

	if (r == 0) {
		r = add(&k, &(struct link_target){ .ino = ino });
		if (r >= 0)
			r = inode_get(k.x.c, ino, &i);
		linking_end(&k);
	}
	if (r < 0)
		ops_reply_status(req, r);
	else
		viewing_reply_file(req, &i);
}

/* What the caller does not see is linked to as what is not there: it shows as little. */
static int link_to_path(struct linking *k, const char *target)
{
	struct link_target to = { .path = target };
	struct inode i;
	int r = viewing_path_of(&k->x, &k->v, &to.path);

	if (r < 0 || !*to.path)
		return r < 0 ? r : -EINVAL;
	r = viewing_walk(&k->x, to.path, &i);
	if (r == 0)
		to.ino = i.ino;
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return r;
	return add(k, &to);
}

void view_link_to_path(fuse_req_t req, const char *target, uint64_t dir, const char *name)
{
	struct linking k;
	int r = linking_begin(req, dir, &k);

	if (r == 0) {
		r = link_to_path(&k, target);
		linking_end(&k);
	}
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_link(req, dir, name, target);
}

/* Calls `change` with what the name stands for. -EPERM: the file's content says it. */
static int change_found(struct linking *k, const char *name,
			int (*change)(struct linking *k, const struct link_target *to, void *context),
			void *context)
{
	const struct results *results = NULL;
	const struct result *found;
	int r = view_verb_results(&k->x.l, &k->v, RESULTS_NOW, &results);

	found = r < 0 ? NULL : view_find_result(results, name);
	if (r >= 0 && !found)
		r = -ENOENT;
	if (r >= 0)
		r = change(k, &(struct link_target){ found->target ? 0 : found->ino, found->target }, context);
	(void) results_put(results);
	return r == -ENODATA ? -EPERM : MIN(r, 0);
}

static void tell(struct linking *k, uint64_t dir, const char *name)
{
	viewing_forget_name(&k->x, dir, name);
	viewing_changed(&k->x, k->v.file);
}

/* The same link, as it is said from the other end. */
static int take_away_there(struct linking *k, const struct link_target *to)
{
	const char *inverse = verb_inverse(buf_cstr(&k->verb), k->verb.len);
	struct tree_request rq = k->x.rq;
	struct inode i;
	int r = inverse && to->ino ? inode_get(k->x.c, to->ino, &i) : -ENODATA;

	rq.reply.unique = 0;
	if (r >= 0)
		r = viewing_may_tag(&k->x, &i);
	if (r < 0)
		return r;
	r = tree_remove_link(k->x.c, &rq, to->ino, inverse, &(struct link_target){ .ino = k->v.file });
	if (r >= 0)
		viewing_changed(&k->x, to->ino);
	return r;
}

/* Whichever end says it; when both do, from either. */
static int take_away(struct linking *k, const struct link_target *to, void *context)
{
	int there = take_away_there(k, to);
	int here = tree_remove_link(k->x.c, &k->x.rq, k->v.file, buf_cstr(&k->verb), to);

	return here == -ENODATA ? there : here;
}

void view_link_remove(fuse_req_t req, uint64_t dir, const char *name)
{
	struct linking k;
	int r;

	if (ops_replayed(req))
		return;
	r = linking_begin(req, dir, &k);
	if (r == 0) {
		r = change_found(&k, name, take_away, NULL);
		if (r == 0)
			tell(&k, dir, name);
		linking_end(&k);
	}
	ops_reply_status(req, r);
}

static int move_to(struct linking *k, const struct link_target *to, void *context)
{
	struct linking *other = context;

	return tree_move_link(k->x.c, &k->x.rq, &(struct link_place){ k->v.file, buf_cstr(&k->verb) },
			      &(struct link_place){ other->v.file, buf_cstr(&other->verb) }, to);
}

void view_link_move(fuse_req_t req, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name)
{
	struct linking from, to;
	int r;

	if (ops_replayed(req))
		return;
	r = dir == new_dir ? -EPERM : linking_begin(req, dir, &from);
	if (r == 0) {
		r = linking_begin(req, new_dir, &to);
		if (r == 0) {
			r = change_found(&from, name, move_to, &to);
			if (r == 0) {
				tell(&from, dir, name);
				tell(&to, new_dir, new_name);
			}
			linking_end(&to);
		}
		linking_end(&from);
	}
	ops_reply_status(req, r);
}

/* Verbs are not made nor removed, but whoever removes all that is in a folder wants to have removed it. */
static int check_empty(fuse_req_t req, uint64_t dir, const char *name)
{
	const struct results *results = NULL;
	struct view v, below;
	struct looker l;
	int r = view_of(ops_fs(req), dir, &v);

	if (r == 0)
		r = looker_begin(req, &l);
	if (r < 0)
		return r;
	r = view_below(&l, &v, name, &below, NULL);
	if (r > 0)
		r = below.class == VIEW_VERB ? view_verb_results(&l, &below, RESULTS_NOW, &results) : -EPERM;
	looker_done(&l);
	if (r >= 0)
		r = results->n ? -ENOTEMPTY : 0;
	(void) results_put(results);
	return r;
}

void view_verb_rmdir(fuse_req_t req, uint64_t dir, const char *name)
{
	ops_reply_status(req, check_empty(req, dir, name));
}
