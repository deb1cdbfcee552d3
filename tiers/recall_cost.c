/* SPDX-License-Identifier: MIT */
/* A file of many gigabytes has a hundred thousand extents: what the first ones cost stands for the others. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/file_impl.h"

#define EXTENTS_MAX 256u

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

/* The first extents in packs. *ret_bytes: what they hold of the file. */
static int first_extents(struct files *f, uint64_t ino, struct extent *ret_extents, size_t *ret_n, uint64_t *ret_bytes)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	int r = extent_walk_open(f->catalog, ino, 0, &walk);

	*ret_n = 0;
	*ret_bytes = 0;
	while (r >= 0 && *ret_n < EXTENTS_MAX && (r = extent_walk_next(walk, &ret_extents[*ret_n])) > 0) {
		const struct extent *e = &ret_extents[*ret_n];

		if (e->kind != EXTENT_PACK)
			continue;
		*ret_bytes += e->len;
		++*ret_n;
	}
	return MIN(r, 0);
}

static uint64_t scaled(uint64_t v, uint64_t to, uint64_t from)
{
	return (uint64_t)(((unsigned __int128)v * to + from - 1) / from);
}

int files_get_recall(struct files *f, const struct inode *i, bool all, struct files_recall *ret)
{
	_cleanup_free_ struct extent *extents = NULL;
	struct packs_missing sum = { 0 };
	uint64_t bytes;
	size_t n;
	int r;

	*ret = (struct files_recall){ 0 };
	if (!i->packed)
		return 0;
	extents = malloc(EXTENTS_MAX * sizeof(*extents));
	r = extents ? first_extents(f, i->ino, extents, &n, &bytes) : -ENOMEM;
	if (r >= 0)
		r = packs_ask_missing(f->packs, extents, n, all, &sum);
	if (r < 0 || !bytes)
		return r;
	ret->bytes = sum.bytes;
	ret->requests = sum.requests;
	if (n == EXTENTS_MAX && i->packed > bytes) {
		ret->bytes = scaled(sum.bytes, i->packed, bytes);
		ret->requests = scaled(sum.requests, i->packed, bytes);
	}
	return 0;
}
