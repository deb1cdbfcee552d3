/* SPDX-License-Identifier: MIT */
/* Directory entries: key 'D' be64 directory, be56 hash. The hash is the first 56 bits of
 * digest_128(DIGEST_DENTRY, le64 directory || name); a hash of 0 is taken as 1, so that cookies begin
 * at 128.
 *
 * The value holds all entries whose names have this hash, sorted by index:
 *
 *   u8      index, 0 to 127
 *   u8      type, S_IFMT bits >> 12
 *   varint  inode number
 *   u8      length of the name, 1 to 255
 *   bytes   name
 *
 * The index never changes while the name exists, so the readdir cookie, hash << 7 | index, stays
 * valid over any change of other names, and over restarts. A replaced name keeps it. Two names of one
 * directory share a hash by chance once in 2^56 pairs; a 129th one is refused with -ENOSPC. */
#include "catalog/dentry.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/file_sets.h"
#include "catalog/tree.h"
#include "crypto/digest.h"

#define INDEX_COUNT 128
#define ITEM_MAX (2 + VARINT_MAX + 1 + TREE_NAME_MAX)

unsigned dentry_hash_bits = 56;

struct key dentry_key(uint64_t dir, uint64_t hash)
{
	return key_u56(key_u64(key_start('D'), dir), hash);
}

static uint64_t name_hash(struct catalog *c, uint64_t dir, const char *name, size_t len)
{
	uint8_t number[8];
	struct iovec pieces[] = { { number, sizeof(number) }, { (void *)name, len } };
	struct id128 digest;
	uint64_t hash;

	store_le64(number, dir);
	digest = digest_128(catalog_keys(c), DIGEST_DENTRY, pieces, ARRAY_SIZE(pieces));
	hash = load_be64(digest.bytes) >> (64 - dentry_hash_bits);
	return hash ? hash : 1;
}

static int check_name(const char *name, size_t len)
{
	if (len > TREE_NAME_MAX)
		return -ENAMETOOLONG;
	if (!len || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || memchr(name, '/', len))
		return -EINVAL;
	return 0;
}

int dentry_init(struct dentry *d, struct catalog *c, uint64_t dir, const char *name)
{
	size_t len = strlen(name);
	int r = check_name(name, len);

	*d = (struct dentry){ .name = name, .name_len = len };
	if (r < 0)
		return r;
	d->hash = name_hash(c, dir, name, len);
	d->key = dentry_key(dir, d->hash);
	return 0;
}

void dentry_done(struct dentry *d)
{
	buf_done(&d->record);
}

/* ---- reading records */

int dentry_next(struct reader *r, struct dentry_item *ret_item)
{
	if (!reader_left(r))
		return 0;
	ret_item->index = reader_u8(r);
	ret_item->type = (uint32_t)reader_u8(r) << 12;
	ret_item->ino = reader_varint(r);
	ret_item->name_len = reader_u8(r);
	ret_item->name = reader_take(r, ret_item->name_len);
	if (r->bad || ret_item->index >= INDEX_COUNT || !ret_item->name_len || !ret_item->ino)
		return -EBADMSG;
	return 1;
}

static void take_item(struct dentry *d, const struct dentry_item *item, const uint8_t *from, const uint8_t *to)
{
	d->found = true;
	d->at = (size_t)(from - d->record.data);
	d->size = (size_t)(to - from);
	d->ino = item->ino;
	d->type = item->type;
	d->cookie = cookie_of(d->hash, item->index);
}

/* Reads the whole record also when the name comes early: a damaged rest must not be rewritten. */
static int find(struct dentry *d)
{
	struct reader r = reader_over(d->record.data, d->record.len);
	const uint8_t *from = r.at;
	struct dentry_item item;
	int more;

	for (; (more = dentry_next(&r, &item)) > 0; from = r.at)
		if (item.name_len == d->name_len && memcmp(item.name, d->name, d->name_len) == 0)
			take_item(d, &item, from, r.at);
	return more;
}

static int found_record(struct dentry *d, int r)
{
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : find(d);
}

int dentry_load(struct dentry *d, struct catalog *c)
{
	buf_reset(&d->record);
	d->found = false;
	return found_record(d, catalog_get(c, d->key.bytes, d->key.len, &d->record));
}

