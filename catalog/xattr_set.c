/* SPDX-License-Identifier: MIT */
/* Setting and removing extended attributes, with what follows from them: labels, links, permissions. */
#include <errno.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "catalog/acl.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"
#include "catalog/tree_impl.h"
#include "catalog/xattr_record.h"

int tree_drop_capability_in(struct batch *b, struct inode *i)
{
	int r = i->sets[SET_XATTRS].count ? xattr_remove_in(b, i, "security.capability") : -ENODATA;

	if (r >= 0)
		batch_note(b, i->ino, EVENT_XATTR);
	return r == -ENODATA ? 0 : r;
}

struct setting {
	uint64_t ino;
	const char *name;
	const void *value; /* NULL: remove */
	size_t len;
	int flags;
	struct buf list;   /* owned; in the place of a value that lists tags or links */
	char stored[LINK_STORED_MAX];
};

static int check_flags(const struct xattr_ref *x, const struct setting *s)
{
	if (x->found && s->flags & XATTR_CREATE)
		return -EEXIST;
	if (!x->found && (!s->value || s->flags & XATTR_REPLACE))
		return -ENODATA;
	return 0;
}

static void take_list(struct setting *s)
{
	s->value = s->list.data ? s->list.data : (const void *)"";
	s->len = s->list.len;
}

/* Tags count while the file has a name. */
static int change_tags(struct tree_op *op, const struct inode *i, const struct xattr_ref *x, struct setting *s)
{
	struct buf old = { .data = (uint8_t *)x->value, .len = x->value_len };
	int r = 0;

	if (s->value) {
		r = tags_encode(op->b, s->value, s->len, &s->list);
		take_list(s);
	}
	return r < 0 ? r : tags_change(op->b, i->ino, &old, &s->list);
}

/* Links hang on the inode, with or without a name. */
static int change_links(struct tree_op *op, struct inode *i, const struct xattr_ref *x, struct setting *s)
{
	struct buf old = { .data = (uint8_t *)x->value, .len = x->value_len };
	int r = 0;

	if (s->value) {
		r = links_encode(op->c, s->value, s->len, &s->list);
		take_list(s);
	}
	return r < 0 ? r : links_change_list(op->b, i, link_verb_of_xattr(s->name), &old, &s->list);
}

static int change_labels(struct tree_op *op, struct inode *i, const struct xattr_ref *x, struct setting *s)
{
	const char *field = field_of_xattr(s->name);

	if (link_verb_of_xattr(s->name))
		return change_links(op, i, x, s);
	if (!i->nlink)
		return 0;
	if (xattr_is_tags(s->name))
		return change_tags(op, i, x, s);
	if (!field)
		return 0;
	return field_change(op->b, i->ino, field, x->found ? x->value : (const uint8_t *)"", x->value_len,
			    s->value ? s->value : "", s->len);
}

/* An access ACL is the mode in more words: what it says of the three classes goes there. 1: there is
 * nothing else in it. */
static int apply_acl(struct inode *i, const struct setting *s)
{
	uint32_t ignored = 0;

	if (s->value && strcmp(s->name, XATTR_ACL_DEFAULT) == 0)
		return MIN(acl_to_mode(s->value, s->len, &ignored), 0);
	if (!s->value || strcmp(s->name, XATTR_ACL_ACCESS) != 0)
		return 0;
	if (s->flags & TREE_XATTR_KILL_SGID)
		i->mode &= ~(uint32_t)S_ISGID;
	return acl_to_mode(s->value, s->len, &i->mode);
}

static int store(struct tree_op *op, struct inode *i, struct xattr_ref *x, const struct setting *s)
{
	int r = apply_acl(i, s);

	if (r < 0)
		return r;
	if (r > 0)
		return x->found ? xattr_ref_change(x, op->b, i, NULL, 0) : 0;
	return xattr_ref_change(x, op->b, i, s->value, s->len);
}

static const char *stored_name(struct setting *s, const struct inode *i)
{
	const char *verb = link_verb_of_xattr(s->name);

	if (!verb)
		return xattr_is_tags(s->name) && i->nlink ? XATTR_TAG_IDS : s->name;
	link_stored_name(verb, s->stored);
	return s->stored;
}

static int set_in(struct tree_op *op, struct setting *s)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = { 0 };
	struct inode i;
	int r;

	r = inode_get_in(op->b, s->ino, &i);
	if (r < 0)
		return r;
	x = xattr_ref_of(op->c, s->ino, stored_name(s, &i));
	r = xattr_ref_load_in(&x, op->b);
	if (r >= 0)
		r = check_flags(&x, s);
	if (r >= 0)
		r = change_labels(op, &i, &x, s);
	if (r >= 0)
		r = store(op, &i, &x, s);
	if (r >= 0)
		op_put_with_xattrs(op, &i);
	return r < 0 ? r : 0;
}

static int check_setting(const struct setting *s)
{
	if (s->value && link_is_xattr(s->name) && !link_verb_of_xattr(s->name))
		return -EINVAL;
	return xattr_check_name(s->name);
}

static int set(struct catalog *c, struct tree_request *rq, struct setting *s)
{
	struct tree_op op;
	int r;

	r = check_setting(s);
	if (r >= 0)
		r = xattrs_check(c, s->ino);
	if (r >= 0)
		r = op_begin(&op, c, rq, !s->value);
	if (r < 0)
		return r;
	r = op_end(&op, set_in(&op, s), s->ino);
	buf_done(&s->list);
	/* So many tags or links that their records fill more than a batch. */
	return r == -EFBIG ? -E2BIG : r;
}

int tree_setxattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *name,
		  const void *value, size_t len, int flags)
{
	struct setting s = { .ino = ino, .name = name, .value = value ? value : "", .len = len, .flags = flags };

	return len > (link_verb_of_xattr(name) ? LINKS_SET_BYTES : XATTR_SIZE_MAX) ? -E2BIG : set(c, rq, &s);
}

int tree_removexattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *name)
{
	struct setting s = { .ino = ino, .name = name };

	return set(c, rq, &s);
}
