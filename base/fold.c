/* SPDX-License-Identifier: MIT */
#include "base/fold.h"

#include <errno.h>
#include <stdlib.h>
#include <utf8proc.h>

/* Most names are ASCII, for which there is a quicker way. False: this one is not. */
static bool fold_ascii(const uint8_t *text, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= 128)
			return false;
		out[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 32 : text[i];
	}
	return true;
}

static int fold_unicode(const void *text, size_t len, struct buf *ret_folded)
{
	const utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD;
	utf8proc_uint8_t *folded = NULL;
	utf8proc_ssize_t n = utf8proc_map(text, (utf8proc_ssize_t)len, &folded, how);
	int r;

	if (n == UTF8PROC_ERROR_NOMEM)
		return -ENOMEM;
	if (n < 0)
		return buf_add(ret_folded, text, len);
	r = buf_add(ret_folded, folded, (size_t)n);
	free(folded);
	return r;
}

int fold_text(const void *text, size_t len, struct buf *ret_folded)
{
	uint8_t *out;
	int r = buf_extend(ret_folded, len, &out);

	if (r < 0 || fold_ascii(text, len, out))
		return r;
	ret_folded->len -= len;
	return fold_unicode(text, len, ret_folded);
}
