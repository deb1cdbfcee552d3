/* SPDX-License-Identifier: MIT */
#include "tiers/pack/pack_dictionary.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>
#include <zstd_errors.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "tiers/pack/codec.h"
#include "tiers/pack/dictionary_impl.h"
#include "tiers/pack/pack_format.h"

/* zstd learns nothing from fewer, and makes none that is smaller. */
#define SAMPLES_MIN 8u
#define SIZE_MIN    1024u
/* What training takes at most, beside the samples. */
#define TRAINING_MEMORY (32u << 20)

DEFINE_CLEANUP(struct pack_dictionary *, pack_dictionary_free)
DEFINE_CLEANUP(struct packer *, packer_free)

struct pack_dictionary *pack_dictionary_free(struct pack_dictionary *d)
{
	if (!d)
		return NULL;
	d->code = dictionary_code_free(d->code);
	free(d->bytes);
	free(d);
	return NULL;
}

/* Takes the bytes in any case. */
static int make(uint64_t id, uint8_t *bytes, size_t len, struct pack_dictionary **ret_d)
{
	_cleanup_(pack_dictionary_freep) struct pack_dictionary *d = calloc(1, sizeof(*d));
	int r;

	if (!d) {
		free(bytes);
		return -ENOMEM;
	}
	*d = (struct pack_dictionary){ .id = id, .len = len, .bytes = bytes };
	r = dictionary_code_new(d->bytes, d->len, &d->code);
	if (r >= 0)
		*ret_d = steal_ptr(&d);
	return r;
}

static uint64_t random_id(void)
{
	uint64_t id = 0;

	while (id == 0)
		random_bytes(&id, sizeof(id));
	return id;
}

/* What it says without memory depends on where it found none. */
static int train_error(size_t code)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_srcSize_wrong:
	case ZSTD_error_dictionaryCreation_failed:
		return -ENODATA;
	default:
		return -ENOMEM;
	}
}

/* zstd 1.5.4 crashes when it finds no memory in the middle of training, so there had better be some. */
static bool has_memory(const struct pack_samples *s)
{
	size_t need = TRAINING_MEMORY;
	void *volatile tried; /* or the compiler leaves both calls out */

	for (size_t k = 0; k < s->n; k++)
		need += 2 * s->lens[k];
	tried = malloc(need);
	free(tried);
	return tried;
}

int pack_dictionary_train(const struct pack_samples *s, size_t size, struct pack_dictionary **ret_d)
{
	uint8_t *bytes;
	size_t n;

	size = size ? MIN(size, (size_t)PACK_DICTIONARY_MAX) : PACK_DICTIONARY_SIZE;
	if (s->n < SAMPLES_MIN || s->n > UINT_MAX || size < SIZE_MIN)
		return -ENODATA;
	bytes = has_memory(s) ? malloc(size) : NULL;
	if (!bytes)
		return -ENOMEM;
	n = ZDICT_trainFromBuffer(bytes, size, s->bytes, s->lens, (unsigned)s->n);
	if (ZDICT_isError(n)) {
		free(bytes);
		return train_error(n);
	}
	return make(random_id(), bytes, n, ret_d);
}

int pack_dictionary_load(uint64_t id, const void *bytes, size_t len, struct pack_dictionary **ret_d)
{
	uint8_t *copy;

	if (id == 0 || len == 0 || len > PACK_DICTIONARY_MAX)
		return -EBADMSG;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	return make(id, copy, len, ret_d);
}

uint64_t pack_dictionary_id(const struct pack_dictionary *d)
{
	return d->id;
}

const void *pack_dictionary_bytes(const struct pack_dictionary *d, size_t *ret_len)
{
	*ret_len = d->len;
	return d->bytes;
}

size_t pack_dictionary_memory(const struct pack_dictionary *d)
{
	return sizeof(*d) + d->len + dictionary_code_memory(d->code);
}

