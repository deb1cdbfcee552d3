/* SPDX-License-Identifier: MIT */
#include "tiers/move/move_rate.h"

#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* What the share of busy programs is taken of where there is no limit. */
#define FULL_BYTES_S (400ull << 20)
/* Thousandths of it, however busy they are, for what somebody has asked for. */
#define LEAST_ASKED 250u
/* Busy programs may fall silent: it is looked again after so long. */
#define SLICE_NS 50000000u
/* It waits when it has so much to wait for, and then for all of it: a thread that sleeps and wakes hundreds of times
 * a second is in the way of programs each time, on one processor after the other (with 5 ms instead, creating a file
 * took 2.5 ms at the 99th percentile and with this 1.4, of the same bytes a second). */
#define DEBT_NS 200000000u

static uint64_t present_rate(struct move_rate *r, uint64_t now_ns)
{
	const struct pace_config pace = { .least = r->background ? 0 : LEAST_ASKED };
	uint32_t share;

	if (!r->requests)
		return r->bytes_s;
	pace_note(&r->pace, r->requests(r->context), now_ns);
	share = pace_share(&r->pace, &pace);
	if (share >= 1000)
		return r->bytes_s;
	return pace_apply(r->bytes_s ? r->bytes_s : FULL_BYTES_S, share);
}

static void set_rate(struct move_rate *r, uint64_t now_ns)
{
	uint64_t rate = present_rate(r, now_ns);

	if (!r->begun)
		token_bucket_init(&r->tokens, rate, 0, now_ns);
	else if (rate != r->tokens.rate)
		token_bucket_set_rate(&r->tokens, rate, 0, now_ns);
	r->begun = true;
}

static void nap(uint64_t ns)
{
	const struct timespec t = { .tv_nsec = (long)MIN(ns, (uint64_t)SLICE_NS) };

	(void) nanosleep(&t, NULL);
}

int move_rate_take(struct move_rate *r, uint64_t bytes)
{
	uint64_t now_ns = clock_mono_ns(), wait_ns;

	if (!r)
		return 0;
	if (r->moved)
		atomic_fetch_add(r->moved, bytes);
	set_rate(r, now_ns);
	wait_ns = token_bucket_take(&r->tokens, bytes, now_ns);
	if (wait_ns < DEBT_NS)
		return 0;
	while (wait_ns > 0) {
		if (r->interrupted && atomic_load(r->interrupted))
			return -EINTR;
		nap(wait_ns);
		now_ns = clock_mono_ns();
		set_rate(r, now_ns);
		wait_ns = token_bucket_take(&r->tokens, 0, now_ns);
	}
	return 0;
}
