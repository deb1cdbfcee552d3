/* SPDX-License-Identifier: MIT */
#include "fs/departed.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define REMEMBERED 256u

struct departed {
	pthread_mutex_t lock;            /* rank 50 */
	unsigned next;                   /* guarded by lock */
	struct inode inodes[REMEMBERED]; /* guarded by lock; ino 0: free */
};

int departed_new(struct departed **ret_d)
{
	struct departed *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	(void) pthread_mutex_init(&d->lock, NULL);
	*ret_d = d;
	return 0;
}

struct departed *departed_free(struct departed *d)
{
	if (d) {
		(void) pthread_mutex_destroy(&d->lock);
		free(d);
	}
	return NULL;
}

void departed_add(struct departed *d, const struct inode *i)
{
	LOCKED(&d->lock);

	d->inodes[d->next++ % REMEMBERED] = *i;
}

int departed_get(struct departed *d, uint64_t ino, struct inode *ret_i)
{
	LOCKED(&d->lock);

	for (unsigned i = 0; i < REMEMBERED; i++) {
		if (d->inodes[i].ino == ino) {
			*ret_i = d->inodes[i];
			return 0;
		}
	}
	return -ENOENT;
}
