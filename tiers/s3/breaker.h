/* SPDX-License-Identifier: MIT */
/* A circuit breaker: when a server does not answer, requests fail at once instead of waiting for nothing each.
 *
 *   CLOSED     requests go. `threshold` failures, with no success between, open it.
 *   OPEN       requests fail. After the pause it is half open.
 *   HALF_OPEN  one request goes, the probe; others wait for its end. Success closes, failure opens again for
 *              twice as long, up to `pause_most_ms`.
 *
 * A success of any request closes it, also of one that was sent before. Arithmetic; not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tiers/s3/bucket.h"

struct breaker {
	unsigned threshold;
	uint32_t pause_first_ms, pause_most_ms;
	enum bucket_breaker state;
	bool probing;             /* HALF_OPEN: the probe is under way */
	unsigned failures;        /* since the last success */
	uint32_t pause_ms;
	uint64_t until_ms;        /* OPEN */
	uint64_t opened;          /* how often */
	struct bucket_error last; /* why it opened */
};

enum breaker_word { BREAKER_GO, BREAKER_PROBE, BREAKER_WAIT, BREAKER_FAIL };

void breaker_init(struct breaker *ret_b, unsigned threshold, uint32_t pause_first_ms, uint32_t pause_most_ms);
/* What is to happen to the next request. BREAKER_PROBE: it goes, if the caller says breaker_probing(). */
enum breaker_word breaker_ask(struct breaker *b, uint64_t now_ms);
void breaker_probing(struct breaker *b);
/* The probe ended with neither: it was cancelled, or failed for a reason of ours. */
void breaker_probe_lost(struct breaker *b);
void breaker_success(struct breaker *b);
void breaker_failure(struct breaker *b, bool was_probe, const struct bucket_error *why, uint64_t now_ms);
/* OPEN: until it is half open; else 0. */
uint64_t breaker_wait_ms(const struct breaker *b, uint64_t now_ms);
