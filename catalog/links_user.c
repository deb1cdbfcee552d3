/* SPDX-License-Identifier: MIT */
/* What users set. A list (links_list.c) is changed as a whole, in the batch of its xattr: its targets are
 * looked for with the writer lock held. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links_impl.h"
#include "catalog/walk.h"

/* Of a list whose targets went away; what comes beyond is forgotten. */
#define LIST_MAX (128u << 10)
#define FORGET_PIECES 64u

/* ---- the sets */

static int apply_piece(struct batch *b, struct inode *i, uint32_t verb, const struct piece *p, int sign)
{
	const struct found_link l = { .form = LINK_PATH, .target = p->text, .len = p->len };

	return p->number ? link_change(b, i, p->number, verb, sign * (int32_t)LINK_BY_USER)
		      : link_wait(b, i, &l, sign);
}

static int apply(struct batch *b, struct inode *i, uint32_t verb, const struct buf *list, int sign)
{
	struct reader in = reader_over(list->data, list->len);
	struct piece p;
	int r;

	while ((r = piece_next(&in, &p)) > 0) {
		r = apply_piece(b, i, verb, &p, sign);
		if (r < 0)
			break;
	}
	return r;
}

int links_change_list(struct batch *b, struct inode *i, const char *verb, const struct buf *old,
		      const struct buf *now)
{
	uint32_t id;
	int r = link_verb_make(b, verb, strlen(verb), &id);

	if (r >= 0)
		r = apply(b, i, id, now, 1);
	return r < 0 ? r : apply(b, i, id, old, -1);
}

struct each_set {
	struct catalog *c;
	int (*link)(void *context, const struct found_link *l);
	void *context;
};

static int tell_list(void *context, const char *name, size_t name_len, const void *value, size_t len)
{
	const struct each_set *each = context;
	struct reader in = reader_over(value, len);
	struct found_link l = { .form = LINK_PATH };
	struct piece p;
	size_t verb_len;
	const char *verb = link_verb_of_stored(name, name_len, &verb_len);
	int r = verb ? link_verb_find(each->c, verb, verb_len, &l.verb) : 1;

	if (r)
		return r == 1 || r == -ENOENT ? 0 : r;
	while (r == 0 && (r = piece_next(&in, &p)) > 0) {
		l.bound = p.number;
		l.target = p.text;
		l.len = p.len;
		r = each->link(each->context, &l);
	}
	return r;
}

int links_foreach_set(struct catalog *c, uint64_t ino, int (*link)(void *context, const struct found_link *l),
		      void *context)
{
	return xattr_foreach_stored(c, ino, tell_list, &(struct each_set){ c, link, context });
}

/* ---- looking for targets again */

/* The list with what can be found now; what is gone is text. 1: it is another list. */
static int renew(struct catalog *c, const struct buf *list, struct buf *ret_list)
{
	struct reader in = reader_over(list->data, list->len);
	struct piece p;
	int r;

	while ((r = piece_next(&in, &p)) > 0) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		int alive = p.number ? link_is_alive(c, p.number) : 0;

		if (alive > 0) {
			r = piece_add(ret_list, &p);
		} else {
			r = p.number ? links_last_path(c, p.number, &path) : buf_add(&path, p.text, p.len);
			if (r >= 0 && ret_list->len + path.len <= LIST_MAX)
				r = link_add_path(c, ret_list, (const char *)path.data, path.len);
		}
		if (r < 0 && r != -ENOENT)
			return r;
	}
	if (r < 0)
		return r;
	return list->len != ret_list->len ||
	       (list->len && memcmp(list->data, ret_list->data, list->len) != 0);
}

struct settling {
	struct catalog *c;
	struct buf names; /* of lists that may change, each with its NUL */
};

static int note_changing(void *context, const char *name, size_t name_len, const void *value, size_t len)
{
	struct settling *s = context;
	_cleanup_buf_ struct buf now = BUF_INIT;
	const struct buf list = { .data = (uint8_t *)value, .len = len };
	size_t verb_len;
	int r = link_verb_of_stored(name, name_len, &verb_len) ? renew(s->c, &list, &now) : 0;

	if (r <= 0)
		return r == -EBADMSG ? 0 : r;
	r = buf_add(&s->names, name, name_len);
	return r < 0 ? r : buf_add_u8(&s->names, 0);
}

static int put_list(struct batch *b, struct inode *i, const char *name, const struct buf *now)
{
	return xattr_put_in(b, i, name, now->data, now->len);
}

static int settle_in(struct tree_op *op, uint64_t ino, const char *name)
{
	_cleanup_buf_ struct buf old = BUF_INIT, now = BUF_INIT;
	struct inode i;
	int r = inode_get_in(op->b, ino, &i);

	if (r >= 0)
		r = xattr_get_in(op->b, &i, name, &old);
	if (r >= 0)
		r = renew(op->c, &old, &now);
	if (r <= 0)
		return r;
	r = links_change_list(op->b, &i, name + sizeof(LINK_STORED) - 1, &old, &now);
	if (r >= 0)
		r = put_list(op->b, &i, name, &now);
	if (r >= 0)
		inode_put(op->b, &i);
	return r;
}

