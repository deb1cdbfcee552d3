/* SPDX-License-Identifier: MIT */
#include "catalog/batch_record.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

/* On failure the record is as before. */
static int add_op(struct buf *record, enum record_op_kind kind, const void *key, size_t key_len,
		  const void *value, size_t value_len)
{
	size_t before = record->len;
	int r = buf_reserve(record, 32 + key_len + value_len);

	if (r < 0)
		return r;
	r = buf_add_u8(record, (uint8_t)kind);
	if (r >= 0)
		r = buf_add_bytes(record, key, key_len);
	if (r >= 0 && kind == RECORD_PUT)
		r = buf_add_bytes(record, value, value_len);
	if (r < 0)
		record->len = before;
	return r;
}

int record_add_put(struct buf *record, const void *key, size_t key_len, const void *value, size_t value_len)
{
	return add_op(record, RECORD_PUT, key, key_len, value, value_len);
}

int record_add_remove(struct buf *record, const void *key, size_t key_len)
{
	return add_op(record, RECORD_REMOVE, key, key_len, NULL, 0);
}

int record_add_reply(struct buf *record, const struct reply_record *reply)
{
	uint8_t *out;
	int r = buf_extend(record, 1 + REPLY_SIZE, &out);

	if (r < 0)
		return r;
	out[0] = RECORD_REPLY;
	reply_store(reply, out + 1);
	return 0;
}

int record_start(const void *data, size_t len, struct reader *ret_ops)
{
	struct reader ops = reader_over(data, len);

	if (reader_u8(&ops) != RECORD_VERSION || ops.bad)
		return -EBADMSG;
	*ret_ops = ops;
	return 0;
}

static int read_reply(struct reader *ops, struct reply_record *ret_reply)
{
	const uint8_t *bytes = reader_take(ops, REPLY_SIZE);

	if (!bytes)
		return -EBADMSG;
	reply_load(bytes, ret_reply);
	return 1;
}

int record_next(struct reader *ops, struct record_op *ret_op)
{
	struct record_op op = { 0 };

	if (reader_left(ops) == 0)
		return 0;
	op.kind = reader_u8(ops);
	*ret_op = op;
	if (op.kind == RECORD_REPLY)
		return read_reply(ops, &ret_op->reply);
	if (op.kind != RECORD_PUT && op.kind != RECORD_REMOVE)
		return -EBADMSG;
	op.key = reader_bytes(ops, &op.key_len);
	if (op.kind == RECORD_PUT)
		op.value = reader_bytes(ops, &op.value_len);
	if (ops->bad || op.key_len == 0 || op.key_len > CATALOG_KEY_MAX)
		return -EBADMSG;
	*ret_op = op;
	return 1;
}

void reply_store(const struct reply_record *reply, uint8_t ret_bytes[REPLY_SIZE])
{
	memcpy(ret_bytes, reply->mount.bytes, 16);
	store_le64(ret_bytes + 16, reply->unique);
	store_le32(ret_bytes + 24, reply->opcode);
	store_le32(ret_bytes + 28, (uint32_t)reply->status);
	store_le64(ret_bytes + 32, reply->ino);
	store_le64(ret_bytes + 40, reply->handle);
	store_le32(ret_bytes + 48, reply->size);
}

void reply_load(const uint8_t bytes[REPLY_SIZE], struct reply_record *ret_reply)
{
	memcpy(ret_reply->mount.bytes, bytes, 16);
	ret_reply->unique = load_le64(bytes + 16);
	ret_reply->opcode = load_le32(bytes + 24);
	ret_reply->status = (int32_t)load_le32(bytes + 28);
	ret_reply->ino = load_le64(bytes + 32);
	ret_reply->handle = load_le64(bytes + 40);
	ret_reply->size = load_le32(bytes + 48);
}
