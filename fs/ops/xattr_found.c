/* SPDX-License-Identifier: MIT */
/* What was found in a file's content, as computed attributes: user.brainy.found-tags, comma separated, and
 * user.brainy.found-links, a line each: verb, tab, path from the top of the mount; `?` and the target as it is written,
 * where that leads to no file. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "catalog/tags.h"
#include "fs/ops/ops.h"

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

static int add_target(struct found_text *f, const struct found_link *l)
{
	int r = l->bound ? tree_path(f->c, l->bound, ROOT_INO, 0, f->out) : -ENOENT;

	if (r != -ENOENT)
		return r;
	r = buf_add_u8(f->out, '?');
	return r < 0 ? r : buf_add(f->out, l->target, l->len);
}

static int add_link(void *context, const struct found_link *l)
{
	struct found_text *f = context;
	int r = link_verb_name(f->c, l->verb, f->out);

	if (r >= 0)
		r = buf_add_u8(f->out, '\t');
	if (r >= 0)
		r = add_target(f, l);
	return r < 0 ? r : buf_add_u8(f->out, '\n');
}

int xattr_get_found(struct fs *fs, uint64_t ino, const char *what, struct buf *ret_value)
{
	struct found_text f = { fs->config.catalog, ret_value };
	int r = strcmp(what, "found-tags") == 0 ? tree_foreach_tag(f.c, ino, add_tag, &f)
						: links_foreach_found(f.c, ino, add_link, &f);

	return r < 0 ? r : ret_value->len ? 0 : -ENODATA;
}
