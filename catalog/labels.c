/* SPDX-License-Identifier: MIT */
#include "catalog/labels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/tree.h"
#include "crypto/digest.h"


static struct key id_key(uint64_t id)
{
	return key_u64(key_start('g'), id);
}

static struct key below_prefix(uint64_t above)
{
	return key_u64(key_start('h'), above);
}

static struct key files_prefix(uint64_t id)
{
	return key_u64(key_start('T'), id);
}

static struct key name_key(struct catalog *c, uint64_t above, const char *name, size_t len)
{
	uint8_t number[8];
	struct iovec pieces[] = { { number, sizeof(number) }, { (void *)name, len } };

	store_le64(number, above);
	return key_id(key_start('G'), digest_128(catalog_keys(c), DIGEST_TAG, pieces, ARRAY_SIZE(pieces)));
}

static bool is_root(uint64_t id)
{
	return id >= LABEL_ROOT_TAGS;
}

void label_done(struct label *l)
{
	buf_done(&l->name);
}

/* ---- records */

/* `r`: what getting the value gave. */
static int decode_id(int r, const struct buf *value, uint64_t *ret_id)
{
	struct reader in = reader_over(value->data, value->len);
	uint64_t id;

	if (r < 0)
		return r;
	id = reader_varint(&in);
	if (in.bad || !id || is_root(id))
		return -EBADMSG;
	*ret_id = id;
	return 0;
}

int label_find(struct catalog *c, uint64_t above, const char *name, size_t len, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = name_key(c, above, name, len);

	return decode_id(catalog_get(c, key.bytes, key.len, &value), &value, ret_id);
}

int label_find_in(struct batch *b, uint64_t above, const char *name, size_t len, uint64_t *ret_id)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = name_key(batch_catalog(b), above, name, len);

	return decode_id(batch_get(b, key.bytes, key.len, &value), &value, ret_id);
}

static int decode(int r, const struct buf *value, uint64_t id, struct label *ret_l)
{
	struct reader in = reader_over(value->data, value->len);
	struct label l = { .id = id };

	if (r == -ENOENT && is_root(id)) {
		*ret_l = l;
		return 0;
	}
	if (r < 0)
		return r;
	l.above = reader_varint(&in);
	l.files = reader_varint(&in);
	l.below = reader_varint(&in);
	l.flags = reader_u8(&in);
	l.uid = (uint32_t)reader_varint(&in);
	if (in.bad)
		return -EBADMSG;
	r = buf_add(&l.name, in.at, reader_left(&in));
	if (r >= 0)
		*ret_l = l;
	return r;
}

int label_get(struct catalog *c, uint64_t id, struct label *ret_l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = id_key(id);

	return decode(catalog_get(c, key.bytes, key.len, &value), &value, id, ret_l);
}

int label_get_in(struct batch *b, uint64_t id, struct label *ret_l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = id_key(id);

	return decode(batch_get(b, key.bytes, key.len, &value), &value, id, ret_l);
}

static int put_label(struct batch *b, const struct label *l)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = id_key(l->id);
	uint8_t head[4 * VARINT_MAX + 1], *at = head;
	int r;

	at = put_varint(at, l->above);
	at = put_varint(at, l->files);
	at = put_varint(at, l->below);
	at = put_u8(at, (uint8_t)l->flags);
	at = put_varint(at, l->uid);
	r = buf_add(&value, head, (size_t)(at - head));
	if (r >= 0)
		r = buf_add(&value, l->name.data, l->name.len);
	if (r >= 0)
		batch_put(b, key.bytes, key.len, value.data, value.len);
	return r;
}

static int put_name(struct batch *b, const struct label *l)
{
	struct key key = name_key(batch_catalog(b), l->above, (const char *)l->name.data, l->name.len);
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r = buf_add_varint(&value, l->id);

	if (r >= 0)
		r = buf_add_varint(&value, l->above);
	if (r >= 0)
		r = buf_add(&value, l->name.data, l->name.len);
	if (r >= 0)
		batch_put(b, key.bytes, key.len, value.data, value.len);
	return r;
}

static void remove_name(struct batch *b, const struct label *l)
{
	struct key key = name_key(batch_catalog(b), l->above, (const char *)l->name.data, l->name.len);

	batch_remove(b, key.bytes, key.len);
}

static int set_name(struct label *l, uint64_t above, const char *name, size_t len)
{
	l->above = above;
	buf_reset(&l->name);
	return buf_add(&l->name, name, len);
}