static int settle(struct catalog *c, uint64_t ino, const char *name)
{
	struct tree_op op;
	int r = op_begin(&op, c, NULL, false);

	if (r >= 0)
		r = op_end(&op, settle_in(&op, ino, name), 0);
	return r == -ENOENT || r == -ENODATA ? 0 : r;
}

static void settling_done(struct settling *s)
{
	buf_done(&s->names);
}

int links_settle_user(struct catalog *c, uint64_t ino)
{
	_cleanup_(settling_done) struct settling s = { .c = c };
	int r = xattr_foreach_stored(c, ino, note_changing, &s);

	for (size_t at = 0; r >= 0 && at < s.names.len; at += strlen((char *)s.names.data + at) + 1)
		r = settle(c, ino, (const char *)s.names.data + at);
	return r;
}

/* ---- forgetting */

struct first_list {
	char name[LINK_STORED_MAX];
	struct buf list; /* owned */
};

static void first_list_done(struct first_list *f)
{
	buf_done(&f->list);
}

static int take_list(void *context, const char *name, size_t name_len, const void *value, size_t len)
{
	struct first_list *f = context;
	size_t verb_len;
	int r;

	if (!link_verb_of_stored(name, name_len, &verb_len) || name_len >= sizeof(f->name))
		return 0;
	memcpy(f->name, name, name_len);
	f->name[name_len] = 0;
	r = buf_add(&f->list, value, len);
	return r < 0 ? r : 1;
}

/* All but the first pieces. A list that is damaged has none. */
static size_t length_without(const struct buf *list)
{
	struct reader in = reader_over(list->data, list->len);
	struct piece p;

	for (unsigned n = 0; n < FORGET_PIECES; n++)
		if (piece_next(&in, &p) <= 0)
			return 0;
	return reader_left(&in);
}

int links_forget_user(struct batch *b, struct inode *i)
{
	_cleanup_(first_list_done) struct first_list f = { .list = BUF_INIT };
	struct buf rest;
	int r = i->sets[SET_XATTRS].count ? xattr_foreach_stored(batch_catalog(b), i->ino, take_list, &f) : 0;

	if (r <= 0)
		return r;
	rest.len = length_without(&f.list);
	rest.data = f.list.data + f.list.len - rest.len;
	f.list.len -= rest.len;
	r = links_change_list(b, i, f.name + sizeof(LINK_STORED) - 1, &f.list, &BUF_INIT);
	if (r < 0 && r != -EBADMSG)
		return r;
	r = rest.len ? put_list(b, i, f.name, &rest) : xattr_remove_in(b, i, f.name);
	return r < 0 ? r : 1;
}

/* ---- making anew */

/* What is bound to an inode that is lost goes. */
static int without_lost(struct batch *b, const struct buf *list, struct buf *ret_list)
{
	struct reader in = reader_over(list->data, list->len);
	struct piece p;
	int r;

	while ((r = piece_next(&in, &p)) > 0) {
		struct inode i;

		r = p.number ? inode_get_in(b, p.number, &i) : 0;
		if (r >= 0)
			r = piece_add(ret_list, &p);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return r;
}

/* From what older versions stored; they took any verb. */
static int attach_text(struct batch *b, struct inode *i, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT, list = BUF_INIT;
	const char *verb = link_verb_of_xattr(name);
	char stored[LINK_STORED_MAX];
	int r = verb ? xattr_get_in(b, i, name, &text) : -ENODATA;

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	link_stored_name(verb, stored);
	r = links_encode(batch_catalog(b), text.data, text.len, &list);
	if (r >= 0)
		r = links_change_list(b, i, verb, &BUF_INIT, &list);
	if (r >= 0)
		r = xattr_remove_in(b, i, name);
	return r < 0 ? r : put_list(b, i, stored, &list);
}

static int attach_list(struct batch *b, struct inode *i, const char *name)
{
	_cleanup_buf_ struct buf old = BUF_INIT, now = BUF_INIT;
	int r = xattr_get_in(b, i, name, &old);

	if (r >= 0)
		r = without_lost(b, &old, &now);
	if (r >= 0)
		r = links_change_list(b, i, name + sizeof(LINK_STORED) - 1, &BUF_INIT, &now);
	return r < 0 ? r : put_list(b, i, name, &now);
}

int links_attach_user(struct batch *b, struct inode *i, const char *name, size_t len)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;
	const char *text = buf_add(&plain, name, len) < 0 ? NULL : buf_cstr(&plain);

	if (!text)
		return -ENOMEM;
	return link_is_xattr(text) ? attach_text(b, i, text) : attach_list(b, i, text);
}
