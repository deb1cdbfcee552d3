/* SPDX-License-Identifier: MIT */
/* Directory listings. Each request begins anew at its cookie, so that a listing outlives the server. */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/virtual.h"

DEFINE_CLEANUP(struct tree_dir *, tree_dir_close)

#define COOKIE_SELF 1
#define COOKIE_PARENT 2

/* ---- a page */

struct list_page list_page_of(fuse_req_t req, size_t size, bool plus)
{
	return (struct list_page){
		.req = req,
		.data = request_space(),
		.size = MIN(size, (size_t)FS_MAX_WRITE),
		.plus = plus,
	};
}

int list_page_add(struct list_page *p, const char *name, const struct fuse_entry_param *e, uint64_t cookie)
{
	size_t left = p->size - p->used, n;
	char *at;

	if (!p->data)
		return -ENOMEM;
	at = p->data + p->used;
	n = p->plus ? fuse_add_direntry_plus(p->req, at, left, name, e, (off_t)cookie)
		    : fuse_add_direntry(p->req, at, left, name, &e->attr, (off_t)cookie);
	if (n > left)
		return 0;
	p->used += n;
	return 1;
}

int list_page_add_bare(struct list_page *p, const char *name, uint64_t ino, mode_t type, uint64_t cookie)
{
	const struct fuse_entry_param e = { .attr = { .st_ino = ino, .st_mode = type } };

	return list_page_add(p, name, &e, cookie);
}

void list_page_reply(const struct list_page *p, int r)
{
	if (r < 0 && p->used == 0)
		ops_reply_status(p->req, r);
	else
		(void) fuse_reply_buf(p->req, p->data, p->used);
}

/* ---- what stands in it */

static int add_dots(struct list_page *p, struct catalog *c, uint64_t dir, uint64_t cookie)
{
	struct inode i;
	int r = inode_get(c, dir, &i);

	if (r == 0)
		r = cookie < COOKIE_SELF ? list_page_add_bare(p, ".", dir, S_IFDIR, COOKIE_SELF) : 1;
	if (r == 1 && cookie < COOKIE_PARENT)
		r = list_page_add_bare(p, "..", i.parent ? i.parent : dir, S_IFDIR, COOKIE_PARENT);
	return r;
}

/* An entry whose inode does not open is listed without attributes, and its lookup says why; one whose
 * attributes are not to be kept, too. */
static int add_entry(struct list_page *p, struct catalog *c, const struct tree_entry *entry)
{
	struct fuse_entry_param e = { .attr = { .st_ino = entry->ino, .st_mode = entry->type } };
	struct inode i;

	if (p->plus && inode_get(c, entry->ino, &i) == 0 && ops_may_keep(ops_fs(p->req), entry->ino))
		ops_fill_entry(&i, &e);
	return list_page_add(p, entry->name, &e, entry->cookie);
}

static int fill(struct list_page *p, struct catalog *c, uint64_t dir, uint64_t cookie)
{
	_cleanup_(tree_dir_closep) struct tree_dir *d = NULL;
	struct tree_entry entry = { .cookie = cookie };
	int r = tree_dir_open(c, dir, &d);

	if (r == 0)
		r = 1;
	if (r == 1 && cookie <= COOKIE_PARENT) {
		r = cookie < COOKIE_PARENT ? add_dots(p, c, dir, cookie) : 1;
		entry.cookie = 0;
	}
	while (r == 1) {
		r = tree_dir_next(d, entry.cookie, &entry);
		if (r == 1)
			r = add_entry(p, c, &entry);
	}
	return r;
}

static void list(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus)
{
	struct list_page p;

	if (is_virtual(ino)) {
		virtual_readdir(req, ino, size, cookie, plus);
		return;
	}
	p = list_page_of(req, size, plus);
	list_page_reply(&p, fill(&p, ops_fs(req)->config.catalog, ino, (uint64_t)cookie));
}

void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie, struct fuse_file_info *fi)
{
	list(req, ino, size, cookie, false);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie, struct fuse_file_info *fi)
{
	list(req, ino, size, cookie, true);
}
