/* SPDX-License-Identifier: MIT */
/* One link more or less in what users set, and what of it is told to whom. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links_impl.h"

/* Of a list, in bytes. What is set as a whole is shorter; more than an xattr can show makes no sense. */
#define LIST_MAX (64u << 10)

struct edit {
	uint64_t ino;
	const char *verb;
	struct piece piece;
	bool adds;
};

static bool is_same(const struct piece *a, const struct piece *b)
{
	return a->number == b->number &&
	       (a->number || (a->len == b->len && memcmp(a->text, b->text, a->len) == 0));
}

/* The list without the link. 1: it was there. */
static int leave_out(const struct buf *list, const struct piece *piece, struct buf *ret_rest)
{
	struct reader in = reader_over(list->data, list->len);
	struct piece p;
	int r, found = 0;

	while ((r = piece_next(&in, &p)) > 0) {
		if (is_same(&p, piece)) {
			found = 1;
			continue;
		}
		r = piece_add(ret_rest, &p);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : found;
}

/* What a path names is linked to as what it is. */
static int bind(struct catalog *c, struct piece *p)
{
	struct inode i;
	int r = p->number ? 0 : link_resolve_path(c, ROOT_INO, p->text, p->len, &i);

	if (r > 0)
		p->number = i.ino;
	return MIN(r, 0);
}

static int put_list(struct batch *b, struct inode *i, const char *name, const struct buf *old,
		    const struct buf *now)
{
	if (now->len)
		return xattr_put_in(b, i, name, now->data, now->len);
	return old->len ? xattr_remove_in(b, i, name) : 0;
}

static int store(struct tree_op *op, struct inode *i, const struct edit *e, const struct buf *old,
		 const struct buf *now)
{
	char stored[LINK_STORED_MAX];
	int r = links_change_list(op->b, i, e->verb, old, now);

	link_stored_name(e->verb, stored);
	if (r >= 0)
		r = put_list(op->b, i, stored, old, now);
	if (r >= 0)
		op_put_with_xattrs(op, i);
	return r < 0 ? r : 0;
}

static int edit_in(struct tree_op *op, struct edit *e)
{
	_cleanup_buf_ struct buf old = BUF_INIT, now = BUF_INIT;
	char stored[LINK_STORED_MAX];
	struct inode i;
	int r = inode_get_in(op->b, e->ino, &i);

	link_stored_name(e->verb, stored);
	if (r >= 0)
		r = xattr_get_in(op->b, &i, stored, &old);
	if (r == -ENODATA)
		r = 0;
	if (r >= 0 && e->adds)
		r = bind(op->c, &e->piece);
	if (r >= 0)
		r = leave_out(&old, &e->piece, &now);
	if (r < 0)
		return r;
	if (e->adds ? r : !r)
		return e->adds ? 0 : -ENODATA;
	if (e->adds)
		r = piece_add(&now, &e->piece);
	if (r >= 0 && now.len > LIST_MAX && e->adds)
		r = -E2BIG;
	return r < 0 ? r : store(op, &i, e, &old, &now);
}

static int edit(struct catalog *c, struct tree_request *rq, struct edit *e)
{
	struct tree_op op;
	int r = link_verb_is_good(e->verb, strlen(e->verb)) ? op_begin(&op, c, rq, !e->adds) : -EINVAL;

	if (r < 0)
		return r;
	r = op_end(&op, edit_in(&op, e), e->ino);
	return r == -EFBIG ? -E2BIG : r;
}

static int move_in(struct tree_op *op, struct edit *from, struct edit *to)
{
	int r = edit_in(op, from);

	return r < 0 ? r : edit_in(op, to);
}

static struct piece piece_of(const struct link_target *to)
{
	return (struct piece){ to->ino, to->path, to->ino ? 0 : strlen(to->path) };
}

int tree_add_link(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *verb,
		  const struct link_target *to)
{
	return edit(c, rq, &(struct edit){ ino, verb, piece_of(to), true });
}

int tree_remove_link(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *verb,
		     const struct link_target *to)
{
	return edit(c, rq, &(struct edit){ ino, verb, piece_of(to), false });
}

int tree_move_link(struct catalog *c, struct tree_request *rq, const struct link_place *from,
		   const struct link_place *to, const struct link_target *target)
{
	struct edit away = { from->ino, from->verb, piece_of(target), false };
	struct edit there = { to->ino, to->verb, piece_of(target), true };
	struct tree_op op;
	int r = link_verb_is_good(to->verb, strlen(to->verb)) ? op_begin(&op, c, rq, false) : -EINVAL;

	if (r < 0)
		return r;
	r = op_end(&op, move_in(&op, &away, &there), from->ino);
	return r == -EFBIG ? -E2BIG : r;
}

/* ---- telling */

bool links_is_xattr(const char *name)
{
	return link_verb_of_xattr(name);
}

int links_get_set(struct catalog *c, uint64_t ino, const char *name, const struct link_sight *sight,
		  struct buf *ret_text)
{
	_cleanup_buf_ struct buf list = BUF_INIT, text = BUF_INIT;
	const char *verb = link_verb_of_xattr(name);
	char stored[LINK_STORED_MAX];
	int r;

	if (!verb)
		return -ENODATA;
	link_stored_name(verb, stored);
	r = xattr_get_stored(c, ino, stored, &list);
	if (r >= 0)
		r = links_decode(c, list.data, list.len, sight, &text);
	if (r >= 0 && !text.len)
		r = -ENODATA;
	return r < 0 ? r : buf_add(ret_text, text.data, text.len);
}
