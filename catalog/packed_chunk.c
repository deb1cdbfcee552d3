/* SPDX-License-Identifier: MIT */
#include "catalog/packed_chunk.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

const struct packed_member chunk_greatest = { .a = UINT64_MAX, .b = UINT64_MAX };

int chunk_compare(const struct packed_member *x, uint64_t a, uint64_t b)
{
	if (x->a != a)
		return x->a < a ? -1 : 1;
	return x->b == b ? 0 : x->b < b ? -1 : 1;
}

struct key chunk_key(const struct key *prefix, uint64_t a, uint64_t b)
{
	return key_u64(key_u64(*prefix, a), b);
}

size_t chunk_find(const struct packed_member *members, size_t n, uint64_t a, uint64_t b)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (chunk_compare(&members[middle], a, b) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

size_t chunk_encode(const struct packed_member *members, size_t n, uint8_t *out)
{
	uint8_t *at = put_varint(out, n);
	uint64_t a = 0, b = 0;

	for (size_t k = 0; k < n; k++) {
		const struct packed_member *m = &members[k];

		at = put_varint(at, m->a - a);
		at = put_varint(at, (m->a == a ? m->b - b : m->b) << 1 | (m->n != 1));
		if (m->n != 1)
			at = put_varint(at, m->n);
		a = m->a;
		b = m->b;
	}
	return (size_t)(at - out);
}

static int decode_one(struct reader *in, const struct packed_member *before, struct packed_member *ret)
{
	uint64_t step = reader_varint(in), code = reader_varint(in);
	uint64_t n = code & 1 ? reader_varint(in) : 1;

	ret->a = before->a + step;
	ret->b = (code >> 1) + (step ? 0 : before->b);
	ret->n = (uint32_t)n;
	return in->bad || n == 0 || n > UINT32_MAX || ret->a < before->a || ret->b > PACKED_B_MAX ? -EBADMSG : 0;
}

int chunk_decode(const void *value, size_t len, struct packed_member members[CHUNK_MEMBERS_MAX])
{
	struct reader in = reader_over(value, len);
	uint64_t n = reader_varint(&in);
	struct packed_member before = { 0 };

	if (n > CHUNK_MEMBERS_MAX)
		return -EBADMSG;
	for (size_t k = 0; k < n; k++) {
		if (decode_one(&in, &before, &members[k]) < 0 ||
		    (k > 0 && chunk_compare(&members[k], before.a, before.b) <= 0))
			return -EBADMSG;
		before = members[k];
	}
	return in.bad || reader_left(&in) ? -EBADMSG : (int)n;
}

struct key change_prefix(const struct key *prefix)
{
	struct key key = key_start(LETTER_CHANGE);

	memcpy(key.bytes + key.len, prefix->bytes, prefix->len);
	key.len += prefix->len;
	return key;
}

struct key change_key(const struct key *prefix, uint64_t a, uint64_t b)
{
	struct key key = change_prefix(prefix);

	return chunk_key(&key, a, b);
}

size_t change_encode(uint32_t n, uint8_t *out)
{
	return (size_t)(put_varint(out, n) - out);
}

int change_decode(const void *value, size_t len, uint32_t *ret_n)
{
	struct reader in = reader_over(value, len);
	uint64_t n = reader_varint(&in);

	if (in.bad || reader_left(&in) || n > UINT32_MAX)
		return -EBADMSG;
	*ret_n = (uint32_t)n;
	return 0;
}
