/* SPDX-License-Identifier: MIT */
#include "index/fingerprint.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "crypto/digest.h"

#define EMPTY UINT64_MAX
/* Two bytes that have nothing to do with each other are the same so often. */
#define BY_CHANCE (1.0 / 256)

/* ---- content */

void content_hash_begin(struct content_hash *h, const struct keyring *keys)
{
	*h = (struct content_hash){ .keys = keys };
}

void content_hash_add(struct content_hash *h, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		size_t n = MIN(len, (size_t)CONTENT_PIECE);
		const struct iovec pieces[] = { { &h->state, sizeof(h->state) }, { (void *)at, n } };

		h->state = digest_128(h->keys, DIGEST_CONTENT, pieces, ARRAY_SIZE(pieces));
		at += n;
		len -= n;
	}
}

struct id128 content_hash_end(const struct content_hash *h)
{
	return h->state;
}

/* ---- sketches: what is computed here is stored, so none of it may ever change */

/* FNV-1a (Fowler, Noll and Vo), 64 bits. */
static uint64_t hash_word(const char *word, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t k = 0; k < len; k++)
		h = (h ^ (uint8_t)word[k]) * 0x100000001b3ull;
	return h;
}

/* Of the last words, in their order. */
static uint64_t hash_shingle(const struct sketch_maker *m)
{
	uint64_t h = 0;

	for (uint64_t k = 0; k < SHINGLE; k++)
		h = h * 0x9e3779b97f4a7c15ull + m->words[(m->n + k) % SHINGLE];
	return hash_mix64(h);
}

void sketch_begin(struct sketch_maker *m)
{
	*m = (struct sketch_maker){ .n = 0 };
	for (size_t k = 0; k < SKETCH_SIZE; k++)
		m->least[k] = EMPTY;
}

void sketch_word(struct sketch_maker *m, const char *word, size_t len)
{
	uint64_t h, *least;

	m->words[m->n++ % SHINGLE] = hash_word(word, len);
	if (m->n < SHINGLE)
		return;
	h = hash_shingle(m);
	least = &m->least[h % SKETCH_SIZE];
	h /= SKETCH_SIZE;
	*least = MIN(*least, h);
}

/* An empty bin takes what another has, which all sketches choose by the same sequence of numbers. */
static uint64_t filled(const struct sketch_maker *m, uint64_t bin)
{
	uint64_t value = m->least[bin];

	for (uint64_t round = 1; value == EMPTY; round++)
		value = m->least[hash_mix64(bin << 32 | round) % SKETCH_SIZE];
	return value;
}

void sketch_end(struct sketch_maker *m, struct fingerprint *ret_f)
{
	ret_f->has_sketch = m->n >= SHINGLES_MIN + SHINGLE - 1;
	for (size_t k = 0; k < SKETCH_SIZE; k++)
		ret_f->sketch[k] = ret_f->has_sketch ? (uint8_t)(hash_mix64(filled(m, k)) >> 56) : 0;
}

double sketch_resemblance(const uint8_t a[SKETCH_SIZE], const uint8_t b[SKETCH_SIZE])
{
	unsigned same = 0;
	double r;

	for (size_t k = 0; k < SKETCH_SIZE; k++)
		same += a[k] == b[k];
	r = ((double)same / SKETCH_SIZE - BY_CHANCE) / (1 - BY_CHANCE);
	return MAX(r, 0.0);
}