/* ---- reading */

struct packed_walk label_walk_below(struct catalog *c, uint64_t above)
{
	struct key prefix = below_prefix(above);

	return packed_walk_over(c, &prefix);
}

struct packed_walk label_walk_files(struct catalog *c, uint64_t id)
{
	struct key prefix = files_prefix(id);

	return packed_walk_over(c, &prefix);
}

int label_why(struct catalog *c, uint64_t id, uint64_t ino, uint32_t *ret_why)
{
	struct key prefix = files_prefix(id);

	return packed_set_get(c, &prefix, ino, 0, ret_why);
}

int label_is_below(struct catalog *c, uint64_t id, uint64_t top)
{
	for (unsigned depth = 0; depth <= LABEL_DEPTH_MAX; depth++) {
		_cleanup_label_ struct label l = { 0 };
		int r;

		if (id == top || is_root(id))
			return id == top;
		r = label_get(c, id, &l);
		if (r < 0)
			return r;
		id = l.above;
	}
	return -EBADMSG;
}

/* ---- the tree */

/* A label comes to lie below another, or lies there no more. */
static int count_below(struct batch *b, uint64_t above, uint64_t id, int sign);

static bool is_idle(const struct label *l)
{
	return !l->files && !l->below && !(l->flags & (LABEL_KEPT | LABEL_RESET)) && !is_root(l->id);
}

static int drop(struct batch *b, const struct label *l)
{
	struct key key = id_key(l->id);

	remove_name(b, l);
	batch_remove(b, key.bytes, key.len);
	return count_below(b, l->above, l->id, -1);
}

/* What has become of it is stored, or it goes. */
static int settle(struct batch *b, const struct label *l)
{
	return is_idle(l) ? drop(b, l) : put_label(b, l);
}

static int count_below(struct batch *b, uint64_t above, uint64_t id, int sign)
{
	const struct packed_change change = { .a = id, .clear = 1, .set = sign > 0 };
	struct key prefix = below_prefix(above);
	_cleanup_label_ struct label l = { 0 };
	int r = packed_set_change(b, &prefix, &change, NULL);

	if (r >= 0)
		r = label_get_in(b, above, &l);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	l.below += (uint64_t)sign;
	return settle(b, &l);
}

/* How many levels lead to a label, itself included. -EINVAL: `other` is one of them. */
static int depth_of(struct batch *b, uint64_t id, uint64_t other)
{
	int depth = 0;

	for (; !is_root(id); depth++) {
		_cleanup_label_ struct label l = { 0 };
		int r = id == other ? -EINVAL : depth == LABEL_DEPTH_MAX ? -EBADMSG : label_get_in(b, id, &l);

		if (r < 0)
			return r;
		id = l.above;
	}
	return depth;
}

static int make(struct batch *b, struct label *l)
{
	int depth = depth_of(b, l->above, 0);
	int r = depth == LABEL_DEPTH_MAX ? -ENAMETOOLONG : MIN(depth, 0);

	if (r >= 0)
		r = catalog_next_number(batch_catalog(b), COUNTER_TAG, &l->id);
	if (r >= 0)
		r = put_label(b, l);
	if (r >= 0)
		r = put_name(b, l);
	return r < 0 ? r : count_below(b, l->above, l->id, 1);
}

int label_make(struct batch *b, uint64_t above, const char *name, size_t len, uint32_t flags, uint32_t uid,
	       uint64_t *ret_id)
{
	struct label l = { .above = above, .flags = flags, .uid = uid,
			   .name = { .data = (uint8_t *)name, .len = len } }; /* borrowed */
	int r = len > LABEL_NAME_MAX ? -ENAMETOOLONG : label_find_in(b, above, name, len, &l.id);

	if (r == -ENOENT)
		r = make(b, &l);
	else if (r >= 0 && flags)
		r = label_change_flags(b, l.id, flags, 0);
	if (r >= 0)
		*ret_id = l.id;
	return r;
}

int label_change_flags(struct batch *b, uint64_t id, uint32_t set, uint32_t clear)
{
	_cleanup_label_ struct label l = { 0 };
	int r = label_get_in(b, id, &l);
	uint32_t flags = (l.flags & ~clear) | set;

	if (r < 0 || flags == l.flags)
		return r;
	l.flags = flags;
	return settle(b, &l);
}

