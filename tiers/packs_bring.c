/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/packs_impl.h"

_Static_assert(PACKS_BRING_BYTES == COLD_RANGE_MAX, "what callers gather comes in one request");

/* Extents of one pack, side by side in the list; those of other kinds among them do not count. */
static size_t count_same(const struct extent *extents, size_t n, uint64_t *ret_pack)
{
	size_t k = 0;

	*ret_pack = 0;
	for (; k < n; k++) {
		if (extents[k].kind != EXTENT_PACK)
			continue;
		if (*ret_pack && extents[k].segment != *ret_pack)
			break;
		*ret_pack = extents[k].segment;
	}
	return k;
}

static size_t collect(const struct extent *extents, size_t n, struct cold_frame *ret_frames)
{
	size_t n_frames = 0;

	for (size_t k = 0; k < n; k++)
		if (extents[k].kind == EXTENT_PACK)
			ret_frames[n_frames++] = (struct cold_frame){ extents[k].place, extents[k].stored_len };
	return n_frames;
}

typedef int (*cold_frames_fn)(struct packs *p, const struct cold_pack *o, struct cold_frame *frames, size_t n, void *context);

/* Calls `take` for the frames of each pack that is cold. */
static int foreach_cold(struct packs *p, const struct extent *extents, size_t n, cold_frames_fn take, void *context)
{
	_cleanup_free_ struct cold_frame *frames = malloc((n + 1) * sizeof(*frames));
	char key[PACK_KEY_SIZE];
	struct cold_pack o;
	int r = frames ? 0 : -ENOMEM;

	for (size_t k = 0, same; r >= 0 && k < n; k += same) {
		uint64_t pack;
		size_t n_frames;

		same = count_same(extents + k, n - k, &pack);
		n_frames = collect(extents + k, same, frames);
		r = n_frames ? packs_get_cold(p, pack, key, &o) : 0;
		if (r > 0)
			r = take(p, &o, frames, n_frames, context);
	}
	return r;
}

static int bring(struct packs *p, const struct cold_pack *o, struct cold_frame *frames, size_t n, void *context)
{
	return sealed_cache_bring(packs_cache(p), o, frames, n, context);
}

int packs_bring(struct packs *p, const struct extent *extents, size_t n, const atomic_bool *stop)
{
	int r = foreach_cold(p, extents, n, bring, (void *)stop);

	/* A pack that went away meanwhile: who reads looks again. */
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	return r >= 0 || r == -ENOMEM || r == -EINTR ? r : -EIO;
}

struct asking {
	bool all;
	struct packs_missing *sum;
};

static int ask(struct packs *p, const struct cold_pack *o, struct cold_frame *frames, size_t n, void *context)
{
	const struct asking *a = context;
	_cleanup_free_ struct cold_range *ranges = malloc((n + 1) * sizeof(*ranges));
	size_t n_ranges;

	if (!ranges)
		return -ENOMEM;
	n_ranges = sealed_cache_missing(packs_cache(p), o, frames, n, a->all, ranges);
	a->sum->requests += n_ranges;
	for (size_t k = 0; k < n_ranges; k++)
		a->sum->bytes += ranges[k].len;
	return 0;
}

int packs_ask_missing(struct packs *p, const struct extent *extents, size_t n, bool all, struct packs_missing *sum)
{
	struct asking a = { all, sum };

	return foreach_cold(p, extents, n, ask, &a);
}
