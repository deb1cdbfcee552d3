/* SPDX-License-Identifier: MIT */
/* Changing which tags a file has: its list, and the labels that follow from it. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/tags_impl.h"

/* ---- labels */

/* What comes goes in first: a label that both lists have must not go away in between. */
int tags_change(struct batch *b, uint64_t ino, const struct buf *old, const struct buf *now)
{
	_cleanup_tag_ids_ struct tag_ids before = { 0 }, after = { 0 };
	int r = tag_ids_of(old->data, old->len, &before);

	if (r >= 0)
		r = tag_ids_of(now->data, now->len, &after);
	for (size_t k = 0; r >= 0 && k < after.n; k++)
		r = label_attach(b, after.ids[k], ino, LABEL_SET);
	for (size_t k = 0; r >= 0 && k < before.n; k++)
		if (!tag_ids_have(&after, before.ids[k]))
			r = label_detach(b, before.ids[k], ino, LABEL_SET);
	return r;
}

static int list_of(struct batch *b, const struct inode *i, struct buf *ret_list)
{
	int r = i->sets[SET_XATTRS].count ? xattr_get_in(b, i, XATTR_TAG_IDS, ret_list) : -ENODATA;

	return r == -ENODATA ? 0 : r;
}

int tags_detach(struct batch *b, struct inode *i)
{
	_cleanup_buf_ struct buf list = BUF_INIT, text = BUF_INIT;
	int r = i->sets[SET_XATTRS].count ? xattr_get_in(b, i, XATTR_TAG_IDS, &list) : -ENODATA;

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	r = tags_decode(batch_catalog(b), list.data, list.len, &text);
	if (r >= 0)
		r = tags_change(b, i->ino, &list, &BUF_INIT);
	if (r >= 0)
		r = xattr_remove_in(b, i, XATTR_TAG_IDS);
	return r < 0 ? r : xattr_put_in(b, i, XATTR_TAGS, text.data, text.len);
}

/* From text to labels. */
static int convert(struct batch *b, struct inode *i)
{
	_cleanup_buf_ struct buf text = BUF_INIT, list = BUF_INIT;
	int r = i->sets[SET_XATTRS].count ? xattr_get_in(b, i, XATTR_TAGS, &text) : -ENODATA;

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	r = tags_encode(b, text.data, text.len, &list);
	if (r >= 0)
		r = xattr_remove_in(b, i, XATTR_TAGS);
	return r < 0 ? r : xattr_put_in(b, i, XATTR_TAG_IDS, list.data, list.len);
}

int tags_attach(struct batch *b, struct inode *i)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = convert(b, i);

	if (r >= 0)
		r = list_of(b, i, &list);
	return r < 0 ? r : tags_change(b, i->ino, &BUF_INIT, &list);
}

/* ---- changes */

/* Whoever found the tags held no lock. */
static int check_there(struct batch *b, const struct retag *change)
{
	int r = 0;

	for (size_t k = 0; k < change->n_with && r >= 0; k++) {
		_cleanup_label_ struct label l = { 0 };

		r = label_get_in(b, change->with[k], &l);
	}
	return r;
}

/* 1: *list has become another. */
static int change_list(struct batch *b, const struct retag *change, struct buf *list)
{
	bool any = false;
	int r = 0;

	for (size_t k = 0; k < change->n_without && r >= 0; k++) {
		r = tag_list_lose(b, change->without[k], list);
		any = any || r > 0;
	}
	if (r >= 0 && change->n_without && !any && !change->n_with)
		return -ENODATA;
	for (size_t k = 0; k < change->n_with && r >= 0; k++) {
		r = tag_list_gain(change->with[k], list);
		any = any || r > 0;
	}
	return r < 0 ? r : any;
}

/* A label that is left by way of its folder stays until the folder is removed, as programs expect that
 * remove all of it. */
static int keep_folders(struct batch *b, const struct retag *change)
{
	int r = 0;

	for (size_t k = 0; k < change->n_without && r >= 0; k++)
		r = label_change_flags(b, change->without[k], LABEL_KEPT, 0);
	return r;
}

/* No xattr could say more. */
static int check_length(struct batch *b, const struct buf *list)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = tags_decode(batch_catalog(b), list->data, list->len, &text);

	return r < 0 ? r : text.len > XATTR_SIZE_MAX ? -E2BIG : 0;
}

static int store_list(struct batch *b, struct inode *i, const struct buf *old, const struct buf *now)
{
	int r = 0;

	if (now->len)
		r = xattr_put_in(b, i, XATTR_TAG_IDS, now->data, now->len);
	else if (old->len)
		r = xattr_remove_in(b, i, XATTR_TAG_IDS);
	return r < 0 ? r : tags_change(b, i->ino, old, now);
}

static int retag_in(struct tree_op *op, uint64_t ino, const struct retag *change)
{
	_cleanup_buf_ struct buf old = BUF_INIT, now = BUF_INIT;
	struct inode i;
	int r = inode_get_in(op->b, ino, &i);

	if (r >= 0)
		r = i.nlink ? check_there(op->b, change) : -ENOENT;
	if (r >= 0)
		r = list_of(op->b, &i, &old);
	if (r >= 0)
		r = buf_add(&now, old.data, old.len);
	if (r >= 0)
		r = change_list(op->b, change, &now);
	if (r <= 0)
		return r;
	r = change->n_with ? check_length(op->b, &now) : 0;
	if (r >= 0)
		r = keep_folders(op->b, change);
	if (r >= 0)
		r = store_list(op->b, &i, &old, &now);
	if (r >= 0)
		op_put_with_xattrs(op, &i);
	return r < 0 ? r : 0;
}

/* What is to lose a tag that its content says has it all the same. */
int tags_follow_request(struct tree_op *op, uint64_t ino)
{
	int r = retag_in(op, ino, op->rq->tags);

	return r == -ENODATA ? 0 : r;
}

int tree_retag(struct catalog *c, struct tree_request *rq, uint64_t ino, const struct retag *change)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, !change->n_with);

	r = r < 0 ? r : op_end(&op, retag_in(&op, ino, change), ino);
	return r == -EFBIG ? -E2BIG : r;
}
