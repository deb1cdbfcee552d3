/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links_part.h"
#include "catalog/walk.h"
#include "crypto/digest.h"

#define VERSION 1u

/* ---- links in memory */

void part_links_done(struct part_links *l)
{
	buf_done(&l->items);
	buf_done(&l->text);
}

size_t part_links_count(const struct part_links *l)
{
	return l->items.len / sizeof(struct part_link);
}

struct part_link *part_link_at(const struct part_links *l, size_t k)
{
	return (struct part_link *)(void *)l->items.data + k;
}

struct found_link part_link_view(const struct part_links *l, const struct part_link *i)
{
	return (struct found_link){ .form = i->form,
				    .verb = i->verb,
				    .bound = i->bound,
				    .target = (const char *)l->text.data + i->at,
				    .len = i->len };
}

uint64_t part_link_hash(struct catalog *c, const struct found_link *l)
{
	uint8_t head[5] = { (uint8_t)l->form };
	struct iovec pieces[] = { { head, sizeof(head) }, { (void *)l->target, l->len } };

	store_le32(head + 1, l->verb);
	return load_be64(digest_128(catalog_keys(c), DIGEST_LINK, pieces, ARRAY_SIZE(pieces)).bytes);
}

int part_links_add(struct part_links *l, const struct found_link *link, uint64_t hash, uint8_t part)
{
	struct part_link i = { .hash = hash,
			       .bound = link->bound,
			       .verb = link->verb,
			       .at = (uint32_t)l->text.len,
			       .len = (uint32_t)link->len,
			       .form = link->form,
			       .part = part };
	int r = buf_add(&l->items, &i, sizeof(i));

	return r < 0 ? r : buf_add(&l->text, link->target, link->len);
}

int part_links_copy(const struct part_links *from, struct part_links *ret)
{
	int r = buf_add(&ret->items, from->items.data, from->items.len);

	return r < 0 ? r : buf_add(&ret->text, from->text.data, from->text.len);
}

bool part_link_is(const struct part_links *x, const struct part_link *a, const struct part_links *y,
		  const struct part_link *b)
{
	return a->hash == b->hash && a->form == b->form && a->verb == b->verb && a->len == b->len &&
	       memcmp(x->text.data + a->at, y->text.data + b->at, a->len) == 0;
}

/* ---- records */

static int next_link(struct reader *in, struct found_link *ret_l)
{
	uint64_t verb, len;

	if (!reader_left(in))
		return 0;
	ret_l->form = (char)reader_u8(in);
	verb = reader_varint(in);
	ret_l->bound = reader_varint(in);
	len = reader_varint(in);
	ret_l->len = (size_t)len;
	ret_l->target = reader_take(in, ret_l->len);
	ret_l->verb = (uint32_t)verb;
	return in->bad || verb > UINT32_MAX ? -EBADMSG : 1;
}

static int open_part(const struct record *record, struct reader *ret_in)
{
	*ret_in = reader_over(record->value, record->value_len);
	return record->key_len != 10 || reader_u8(ret_in) != VERSION ? -EBADMSG : 0;
}

static bool is_part(const struct record *record)
{
	return record->key_len == 10 && record->key[9] < LINKS_PARTS;
}

struct loading {
	struct catalog *c; /* NULL: without hashes */
	struct part_links *l;
};

static int load_part(void *context, const struct record *record)
{
	const struct loading *n = context;
	struct found_link link;
	struct reader in;
	int r = is_part(record) ? open_part(record, &in) : 1;

	if (r > 0)
		return 0;
	while (r >= 0 && (r = next_link(&in, &link)) > 0)
		r = part_links_add(n->l, &link, n->c ? part_link_hash(n->c, &link) : 0, record->key[9]);
	return r;
}

int part_links_load(struct catalog *c, uint64_t ino, struct part_links *ret_l)
{
	struct key prefix = key_u64(key_start('W'), ino);

	return records_foreach(c, &prefix, load_part, &(struct loading){ c, ret_l });
}

/* Nothing when the part has no link. */
int part_links_encode(const struct part_links *l, uint8_t part, struct buf *ret_value)
{
	int r = 0;

	for (size_t k = 0; k < part_links_count(l) && r >= 0; k++) {
		const struct part_link *i = part_link_at(l, k);

		if (i->part != part)
			continue;
		if (!ret_value->len)
			r = buf_add_u8(ret_value, VERSION);
		if (r >= 0)
			r = buf_add_u8(ret_value, (uint8_t)i->form);
		if (r >= 0)
			r = buf_add_varint(ret_value, i->verb);
		if (r >= 0)
			r = buf_add_varint(ret_value, i->bound);
		if (r >= 0)
			r = buf_add_bytes(ret_value, l->text.data + i->at, i->len);
	}
	return r;
}

