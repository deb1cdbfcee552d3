/* SPDX-License-Identifier: MIT */
/* Back references of extents: key 'B' object id, be64 ino, be64 end, value u8 1. Their number stands in
 * 'B' object id, varint; when it becomes 0 the record goes and the object is dead.
 *
 * Packs have none: they would be a third of what the catalog says of a small cold file. That one is dead its account
 * says; who has bytes in it is seldom asked, and then the extents of all files are walked over. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/extent_impl.h"
#include "catalog/walk.h"

static struct key object_key(struct id128 object)
{
	return key_id(key_start('B'), object);
}

static struct key user_key(struct id128 object, uint64_t ino, uint64_t end)
{
	return key_u64(key_u64(object_key(object), ino), end);
}

int extent_count_users_in(struct batch *b, struct id128 object, uint64_t *ret_count)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = object_key(object);
	struct reader reader;
	uint64_t count;
	int r;

	r = batch_get(b, key.bytes, key.len, &value);
	if (r == -ENOENT) {
		*ret_count = 0;
		return 0;
	}
	if (r < 0)
		return r;
	reader = reader_over(value.data, value.len);
	count = reader_varint(&reader);
	if (reader.bad || reader_left(&reader) || !count)
		return -EBADMSG;
	*ret_count = count;
	return 0;
}

static void put_user_count(struct batch *b, struct id128 object, uint64_t count)
{
	struct key key = object_key(object);
	uint8_t value[VARINT_MAX];

	if (count)
		batch_put(b, key.bytes, key.len, value, (size_t)(put_varint(value, count) - value));
	else
		batch_remove(b, key.bytes, key.len);
}

/* One user more or less; *ret_count: how many there are then. */
static int change_user_count(struct batch *b, struct id128 object, int change, uint64_t *ret_count)
{
	uint64_t count;
	int r;

	r = extent_count_users_in(b, object, &count);
	if (r < 0)
		return r;
	if (!count && change < 0)
		return -EBADMSG;
	count += (uint64_t)change;
	put_user_count(b, object, count);
	*ret_count = count;
	return 0;
}

static bool has_users(const struct extent *e)
{
	return e->kind == EXTENT_HOT;
}

int extent_add_user(struct batch *b, uint64_t ino, const struct extent *e)
{
	struct key key = user_key(e->run.id, ino, extent_end(e));
	uint64_t count;
	int r;

	if (!has_users(e))
		return 0;
	r = change_user_count(b, e->run.id, 1, &count);
	if (r >= 0)
		batch_put(b, key.bytes, key.len, "\1", 1);
	return r;
}

int extent_remove_user(struct batch *b, uint64_t ino, const struct extent *e)
{
	struct key key = user_key(e->run.id, ino, extent_end(e));
	uint64_t count;
	int r;

	if (!has_users(e))
		return 0;
	r = change_user_count(b, e->run.id, -1, &count);
	if (r < 0)
		return r;
	batch_remove(b, key.bytes, key.len);
	return count == 0;
}

int extent_next_user(struct catalog *c, struct id128 object, uint64_t *ret_ino, uint64_t *ret_end)
{
	struct key prefix = object_key(object), from = user_key(object, *ret_ino, *ret_end + 1), key;
	int r;

	r = record_first(c, &prefix, &from, &key, NULL);
	if (r <= 0)
		return r;
	if (key.len != from.len)
		return -EBADMSG;
	*ret_ino = load_be64(key.bytes + prefix.len);
	*ret_end = load_be64(key.bytes + prefix.len + 8);
	return 1;
}

int extent_next_in_pack(struct catalog *c, uint64_t pack, uint64_t *ret_ino, uint64_t *ret_end)
{
	struct key prefix = key_start('E'), from = extent_key(*ret_ino, *ret_end + 1);
	_cleanup_cursor_ struct cursor *cur = NULL;
	struct record record;
	struct extent e;
	int r = cursor_open_at(c, &prefix, &from, &cur);

	while (r >= 0 && (r = cursor_next_record(cur, &record)) > 0) {
		r = extent_decode(record.key, record.key_len, record.value, record.value_len, &e);
		if (r < 0 || e.kind != EXTENT_PACK || e.segment != pack)
			continue;
		*ret_ino = load_be64(record.key + 1);
		*ret_end = extent_end(&e);
		return 1;
	}
	return r;
}
