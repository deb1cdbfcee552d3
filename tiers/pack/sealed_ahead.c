/* SPDX-License-Identifier: MIT */
/* What is fetched ahead of those who read on; readers of it wait for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/pack/sealed_cache_impl.h"

/* What one request brings, at most. */
#define AHEAD_FRAMES 8u
#define AHEAD_CHUNKS 8u

/* Frames that are kept by themselves, or chunks. */
struct ahead {
	struct sealed_cache *c;
	struct cold_pack o;
	struct cold_frame frames[AHEAD_FRAMES];
	size_t n;               /* 0: chunks */
	uint64_t from, len;     /* in the pack */
	char key[BUCKET_KEY_MAX + 1];
	uint8_t data[];
};

static void store_frames(struct ahead *a, uint64_t came)
{
	for (size_t k = 0; k < a->n; k++) {
		const struct cold_frame *f = &a->frames[k];

		if (f->place + f->len - a->from <= came)
			sealed_cache_store(a->c, &a->o, SEALED_PART_FRAME | f->place, a->data + (f->place - a->from), f->len);
	}
}

static void store_chunks(struct ahead *a, uint64_t came)
{
	for (uint64_t at = 0; at < a->len; at += SEALED_CHUNK_SIZE)
		if (MIN(at + SEALED_CHUNK_SIZE, a->len) <= came)
			sealed_cache_store(a->c, &a->o, (a->from + at) / SEALED_CHUNK_SIZE, a->data + at, SEALED_CHUNK_SIZE);
}

static void ahead_done(void *context, const struct bucket_result *result)
{
	struct ahead *a = context;

	if (result->error >= 0 && a->n > 0)
		store_frames(a, result->len);
	else if (result->error >= 0)
		store_chunks(a, result->len);
	sealed_cache_end_flight(a->c, a->o.number, a->from, true);
	free(a);
}

/* Of the frames, the first ones that are not here and lie side by side; *ret_len bytes together. */
static size_t choose(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n,
		     struct cold_frame ret_chosen[AHEAD_FRAMES], uint64_t *ret_len)
{
	uint64_t len = 0;
	size_t chosen = 0;

	for (size_t k = 0; k < n && chosen < AHEAD_FRAMES; k++) {
		const struct cold_frame *f = &frames[k];
		bool follows = !chosen || f->place == ret_chosen[0].place + len;

		if (!cold_frame_is_large(*f) || !follows || f->place > o->size || f->len > o->size - f->place ||
		    sealed_cache_has_part(c, o->number, SEALED_PART_FRAME | f->place)) {
			if (chosen)
				break;
			continue;
		}
		ret_chosen[chosen++] = *f;
		len += f->len;
	}
	*ret_len = len;
	return chosen;
}

/* Of the chunks that small frames lie in, one after the other, the first ones that are not here; *ret_from, *ret_to in the
 * pack. False: there are none. */
static bool choose_chunks(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n,
			  uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t first, end, to = frames[0].place;

	for (size_t k = 0; k < n && !cold_frame_is_large(frames[k]) && frames[k].place == to && frames[k].len <= o->size - to; k++)
		to += frames[k].len;
	first = frames[0].place / SEALED_CHUNK_SIZE;
	end = MIN((to + SEALED_CHUNK_SIZE - 1) / SEALED_CHUNK_SIZE, first + AHEAD_CHUNKS);
	while (first < end && sealed_cache_has_part(c, o->number, first))
		first++;
	for (uint64_t k = first; k < end; k++)
		if (sealed_cache_has_part(c, o->number, k))
			end = k;
	*ret_from = first * SEALED_CHUNK_SIZE;
	*ret_to = MIN(end * SEALED_CHUNK_SIZE, o->size);
	return to > frames[0].place && first < end;
}

static int send_ahead(struct sealed_cache *c, struct ahead *a)
{
	const struct bucket_request request = {
		.op = BUCKET_GET, .cause = BUCKET_RECALL, .timeout_ms = AHEAD_MS, .key = a->key, .from = a->from,
		.data = a->data, .len = a->len,
	};
	struct bucket *b = atomic_load(&c->bucket);
	int r;

	if (!b || !sealed_cache_begin_flight(c, a->o.number, a->from, a->from + a->len, true))
		return -EBUSY;
	r = bucket_start(b, &request, ahead_done, a);
	if (r < 0)
		sealed_cache_end_flight(c, a->o.number, a->from, true);
	return r;
}

void sealed_cache_ahead(struct sealed_cache *c, const struct cold_pack *o, const struct cold_frame *frames, size_t n)
{
	struct cold_frame chosen[AHEAD_FRAMES];
	struct ahead *a;
	uint64_t len, from, to;
	size_t n_chosen;

	if (c->dirfd < 0 || n == 0)
		return;
	n_chosen = choose(c, o, frames, n, chosen, &len);
	if (n_chosen > 0) {
		from = chosen[0].place;
		to = from + len;
	} else if (frames[0].place >= o->size || !choose_chunks(c, o, frames, n, &from, &to)) {
		return;
	}
	a = malloc(sizeof(*a) + (to - from));
	if (!a)
		return;
	*a = (struct ahead){ .c = c, .o = *o, .n = n_chosen, .from = from, .len = to - from };
	memcpy(a->frames, chosen, n_chosen * sizeof(chosen[0]));
	(void) snprintf(a->key, sizeof(a->key), "%s", o->key);
	a->o.key = a->key;
	if (send_ahead(c, a) < 0)
		free(a);
}
