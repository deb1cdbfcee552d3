/* SPDX-License-Identifier: MIT */
/* Directory listings. Each request begins anew at its cookie, so that a listing outlives the server. */
#include <errno.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/virtual.h"

DEFINE_CLEANUP(struct tree_dir *, tree_dir_close)

#define COOKIE_SELF 1
#define COOKIE_PARENT 2

struct listing {
	fuse_req_t req;
	char *data;        /* borrowed: the thread's space */
	size_t size, used;
	bool plus;
};

/* 1: added. 0: it does not fit any more. */
static int add(struct listing *l, const char *name, const struct fuse_entry_param *e, uint64_t cookie)
{
	char *at = l->data + l->used;
	size_t left = l->size - l->used;
	size_t n = l->plus ? fuse_add_direntry_plus(l->req, at, left, name, e, (off_t)cookie)
			   : fuse_add_direntry(l->req, at, left, name, &e->attr, (off_t)cookie);

	if (n > left)
		return 0;
	l->used += n;
	return 1;
}

/* "." and "..": the kernel takes no attributes from them. */
static int add_dot(struct listing *l, const char *name, uint64_t ino, uint64_t cookie)
{
	const struct fuse_entry_param e = { .attr = { .st_ino = ino, .st_mode = S_IFDIR } };

	return add(l, name, &e, cookie);
}

static int add_dots(struct listing *l, struct catalog *c, uint64_t dir, uint64_t cookie)
{
	struct inode i;
	int r = inode_get(c, dir, &i);

	if (r == 0)
		r = cookie < COOKIE_SELF ? add_dot(l, ".", dir, COOKIE_SELF) : 1;
	if (r == 1 && cookie < COOKIE_PARENT)
		r = add_dot(l, "..", i.parent ? i.parent : dir, COOKIE_PARENT);
	return r;
}

/* An entry whose inode does not open is listed without attributes, and its lookup says why; one whose
 * attributes are not to be kept, too. */
static int add_entry(struct listing *l, struct catalog *c, const struct tree_entry *entry)
{
	struct fuse_entry_param e = { .attr = { .st_ino = entry->ino, .st_mode = entry->type } };
	struct inode i;

	if (l->plus && inode_get(c, entry->ino, &i) == 0 && ops_may_keep(ops_fs(l->req), entry->ino))
		ops_fill_entry(&i, &e);
	return add(l, entry->name, &e, entry->cookie);
}

static int fill(struct listing *l, struct catalog *c, uint64_t dir, uint64_t cookie)
{
	_cleanup_(tree_dir_closep) struct tree_dir *d = NULL;
	struct tree_entry entry = { .cookie = cookie };
	int r = tree_dir_open(c, dir, &d);

	if (r == 0)
		r = 1;
	if (r == 1 && cookie <= COOKIE_PARENT) {
		r = cookie < COOKIE_PARENT ? add_dots(l, c, dir, cookie) : 1;
		entry.cookie = 0;
	}
	while (r == 1) {
		r = tree_dir_next(d, entry.cookie, &entry);
		if (r == 1)
			r = add_entry(l, c, &entry);
	}
	return r;
}

static void list(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus)
{
	struct listing l = { .req = req, .data = request_space(), .plus = plus };
	int r = l.data ? 0 : -ENOMEM;

	l.size = MIN(size, (size_t)FS_MAX_WRITE);
	if (is_virtual(ino)) {
		virtual_readdir(req, ino, l.size, cookie, plus);
		return;
	}
	if (r == 0)
		r = fill(&l, ops_fs(req)->config.catalog, ino, (uint64_t)cookie);
	if (r < 0 && l.used == 0)
		ops_reply_status(req, r);
	else
		(void) fuse_reply_buf(req, l.data, l.used);
}

void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie, struct fuse_file_info *fi)
{
	list(req, ino, size, cookie, false);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie, struct fuse_file_info *fi)
{
	list(req, ino, size, cookie, true);
}
