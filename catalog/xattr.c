/* SPDX-License-Identifier: MIT */
/* Extended attributes as programs read them: lists of tags and links are stored as numbers, under names of their own. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"
#include "catalog/tree_impl.h"
#include "catalog/xattr_record.h"

/* A volume that an older version has written, and that cannot be changed, has them as text. */
static int get_tags(struct catalog *c, uint64_t ino, struct buf *ret_value)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = xattr_get_stored(c, ino, XATTR_TAG_IDS, &list);

	if (r == -ENODATA)
		return xattr_get_stored(c, ino, XATTR_TAGS, ret_value);
	return r < 0 ? r : tags_decode(c, list.data, list.len, ret_value);
}

static int get_links(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	char stored[LINK_STORED_MAX];
	int r;

	link_stored_name(link_verb_of_xattr(name), stored);
	r = xattr_get_stored(c, ino, stored, &list);
	if (r == -ENODATA)
		return xattr_get_stored(c, ino, name, ret_value);
	return r < 0 ? r : links_decode(c, list.data, list.len, NULL, ret_value);
}

int tree_getxattr(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value)
{
	int r = xattr_check_name(name);

	if (r < 0)
		return r;
	if (link_verb_of_xattr(name))
		return get_links(c, ino, name, ret_value);
	return xattr_is_tags(name) ? get_tags(c, ino, ret_value) : xattr_get_stored(c, ino, name, ret_value);
}

int tree_readlink(struct catalog *c, uint64_t ino, struct buf *ret_target)
{
	struct inode i;
	int r;

	r = inode_get(c, ino, &i);
	if (r < 0)
		return r;
	if (!S_ISLNK(i.mode))
		return -EINVAL;
	r = xattr_get_stored(c, ino, XATTR_TARGET, ret_target);
	return r == -ENODATA ? -EBADMSG : r;
}

/* What programs call it. */
static int add_name(void *context, const char *name, size_t len, const void *value, size_t value_len)
{
	struct buf *names = context;
	size_t verb_len;
	const char *verb = link_verb_of_stored(name, len, &verb_len);
	int r = 0;

	if (!len)
		return 0;
	if (verb)
		r = buf_add_str(names, LINK_XATTR);
	if (r < 0)
		return r;
	if (verb)
		r = buf_add(names, verb, verb_len);
	else if (len == strlen(XATTR_TAG_IDS) && memcmp(name, XATTR_TAG_IDS, len) == 0)
		r = buf_add_str(names, XATTR_TAGS);
	else
		r = buf_add(names, name, len);
	return r < 0 ? r : buf_add_u8(names, 0);
}

int tree_listxattr(struct catalog *c, uint64_t ino, struct buf *ret_names)
{
	struct inode i;
	int r;

	r = inode_get(c, ino, &i);
	if (r >= 0)
		r = inode_check_set(c, &i, SET_XATTRS);
	if (r < 0 || !i.sets[SET_XATTRS].count)
		return r;
	return xattr_foreach_stored(c, ino, add_name, ret_names);
}

/* ---- fields, when a file gets its first name or loses its last */

struct field_walk {
	struct batch *b;
	uint64_t ino;
	bool attach;
};

static int change_field(void *context, const char *stored, size_t stored_len, const void *value, size_t len)
{
	const struct field_walk *w = context;
	char name[XATTR_NAME_LEN_MAX + 1];
	const char *field;
	int r;

	memcpy(name, stored, stored_len);
	name[stored_len] = 0;
	field = field_of_xattr(name);
	if (!field)
		return 0;
	r = w->attach ? field_change(w->b, w->ino, field, "", 0, value, len) : field_change(w->b, w->ino, field, value, len, "", 0);
	return MIN(r, 0);
}

int xattr_follow_fields(struct batch *b, const struct inode *i, bool attach)
{
	struct field_walk w = { b, i->ino, attach };

	return i->sets[SET_XATTRS].count ? xattr_foreach_stored(batch_catalog(b), i->ino, change_field, &w) : 0;
}
