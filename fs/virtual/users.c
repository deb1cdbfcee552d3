/* SPDX-License-Identifier: MIT */
#include "fs/virtual/users.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define USERS_MAX 64u

struct users {
	pthread_mutex_t lock;		/* rank 50 */
	struct caller known[USERS_MAX]; /* owned; guarded by lock, as all below */
	unsigned n, next;		/* how many; to be overwritten when there are as many as fit */
};

int users_new(struct users **ret_u)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	(void) pthread_mutex_init(&u->lock, NULL);
	*ret_u = u;
	return 0;
}

struct users *users_free(struct users *u)
{
	if (!u)
		return NULL;
	for (unsigned k = 0; k < u->n; k++)
		caller_done(&u->known[k]);
	(void) pthread_mutex_destroy(&u->lock);
	free(u);
	return NULL;
}

/* Call with the lock. */
static struct caller *find(struct users *u, uint32_t uid)
{
	for (unsigned k = 0; k < u->n; k++)
		if (u->known[k].uid == uid)
			return &u->known[k];
	return NULL;
}

static struct caller *place_of(struct users *u, uint32_t uid)
{
	struct caller *c = find(u, uid);

	if (!c && u->n < USERS_MAX)
		return &u->known[u->n++];
	if (!c) {
		c = &u->known[u->next];
		u->next = (u->next + 1) % USERS_MAX;
	}
	caller_done(c);
	return c;
}

int users_note(struct users *u, const struct caller *c)
{
	LOCKED(&u->lock);
	const struct caller *known = find(u, c->uid);
	struct caller copy;
	int r;

	if (known && identity_is_same(&known->who, &c->who))
		return 0;
	r = caller_copy(c, &copy);
	if (r < 0)
		return r;
	*place_of(u, c->uid) = copy;
	return 1;
}

int users_get(struct users *u, uint32_t uid, struct caller *ret_c)
{
	LOCKED(&u->lock);
	const struct caller *known = find(u, uid);

	return known ? caller_copy(known, ret_c) : -ENOENT;
}
