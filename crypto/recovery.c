/* SPDX-License-Identifier: MIT */
#include "crypto/recovery.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define CHECK_SIZE 3
#define BYTES (RECOVERY_KEY_SIZE + CHECK_SIZE)
#define SYMBOLS (BYTES * 8 / 5)
#define GROUP 8
#define TEXT_SIZE (SYMBOLS + SYMBOLS / GROUP - 1)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void checksum(const uint8_t key[RECOVERY_KEY_SIZE], uint8_t ret_check[CHECK_SIZE])
{
	uint8_t digest[32];

	(void) crypto_generichash_blake2b(digest, sizeof(digest), key, RECOVERY_KEY_SIZE, NULL, 0);
	memcpy(ret_check, digest, CHECK_SIZE);
	sodium_memzero(digest, sizeof(digest));
}

/* Five bits, the most significant first. */
static unsigned symbol_at(const uint8_t bytes[BYTES], size_t i)
{
	unsigned value = 0;
	size_t bit;

	for (bit = i * 5; bit < i * 5 + 5; bit++)
		value = value << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1u);
	return value;
}

int recovery_print(const uint8_t key[RECOVERY_KEY_SIZE], struct buf *ret_text)
{
	uint8_t bytes[BYTES];
	size_t i;
	int r;

	r = buf_reserve(ret_text, TEXT_SIZE); /* at once: growing would leave copies behind */
	if (r < 0)
		return r;
	memcpy(bytes, key, RECOVERY_KEY_SIZE);
	checksum(key, bytes + RECOVERY_KEY_SIZE);
	for (i = 0; i < SYMBOLS; i++) {
		if (i > 0 && i % GROUP == 0)
			ret_text->data[ret_text->len++] = '-';
		ret_text->data[ret_text->len++] = (uint8_t)alphabet[symbol_at(bytes, i)];
	}
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}

static int symbol_value(char c)
{
	const char *place;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	place = c ? strchr(alphabet, c) : NULL;
	return place ? (int)(place - alphabet) : -1;
}

static int decode(const char *text, size_t len, uint8_t ret_bytes[BYTES])
{
	size_t i, bit = 0;
	int b;

	memset(ret_bytes, 0, BYTES);
	for (i = 0; i < len; i++) {
		int value = symbol_value(text[i]);

		if (memchr("- \t\r\n", text[i], 5))
			continue;
		if (value < 0 || bit == BYTES * 8)
			return -EINVAL;
		for (b = 4; b >= 0; b--, bit++)
			ret_bytes[bit / 8] |= (uint8_t)((value >> b & 1) << (7 - bit % 8));
	}
	return bit == BYTES * 8 ? 0 : -EINVAL;
}

int recovery_parse(const void *text, size_t len, uint8_t ret_key[RECOVERY_KEY_SIZE])
{
	uint8_t bytes[BYTES], check[CHECK_SIZE];
	int r = decode(text, len, bytes);

	if (r == 0) {
		checksum(bytes, check);
		if (sodium_memcmp(check, bytes + RECOVERY_KEY_SIZE, CHECK_SIZE) != 0)
			r = -EINVAL;
	}
	if (r == 0)
		memcpy(ret_key, bytes, RECOVERY_KEY_SIZE);
	sodium_memzero(bytes, sizeof(bytes));
	return r;
}
