/* SPDX-License-Identifier: MIT */
/* Private to the files about verifying. */
#pragma once

#include <pthread.h>

#include "tiers/file_impl.h"
#include "tiers/move/move_rate.h"
#include "tiers/scrub/scrub.h"
#include "tiers/verified.h"

struct scrub {
	struct scrub_config config;
	struct files *f;              /* borrowed */
	atomic_bool interrupted, running;
	atomic_uint waiting;          /* runs that somebody waits for */
	_Atomic uint64_t days, cold_days, bytes_s; /* the rules */

	pthread_mutex_t turn;         /* rank 4, I/O: held by a run */
	struct move_rate rate;        /* guarded by turn, as all below */
	struct scrub_progress at;
	uint64_t unsaved;             /* bytes read since progress was saved */
	struct verified sound;        /* objects of data segments that this run has opened */
	const struct scrub_run *run;
	struct scrub_report *report;
	uint64_t allowance;           /* bytes that are still due */
	uint64_t known;               /* records of damage */
};

/* So many bytes were read: waits as the rate demands. -EINTR. */
int scrub_take(struct scrub *s, uint64_t bytes);
/* Has the share been read, or does something else go first? -EINTR. */
int scrub_is_enough(struct scrub *s);
/* Progress, when it was long ago. */
int scrub_save(struct scrub *s, bool now);
/* `e` of the file is damaged. */
int scrub_note(struct scrub *s, uint64_t ino, const struct extent *e, bool cold);
/* What the pack says of itself is, though no file's bytes in it are. */
int scrub_note_pack(struct scrub *s, const struct pack_record *record);

/* scrub_hot.c: goes on with the hot tier. 1: it is done. 0: scrub_is_enough(). */
int scrub_hot(struct scrub *s);
/* scrub_packs.c: goes on with packs here, or in the bucket; so it returns, too. */
int scrub_packs(struct scrub *s, bool cold);

/* ---- scrub_look.c: one pack in one place */

struct pack_look {
	bool gone;        /* not where it should be */
	bool table;       /* its table cannot be read, so nothing is known of its frames */
	bool head;        /* header or dictionary are damaged, which no file needs */
	uint8_t *bad;     /* owned; a byte for each frame */
	uint32_t n_frames, n_bad;
	struct bucket_error error;
};

static inline bool pack_look_is_sound(const struct pack_look *l)
{
	return !l->gone && !l->table && !l->head && !l->n_bad;
}
void pack_look_done(struct pack_look *l);
/* Reads all of it; what does not open is asked for again. Errors of the bucket, with ret->error; -EINTR; -ENOMEM. */
int pack_look(struct scrub *s, const struct pack_record *record, bool cold, struct pack_look *ret);
/* Is its object there, of the right size? 1 or 0. Errors of the bucket, with *ret_error. */
int pack_glance(struct scrub *s, const struct pack_record *record, struct bucket_error *ret_error);

/* scrub_mend.c: the pack is damaged where it lies. 1: there was another copy, which is used from now on. 0: there is
 * none. */
int scrub_mend(struct scrub *s, const struct pack_record *record);
