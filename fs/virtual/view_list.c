/* SPDX-License-Identifier: MIT */
/* Listing views: each part is made anew from its cookie.
 *
 *   cookies   1 "."   2 ".."   else (value + 1) << 2 | 3 behind a file, 2 a folder, 1 a tag that narrows: in that order.
 *             What is found by a search comes behind the folders. In folders of paths, those of the folder itself (tree.h)
 *
 * A file that is removed from a tag is gone from those below it: where they came first, "rm -r" would miss it
 * afterwards. */
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

DEFINE_CLEANUP(struct tree_dir *, tree_dir_close)

struct view_listing {
	struct list_page page;
	struct looker *l;     /* borrowed */
	const struct view *v; /* borrowed */
};

static int add(struct view_listing *x, const char *name, uint64_t ino, mode_t type, uint64_t cookie)
{
	return list_page_add_bare(&x->page, name, ino, type, cookie);
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

/* Names of folders are told by nothing but their folder: who may not read that is not told. */
static int lists_folders(struct looker *l, uint64_t dir)
{
	struct inode i;
	int r = inode_get(l->fs->config.catalog, dir, &i);

	if (r < 0 || l->caller.all)
		return r < 0 ? r : 1;
	return access_permits(l->fs->config.catalog, caller_identity(&l->caller), &i, ACCESS_READ);
}

static int add_entry(struct view_listing *x, const struct tree_entry *entry, bool folders)
{
	struct view below;
	struct inode i;
	int r = inode_get(x->l->fs->config.catalog, entry->ino, &i);

	if (r >= 0 && (folders || !S_ISDIR(i.mode)))
		r = view_path_entry(x->l, x->v, &i, &below);
	if (r <= 0)
		return r == 0 || r == -ENOENT ? 1 : r;
	return add(x, entry->name, view_ino(x->l->fs, &below), S_IFDIR, entry->cookie);
}

/* What lies in a folder of the mount. */
static int add_entries(struct view_listing *x, uint64_t cookie)
{
	_cleanup_(tree_dir_closep) struct tree_dir *d = NULL;
	struct tree_entry entry = { .cookie = cookie < TREE_COOKIE_FIRST ? 0 : cookie };
	int folders = 0, r = looker_enters(x->l, x->v->file);

	if (r <= 0)
		return r;
	folders = r = lists_folders(x->l, x->v->file);
	if (r >= 0)
		r = tree_dir_open(x->l->fs->config.catalog, x->v->file, &d);
	while (r >= 0 && (r = tree_dir_next(d, entry.cookie, &entry)) > 0) {
		r = add_entry(x, &entry, folders);
		if (r <= 0)
			return r;
	}
	return r;
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
	return add(x, (const char *)name.data, id, S_IFLNK,
		   (id + FIRST_VALUE) << COOKIE_SHIFT | COOKIE_NARROWING);
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

/* Behind the folders; the cookie is the rank: what follows the first ones is of the same search. */
static int add_results(struct view_listing *x, uint64_t cookie)
{
	const struct results *results = NULL;
	int r = view_kind_of(x->v)->results(x->l, x->v, cookie ? RESULTS_RECENT : RESULTS_AWAITED, &results);

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
	if (view_kind_of(x->v)->of_file)
		return add_entries(x, cookie);
	return view_kind_of(x->v)->results ? fill_search(x, part, value) : fill_set(x, part, value);
}

void view_readdir(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus)
{
	struct looker l;
	struct view v;
	struct view_listing x = { .page = list_page_of(req, size, plus), .l = &l, .v = &v };
	int r = view_of(ops_fs(req), ino, &v);

	if (r == 0)
		r = looker_begin(req, &l);
	if (r == 0) {
		r = fill(&x, ino, (uint64_t)cookie);
		looker_done(&l);
	}
	list_page_reply(&x.page, r);
}
