/* SPDX-License-Identifier: MIT */
/* Looking at views. Nothing of them is kept by the kernel: each name is looked up each time, each listing made anew from its
 * cookie.
 *
 *   cookies   1 "."   2 ".."   else (value + 1) << 2 | 3 behind a file, 2 a folder, 1 a tag that narrows: in that order.
 *             What is found by a search comes behind the folders
 *
 * A file that is removed from a tag is gone from those below it: where they came first, "rm -r" would miss it afterwards. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/view_find.h"
#include "fs/virtual/view_kinds.h"

#define COOKIE_SELF 1u
#define COOKIE_ABOVE 2u
#define COOKIE_SHIFT 2
#define COOKIE_FOLDER 2u
#define COOKIE_FILE 3u
#define COOKIE_NARROWING 1u
#define FIRST_VALUE 1u /* no cookie of a folder or a file is one of the two above */

/* ---- lookup */

static void reply_view(fuse_req_t req, struct looker *l, const struct view *v)
{
	struct fuse_entry_param e = { .generation = 1 };

	view_stat(l, v, &e.attr);
	e.ino = e.attr.st_ino;
	(void) fuse_reply_entry(req, &e);
}

static void reply_link(fuse_req_t req, uint64_t dir, const char *name, struct buf *target)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	const struct answer_key key = { dir, ctx->uid, name };
	struct answer_node node;
	int r = answers_add_link(ops_fs(req)->virtual->answers, &key, ctx->gid, target, &node);

	if (r < 0)
		ops_reply_status(req, r);
	else
		virtual_reply_answer(req, &node);
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
		reply_link(req, dir, name, &target);
	else
		reply_file(req, v, &i);
}

static void lookup_result(fuse_req_t req, struct looker *l, const struct view *v, uint64_t dir, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	const struct results *results = NULL;
	const struct result *found;
	int r = view_kind_of(v)->results(l, v, true, &results);

	if (r == 0) {
		found = view_find_result(results, name);
		r = found ? view_target(l->fs, v, found->ino, &target) : -ENOENT;
	}
	(void) results_put(results);
	if (r < 0)
		ops_reply_status(req, r);
	else
		reply_link(req, dir, name, &target);
}

static bool is_search(const struct view *v)
{
	return view_kind_of(v)->results;
}

static void lookup(fuse_req_t req, struct looker *l, uint64_t dir, const char *name)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view v, below;
	struct inode i;
	int r;

	r = view_is(dir) ? view_of(l->fs, dir, &v) : view_root(name, &below);
	if (r == 0) /* a file goes before a symlink to a set of tags */
		r = view_below(l, &v, name, &below, &target);
	if (r == 2 && view_find(l, &v, name, &i) == 0)
		r = -ENOENT;
	if (r == -ENOENT && view_is(dir) && is_search(&v))
		lookup_result(req, l, &v, dir, name);
	else if (r == -ENOENT && view_is(dir))
		lookup_file(req, l, &v, dir, name);
	else if (r < 0)
		ops_reply_status(req, r);
	else if (r == 2)
		reply_link(req, dir, name, &target);
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

/* ---- listing */

struct view_listing {
	fuse_req_t req;
	struct looker *l;
	const struct view *v;
	char *data;       /* borrowed */
	size_t size, used;
	bool plus;
};

/* 1, 0: it does not fit any more. */
static int add(struct view_listing *x, const char *name, uint64_t ino, mode_t type, uint64_t cookie)
{
	const struct fuse_entry_param e = { .attr = { .st_ino = ino, .st_mode = type } };
	char *at = x->data + x->used;
	size_t left = x->size - x->used;
	size_t n = x->plus ? fuse_add_direntry_plus(x->req, at, left, name, &e, (off_t)cookie)
			   : fuse_add_direntry(x->req, at, left, name, &e.attr, (off_t)cookie);

	if (n > left)
		return 0;
	x->used += n;
	return 1;
}

static int add_folder(struct view_listing *x, struct buf *name, uint64_t cookie)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	struct view below;
	int r = buf_cstr(name) ? view_below(x->l, x->v, (const char *)name->data, &below, &target) : -ENOMEM;

	if (r < 0)
		return r == -ENOENT ? 1 : r;
	return add(x, (const char *)name->data, r == 2 ? cookie : view_ino(x->l->fs, &below),
		   r == 2 ? S_IFLNK : below.class == VIEW_CONTROL ? S_IFREG : S_IFDIR,
		   (cookie + FIRST_VALUE) << COOKIE_SHIFT | COOKIE_FOLDER);
}

static int add_few_folders(struct view_listing *x, uint64_t cookie)
{
	_cleanup_(view_few_done) struct view_few few;
	int r = view_few_begin(x->l, x->v, &few);

	for (size_t k = 0; r >= 0 && k < few.n; k++) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		if (few.items[k].cookie <= cookie)
			continue;
		r = buf_add_str(&name, few.items[k].name);
		if (r >= 0)
			r = add_folder(x, &name, few.items[k].cookie);
		if (r <= 0)
			return r;
	}
	return r < 0 ? r : 1;
}

