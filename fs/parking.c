/* SPDX-License-Identifier: MIT */
#include "fs/parking.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

#define LOOK_MS 2u

struct parking {
	struct fs *fs;         /* borrowed */
	pthread_mutex_t lock;  /* rank 60 */
	pthread_cond_t wake;
	struct parked *added;  /* guarded by lock */
	bool ending;           /* guarded by lock */
	struct parked *list;   /* the thread's own */
	pthread_t thread;
};

/* Called by libfuse with locks of its own. */
static void on_interrupt(fuse_req_t req, void *context)
{
	struct parked *p = context;

	atomic_store(&p->interrupted, true);
}

static int verdict(struct parked *p, uint64_t now_ms)
{
	if (atomic_load(&p->interrupted))
		return -EINTR;
	if (p->ready(p))
		return 0;
	return now_ms >= p->deadline_ms ? -ETIMEDOUT : -EAGAIN;
}

static void let_go(struct parking *g, struct parked *p, int why)
{
	/* Waits for a call of on_interrupt() that is under way, so that it does not meet freed memory. */
	fuse_req_interrupt_func(p->req, NULL, NULL);
	running_set_active(g->fs->shared, p->unique, true);
	p->resume(p, why);
}

static void look(struct parking *g, bool ending)
{
	uint64_t now_ms = clock_mono_ms();
	struct parked **at = &g->list;

	while (*at) {
		struct parked *p = *at;
		int why = ending ? -EINTR : verdict(p, now_ms);

		if (why == -EAGAIN) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		let_go(g, p, why);
	}
}

/* Waits for new ones, at most LOOK_MS while there are old ones; true at the end. */
static bool collect(struct parking *g)
{
	LOCKED(&g->lock);

	if (!g->added && !g->ending) {
		if (g->list)
			(void) cond_wait_until(&g->wake, &g->lock, clock_mono_ms() + LOOK_MS);
		else
			(void) pthread_cond_wait(&g->wake, &g->lock);
	}
	while (g->added) {
		struct parked *p = g->added;

		g->added = p->next;
		p->next = g->list;
		g->list = p;
	}
	return g->ending;
}

static void *watch(void *context)
{
	struct parking *g = context;
	bool ending;

	do {
		ending = collect(g);
		look(g, ending);
	} while (!ending);
	return NULL;
}

int parking_start(struct fs *fs, struct parking **ret_parking)
{
	struct parking *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	g->fs = fs;
	(void) pthread_mutex_init(&g->lock, NULL);
	cond_init(&g->wake);
	r = thread_start(&g->thread, "brainy-parking", watch, g);
	if (r < 0) {
		free(g);
		return r;
	}
	*ret_parking = g;
	return 0;
}

static void end(struct parking *g)
{
	LOCKED(&g->lock);

	g->ending = true;
	(void) pthread_cond_signal(&g->wake);
}

void parking_end(struct parking *g)
{
	if (!g)
		return;
	end(g);
	(void) pthread_join(g->thread, NULL);
}

struct parking *parking_free(struct parking *g)
{
	if (!g)
		return NULL;
	(void) pthread_cond_destroy(&g->wake);
	(void) pthread_mutex_destroy(&g->lock);
	free(g);
	return NULL;
}

static bool add(struct parking *g, struct parked *p)
{
	LOCKED(&g->lock);

	if (g->ending)
		return false;
	p->next = g->added;
	g->added = p;
	(void) pthread_cond_signal(&g->wake);
	return true;
}

void parking_add(struct parking *g, struct parked *p)
{
	atomic_init(&p->interrupted, false);
	running_set_active(g->fs->shared, p->unique, false);
	fuse_req_interrupt_func(p->req, on_interrupt, p);
	if (!add(g, p))
		let_go(g, p, -EINTR);
}
