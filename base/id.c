/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *ret_data, size_t len)
{
	char *place = ret_data;

	while (len > 0) {
		ssize_t n = getrandom(place, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			abort(); /* a predictable key or nonce would be worse than no process */
		place += n;
		len -= (size_t)n;
	}
}

struct id128 id128_random(void)
{
	struct id128 id;

	random_bytes(&id, sizeof(id));
	return id;
}

char *id128_format(struct id128 id, char ret_text[ID128_TEXT_SIZE])
{
	for (size_t i = 0; i < sizeof(id.bytes); i++)
		(void) snprintf(ret_text + 2 * i, 3, "%02x", id.bytes[i]);
	return ret_text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int id128_parse(const char *text, struct id128 *ret_id)
{
	struct id128 id;

	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if (text[2 * sizeof(id.bytes)])
		return -EINVAL;
	*ret_id = id;
	return 0;
}
