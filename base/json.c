/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/utf8.h"

/* A time of 8.316 ms is no binary fraction; with all its digits it reads 8.3160000000000007. */
#define REALS JSON_REAL_PRECISION(9)

json_t *json_text(const void *data, size_t len)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;

	if (utf8_add_valid(&clean, data, len) < 0)
		return NULL;
	return json_stringn(clean.len ? (const char *)clean.data : "", clean.len);
}

static int add_piece(const char *data, size_t len, void *out)
{
	return buf_add(out, data, len) < 0 ? -1 : 0;
}

int json_add_to(struct buf *out, const json_t *value)
{
	return json_dump_callback(value, add_piece, out, JSON_COMPACT | JSON_ENCODE_ANY | REALS) < 0 ? -ENOMEM : 0;
}