int label_remove(struct batch *b, uint64_t id)
{
	_cleanup_label_ struct label l = { 0 };
	int r = label_get_in(b, id, &l);

	if (r < 0)
		return r;
	return l.files || l.below ? -ENOTEMPTY : drop(b, &l);
}

int label_reset(struct batch *b, uint64_t id)
{
	_cleanup_label_ struct label l = { 0 };
	int r = label_get_in(b, id, &l);

	if (r < 0)
		return r;
	l.files = l.below = 0;
	l.flags |= LABEL_RESET;
	r = put_label(b, &l);
	return r < 0 || is_root(id) ? r : put_name(b, &l);
}

int label_restore(struct batch *b, uint64_t id, uint64_t above, const char *name, size_t len)
{
	char number[32];
	_cleanup_label_ struct label l = { 0 };
	bool name_is_known = name;
	int r = label_get_in(b, id, &l);

	if (r != -ENOENT)
		return MIN(r, 0);
	if (!name) {
		len = (size_t)snprintf(number, sizeof(number), "lost tag %llu", (unsigned long long)id);
		name = number;
		above = LABEL_ROOT_TAGS;
	}
	l = (struct label){ .id = id, .flags = LABEL_RESET | (name_is_known ? LABEL_KEPT : 0) };
	r = set_name(&l, above, name, len);
	if (r >= 0)
		r = put_label(b, &l);
	if (r >= 0)
		r = put_name(b, &l);
	return r < 0 ? r : 1;
}

int label_place(struct batch *b, uint64_t id)
{
	_cleanup_label_ struct label l = { 0 };
	int r = is_root(id) ? 0 : label_get_in(b, id, &l);

	return r < 0 || is_root(id) ? r : count_below(b, l.above, id, 1);
}

/* Has the label no more than `left` levels, itself included? Its own batch has changed none of them. */
static int check_height(struct catalog *c, uint64_t id, unsigned left)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(c, id);
	struct packed_member m;
	int r;

	if (!left)
		return -ENAMETOOLONG;
	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = check_height(c, m.a, left - 1);
		if (r < 0)
			break;
	}
	return r;
}

static int check_place(struct batch *b, uint64_t id, uint64_t above)
{
	int depth = depth_of(b, above, id);

	return depth < 0 ? depth : check_height(batch_catalog(b), id, LABEL_DEPTH_MAX - (unsigned)depth);
}

/* Counted in its new place first: what it leaves may go away, and may lie above the new place. */
static int move(struct batch *b, struct label *l, uint64_t above, const char *name, size_t len)
{
	uint64_t before = l->above;
	int r;

	remove_name(b, l);
	r = set_name(l, above, name, len);
	if (r >= 0)
		r = put_label(b, l);
	if (r >= 0)
		r = put_name(b, l);
	if (r < 0 || before == above)
		return r;
	r = count_below(b, above, l->id, 1);
	return r < 0 ? r : count_below(b, before, l->id, -1);
}

int label_rename(struct batch *b, uint64_t id, uint64_t above, const char *name, size_t len)
{
	_cleanup_label_ struct label l = { 0 };
	uint64_t other;
	int r = len > LABEL_NAME_MAX ? -ENAMETOOLONG : label_find_in(b, above, name, len, &other);

	if (r != -ENOENT)
		return r < 0 ? r : other == id ? 0 : -EEXIST;
	r = label_get_in(b, id, &l);
	if (r >= 0 && above != l.above)
		r = check_place(b, id, above);
	return r < 0 ? r : move(b, &l, above, name, len);
}

/* ---- files */

static int change_file(struct batch *b, uint64_t id, const struct packed_change *change)
{
	struct key prefix = files_prefix(id);
	_cleanup_label_ struct label l = { 0 };
	uint32_t was;
	int r = packed_set_change(b, &prefix, change, &was), is;

	if (r < 0)
		return r;
	is = r;
	if (is == (was > 0))
		return 0;
	r = label_get_in(b, id, &l);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (!is && !l.files)
		return -EBADMSG;
	l.files += is ? 1 : (uint64_t)-1;
	return settle(b, &l);
}

int label_attach(struct batch *b, uint64_t id, uint64_t ino, uint32_t why)
{
	return change_file(b, id, &(struct packed_change){ .a = ino, .set = why });
}

int label_detach(struct batch *b, uint64_t id, uint64_t ino, uint32_t why)
{
	return change_file(b, id, &(struct packed_change){ .a = ino, .clear = why });
}
