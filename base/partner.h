/* SPDX-License-Identifier: MIT */
/* A thread that helps another one with a job that both can take pieces of. Nobody waits for the thread to
 * wake up: whoever offers a job does what is left of it alone.
 *
 * Thread-safety: partner_offer() may be called from any thread; the others as they say. */
#pragma once

#include <stdbool.h>

struct partner;

/* `name`: of the thread, at most 15 bytes. -errno: no thread could be made. */
int partner_start(const char *name, struct partner **ret_p);
/* No job may be on offer. */
struct partner *partner_stop(struct partner *p);

/* Has run(context) called by the partner, some time. False: it helps another; nothing was offered. After
 * true, the same thread must call partner_withdraw(). */
bool partner_offer(struct partner *p, void (*run)(void *context), void *context);
/* Takes the offer back if it was not taken up; otherwise waits until run() has returned. */
void partner_withdraw(struct partner *p);