struct each_found {
	int (*link)(void *context, const struct found_link *l);
	void *context;
};

static int tell_part(void *context, const struct record *record)
{
	const struct each_found *each = context;
	struct found_link link;
	struct reader in;
	int r = is_part(record) ? open_part(record, &in) : 1;

	if (r > 0)
		return 0;
	while (r == 0 && (r = next_link(&in, &link)) > 0)
		r = each->link(each->context, &link);
	return r;
}

int links_foreach_found(struct catalog *c, uint64_t ino,
			int (*link)(void *context, const struct found_link *l), void *context)
{
	struct key prefix = key_u64(key_start('W'), ino);

	return records_foreach(c, &prefix, tell_part, &(struct each_found){ link, context });
}

/* ---- one part at a time */

/* Parts are compared with their like only: hashes are not needed. */
int part_links_load_next(struct catalog *c, uint64_t ino, unsigned from, struct part_links *ret_l, int *ret_part)
{
	struct key prefix = key_u64(key_start('W'), ino), first = links_part_key(ino, (uint8_t)from), key;
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct record record;
	int r = from < LINKS_PARTS ? record_first(c, &prefix, &first, &key, &value) : 0;

	record = (struct record){ key.bytes, key.len, value.data, value.len };
	*ret_part = r > 0 && is_part(&record) ? record.key[9] : -1;
	return *ret_part < 0 ? MIN(r, 0) : load_part(&(struct loading){ .l = ret_l }, &record);
}

/* ---- exchanging a part, in a batch */

int part_link_apply(struct batch *b, struct inode *src, const struct found_link *l, int sign)
{
	return l->bound ? link_change(b, src, l->bound, l->verb, sign) : link_wait(b, src, l, sign);
}

static bool has(const struct part_links *x, const struct part_link *i, const struct part_links *y)
{
	for (size_t k = 0; k < part_links_count(y); k++) {
		const struct part_link *other = part_link_at(y, k);

		if (other->hash == i->hash && other->part == i->part && other->bound == i->bound &&
		    part_link_is(x, i, y, other))
			return true;
	}
	return false;
}

/* What `x` has in this part and `y` has not. */
static int apply_others(struct batch *b, struct inode *src, uint8_t part, const struct part_links *x,
			const struct part_links *y, int sign)
{
	int r = 0;

	for (size_t k = 0; k < part_links_count(x) && r >= 0; k++) {
		const struct part_link *i = part_link_at(x, k);
		struct found_link l = part_link_view(x, i);

		if (i->part != part || has(x, i, y))
			continue;
		if (sign > 0 && l.bound)
			r = link_is_alive_in(b, l.bound) ? 0 : -EAGAIN;
		if (r >= 0)
			r = part_link_apply(b, src, &l, sign);
	}
	return r;
}

static int check_unchanged(struct batch *b, const struct key *key, const struct part_links *old, uint8_t part)
{
	_cleanup_buf_ struct buf want = BUF_INIT, have = BUF_INIT;
	int r = part_links_encode(old, part, &want);
	bool same;

	if (r >= 0)
		r = batch_get(b, key->bytes, key->len, &have);
	if (r < 0 && r != -ENOENT)
		return r;
	same = want.len == have.len && (!want.len || memcmp(want.data, have.data, want.len) == 0);
	return same ? 0 : -EAGAIN;
}

/* -EAGAIN: it, or a target, is not what it was any more. */
int part_exchange(struct batch *b, struct inode *src, uint8_t part, const struct part_links *old,
		  const struct part_links *now)
{
	struct key key = links_part_key(src->ino, part);
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r = check_unchanged(b, &key, old, part);

	if (r >= 0)
		r = apply_others(b, src, part, now, old, 1);
	if (r >= 0)
		r = apply_others(b, src, part, old, now, -1);
	if (r >= 0)
		r = part_links_encode(now, part, &value);
	if (r < 0)
		return r;
	if (!value.len)
		batch_remove(b, key.bytes, key.len);
	else
		batch_put(b, key.bytes, key.len, value.data, value.len);
	src->flags |= INODE_LINKS;
	return 0;
}

int part_differs(uint8_t part, const struct part_links *old, const struct part_links *now)
{
	_cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;
	int r = part_links_encode(old, part, &before);

	if (r >= 0)
		r = part_links_encode(now, part, &after);
	return r < 0 ? r
		     : before.len != after.len ||
			       (before.len && memcmp(before.data, after.data, before.len) != 0);
}