static int measure(struct packer *p, const struct pack_samples *s, uint8_t *room, uint64_t *ret_stored)
{
	const uint8_t *at = s->bytes;
	uint64_t total = 0;

	for (size_t k = 0; k < s->n; at += s->lens[k++]) {
		size_t left = s->lens[k];

		for (const uint8_t *from = at; left > 0;) {
			size_t len = MIN(left, (size_t)PACK_FRAME_TARGET);
			ssize_t n = packer_pack(p, from, len, room);

			if (n < 0)
				return (int)n;
			total += (uint64_t)n + SEAL_TAG_SIZE;
			from += len;
			left -= len;
		}
	}
	*ret_stored = total;
	return 0;
}

int pack_dictionary_measure(const struct pack_dictionary *d, const struct pack_samples *s, int level,
			    uint64_t *ret_stored)
{
	_cleanup_(packer_freep) struct packer *p = NULL;
	_cleanup_free_ uint8_t *room = malloc(PACK_FRAME_TARGET + 1);
	int r = room ? packer_new(d, level, level, &p) : -ENOMEM;

	return r < 0 ? r : measure(p, s, room, ret_stored);
}

/* ---- does it pay?
 *
 * A dictionary costs its own size in each pack that uses it (about 26 KiB of 64), 64 KiB of memory for as long as a
 * pack of its time is read, a third of a second of training, and slower reading of small files. What it gains depends
 * on how alike files are: with 5183 abstracts, 0.14 of their plain bytes against files without one.
 *
 * It grows stale when the files change. The sign is that recent packs shrink less than its first ones did; but they
 * may hold files that nothing shrinks, so this is a reason to try, not to change: a fresh one is trained and the same
 * held-out samples are measured with both and with none. Then
 *   - the fresh one must save WORTH_CHANGING of what is stored: each change leaves one more dictionary that
 *     must be kept as long as its packs live;
 *   - any must save more than its size in a pack of the usual mixture. */

/* Fewer plain bytes say nothing. */
#define EVIDENCE_MIN (1u << 20)
/* In hundredths. */
#define STALE 110u
#define WORTH_CHANGING 95u
/* Nothing measured: what one saves at least of bytes that are any alike. */
#define SAVES_SHARE 10u

static enum pack_dictionary_advice look_at_packs(const struct pack_dictionary_record *r)
{
	double first, recent;

	if (r->recent_plain < EVIDENCE_MIN)
		return PACK_DICTIONARY_KEEP;
	if (r->first_plain == 0)
		return PACK_DICTIONARY_TRY; /* there is none */
	first = (double)r->first_stored / (double)r->first_plain;
	recent = (double)r->recent_stored / (double)r->recent_plain;
	return recent * 100 > first * STALE ? PACK_DICTIONARY_TRY : PACK_DICTIONARY_KEEP;
}

/* Does storing `with` instead of `without` of the samples save more than a dictionary takes, in a pack? */
static bool saves(const struct pack_dictionary_record *r, uint64_t with, uint64_t small_bytes)
{
	double share;

	if (with >= r->sample_without)
		return false;
	share = (double)(r->sample_without - with) / (double)r->sample_plain;
	return share * (double)small_bytes > (double)r->dictionary_stored;
}

enum pack_dictionary_advice pack_dictionary_advise(const struct pack_dictionary_record *r, uint64_t small_bytes)
{
	uint64_t with = r->sample_with ? r->sample_with : r->sample_without;

	if (r->sample_plain == 0)
		return look_at_packs(r);
	if (r->sample_fresh && (double)r->sample_fresh * 100 < (double)with * WORTH_CHANGING &&
	    saves(r, r->sample_fresh, small_bytes))
		return PACK_DICTIONARY_CHANGE;
	return saves(r, with, small_bytes) ? PACK_DICTIONARY_KEEP : PACK_DICTIONARY_DROP;
}

bool pack_dictionary_pays(uint64_t stored, uint64_t small_bytes)
{
	return small_bytes / SAVES_SHARE > stored;
}
