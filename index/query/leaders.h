/* SPDX-License-Identifier: MIT */
/* Texts of which no two are alike, so that one asks for those that a further one is like. Found by locality-sensitive
 * hashing of their sketches (fingerprint.h; banding as in Leskovec, Rajaraman and Ullman, Mining of Massive Datasets,
 * 3.4): texts that agree in all rows of one of LEADERS_BANDS bands are compared. Of texts whose resemblance is 0.8 all
 * but one in ten million do, at 0.6 all but one in a hundred, at 0.5 one in eight does not.
 *
 * Where very many agree in a band (forms that were filled in), those that came last are looked at, LEADERS_LOOKS at
 * most a question. Some 440 bytes a leader. Not thread-safe. */
#pragma once

#include "index/fingerprint.h"

#define LEADERS_ROWS 4u
#define LEADERS_BANDS (SKETCH_SIZE / LEADERS_ROWS)
#define LEADERS_LOOKS 2048u
#define LEADER_NONE UINT32_MAX

struct leaders {
	uint32_t n, max;
	uint32_t mask;    /* of buckets */
	uint8_t *sketches; /* owned; SKETCH_SIZE each */
	uint32_t *next;   /* owned; for each and each band: the one before in its bucket, LEADER_NONE at the end */
	uint32_t *heads;  /* owned; for each band the buckets: the last in it */
	uint32_t *asked;  /* owned; the last question that looked at it */
	uint32_t question;
};

/* For `max` at most. -ENOMEM. */
int leaders_init(struct leaders *l, uint32_t max);
void leaders_done(struct leaders *l);
/* The one that it is most like, and at least so much; of several the first. LEADER_NONE. */
uint32_t leaders_find(struct leaders *l, const uint8_t sketch[SKETCH_SIZE], double threshold);
/* Its number: they count from 0. */
uint32_t leaders_add(struct leaders *l, const uint8_t sketch[SKETCH_SIZE]);
