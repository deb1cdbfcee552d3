/* SPDX-License-Identifier: MIT */
/* Looking at views: nothing of them is kept by the kernel, each name is looked up each time. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

/* ---- lookup */

static void reply_view(fuse_req_t req, struct looker *l, const struct view *v)
{
	struct fuse_entry_param e = { .generation = 1 };

	view_stat(l, v, &e.attr);
	e.ino = e.attr.st_ino;
	(void) fuse_reply_entry(req, &e);
}

/* The file itself; its name here is looked up anew each time. What is removed from a tag is one name less to the kernel, which
 * links no file that has none: so it is told of one name more, and to ask anew before it tells anybody. */
static void reply_file(fuse_req_t req, const struct view *v, const struct inode *i)
{
	bool is_tag = view_kind_of(v)->tags;
	struct fuse_entry_param e;

	ops_fill_entry(i, &e);
	e.entry_timeout = 0;
	e.attr.st_nlink += is_tag;
	if (is_tag || !ops_may_keep(ops_fs(req), i->ino))
		e.attr_timeout = 0;
	(void) fuse_reply_entry(req, &e);
}

/* A folder cannot be in two places: it is a symlink in one of them. */
static void lookup_file(fuse_req_t req, struct looker *l, const struct view *v, uint64_t dir, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct inode i;
	int r = view_find(l, v, name, &i);

	if (r == 0 && S_ISDIR(i.mode))
		r = view_target(l->fs, v, i.ino, &target);
	if (r < 0)
		ops_reply_status(req, r);
	else if (target.len)
		virtual_reply_link(req, dir, name, buf_cstr(&target));
	else
		reply_file(req, v, &i);
}

/* -ENOENT: nothing that is called so was found, or is to be seen any more. */
static int find_target(struct looker *l, const struct view *v, const char *name, enum results_age age,
		       struct buf *ret_target)
{
	const struct results *results = NULL;
	const struct result *found;
	int r = view_kind_of(v)->results(l, v, age, &results);

	if (r < 0)
		return r;
	found = view_find_result(results, name);
	r = found ? 1 : 0;
	if (found && !found->target && age == RESULTS_RECENT)
		r = looker_sees(l, found->ino);
	if (r > 0)
		r = view_result_target(l->fs, v, found, ret_target);
	else if (r == 0)
		r = -ENOENT;
	(void) results_put(results);
	return r;
}

static void lookup_result(fuse_req_t req, struct looker *l, const struct view *v, uint64_t dir, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	/* "ls -l" asks for each name that was just listed. */
	int r = view_is_behind(l->fs) ? find_target(l, v, name, RESULTS_RECENT, &target) : -ENOENT;

	if (r == -ENOENT)
		r = find_target(l, v, name, RESULTS_AWAITED, &target);
	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_link(req, dir, name, buf_cstr(&target));
}

static bool is_search(const struct view *v)
{
	return view_kind_of(v)->results;
}

/* A folder of one tag more, which is not listed as long as no file has it: files go before it, as before a symlink. */
static bool is_narrower(const struct view *v, const struct view *below)
{
	return below->class == VIEW_TAG_SET && v->class != VIEW_TAGS;
}

static void lookup(fuse_req_t req, struct looker *l, uint64_t dir, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view v, below;
	struct inode i;
	int r;

	r = view_is(dir) ? view_of(l->fs, dir, &v) : view_root(name, &below);
	if (r == 0)
		r = view_below(l, &v, name, &below, &target);
	if ((r == 2 || (r == 1 && is_narrower(&v, &below))) && view_find(l, &v, name, &i) == 0)
		r = -ENOENT;
	if (r == -ENOENT && view_is(dir) && is_search(&v))
		lookup_result(req, l, &v, dir, name);
	else if (r == -ENOENT && view_is(dir))
		lookup_file(req, l, &v, dir, name);
	else if (r < 0)
		ops_reply_status(req, r);
	else if (r == 2)
		virtual_reply_link(req, dir, name, buf_cstr(&target));
	else
		reply_view(req, l, &below);
}

void view_lookup(fuse_req_t req, uint64_t dir, const char *name)
{
	struct looker l;
	int r = looker_begin(req, &l);

	if (r < 0) {
		ops_reply_status(req, r);
		return;
	}
	lookup(req, &l, dir, name);
	looker_done(&l);
}

int view_attributes(struct fs *fs, struct caller *caller, uint64_t ino, struct stat *ret_st)
{
	struct looker l;
	struct view v;
	int r = looker_begin_as(fs, caller, &l);

	if (r < 0)
		return r;
	r = view_of(fs, ino, &v);
	if (r == 0)
		view_stat(&l, &v, ret_st);
	looker_done(&l);
	return r;
}

void view_getattr(fuse_req_t req, uint64_t ino)
{
	struct caller caller;
	struct stat st;
	int r = caller_of(req, &caller);

	if (r == 0)
		r = view_attributes(ops_fs(req), &caller, ino, &st);
	if (r < 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_attr(req, &st, 0);
}
