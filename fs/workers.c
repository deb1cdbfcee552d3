/* SPDX-License-Identifier: MIT */
#include "fs/workers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"

#define WORKERS_MAX 64u

struct workers {
	pthread_mutex_t lock;    /* rank 60 */
	pthread_cond_t wake;
	struct job *first, **last; /* guarded by lock */
	bool ending;               /* guarded by lock */
	unsigned load;             /* guarded by lock */
	unsigned n;                /* guarded by lock: threads */
	const char *name;
	unsigned max;
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

/* Call with lock. */
static int start_one(struct workers *w)
{
	int r = thread_start(&w->threads[w->n], w->name, work, w);

	w->n += r == 0;
	return r;
}

static int start_first(struct workers *w, unsigned n)
{
	LOCKED(&w->lock);
	int r = 0;

	while (w->n < n && r == 0)
		r = start_one(w);
	return r;
}

int workers_start(const char *name, unsigned threads, unsigned max, struct workers **ret_w)
{
	struct workers *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->last = &w->first;
	(void) pthread_mutex_init(&w->lock, NULL);
	(void) pthread_cond_init(&w->wake, NULL);
	w->name = name;
	w->max = MIN(max, WORKERS_MAX);
	r = start_first(w, threads);
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
	/* Without another thread it is for one of those there are. */
	if (w->load > w->n && w->n < w->max)
		(void) start_one(w);
	(void) pthread_cond_signal(&w->wake);
}

unsigned workers_load(struct workers *w)
{
	LOCKED(&w->lock);

	return w->load;
}
