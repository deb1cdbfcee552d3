/* SPDX-License-Identifier: MIT */
/* What was found in a file's content, as computed attributes: user.brainy.found-tags, comma separated, and
 * user.brainy.found-links, a line each: verb, tab, path from the top of the mount; `?` and the target as it
 * is written, where that leads to no file. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/tags.h"
#include "fs/ops/ops.h"
#include "fs/virtual/link_sight.h"

struct found_text {
	struct catalog *c;
	struct buf *out;
};

static int add_tag(void *context, uint64_t id, uint32_t why)
{
	struct found_text *f = context;
	int r = why & LABEL_FOUND ? 0 : 1;

	if (r)
		return 0;
	if (f->out->len)
		r = buf_add_u8(f->out, ',');
	return r < 0 ? r : tag_name(f->c, id, f->out);
}

int xattr_get_found(fuse_req_t req, uint64_t ino, const char *what, struct buf *ret_value)
{
	struct found_text f = { ops_fs(req)->config.catalog, ret_value };
	int r = 0;

	if (strcmp(what, "found-links") == 0)
		return link_sight_found(req, ino, ret_value);
	r = tree_foreach_tag(f.c, ino, add_tag, &f);
	return r < 0 ? r : ret_value->len ? 0 : -ENODATA;
}
