/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing, at most two thirds full; removal closes the gap by moving back. */
#include "index/ino_map.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

void ino_map_done(struct ino_map *m)
{
	free(m->places);
	*m = (struct ino_map){ 0 };
}

static size_t home_of(const struct ino_map *m, uint64_t ino)
{
	return hash_mix64(ino) & m->mask;
}

static size_t place_of(const struct ino_map *m, uint64_t ino)
{
	size_t at = home_of(m, ino);

	while (m->places[at].ino && m->places[at].ino != ino)
		at = (at + 1) & m->mask;
	return at;
}

struct ino_entry *ino_map_find(const struct ino_map *m, uint64_t ino)
{
	struct ino_entry *e = m->places ? &m->places[place_of(m, ino)] : NULL;

	return e && e->ino ? e : NULL;
}

static int grow(struct ino_map *m)
{
	size_t old = m->places ? m->mask + 1 : 0, cap = old ? 2 * old : 64;
	struct ino_map bigger = { .n = m->n, .mask = cap - 1 };

	bigger.places = calloc(cap, sizeof(*bigger.places));
	if (!bigger.places)
		return -ENOMEM;
	for (size_t i = 0; i < old; i++)
		if (m->places[i].ino)
			bigger.places[place_of(&bigger, m->places[i].ino)] = m->places[i];
	free(m->places);
	*m = bigger;
	return 0;
}

int ino_map_set(struct ino_map *m, uint64_t ino, void *value, uint32_t number)
{
	size_t at;

	if (!m->places || (m->n + 1) * 3 > (m->mask + 1) * 2) {
		int r = grow(m);

		if (r < 0)
			return r;
	}
	at = place_of(m, ino);
	m->n += m->places[at].ino == 0;
	m->places[at] = (struct ino_entry){ ino, value, number };
	return 0;
}

void ino_map_remove(struct ino_map *m, uint64_t ino)
{
	size_t gap, at;

	if (!ino_map_find(m, ino))
		return;
	gap = at = place_of(m, ino);
	m->n--;
	for (;;) {
		m->places[gap].ino = 0;
		do {
			at = (at + 1) & m->mask;
			if (!m->places[at].ino)
				return;
			/* May this one move to the gap? Only if its home is not between gap and here. */
		} while (((at - home_of(m, m->places[at].ino)) & m->mask) < ((at - gap) & m->mask));
		m->places[gap] = m->places[at];
		gap = at;
	}
}

size_t ino_map_bytes(const struct ino_map *m)
{
	return m->places ? (m->mask + 1) * sizeof(*m->places) : 0;
}
