/* SPDX-License-Identifier: MIT */
#include "fs/virtual/link_sight.h"

#include <string.h>

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
