/* SPDX-License-Identifier: MIT */
/* A folder may be the far end of a thin line, too. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "tiers/s3/folder_impl.h"

/* Called with the lock. */
static uint64_t wait_ms(struct folder *f, struct rate *bytes, uint64_t now_ms)
{
	uint64_t for_bytes = bytes ? rate_wait_ms(bytes, now_ms) : 0, for_requests = rate_wait_ms(&f->requests, now_ms);

	return for_bytes > for_requests ? for_bytes : for_requests;
}

int folder_wait(struct folder *f, const struct bucket_request *q)
{
	struct rate *bytes = q->op == BUCKET_PUT ? &f->up : q->op == BUCKET_GET ? &f->down : NULL;
	uint64_t now_ms, ms;
	LOCKED(&f->stats_lock);

	while (!f->cancelled && (now_ms = clock_mono_ms(), ms = wait_ms(f, bytes, now_ms)) > 0)
		(void) cond_wait_until(&f->wake, &f->stats_lock, now_ms + ms);
	if (f->cancelled)
		return -ECANCELED;
	rate_take(&f->requests, 1);
	if (bytes)
		rate_take(bytes, q->op == BUCKET_PUT ? q->body.len : q->len);
	return 0;
}

static void set(struct rate *r, uint64_t per_s)
{
	if (r->per_s != (per_s > RATE_MOST ? 0 : per_s))
		rate_init(r, per_s, clock_mono_ms());
}

void folder_set_pace(struct bucket *b, const struct bucket_pace *p)
{
	struct folder *f = (struct folder *)b;
	LOCKED(&f->stats_lock);

	set(&f->up, p->up_bytes_s);
	set(&f->down, p->down_bytes_s);
	set(&f->requests, p->requests_s);
	(void) pthread_cond_broadcast(&f->wake);
}

void folder_cancel(struct bucket *b)
{
	struct folder *f = (struct folder *)b;
	LOCKED(&f->stats_lock);

	f->cancelled = true;
	(void) pthread_cond_broadcast(&f->wake);
}
