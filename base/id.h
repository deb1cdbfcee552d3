/* SPDX-License-Identifier: MIT */
/* 128-bit identifiers: random, compared by bytes, written as 32 hex digits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct id128 {
	uint8_t bytes[16];
};

#define ID128_TEXT_SIZE 33

/* From the kernel's generator; never fails after boot (it aborts on a machine without one). */
struct id128 id128_random(void);
/* Writes 32 lower-case hex digits and a NUL to `ret_text`, and returns it. */
char *id128_format(struct id128 id, char ret_text[ID128_TEXT_SIZE]);
/* -EINVAL unless `text` is 32 hex digits. */
int id128_parse(const char *text, struct id128 *ret_id);

static inline bool id128_equal(struct id128 a, struct id128 b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}
static inline bool id128_is_zero(struct id128 a)
{
	return id128_equal(a, (struct id128){ 0 });
}

void random_bytes(void *ret_data, size_t len);
