/* SPDX-License-Identifier: MIT */
#include "daemon/copy/links.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct link {
	dev_t dev;
	ino_t ino;
	char *path; /* owned */
};

static int compare(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void link_free(void *p)
{
	struct link *l = p;

	free(l->path);
	free(l);
}

static struct link *link_new(dev_t dev, ino_t ino)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l)
		*l = (struct link){ .dev = dev, .ino = ino };
	return l;
}

int links_put(struct links *l, dev_t dev, ino_t ino, const char *path)
{
	struct link *made = link_new(dev, ino), **found;
	_cleanup_free_ char *copy = strdup(path);

	if (!made || !copy) {
		free(made);
		return -ENOMEM;
	}
	found = tsearch(made, &l->tree, compare);
	if (!found || *found != made)
		free(made);
	if (!found)
		return -ENOMEM;
	free((*found)->path);
	(*found)->path = steal_ptr(&copy);
	return 0;
}

const char *links_get(const struct links *l, dev_t dev, ino_t ino)
{
	struct link key = { .dev = dev, .ino = ino }, **found = tfind(&key, &l->tree, compare);

	return found ? (*found)->path : NULL;
}

void links_done(struct links *l)
{
	tdestroy(l->tree, link_free);
	l->tree = NULL;
}
