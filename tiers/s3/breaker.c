/* SPDX-License-Identifier: MIT */
#include "tiers/s3/breaker.h"

#include "base/cleanup.h"

void breaker_init(struct breaker *ret_b, unsigned threshold, uint32_t pause_first_ms, uint32_t pause_most_ms)
{
	*ret_b = (struct breaker){.threshold = threshold,
				  .pause_first_ms = pause_first_ms,
				  .pause_most_ms = pause_most_ms,
				  .pause_ms = pause_first_ms};
}

enum breaker_word breaker_ask(struct breaker *b, uint64_t now_ms)
{
	if (b->state == BUCKET_OPEN && now_ms >= b->until_ms) {
		b->state = BUCKET_HALF_OPEN;
		b->probing = false;
	}
	if (b->state == BUCKET_CLOSED)
		return BREAKER_GO;
	if (b->state == BUCKET_OPEN)
		return BREAKER_FAIL;
	return b->probing ? BREAKER_WAIT : BREAKER_PROBE;
}

void breaker_probing(struct breaker *b)
{
	b->probing = true;
}

void breaker_probe_lost(struct breaker *b)
{
	b->probing = false;
}

void breaker_success(struct breaker *b)
{
	b->state = BUCKET_CLOSED;
	b->probing = false;
	b->failures = 0;
	b->pause_ms = b->pause_first_ms;
}

static void open_for(struct breaker *b, const struct bucket_error *why, uint64_t now_ms)
{
	b->state = BUCKET_OPEN;
	b->probing = false;
	b->until_ms = now_ms + b->pause_ms;
	b->last = *why;
	b->opened++;
}

void breaker_failure(struct breaker *b, bool was_probe, const struct bucket_error *why, uint64_t now_ms)
{
	b->failures++;
	if (b->state == BUCKET_HALF_OPEN && was_probe) {
		b->pause_ms = MIN(b->pause_ms * 2, b->pause_most_ms);
		open_for(b, why, now_ms);
	} else if (b->state == BUCKET_CLOSED && b->failures >= b->threshold) {
		open_for(b, why, now_ms);
	}
}

uint64_t breaker_wait_ms(const struct breaker *b, uint64_t now_ms)
{
	return b->state == BUCKET_OPEN && b->until_ms > now_ms ? b->until_ms - now_ms : 0;
}
