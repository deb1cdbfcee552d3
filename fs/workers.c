/* SPDX-License-Identifier: MIT */
#include "fs/workers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"

#define WORKERS_MAX 8u

struct workers {
	pthread_mutex_t lock;    /* rank 60 */
	pthread_cond_t wake;
	struct job *first, **last; /* guarded by lock */
	bool ending;               /* guarded by lock */
	unsigned load;             /* guarded by lock */
	unsigned n;
	pthread_t threads[WORKERS_MAX];
};

/* The next job, or NULL at the end. `done`: the caller has finished one. */
static struct job *take(struct workers *w, bool done)
{
	LOCKED(&w->lock);
	struct job *job;

	w->load -= done;
	while (!w->first && !w->ending)
		(void) pthread_cond_wait(&w->wake, &w->lock);
	job = w->first;
	if (job) {
		w->first = job->next;
		if (!w->first)
			w->last = &w->first;
	}
	return job;
}

static void *work(void *context)
{
	struct workers *w = context;
	struct job *job = take(w, false);

	while (job) {
		job->run(job);
		job = take(w, true);
	}
	request_thread_done();
	return NULL;
}

int workers_start(const char *name, unsigned threads, struct workers **ret_w)
{
	struct workers *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->last = &w->first;
	(void) pthread_mutex_init(&w->lock, NULL);
	(void) pthread_cond_init(&w->wake, NULL);
	for (; w->n < MIN(threads, WORKERS_MAX) && r == 0; w->n += r == 0)
		r = thread_start(&w->threads[w->n], name, work, w);
	if (r < 0) {
		(void) workers_stop(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

static void end(struct workers *w)
{
	LOCKED(&w->lock);

	w->ending = true;
	(void) pthread_cond_broadcast(&w->wake);
}

struct workers *workers_stop(struct workers *w)
{
	if (!w)
		return NULL;
	end(w);
	for (unsigned i = 0; i < w->n; i++)
		(void) pthread_join(w->threads[i], NULL);
	(void) pthread_cond_destroy(&w->wake);
	(void) pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void workers_add(struct workers *w, struct job *job)
{
	LOCKED(&w->lock);

	job->next = NULL;
	*w->last = job;
	w->last = &job->next;
	w->load++;
	(void) pthread_cond_signal(&w->wake);
}

unsigned workers_load(struct workers *w)
{
	LOCKED(&w->lock);

	return w->load;
}
