/* SPDX-License-Identifier: MIT */
/* How much is to be read now, so that all is read once in a period. Pure: time comes in. */
#pragma once

#include <stdint.h>

/* Nothing is read before so much is due, or a 28th of all: a disk that sleeps is woken some times a week, or once when
 * little is stored. */
#define SCRUB_SHARE_MIN (1ull << 30)
#define SCRUB_SHARES 28u

/* `total`: bytes that are stored; `done`: of them, in this round, which began `elapsed_s` ago. Returns how many bytes to
 * read now; UINT64_MAX: all that is left, the round should have ended. A clock that was set back: 0. */
uint64_t scrub_share(uint64_t total, uint64_t done, int64_t elapsed_s, uint64_t period_s);
