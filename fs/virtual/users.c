/* SPDX-License-Identifier: MIT */
#include "fs/virtual/users.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct users {
	pthread_mutex_t lock;	   /* rank 61 */
	struct shared_user *slots; /* borrowed; guarded by lock, as all below */
	unsigned next;		   /* to be overwritten when none is free */
};

int users_new(struct shared_user *slots, struct users **ret_u)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	(void) pthread_mutex_init(&u->lock, NULL);
	u->slots = slots;
	*ret_u = u;
	return 0;
}

struct users *users_free(struct users *u)
{
	if (u)
		(void) pthread_mutex_destroy(&u->lock);
	free(u);
	return NULL;
}

/* Call with the lock, as what follows. */
static struct shared_user *find(struct users *u, uint32_t uid)
{
	for (unsigned k = 0; k < SHARED_USERS; k++)
		if (u->slots[k].n_groups && u->slots[k].uid == uid)
			return &u->slots[k];
	return NULL;
}

static struct shared_user *place_of(struct users *u, uint32_t uid)
{
	struct shared_user *known = find(u, uid);

	for (unsigned k = 0; k < SHARED_USERS && !known; k++)
		if (!u->slots[k].n_groups)
			known = &u->slots[k];
	if (!known) {
		known = &u->slots[u->next];
		u->next = (u->next + 1) % SHARED_USERS;
	}
	return known;
}

static uint32_t groups_noted(const struct caller *c)
{
	return MIN(c->who.n_groups, SHARED_USER_GROUPS);
}

static bool is_same(const struct shared_user *known, const struct caller *c)
{
	return known->gid == c->gid && known->n_groups == groups_noted(c) &&
	       memcmp(known->groups, c->who.groups, known->n_groups * sizeof(*known->groups)) == 0;
}

bool users_note(struct users *u, const struct caller *c)
{
	LOCKED(&u->lock);
	struct shared_user *known = find(u, c->uid);

	if (known && is_same(known, c))
		return false;
	known = place_of(u, c->uid);
	__atomic_store_n(&known->n_groups, 0, __ATOMIC_RELEASE);
	known->uid = c->uid;
	known->gid = c->gid;
	memcpy(known->groups, c->who.groups, groups_noted(c) * sizeof(*known->groups));
	__atomic_store_n(&known->n_groups, groups_noted(c), __ATOMIC_RELEASE);
	return true;
}

int users_get(struct users *u, uint32_t uid, struct caller *ret_c)
{
	LOCKED(&u->lock);
	const struct shared_user *known = find(u, uid);
	struct caller c;
	int r;

	if (!known)
		return -ENOENT;
	c = (struct caller){ .uid = uid, .gid = known->gid };
	r = identity_init(&c.who, uid, known->groups, MIN(known->n_groups, SHARED_USER_GROUPS));
	if (r >= 0)
		*ret_c = c;
	return r;
}
