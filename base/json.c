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

struct dumping {
	struct buf *out;
	int error;
};

static int add_piece(const char *data, size_t len, void *context)
{
	struct dumping *d = context;

	if (d->error >= 0)
		d->error = buf_add(d->out, data, len);
	return d->error < 0 ? -1 : 0;
}

/* jansson (2.14) goes on when a key could not be added. */
int json_add_to(struct buf *out, const json_t *value)
{
	struct dumping d = { .out = out };
	int r = json_dump_callback(value, add_piece, &d, JSON_COMPACT | JSON_ENCODE_ANY | REALS);

	return r < 0 || d.error < 0 ? -ENOMEM : 0;
}
