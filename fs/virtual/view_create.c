/* SPDX-License-Identifier: MIT */
/* New files in folders of tags: they are made in the inbox. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/file_sets.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/view_change.h"

#define INBOX "inbox"
#define NUMBERS_MAX 10000u

static int need_inbox(struct viewing *x, uint64_t *ret_dir)
{
	const struct tree_make what = { .mode = S_IFDIR | 0755 };
	struct tree_request rq = { .uid = x->l.fs->config.owner_uid, .gid = x->l.fs->virtual->gid };
	struct inode i;
	int r = tree_lookup(x->c, ROOT_INO, INBOX, &i);

	if (r == -ENOENT) {
		viewing_forget_name(x, ROOT_INO, INBOX);
		r = names_make(x->l.fs, &rq, ROOT_INO, INBOX, &what, &i);
		viewing_forget_name(x, ROOT_INO, INBOX);
	}
	if (r == 0)
		r = S_ISDIR(i.mode) ? viewing_may_write(x, &i) : -ENOTDIR;
	if (r == 0)
		*ret_dir = i.ino;
	return r;
}

/* "note.md", "note (2).md" .. */
static int number_name(const char *name, unsigned number, char *ret_name, size_t size)
{
	size_t len = strlen(name), stem = file_stem_len(name, len);
	int n;

	if (number < 2)
		n = snprintf(ret_name, size, "%s", name);
	else
		n = snprintf(ret_name, size, "%.*s (%u)%s", (int)stem, name, number, name + stem);
	return n < (int)size ? 0 : -ENAMETOOLONG;
}

/* A name that may be new. */
static int make_told(struct viewing *x, struct tree_request *rq, uint64_t inbox, const char *name, const struct tree_make *what,
		     struct inode *ret_i)
{
	int r = tree_lookup(x->c, inbox, name, ret_i);

	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	viewing_forget_name(x, inbox, name);
	r = names_make(x->l.fs, rq, inbox, name, what, ret_i);
	if (r < 0)
		return r;
	viewing_forget_name(x, inbox, name);
	announcing_add_in(x->l.fs->virtual->announcing, inbox, name);
	return 0;
}

static int make_in_inbox(struct viewing *x, const char *name, const struct tree_make *what, const struct view *v,
			 struct inode *ret_i)
{
	struct tree_request rq = x->rq;
	struct view_tags tags;
	char numbered[TREE_NAME_MAX + 1];
	uint64_t inbox = 0;
	int r = need_inbox(x, &inbox);

	if (r < 0)
		return r;
	view_tags_of(v, 0, &tags);
	rq.tags = &tags.change;
	for (unsigned k = 1; k < NUMBERS_MAX; k++) {
		r = number_name(name, k, numbered, sizeof(numbered));
		if (r == 0)
			r = make_told(x, &rq, inbox, numbered, what, ret_i);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

static int create_in(struct viewing *x, uint64_t dir, const char *name, const struct tree_make *what, struct inode *ret_i)
{
	struct reply_record record;
	struct view v;
	int r = viewing_tags_at(x, dir, &v);

	if (r < 0 || what->unnamed)
		return r < 0 ? r : -EOPNOTSUPP;
	if (ops_find_reply(x->req, &record))
		return record.status < 0 ? record.status : inode_get(x->c, record.ino, ret_i);
	return make_in_inbox(x, name, what, &v, ret_i);
}

bool view_create(fuse_req_t req, uint64_t dir, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	const struct tree_make what = { .mode = (mode & 07777) | S_IFREG, .umask = ops_umask(req),
					.unnamed = current_request.tmpfile };
	struct viewing x;
	struct inode i;
	int r;

	if (!view_is(dir))
		return false;
	r = viewing_begin(req, &x);
	if (r == 0) {
		r = create_in(&x, dir, name, &what, &i);
		viewing_end(&x);
	}
	if (r == 0)
		r = ops_open_handle(ops_fs(req), i.ino, HANDLE_FILE, fi);
	if (r < 0) {
		ops_reply_status(req, r);
		return true;
	}
	(void) handles_wrote(ops_fs(req)->handles, fi->fh, false);
	ops_reply_create(req, &i, fi);
	return true;
}
