/* SPDX-License-Identifier: MIT */
/* A growing byte buffer, and a cursor that reads one back without ever running past its end.
 * Not thread-safe. Writers report -ENOMEM and leave the buffer as it was. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf {
	uint8_t *data; /* owned; NULL when cap is 0 */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
};

#define BUF_INIT ((struct buf){ 0 })
#define _cleanup_buf_ _cleanup_(buf_done)

void buf_done(struct buf *b);
/* Forgets the contents and keeps the memory. */
void buf_reset(struct buf *b);
/* Overwrites the contents with zeros, then releases them: for keys and passphrases. */
void buf_wipe(struct buf *b);

/* Makes room for `extra` bytes beyond len. -ENOMEM. */
int buf_reserve(struct buf *b, size_t extra);
/* Extends len by `extra` bytes of undefined content and returns their place in *ret_place. */
int buf_extend(struct buf *b, size_t extra, void *ret_place);
int buf_add(struct buf *b, const void *data, size_t len);
int buf_add_str(struct buf *b, const char *s);
int buf_add_u8(struct buf *b, uint8_t v);
int buf_add_le16(struct buf *b, uint16_t v);
int buf_add_le32(struct buf *b, uint32_t v);
int buf_add_le64(struct buf *b, uint64_t v);
int buf_add_be64(struct buf *b, uint64_t v);
/* LEB128, at most 10 bytes. */
int buf_add_varint(struct buf *b, uint64_t v);
/* varint length, then the bytes. */
int buf_add_bytes(struct buf *b, const void *data, size_t len);
int buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Appends a NUL that len does not count and returns the contents as a string, NULL without memory. */
char *buf_cstr(struct buf *b);

/* Reads forward over borrowed bytes. The first read past the end sets `bad`; from then on every
 * read gives zeros, so that a decoder checks once, at its end. */
struct reader {
	const uint8_t *at, *end; /* borrowed */
	bool bad;
};

static inline struct reader reader_over(const void *data, size_t len)
{
	return (struct reader){ .at = data, .end = (const uint8_t *)data + len };
}
static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

uint8_t reader_u8(struct reader *r);
uint16_t reader_le16(struct reader *r);
uint32_t reader_le32(struct reader *r);
uint64_t reader_le64(struct reader *r);
uint64_t reader_be64(struct reader *r);
uint64_t reader_varint(struct reader *r);
/* Returns the place of the next `len` bytes, borrowed, or NULL past the end. */
const void *reader_take(struct reader *r, size_t len);
/* varint length, then the bytes: the counterpart of buf_add_bytes(). */
const void *reader_bytes(struct reader *r, size_t *ret_len);
