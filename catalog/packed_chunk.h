/* SPDX-License-Identifier: MIT */
/* Private to catalog/: the records of packed sets (packed_set.h). */
#pragma once

#include <stdbool.h>

#include "catalog/encode.h"
#include "catalog/packed_set.h"

/* More than a writer leaves: one that is about to be split has a member too many. */
#define CHUNK_MEMBERS_MAX (2 * PACKED_CHUNK_MAX)
#define CHUNK_BYTES_MAX (VARINT_MAX + CHUNK_MEMBERS_MAX * (2 * VARINT_MAX + 5))

/* Behind all pairs: where the last chunk ends. */
extern const struct packed_member chunk_greatest;

int chunk_compare(const struct packed_member *x, uint64_t a, uint64_t b);
/* Of a chunk that ends with this pair. */
struct key chunk_key(const struct key *prefix, uint64_t a, uint64_t b);
/* The first of n members that is not before the pair. */
size_t chunk_find(const struct packed_member *members, size_t n, uint64_t a, uint64_t b);
/* Returns bytes; `out` has room for CHUNK_BYTES_MAX. */
size_t chunk_encode(const struct packed_member *members, size_t n, uint8_t *out);
/* Returns how many there are; they rise. -EBADMSG. */
int chunk_decode(const void *value, size_t len, struct packed_member members[CHUNK_MEMBERS_MAX]);

/* The record of a pair that was changed since the last checkpoint; n 0: it is no member any more. */
#define LETTER_CHANGE 'z'
#define CHANGE_VALUE_MAX VARINT_MAX
/* Of all sets with a prefix: no pair follows in the key. */
static inline bool change_is_drop(size_t key_len)
{
	return key_len <= 1 + 16;
}
struct key change_prefix(const struct key *prefix);
struct key change_key(const struct key *prefix, uint64_t a, uint64_t b);
size_t change_encode(uint32_t n, uint8_t *out);
int change_decode(const void *value, size_t len, uint32_t *ret_n);
