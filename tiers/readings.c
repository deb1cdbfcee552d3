/* SPDX-License-Identifier: MIT */
#include "tiers/readings.h"

#include "base/clock.h"
#include "tiers/file_impl.h"

/* Taken, and not yet filled. */
#define TAKEN UINT64_MAX

struct reading_place *readings_begin(struct readings *rs, uint64_t ino, uint64_t bytes)
{
	for (unsigned k = 0; k < FILES_READINGS_MAX; k++) {
		struct reading_place *p = &rs->places[k];
		uint64_t none = 0;

		if (atomic_load(&p->ino) || !atomic_compare_exchange_strong(&p->ino, &none, TAKEN))
			continue;
		atomic_store(&p->bytes, bytes);
		atomic_store(&p->began_ms, clock_mono_ms());
		atomic_store(&p->ino, ino);
		return p;
	}
	return NULL;
}

void readings_end(struct reading_place *p)
{
	if (p)
		atomic_store(&p->ino, 0);
}

unsigned files_list_readings(struct files *f, uint64_t min_ms, struct files_reading ret[FILES_READINGS_MAX])
{
	uint64_t now_ms = clock_mono_ms();
	unsigned n = 0;

	for (unsigned k = 0; k < FILES_READINGS_MAX; k++) {
		struct reading_place *p = &f->readings.places[k];
		uint64_t ino = atomic_load(&p->ino), bytes = atomic_load(&p->bytes), began_ms = atomic_load(&p->began_ms);

		/* Another one may have taken the place meanwhile. */
		if (!ino || ino == TAKEN || atomic_load(&p->ino) != ino || began_ms > now_ms || now_ms - began_ms < min_ms)
			continue;
		ret[n++] = (struct files_reading){ ino, bytes, now_ms - began_ms };
	}
	return n;
}
