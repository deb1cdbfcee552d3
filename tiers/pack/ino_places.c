/* SPDX-License-Identifier: MIT */
#include "tiers/pack/ino_places.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

#define ROOM_MIN 64u

void ino_places_done(struct ino_places *p)
{
	free(p->inos);
	free(p->places);
	*p = (struct ino_places){ 0 };
}

/* Where it is, or would be. */
static size_t find_slot(const struct ino_places *p, uint64_t ino)
{
	size_t slot = hash_mix64(ino) & (p->room - 1);

	while (p->inos[slot] != 0 && p->inos[slot] != ino)
		slot = (slot + 1) & (p->room - 1);
	return slot;
}

static int grow(struct ino_places *p)
{
	struct ino_places larger = { .room = p->room ? p->room * 2 : ROOM_MIN, .n = p->n };

	larger.inos = calloc(larger.room, sizeof(*larger.inos));
	larger.places = calloc(larger.room, sizeof(*larger.places));
	if (!larger.inos || !larger.places) {
		ino_places_done(&larger);
		return -ENOMEM;
	}
	for (size_t k = 0; k < p->room; k++) {
		size_t slot;

		if (p->inos[k] == 0)
			continue;
		slot = find_slot(&larger, p->inos[k]);
		larger.inos[slot] = p->inos[k];
		larger.places[slot] = p->places[k];
	}
	ino_places_done(p);
	*p = larger;
	return 0;
}

int ino_places_put(struct ino_places *p, uint64_t ino, uint32_t place)
{
	size_t slot;
	int r = (p->n + 1) * 4 > p->room * 3 ? grow(p) : 0;

	if (r < 0)
		return r;
	slot = find_slot(p, ino);
	if (p->inos[slot] == ino)
		return 0;
	p->inos[slot] = ino;
	p->places[slot] = place;
	p->n++;
	return 0;
}

int ino_places_get(const struct ino_places *p, uint64_t ino, uint32_t *ret_place)
{
	size_t slot;

	if (p->room == 0 || ino == 0)
		return -ENOENT;
	slot = find_slot(p, ino);
	if (p->inos[slot] != ino)
		return -ENOENT;
	*ret_place = p->places[slot];
	return 0;
}
