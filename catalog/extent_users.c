/* SPDX-License-Identifier: MIT */
/* Back references of extents: key 'B' object id, be64 ino, be64 end, value u8 1. Their number stands in
 * 'B' object id, varint; when it becomes 0 the record goes and the object is dead. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/extent_impl.h"

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

int extent_add_user(struct batch *b, uint64_t ino, const struct extent *e)
{
	struct key key = user_key(e->run.id, ino, extent_end(e));
	uint64_t count;
	int r;

	if (!extent_has_object(e))
		return 0;
	r = extent_count_users_in(b, e->run.id, &count);
	if (r < 0)
		return r;
	put_user_count(b, e->run.id, count + 1);
	batch_put(b, key.bytes, key.len, "\1", 1);
	return 0;
}

int extent_remove_user(struct batch *b, uint64_t ino, const struct extent *e)
{
	struct key key = user_key(e->run.id, ino, extent_end(e));
	uint64_t count;
	int r;

	if (!extent_has_object(e))
		return 0;
	r = extent_count_users_in(b, e->run.id, &count);
	if (r < 0)
		return r;
	if (!count)
		return -EBADMSG;
	put_user_count(b, e->run.id, count - 1);
	batch_remove(b, key.bytes, key.len);
	return count == 1;
}

int extent_next_user(struct catalog *c, struct id128 object, uint64_t *ret_ino, uint64_t *ret_end)
{
	struct key prefix = object_key(object), from = user_key(object, *ret_ino, *ret_end + 1);
	const void *key, *value;
	size_t key_len, value_len;
	struct cursor *cur;
	int r;

	r = cursor_open(c, prefix.bytes, prefix.len, &cur);
	if (r < 0)
		return r;
	cursor_seek(cur, from.bytes, from.len);
	r = cursor_next(cur, &key, &key_len, &value, &value_len);
	if (r > 0 && key_len != from.len)
		r = -EBADMSG;
	if (r > 0) {
		*ret_ino = load_be64((const uint8_t *)key + prefix.len);
		*ret_end = load_be64((const uint8_t *)key + prefix.len + 8);
	}
	(void) cursor_close(cur);
	return r;
}
