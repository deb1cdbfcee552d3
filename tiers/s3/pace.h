/* SPDX-License-Identifier: MIT */
/* How fast a server is asked: token buckets for bytes and requests, a window of requests in flight that the
 * server's complaints narrow, and a budget of repeated requests. Arithmetic on a clock that the caller brings;
 * not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_MOST (UINT64_C(1) << 50) /* a petabyte a second is no limit, and does not overflow */

/* ---- rate: a token bucket that may be overdrawn ----
 *
 * Something of any size may begin as long as the bucket is not in debt; its tokens are taken then, and what
 * follows waits until they have flowed back. So the average holds for requests larger than the bucket, too. */
struct rate {
	uint64_t per_s;   /* 0: no limit */
	int64_t tokens;   /* in thousandths, so that small rates flow */
	uint64_t at_ms;
};

/* Full: a second's worth may go at once. */
void rate_init(struct rate *ret_r, uint64_t per_s, uint64_t now_ms);
/* 0: it may begin now. Otherwise in how many milliseconds. */
uint64_t rate_wait_ms(struct rate *r, uint64_t now_ms);
void rate_take(struct rate *r, uint64_t tokens);

/* ---- window: additive increase, multiplicative decrease (Chiu and Jain, 1989) ---- */
struct window {
	unsigned least, most;
	double size;          /* how many may be in flight */
	uint64_t narrowed_ms; /* complaints of requests sent before that are about the window before */
};

void inflight_init(struct window *ret_w, unsigned least, unsigned most);
static inline unsigned inflight_size(const struct window *w)
{
	return (unsigned)w->size;
}
/* A request that was sent at `sent_ms` was answered: one more fits after a whole window of those. */
void inflight_good(struct window *w);
/* It was told to slow down, or timed out: half as many. */
void inflight_bad(struct window *w, uint64_t sent_ms, uint64_t now_ms);

/* ---- budget: a repeated request takes one, a success gives half a one back ----
 *
 * So when most fail, the load is not multiplied by repetitions. */
struct budget {
	unsigned most;
	double left;
};

void budget_init(struct budget *ret_b, unsigned most);
void budget_success(struct budget *b);
/* False: none is left. */
bool budget_take(struct budget *b);

/* How long to wait before attempt `n` + 1, n >= 1: uniform from 0 to base * 2^(n-1), at most `most_ms` ("full
 * jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). `random`: any 64 bits. */
uint64_t backoff_ms(unsigned n, uint32_t base_ms, uint32_t most_ms, uint64_t random);
