/* SPDX-License-Identifier: MIT */
/* Terms to dense numbers, in memory. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct term_entry {
	uint32_t hash;
	uint32_t len;
	size_t at; /* in the bytes */
};

struct term_table {
	struct buf bytes;           /* owned */
	struct term_entry *entries; /* owned */
	uint32_t *places;           /* owned; number + 1, 0 is empty */
	uint32_t n, cap, mask;
};

void term_table_done(struct term_table *t);
/* Forgets the terms and keeps the memory, unless that is a lot. */
void term_table_reset(struct term_table *t);
/* The term's number, or -1. */
int64_t term_table_find(const struct term_table *t, const void *term, size_t len);
/* The term's number; a new one is the next. -ENOMEM. */
int term_table_add(struct term_table *t, const void *term, size_t len, uint32_t *ret_number);
static inline const uint8_t *term_table_bytes(const struct term_table *t, uint32_t number)
{
	return t->bytes.data + t->entries[number].at;
}
size_t term_table_memory(const struct term_table *t);
