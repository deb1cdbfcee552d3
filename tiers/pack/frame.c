/* SPDX-License-Identifier: MIT */
/* From a frame as it lies in its pack to its plain bytes. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/pack/codec.h"
#include "tiers/pack/pack.h"
#include "tiers/pack/pack_dictionary.h"
#include "tiers/pack/pack_impl.h"

struct pack_run *pack_run_free(struct pack_run *run)
{
	if (!run)
		return NULL;
	run->run = seal_run_free(run->run);
	free(run);
	return NULL;
}

int pack_run_open(struct keyring *keys, const struct seal_run_header *h, struct pack_run **ret_run)
{
	struct pack_run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	r = seal_run_open(keys, SEAL_PACK, h, &run->run);
	if (r < 0)
		free(run);
	else
		*ret_run = run;
	return r;
}

const struct seal_run_header *pack_run_get_header(const struct pack_run *run)
{
	return seal_run_get_header(run->run);
}

int pack_opener_new(struct pack_opener **ret_o)
{
	struct pack_opener *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	r = unpacker_new(&o->unpacker);
	if (r < 0)
		free(o);
	else
		*ret_o = o;
	return r;
}

struct pack_opener *pack_opener_free(struct pack_opener *o)
{
	if (!o)
		return NULL;
	o->unpacker = unpacker_free(o->unpacker);
	free(o);
	return NULL;
}

void pack_opener_memory(struct pack_opener *o, uint64_t *ret_bytes, uint64_t *ret_bound)
{
	unpacker_memory(o->unpacker, ret_bytes, ret_bound);
}

int pack_section_open(const struct pack_run *run, enum pack_kind kind, uint64_t nonce, uint64_t dictionary_id,
		      uint32_t place, void *sealed, size_t len)
{
	struct pack_bound b;

	pack_bind(pack_run_get_header(run)->id, kind, dictionary_id, place, &b);
	return seal_open(run->run, nonce, &b.at, sealed, len, sealed);
}

static bool frame_is_possible(const struct pack_frame *f)
{
	return f->plain_len >= 1 && f->plain_len <= PACK_FRAME_MAX && f->stored_len > 1 + SEAL_TAG_SIZE &&
	       f->stored_len <= f->plain_len + 1 + SEAL_TAG_SIZE;
}

int pack_frame_unseal(const struct pack_run *run, const struct pack_frame *f, uint64_t dictionary_id,
		      void *sealed)
{
	uint64_t nonce = PACK_NONCE_FRAMES + (uint64_t)f->number;

	if (!frame_is_possible(f))
		return -EBADMSG;
	return pack_section_open(run, PACK_FRAME, nonce, pack_frame_binding(f->plain_len, dictionary_id),
				 f->place, sealed, f->stored_len);
}

int pack_frame_open(struct pack_opener *o, const struct pack_run *run, const struct pack_frame *f, void *sealed,
		    const struct pack_dictionary *dictionary, void *ret_plain)
{
	int r = pack_frame_unseal(run, f, dictionary ? pack_dictionary_id(dictionary) : 0, sealed);

	if (r < 0)
		return r;
	return unpacker_unpack(o->unpacker, sealed, f->stored_len - SEAL_TAG_SIZE, dictionary, ret_plain,
			       f->plain_len);
}
