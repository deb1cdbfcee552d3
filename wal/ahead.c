/* SPDX-License-Identifier: MIT */
#include "wal/ahead.h"

#include "base/thread.h"

static void *sync_one(void *context)
{
	struct ahead_one *o = context;

	o->result = log_segment_sync(o->segment);
	return NULL;
}

void ahead_begin(struct ahead *a, struct segment **segments, size_t n)
{
	for (size_t i = 0; i < n && a->n < AHEAD_MAX; i++) {
		struct ahead_one *o = &a->one[a->n];

		o->segment = segments[i];
		if (thread_start(&o->thread, "log-sync", sync_one, o) < 0)
			return;
		a->n++;
	}
}

int ahead_end(struct ahead *a)
{
	int r = 0;

	for (; a->n > 0; a->n--) {
		struct ahead_one *o = &a->one[a->n - 1];

		(void) pthread_join(o->thread, NULL);
		o->segment->clean = o->result == 0;
		r = o->result < 0 ? o->result : r;
	}
	return r;
}
