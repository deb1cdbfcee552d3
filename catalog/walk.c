/* SPDX-License-Identifier: MIT */
#include "catalog/walk.h"

#include <errno.h>
#include <string.h>

int cursor_open_at(struct catalog *c, const struct key *prefix, const struct key *from,
		   struct cursor **ret_cursor)
{
	int r = cursor_open(c, prefix->bytes, prefix->len, ret_cursor);

	if (r >= 0)
		cursor_seek(*ret_cursor, from->bytes, from->len);
	return r;
}

int cursor_next_record(struct cursor *cur, struct record *ret_record)
{
	const void *key;
	int r;

	r = cursor_next(cur, &key, &ret_record->key_len, &ret_record->value, &ret_record->value_len);
	if (r > 0)
		ret_record->key = key;
	return r;
}

int records_foreach(struct catalog *c, const struct key *prefix, record_visit_fn visit, void *context)
{
	_cleanup_cursor_ struct cursor *cur = NULL;
	struct record record;
	int r;

	r = cursor_open(c, prefix->bytes, prefix->len, &cur);
	if (r < 0)
		return r;
	while ((r = cursor_next_record(cur, &record)) > 0) {
		r = visit(context, &record);
		if (r)
			return r;
	}
	return r;
}

int record_first(struct catalog *c, const struct key *prefix, const struct key *from, struct key *ret_key,
		 struct buf *ret_value)
{
	_cleanup_cursor_ struct cursor *cur = NULL;
	struct record record;
	int r;

	r = cursor_open_at(c, prefix, from, &cur);
	if (r >= 0)
		r = cursor_next_record(cur, &record);
	if (r <= 0)
		return r;
	if (record.key_len > sizeof(ret_key->bytes))
		return -EBADMSG;
	memcpy(ret_key->bytes, record.key, record.key_len);
	ret_key->len = record.key_len;
	r = ret_value ? buf_add(ret_value, record.value, record.value_len) : 0;
	return r < 0 ? r : 1;
}
