/* SPDX-License-Identifier: MIT */
/* How fast moves may go, and when they pause. Pure arithmetic: time comes in (any monotonic clock), nothing is
 * asked, nobody sleeps. Not thread-safe: the caller has a lock, or one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* ---- token bucket: at most `rate` units (bytes, requests) a second, in bursts of up to `burst` */

struct token_bucket {
	uint64_t rate;    /* units a second; 0: no limit */
	uint64_t burst;   /* units; 0: what `rate` gives in a second */
	int64_t level;    /* units that may be taken; below zero: owed */
	uint64_t last_ns; /* up to when `level` counts */
};

/* Full. */
void token_bucket_init(struct token_bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ns);
/* Changes the rate; what was taken stays taken. */
void token_bucket_set_rate(struct token_bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ns);
/* Takes `units`, also when there are too few: a unit larger than the burst must pass, too. Returns for how many
 * nanoseconds the taker waits before it goes on; 0: not at all. */
uint64_t token_bucket_take(struct token_bucket *b, uint64_t units, uint64_t now_ns);
/* As token_bucket_take() where nothing would have to wait; else takes nothing and returns how long to wait. */
uint64_t token_bucket_try(struct token_bucket *b, uint64_t units, uint64_t now_ns);

/* ---- back-off: what share of their rate moves get while programs are busy */

struct pace_config {
	uint64_t calm;    /* operations a second up to which moves go at full rate; 0: 50 */
	uint64_t busy;    /* from which on they get the least; 0: 2000 */
	uint32_t least;   /* thousandths; 0: 20 */
};

struct pace {
	uint64_t operations, last_ns; /* of the last look */
	uint64_t rate;                /* operations a second: rises at once, halves in two seconds of calm */
	bool begun;
};

/* `operations`: how many programs have asked for so far, a counter that only rises. Looks less than 50 ms apart are
 * left out. */
void pace_note(struct pace *p, uint64_t operations, uint64_t now_ns);
/* Thousandths of the full rate: 1000 up to `calm`, `least` from `busy` on, falling between them as the logarithm of
 * the rate rises. */
uint32_t pace_share(const struct pace *p, const struct pace_config *config);
/* What of a rate is allowed; at least 1 of a rate that is not 0. */
uint64_t pace_apply(uint64_t rate, uint32_t share);

/* ---- suspension: moves pause when over half of them fail
 *
 *   moving --- over half of a round, or of 8 moves and more within `window_s`, failed ---> suspended, for back_off_s
 *   suspended --- time ---> trying: the next failure suspends again, for twice as long, at most back_off_max_s;
 *   trying --- a success ---> moving, and the next suspension is short again */

struct suspension_config {
	uint32_t window_s;        /* 600 */
	uint32_t back_off_s;      /* 60 */
	uint32_t back_off_max_s;  /* 3600 */
};

struct suspension {
	uint64_t begun_s;         /* the window */
	uint32_t moves, failures; /* within it */
	uint32_t round_moves, round_failures;
	uint32_t back_off_s;      /* of the present or the last suspension; 0: none, or a success came after it */
	uint64_t until_s;         /* suspended up to here; 0: not */
};

/* A move has ended. True: that suspends them. */
bool suspension_note(struct suspension *s, const struct suspension_config *config, bool failed, uint64_t now_s);
/* A round has ended. True: its failures suspend moves. Failures that did so already do not count again. */
bool suspension_end_round(struct suspension *s, const struct suspension_config *config, uint64_t now_s);
/* For how many seconds moves pause; 0: they may go on. */
uint64_t suspension_wait_s(const struct suspension *s, uint64_t now_s);
