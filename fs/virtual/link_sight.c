/* SPDX-License-Identifier: MIT */
#include "fs/virtual/link_sight.h"

#include <string.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "fs/virtual/view.h"

bool link_sight_matters(struct fs *fs, uint32_t uid)
{
	return uid != fs->config.owner_uid;
}

static int sees_target(void *context, uint64_t ino)
{
	struct looker *l = context;
	struct inode i;
	int r = inode_get(l->fs->config.catalog, ino, &i);

	return r < 0 ? (r == -ENOENT ? 0 : r) : looker_knows(l, &i);
}

static int sees_path(void *context, const char *path, size_t len)
{
	return looker_may_try(context, path, len);
}

int link_sight_get(fuse_req_t req, uint64_t ino, const char *name, struct buf *ret_value)
{
	struct looker l;
	const struct link_sight sight = { sees_target, sees_path, &l };
	int r = looker_begin(req, &l);

	if (r < 0)
		return r == -EACCES ? -ENODATA : r; /* without an index nobody knows who sees what */
	r = l.caller.all ? tree_getxattr(l.fs->config.catalog, ino, name, ret_value)
			 : links_get_set(l.fs->config.catalog, ino, name, &sight, ret_value);
	looker_done(&l);
	return r;
}

int link_sight_filter(fuse_req_t req, uint64_t ino, struct buf *names)
{
	size_t kept = 0;

	for (size_t at = 0, len; at < names->len; at += len) {
		const char *name = (const char *)names->data + at;
		_cleanup_buf_ struct buf value = BUF_INIT;
		int r = links_is_xattr(name) ? link_sight_get(req, ino, name, &value) : 0;

		len = strlen(name) + 1;
		if (r == -ENODATA)
			continue;
		if (r < 0 && r != -E2BIG)
			return r;
		memmove(names->data + kept, name, len);
		kept += len;
	}
	names->len = kept;
	return 0;
}

/* ---- setting */

static int misses_target(void *context, uint64_t ino)
{
	int r = sees_target(context, ino);

	return r < 0 ? r : !r;
}

static int misses_path(void *context, const char *path, size_t len)
{
	int r = sees_path(context, path, len);

	return r < 0 ? r : !r;
}

/* What the looker knows of, and what it does not: either may be nothing. */
static int split(struct looker *l, uint64_t ino, const char *name, struct buf *ret_seen, struct buf *ret_rest)
{
	const struct link_sight seen = { sees_target, sees_path, l }, rest = { misses_target, misses_path, l };
	int r = links_get_set(l->fs->config.catalog, ino, name, &seen, ret_seen);

	if (r >= 0 || r == -ENODATA)
		r = links_get_set(l->fs->config.catalog, ino, name, &rest, ret_rest);
	return r == -ENODATA ? 0 : r;
}

static int check_flags(const struct buf *seen, bool sets, int flags)
{
	if (!seen->len)
		return !sets || flags & XATTR_REPLACE ? -ENODATA : 0;
	return flags & XATTR_CREATE ? -EEXIST : 0;
}

static int set(struct looker *l, struct tree_request *rq, uint64_t ino, const char *name,
	       const struct iovec *value, int flags)
{
	_cleanup_buf_ struct buf seen = BUF_INIT, rest = BUF_INIT, text = BUF_INIT;
	int r = split(l, ino, name, &seen, &rest);

	if (r >= 0)
		r = check_flags(&seen, value, flags);
	if (r >= 0 && value)
		r = buf_add(&text, value->iov_base, value->iov_len);
	if (r >= 0 && text.len && rest.len)
		r = buf_add_u8(&text, '\n');
	if (r >= 0)
		r = buf_add(&text, rest.data, rest.len);
	looker_rest(l);
	if (r < 0)
		return r;
	flags &= ~(XATTR_CREATE | XATTR_REPLACE);
	return value || text.len
		       ? tree_setxattr(l->fs->config.catalog, rq, ino, name, text.data, text.len, flags)
		       : tree_removexattr(l->fs->config.catalog, rq, ino, name);
}

int link_sight_set(fuse_req_t req, struct tree_request *rq, uint64_t ino, const char *name,
		   const struct iovec *value, int flags)
{
	struct looker l;
	int r = looker_begin(req, &l);

	if (r < 0)
		return r;
	if (!l.caller.all)
		r = set(&l, rq, ino, name, value, flags);
	else if (value)
		r = tree_setxattr(l.fs->config.catalog, rq, ino, name, value->iov_base, value->iov_len,
				  flags);
	else
		r = tree_removexattr(l.fs->config.catalog, rq, ino, name);
	looker_done(&l);
	return r;
}

/* ---- what was found */

struct found_links {
	struct looker l;
	struct buf *out; /* borrowed */
};

/* A target that is not to be known is told of as one that is not there: as the file has it. */
static int add_target(struct found_links *f, const struct found_link *link)
{
	int r = link->bound ? sees_target(&f->l, link->bound) : 0;

	if (r > 0)
		r = tree_path(f->l.fs->config.catalog, link->bound, ROOT_INO, 0, f->out);
	else if (r == 0)
		r = -ENOENT;
	if (r != -ENOENT)
		return r;
	r = buf_add_u8(f->out, '?');
	return r < 0 ? r : buf_add(f->out, link->target, link->len);
}

static int add_link(void *context, const struct found_link *link)
{
	struct found_links *f = context;
	int r = link_verb_name(f->l.fs->config.catalog, link->verb, f->out);

	if (r >= 0)
		r = buf_add_u8(f->out, '\t');
	if (r >= 0)
		r = add_target(f, link);
	return r < 0 ? r : buf_add_u8(f->out, '\n');
}

int link_sight_found(fuse_req_t req, uint64_t ino, struct buf *ret_value)
{
	struct found_links f = { .out = ret_value };
	int r = looker_begin(req, &f.l);

	if (r < 0)
		return r == -EACCES ? -ENODATA : r;
	r = links_foreach_found(f.l.fs->config.catalog, ino, add_link, &f);
	looker_done(&f.l);
	return r < 0 ? r : ret_value->len ? 0 : -ENODATA;
}