static int add_folders(struct view_listing *x, uint64_t cookie)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r;

	if (view_kind_of(x->v)->folders)
		return add_few_folders(x, cookie);
	while ((r = view_next_folder(x->l, x->v, cookie, &name, &cookie)) > 0) {
		r = add_folder(x, &name, cookie);
		if (r <= 0)
			return r;
	}
	return r < 0 ? r : 1;
}

static int add_file(struct view_listing *x, uint64_t ino, uint64_t cookie)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct inode i;
	int r = inode_get(x->l->fs->config.catalog, ino, &i);

	if (r >= 0)
		r = view_name(x->l, x->v, &i, &name);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	if (!buf_cstr(&name))
		return -ENOMEM;
	return add(x, (const char *)name.data, ino, S_ISDIR(i.mode) ? S_IFLNK : i.mode & S_IFMT,
		   (cookie + FIRST_VALUE) << COOKIE_SHIFT | COOKIE_FILE);
}

static int add_files(struct view_listing *x, uint64_t cookie)
{
	_cleanup_(view_walk_done) struct view_walk w = { 0 };
	uint64_t ino;
	int r = view_walk_open(x->l, x->v, cookie, &w);

	while (r >= 0 && (r = view_walk_next(&w, &ino, &cookie)) > 0) {
		r = add_file(x, ino, cookie);
		if (r <= 0)
			return r;
	}
	return r < 0 ? r : 1;
}

/* A file goes before a tag of the same name, and so does a tag below this one. */
static int add_narrowing_tag(struct view_listing *x, uint64_t id)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct inode i;
	int r = view_narrowing_name(x->l, id, &name);

	if (r >= 0 && !buf_cstr(&name))
		r = -ENOMEM;
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	if (name.len > TREE_NAME_MAX || view_takes_name(x->l, x->v, (const char *)name.data, name.len) ||
	    view_find(x->l, x->v, (const char *)name.data, &i) == 0)
		return 1;
	return add(x, (const char *)name.data, id, S_IFLNK, (id + FIRST_VALUE) << COOKIE_SHIFT | COOKIE_NARROWING);
}

static int add_narrowing(struct view_listing *x, uint64_t cookie)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;
	const uint64_t *at, *end;
	int r = view_narrowing(x->l, x->v, &ids);

	at = (const void *)ids.data;
	end = at + ids.len / sizeof(*at);
	for (r = r < 0 ? r : 1; r > 0 && at < end; at++)
		if (*at > cookie)
			r = add_narrowing_tag(x, *at);
	return r;
}

/* Behind the folders; the cookie is the rank. */
static int add_results(struct view_listing *x, uint64_t cookie)
{
	const struct results *results = NULL;
	int r = view_kind_of(x->v)->results(x->l, x->v, true, &results);

	for (size_t k = cookie; r >= 0 && k < results->n; k++) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		if (!*results->items[k].name)
			continue;
		r = view_result_name(x->l, x->v, &results->items[k], &name);
		if (r >= 0)
			r = buf_cstr(&name) ? add(x, (const char *)name.data, results->items[k].ino, S_IFLNK,
						  (k + 1 + FIRST_VALUE) << COOKIE_SHIFT | COOKIE_FILE) : -ENOMEM;
		if (!r)
			break;
	}
	(void) results_put(results);
	return r;
}

static int fill_search(struct view_listing *x, unsigned part, uint64_t value)
{
	int r = part != COOKIE_FILE ? add_folders(x, value) : 1;

	return r > 0 ? add_results(x, part == COOKIE_FILE ? value : 0) : r;
}

static int fill_set(struct view_listing *x, unsigned part, uint64_t value)
{
	int r = !part || part == COOKIE_FILE ? add_files(x, value) : 1;

	if (r > 0 && part != COOKIE_NARROWING)
		r = add_folders(x, part == COOKIE_FOLDER ? value : 0);
	return r > 0 ? add_narrowing(x, part == COOKIE_NARROWING ? value : 0) : r;
}

static int fill(struct view_listing *x, uint64_t ino, uint64_t cookie)
{
	uint64_t value = cookie > COOKIE_ABOVE ? (cookie >> COOKIE_SHIFT) - FIRST_VALUE : 0;
	unsigned part = cookie > COOKIE_ABOVE ? cookie & 3 : 0;
	int r = 1;

	if (cookie < COOKIE_SELF)
		r = add(x, ".", ino, S_IFDIR, COOKIE_SELF);
	if (r > 0 && cookie < COOKIE_ABOVE)
		r = add(x, "..", ROOT_INO, S_IFDIR, COOKIE_ABOVE);
	if (r <= 0)
		return r;
	return is_search(x->v) ? fill_search(x, part, value) : fill_set(x, part, value);
}

void view_readdir(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus)
{
	struct view_listing x = { .req = req, .data = request_space(), .size = MIN(size, (size_t)FS_MAX_WRITE), .plus = plus };
	struct looker l;
	struct view v;
	int r = x.data ? view_of(ops_fs(req), ino, &v) : -ENOMEM;

	if (r == 0)
		r = looker_begin(req, &l);
	if (r < 0) {
		ops_reply_status(req, r);
		return;
	}
	x.l = &l;
	x.v = &v;
	r = fill(&x, ino, (uint64_t)cookie);
	looker_done(&l);
	if (r < 0 && x.used == 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_buf(req, x.data, x.used);
}