int dentry_load_in(struct dentry *d, struct batch *b)
{
	buf_reset(&d->record);
	d->found = false;
	return found_record(d, batch_get(b, d->key.bytes, d->key.len, &d->record));
}

int dentry_name_at(struct catalog *c, uint64_t dir, uint64_t cookie, uint64_t ino, struct buf *ret_name)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct key key = dentry_key(dir, cookie >> 7);
	struct dentry_item item;
	struct reader reader;
	int r;

	r = catalog_get(c, key.bytes, key.len, &record);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	reader = reader_over(record.data, record.len);
	while ((r = dentry_next(&reader, &item)) > 0)
		if (item.index == (cookie & 127))
			return item.ino == ino ? buf_add(ret_name, item.name, item.name_len) : -EBADMSG;
	return -EBADMSG;
}

/* ---- changing records */

/* The lowest free index, and the place in the record where its entry belongs. -ENOSPC. */
static int free_index(const struct dentry *d, size_t *ret_at)
{
	struct reader r = reader_over(d->record.data, d->record.len);
	struct dentry_item item;
	int index = 0;

	*ret_at = 0;
	while (dentry_next(&r, &item) > 0 && item.index == index) {
		index++;
		*ret_at = (size_t)(r.at - d->record.data);
	}
	return index < INDEX_COUNT ? index : -ENOSPC;
}

static size_t encode_item(const struct dentry *d, unsigned index, uint64_t ino, uint32_t mode,
			  uint8_t out[ITEM_MAX])
{
	uint8_t *at = out;

	at = put_u8(at, (uint8_t)index);
	at = put_u8(at, (uint8_t)(mode >> 12));
	at = put_varint(at, ino);
	at = put_u8(at, (uint8_t)d->name_len);
	at = put_bytes(at, d->name, d->name_len);
	return (size_t)(at - out);
}

/* Puts the record with `len` bytes at d->at in the place of the d->size bytes that are there. */
static int splice(struct dentry *d, struct batch *b, struct inode *dir, const void *item, size_t len)
{
	_cleanup_buf_ struct buf now = BUF_INIT;
	struct buf *old = &d->record;
	size_t rest = d->at + d->size;
	int r;

	if (old->len + len > CATALOG_VALUE_MAX)
		return -ENOSPC;
	r = buf_reserve(&now, old->len + len);
	if (r < 0)
		return r;
	(void) buf_add(&now, old->data, d->at);
	(void) buf_add(&now, item, len);
	(void) buf_add(&now, old->data + rest, old->len - rest);
	if (now.len)
		set_put(b, dir, SET_ENTRIES, &d->key, old->len ? old->data : NULL, old->len, now.data, now.len);
	else
		set_remove(b, dir, SET_ENTRIES, &d->key, old->data, old->len);
	return 0;
}

static struct file_name file_name_of(const struct dentry *d, uint64_t ino, uint32_t mode, bool sole)
{
	return (struct file_name){ .ino = ino, .mode = mode, .sole = sole, .name = d->name, .len = d->name_len };
}

int dentry_add(struct dentry *d, struct batch *b, struct inode *dir, uint64_t ino, uint32_t mode)
{
	struct file_name now = file_name_of(d, ino, mode, d->sole);
	uint8_t item[ITEM_MAX];
	int index = free_index(d, &d->at);

	if (index < 0)
		return index;
	d->size = 0;
	d->cookie = cookie_of(d->hash, (unsigned)index);
	file_named(b, &now);
	return splice(d, b, dir, item, encode_item(d, (unsigned)index, ino, mode, item));
}

int dentry_replace(struct dentry *d, struct batch *b, struct inode *dir, uint64_t ino, uint32_t mode)
{
	struct file_name was = file_name_of(d, d->ino, d->type, false), now = file_name_of(d, ino, mode, false);
	uint8_t item[ITEM_MAX];

	file_unnamed(b, &was);
	file_named(b, &now);
	return splice(d, b, dir, item, encode_item(d, d->cookie & 127, ino, mode, item));
}

int dentry_remove(struct dentry *d, struct batch *b, struct inode *dir)
{
	struct file_name was = file_name_of(d, d->ino, d->type, d->sole);

	file_unnamed(b, &was);
	return splice(d, b, dir, "", 0);
}
