/* SPDX-License-Identifier: MIT */
/* Queries wait for files that were closed before them. One thread asks the index for all of them:
 * whoever drew a ticket before index_wait() was called is served when it returns. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "fs/virtual/virtual.h"

/* A call that is not served in this time is made again, so that the end of a mount is not kept waiting. */
#define SLICE_MS 1000u

struct patience {
	struct index *index;     /* borrowed; may be NULL */
	pthread_mutex_t lock;    /* rank 50 */
	pthread_cond_t wake;
	uint64_t drawn, served;  /* tickets; guarded by lock, as all below */
	unsigned waiting;
	bool ending;
	pthread_t thread;
};

/* The last ticket drawn, once somebody waits; 0 at the end. */
static uint64_t next_target(struct patience *p)
{
	LOCKED(&p->lock);

	while (!p->ending && (p->waiting == 0 || p->drawn == p->served))
		(void) pthread_cond_wait(&p->wake, &p->lock);
	return p->ending ? 0 : p->drawn;
}

static void serve(struct patience *p, uint64_t target)
{
	LOCKED(&p->lock);

	p->served = target;
}

static void *run(void *context)
{
	struct patience *p = context;
	uint64_t target;

	while ((target = next_target(p)) != 0) {
		if (index_wait(p->index, SLICE_MS) != -ETIMEDOUT)
			serve(p, target);
	}
	return NULL;
}

int patience_start(struct virtual *v, struct patience **ret_p)
{
	struct patience *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->index = v->fs->config.index;
	(void) pthread_mutex_init(&p->lock, NULL);
	(void) pthread_cond_init(&p->wake, NULL);
	r = thread_start(&p->thread, "brainy-patience", run, p);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret_p = p;
	return 0;
}

static void end(struct patience *p)
{
	LOCKED(&p->lock);

	p->ending = true;
	(void) pthread_cond_signal(&p->wake);
}

struct patience *patience_stop(struct patience *p)
{
	if (!p)
		return NULL;
	end(p);
	(void) pthread_join(p->thread, NULL);
	(void) pthread_cond_destroy(&p->wake);
	(void) pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

uint64_t patience_begin(struct patience *p)
{
	LOCKED(&p->lock);

	p->waiting++;
	p->drawn++;
	(void) pthread_cond_signal(&p->wake);
	return p->drawn;
}

void patience_end(struct patience *p)
{
	LOCKED(&p->lock);

	p->waiting--;
}

bool patience_over(struct patience *p, uint64_t ticket)
{
	LOCKED(&p->lock);

	return p->served >= ticket;
}
