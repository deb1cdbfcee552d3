/* SPDX-License-Identifier: MIT */
#include "tiers/move/throttle.h"

#include "base/cleanup.h"

#define SECOND_NS 1000000000u
/* Half of what a level holds, so that two of them can be added. */
#define LEVEL_MAX (INT64_MAX / 2)

/* ---- token bucket */

static int64_t burst_of(const struct token_bucket *b)
{
	uint64_t burst = b->burst ? b->burst : b->rate;

	return (int64_t)MIN(burst, (uint64_t)LEVEL_MAX);
}

void token_bucket_init(struct token_bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ns)
{
	*b = (struct token_bucket){ .rate = rate, .burst = burst, .last_ns = now_ns };
	b->level = burst_of(b);
}

/* Adds what came since the last time. What is less than a unit stays in last_ns. */
static void refill(struct token_bucket *b, uint64_t now_ns)
{
	unsigned __int128 came;
	int64_t room = burst_of(b) - b->level;

	if (now_ns <= b->last_ns || b->rate == 0)
		return;
	came = (unsigned __int128)(now_ns - b->last_ns) * b->rate / SECOND_NS;
	if (came >= (uint64_t)MAX(room, (int64_t)0)) {
		b->level += MAX(room, (int64_t)0);
		b->last_ns = now_ns;
	} else {
		b->level += (int64_t)came;
		b->last_ns += (uint64_t)(came * SECOND_NS / b->rate);
	}
}

void token_bucket_set_rate(struct token_bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ns)
{
	refill(b, now_ns);
	if (b->rate == 0)
		b->last_ns = now_ns;
	b->rate = rate;
	b->burst = burst;
	b->level = MIN(b->level, burst_of(b));
}

static uint64_t ns_for(const struct token_bucket *b, uint64_t units)
{
	unsigned __int128 ns = ((unsigned __int128)units * SECOND_NS + b->rate - 1) / b->rate;

	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static void take(struct token_bucket *b, uint64_t units)
{
	int64_t level = b->level - (int64_t)MIN(units, (uint64_t)LEVEL_MAX);

	b->level = MAX(level, -LEVEL_MAX);
}

uint64_t token_bucket_take(struct token_bucket *b, uint64_t units, uint64_t now_ns)
{
	if (b->rate == 0)
		return 0;
	refill(b, now_ns);
	take(b, units);
	return b->level >= 0 ? 0 : ns_for(b, (uint64_t)-b->level);
}

uint64_t token_bucket_try(struct token_bucket *b, uint64_t units, uint64_t now_ns)
{
	int64_t wanted;

	if (b->rate == 0)
		return 0;
	refill(b, now_ns);
	wanted = (int64_t)MIN(units, (uint64_t)burst_of(b));
	if (b->level < wanted)
		return ns_for(b, (uint64_t)wanted - (uint64_t)b->level);
	take(b, units);
	return 0;
}

/* ---- back-off */

#define CALM 50
#define BUSY 2000
#define LEAST 20
#define LOOK_NS 50000000u
#define HALF_NS 2000000000u

/* After so much time of calm. */
static uint64_t decayed(uint64_t rate, uint64_t passed_ns)
{
	uint64_t halves = passed_ns / HALF_NS, rest = passed_ns % HALF_NS;

	if (halves > 63)
		return 0;
	rate >>= halves;
	/* Within a half-life, a straight line. */
	return rate - (uint64_t)((unsigned __int128)rate * rest / HALF_NS / 2);
}

void pace_note(struct pace *p, uint64_t operations, uint64_t now_ns)
{
	uint64_t passed = now_ns - p->last_ns, now_rate;

	if (p->begun && (now_ns < p->last_ns || passed < LOOK_NS))
		return;
	if (p->begun) {
		now_rate = operations > p->operations ?
			(uint64_t)((unsigned __int128)(operations - p->operations) * SECOND_NS / passed) : 0;
		p->rate = MAX(now_rate, decayed(p->rate, passed));
	}
	p->begun = true;
	p->operations = operations;
	p->last_ns = now_ns;
}

/* 1024 log2(v), v > 0, by a straight line between powers of two. */
static uint64_t log2_1024(uint64_t v)
{
	unsigned whole = 63u - (unsigned)__builtin_clzll(v);

	return whole * 1024 + (uint64_t)((unsigned __int128)(v - (1ull << whole)) * 1024 >> whole);
}

uint32_t pace_share(const struct pace *p, const struct pace_config *config)
{
	uint64_t calm = config->calm ? config->calm : CALM, busy = config->busy ? config->busy : BUSY;
	uint32_t least = MIN(config->least ? config->least : LEAST, 1000u);
	uint64_t above, span;

	if (p->rate <= calm)
		return 1000;
	if (p->rate >= busy)
		return least;
	above = log2_1024(p->rate) - log2_1024(calm);
	span = log2_1024(busy) - log2_1024(calm);
	return span == 0 ? least : (uint32_t)(1000 - (1000 - least) * MIN(above, span) / span);
}

uint64_t pace_apply(uint64_t rate, uint32_t share)
{
	uint64_t allowed = (uint64_t)((unsigned __int128)rate * share / 1000);

	return rate > 0 && allowed == 0 ? 1 : allowed;
}

/* ---- suspension */

#define WINDOW_S 600
#define BACK_OFF_S 60
#define BACK_OFF_MAX_S 3600
#define MOVES_MIN 8

static void suspend(struct suspension *s, const struct suspension_config *config, uint64_t now_s)
{
	uint32_t first = config->back_off_s ? config->back_off_s : BACK_OFF_S;
	uint32_t most = config->back_off_max_s ? config->back_off_max_s : BACK_OFF_MAX_S;

	s->back_off_s = s->back_off_s ? MIN(s->back_off_s, UINT32_MAX / 2) * 2 : first;
	most = MAX(most, first);
	s->back_off_s = MIN(s->back_off_s, most);
	s->until_s = now_s + s->back_off_s;
	s->moves = s->failures = s->round_moves = s->round_failures = 0;
	s->begun_s = s->until_s;
}

bool suspension_note(struct suspension *s, const struct suspension_config *config, bool failed, uint64_t now_s)
{
	uint32_t window = config->window_s ? config->window_s : WINDOW_S;
	bool trying = s->back_off_s > 0;

	/* Moves that were on their way when it was decided. */
	if (now_s < s->until_s)
		return false;
	if (now_s - s->begun_s >= window) {
		s->begun_s = now_s;
		s->moves = s->failures = 0;
	}
	s->moves++;
	s->round_moves++;
	s->failures += failed;
	s->round_failures += failed;
	if (!failed)
		s->back_off_s = 0;
	if (!failed || (!trying && (s->moves < MOVES_MIN || s->failures <= s->moves / 2)))
		return false;
	suspend(s, config, now_s);
	return true;
}

bool suspension_end_round(struct suspension *s, const struct suspension_config *config, uint64_t now_s)
{
	bool failed = s->round_failures > s->round_moves / 2 && now_s >= s->until_s;

	s->round_moves = s->round_failures = 0;
	if (failed)
		suspend(s, config, now_s);
	return failed;
}

uint64_t suspension_wait_s(const struct suspension *s, uint64_t now_s)
{
	return now_s < s->until_s ? s->until_s - now_s : 0;
}
