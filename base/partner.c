/* SPDX-License-Identifier: MIT */
#include "base/partner.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"

enum state { FREE, OFFERED, RUNNING, DONE, ENDING };

struct partner {
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	enum state state;            /* guarded by lock */
	void (*run)(void *context);  /* guarded by lock */
	void *context;               /* guarded by lock */
	pthread_t thread;
};

static void *help(void *context)
{
	struct partner *p = context;

	LOCKED(&p->lock);
	while (p->state != ENDING) {
		if (p->state != OFFERED) {
			(void) pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		p->state = RUNNING;
		(void) pthread_mutex_unlock(&p->lock);
		p->run(p->context);
		(void) pthread_mutex_lock(&p->lock);
		p->state = DONE;
		(void) pthread_cond_signal(&p->done);
	}
	return NULL;
}

int partner_start(const char *name, struct partner **ret_p)
{
	struct partner *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	(void) pthread_mutex_init(&p->lock, NULL);
	(void) pthread_cond_init(&p->wake, NULL);
	(void) pthread_cond_init(&p->done, NULL);
	r = thread_start(&p->thread, name, help, p);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret_p = p;
	return 0;
}

struct partner *partner_stop(struct partner *p)
{
	if (!p)
		return NULL;
	(void) pthread_mutex_lock(&p->lock);
	p->state = ENDING;
	(void) pthread_cond_signal(&p->wake);
	(void) pthread_mutex_unlock(&p->lock);
	(void) pthread_join(p->thread, NULL);
	(void) pthread_cond_destroy(&p->done);
	(void) pthread_cond_destroy(&p->wake);
	(void) pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

bool partner_offer(struct partner *p, void (*run)(void *context), void *context)
{
	LOCKED(&p->lock);

	if (p->state != FREE)
		return false;
	p->state = OFFERED;
	p->run = run;
	p->context = context;
	(void) pthread_cond_signal(&p->wake);
	return true;
}

void partner_withdraw(struct partner *p)
{
	LOCKED(&p->lock);

	while (p->state == RUNNING)
		(void) pthread_cond_wait(&p->done, &p->lock);
	p->state = FREE;
}
