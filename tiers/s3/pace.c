/* SPDX-License-Identifier: MIT */
#include "tiers/s3/pace.h"

#include "base/cleanup.h"

#define THOUSAND  1000

void rate_init(struct rate *ret_r, uint64_t per_s, uint64_t now_ms)
{
	if (per_s > RATE_MOST)
		per_s = 0;
	*ret_r = (struct rate){ .per_s = per_s, .tokens = (int64_t)per_s * THOUSAND, .at_ms = now_ms };
}

/* Tokens per second are thousandths per millisecond. */
static void flow(struct rate *r, uint64_t now_ms)
{
	int64_t full = (int64_t)r->per_s * THOUSAND;
	uint64_t missing = (uint64_t)(full - r->tokens), passed = now_ms > r->at_ms ? now_ms - r->at_ms : 0;

	if (passed >= missing / r->per_s + 1)
		r->tokens = full;
	else
		r->tokens += (int64_t)(passed * r->per_s);
	r->at_ms = MAX(r->at_ms, now_ms);
}

uint64_t rate_wait_ms(struct rate *r, uint64_t now_ms)
{
	if (r->per_s == 0)
		return 0;
	flow(r, now_ms);
	return r->tokens > 0 ? 0 : (uint64_t)-r->tokens / r->per_s + 1;
}

void rate_take(struct rate *r, uint64_t tokens)
{
	if (r->per_s > 0)
		r->tokens -= (int64_t)MIN(tokens, RATE_MOST) * THOUSAND;
}

void inflight_init(struct window *ret_w, unsigned least, unsigned most)
{
	*ret_w = (struct window){ .least = least, .most = most, .size = most };
}

void inflight_good(struct window *w)
{
	w->size = MIN((double)w->most, w->size + 1.0 / w->size);
}

void inflight_bad(struct window *w, uint64_t sent_ms, uint64_t now_ms)
{
	if (sent_ms < w->narrowed_ms)
		return;
	w->size = MAX((double)w->least, w->size / 2);
	w->narrowed_ms = now_ms;
}

void budget_init(struct budget *ret_b, unsigned most)
{
	*ret_b = (struct budget){ .most = most, .left = most };
}

void budget_success(struct budget *b)
{
	b->left = MIN((double)b->most, b->left + 0.5);
}

bool budget_take(struct budget *b)
{
	if (b->left < 1)
		return false;
	b->left -= 1;
	return true;
}

uint64_t backoff_ms(unsigned n, uint32_t base_ms, uint32_t most_ms, uint64_t random)
{
	uint64_t most = (uint64_t)base_ms << MIN(n - 1, 20u);

	return random % (MIN(most, (uint64_t)most_ms) + 1);
}
