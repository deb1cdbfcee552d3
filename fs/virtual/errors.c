/* SPDX-License-Identifier: MIT */
#include "fs/virtual/errors.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define USERS 32u

struct errors {
	pthread_mutex_t lock; /* rank 50 */
	struct {
		uint32_t uid;
		char *text;   /* owned; NULL: free */
	} users[USERS];       /* guarded by lock */
	unsigned next;        /* guarded by lock; to be overwritten when no place is free */
};

int errors_new(struct errors **ret_e)
{
	struct errors *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	(void) pthread_mutex_init(&e->lock, NULL);
	*ret_e = e;
	return 0;
}

struct errors *errors_free(struct errors *e)
{
	if (!e)
		return NULL;
	for (unsigned i = 0; i < USERS; i++)
		free(e->users[i].text);
	(void) pthread_mutex_destroy(&e->lock);
	free(e);
	return NULL;
}

static unsigned place(struct errors *e, uint32_t uid)
{
	for (unsigned i = 0; i < USERS; i++) {
		if (e->users[i].text && e->users[i].uid == uid)
			return i;
	}
	return e->next++ % USERS;
}

void errors_set(struct errors *e, uint32_t uid, char *text)
{
	LOCKED(&e->lock);
	unsigned i;

	if (!text)
		return;
	i = place(e, uid);
	free(e->users[i].text);
	e->users[i].text = text;
	e->users[i].uid = uid;
}

int errors_get(struct errors *e, uint32_t uid, struct buf *ret_text)
{
	LOCKED(&e->lock);

	for (unsigned i = 0; i < USERS; i++) {
		if (e->users[i].text && e->users[i].uid == uid)
			return buf_addf(ret_text, "%s\n", e->users[i].text);
	}
	return 0;
}
