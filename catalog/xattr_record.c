/* SPDX-License-Identifier: MIT */
/* Extended attributes: key 'X' be64 ino, be64 hash. The hash is the first 64 bits of
 * digest_128(DIGEST_XATTR, le64 ino || name). The value holds all xattrs whose names have this hash:
 *
 *   u8      length of the name, 0 to 255
 *   bytes   name
 *   varint  length of the value
 *   bytes   value
 *
 * The empty name is a symlink's target: it is a member of the set like any xattr, so it cannot vanish
 * unnoticed. */
#include "catalog/xattr_record.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"
#include "crypto/digest.h"

void xattr_ref_done(struct xattr_ref *x)
{
	buf_done(&x->record);
}

struct xattr_ref xattr_ref_of(struct catalog *c, uint64_t ino, const char *name)
{
	struct xattr_ref x = { .name = name, .name_len = strlen(name) };
	uint8_t number[8];
	struct iovec pieces[] = { { number, sizeof(number) }, { (void *)name, x.name_len } };
	struct id128 digest;
	uint64_t hash;

	store_le64(number, ino);
	digest = digest_128(catalog_keys(c), DIGEST_XATTR, pieces, ARRAY_SIZE(pieces));
	hash = load_be64(digest.bytes);
	if (dentry_hash_bits < 56)
		hash >>= 64 - dentry_hash_bits;
	x.key = key_u64(key_u64(key_start('X'), ino), hash);
	return x;
}

struct item {
	const char *name;
	size_t name_len;
	const uint8_t *value;
	size_t value_len;
};

/* 1, 0 at the end, -EBADMSG. */
static int next_item(struct reader *r, struct item *ret_item)
{
	if (!reader_left(r))
		return 0;
	ret_item->name_len = reader_u8(r);
	ret_item->name = reader_take(r, ret_item->name_len);
	ret_item->value = reader_bytes(r, &ret_item->value_len);
	return r->bad ? -EBADMSG : 1;
}

/* `r`: what getting the record gave. */
static int find(struct xattr_ref *x, int r)
{
	struct reader reader = reader_over(x->record.data, x->record.len);
	const uint8_t *from = reader.at;
	struct item item;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (; (r = next_item(&reader, &item)) > 0; from = reader.at) {
		if (item.name_len != x->name_len || memcmp(item.name, x->name, x->name_len) != 0)
			continue;
		x->found = true;
		x->at = (size_t)(from - x->record.data);
		x->size = (size_t)(reader.at - from);
		x->value = item.value;
		x->value_len = item.value_len;
	}
	return r;
}

int xattr_ref_load(struct xattr_ref *x, struct catalog *c)
{
	return find(x, catalog_get(c, x->key.bytes, x->key.len, &x->record));
}

int xattr_ref_load_in(struct xattr_ref *x, struct batch *b)
{
	return find(x, batch_get(b, x->key.bytes, x->key.len, &x->record));
}

/* ---- changing, inside a batch */

/* The record with what `x` found replaced by `value`, or taken out when that is NULL. */
static int rebuild(const struct xattr_ref *x, const void *value, size_t len, struct buf *now)
{
	size_t at = x->found ? x->at : x->record.len, rest = at + x->size;
	int r;

	r = buf_add(now, x->record.data, at);
	if (r >= 0 && value) {
		r = buf_add_u8(now, (uint8_t)x->name_len);
		if (r >= 0)
			r = buf_add(now, x->name, x->name_len);
		if (r >= 0)
			r = buf_add_bytes(now, value, len);
	}
	return r < 0 ? r : buf_add(now, x->record.data + rest, x->record.len - rest);
}

int xattr_ref_change(struct xattr_ref *x, struct batch *b, struct inode *i, const void *value, size_t len)
{
	_cleanup_buf_ struct buf now = BUF_INIT;
	struct buf *old = &x->record;
	int r;

	r = rebuild(x, value, len, &now);
	if (r < 0)
		return r;
	if (now.len > CATALOG_VALUE_MAX / 4)
		return -ENOSPC;
	if (now.len)
		set_put(b, i, SET_XATTRS, &x->key, old->len ? old->data : NULL, old->len, now.data, now.len);
	else
		set_remove(b, i, SET_XATTRS, &x->key, old->data, old->len);
	return 0;
}

int xattr_put_in(struct batch *b, struct inode *i, const char *name, const void *value, size_t len)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = xattr_ref_of(batch_catalog(b), i->ino, name);
	int r = xattr_ref_load_in(&x, b);

	return r < 0 ? r : xattr_ref_change(&x, b, i, value ? value : "", len);
}

int xattr_get_in(struct batch *b, const struct inode *i, const char *name, struct buf *ret_value)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = xattr_ref_of(batch_catalog(b), i->ino, name);
	int r = xattr_ref_load_in(&x, b);

	if (r < 0)
		return r;
	return x.found ? buf_add(ret_value, x.value, x.value_len) : -ENODATA;
}

int xattr_remove_in(struct batch *b, struct inode *i, const char *name)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = xattr_ref_of(batch_catalog(b), i->ino, name);
	int r = xattr_ref_load_in(&x, b);

	if (r < 0)
		return r;
	return x.found ? xattr_ref_change(&x, b, i, NULL, 0) : -ENODATA;
}

/* ---- reading */

int xattr_check_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= XATTR_NAME_LEN_MAX ? 0 : -ERANGE;
}

int xattrs_check(struct catalog *c, uint64_t ino)
{
	struct inode i;
	int r;

	if (set_is_checked(c, ino, SET_XATTRS))
		return 0;
	r = inode_get(c, ino, &i);
	return r < 0 ? r : inode_check_set(c, &i, SET_XATTRS);
}

/* -ENODATA also for an inode that is not there, once its (empty) set was checked. */
int xattr_get_stored(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value)
{
	_cleanup_(xattr_ref_done) struct xattr_ref x = xattr_ref_of(c, ino, name);
	int r;

	r = xattr_ref_load(&x, c);
	if (r < 0)
		return r;
	if (x.found)
		return buf_add(ret_value, x.value, x.value_len);
	r = xattrs_check(c, ino);
	return r < 0 ? r : -ENODATA;
}

struct each_item {
	int (*item)(void *context, const char *name, size_t name_len, const void *value, size_t len);
	void *context;
};

static int tell_items(void *context, const struct record *record)
{
	struct reader reader = reader_over(record->value, record->value_len);
	const struct each_item *each = context;
	struct item i;
	int r = 0;

	while (r == 0 && (r = next_item(&reader, &i)) > 0)
		r = each->item(each->context, i.name, i.name_len, i.value, i.value_len);
	return r;
}

int xattr_foreach_stored(struct catalog *c, uint64_t ino,
			 int (*item)(void *context, const char *name, size_t name_len, const void *value, size_t len),
			 void *context)
{
	struct key prefix = key_u64(key_start('X'), ino);

	return records_foreach(c, &prefix, tell_items, &(struct each_item){ item, context });
}
