/* SPDX-License-Identifier: MIT */
#include "daemon/copy/twins.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct unknown {
	struct unknown *next;
	char *path; /* owned */
};

struct of_size {
	uint64_t size;
	struct unknown *unknown; /* owned */
};

struct of_print {
	uint64_t size;
	struct id128 print;
	char *path; /* owned */
};

static int compare_sizes(const void *a, const void *b)
{
	const struct of_size *x = a, *y = b;

	return x->size < y->size ? -1 : x->size > y->size;
}

static int compare_prints(const void *a, const void *b)
{
	const struct of_print *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return memcmp(&x->print, &y->print, sizeof(x->print));
}

static void of_size_free(void *p)
{
	struct of_size *s = p;

	while (s->unknown) {
		struct unknown *u = s->unknown;

		s->unknown = u->next;
		free(u->path);
		free(u);
	}
	free(s);
}

static void of_print_free(void *p)
{
	struct of_print *f = p;

	free(f->path);
	free(f);
}

/* The node of `tree` that is like `key`; makes it. NULL without memory. */
static void *put(void **tree, const void *key, size_t size, int (*compare)(const void *a, const void *b))
{
	void **found = tfind(key, tree, compare);
	void *made;

	if (found)
		return *found;
	made = malloc(size);
	if (!made)
		return NULL;
	memcpy(made, key, size);
	if (tsearch(made, tree, compare))
		return made;
	free(made);
	return NULL;
}

static struct of_size *put_size(struct twins *t, uint64_t size)
{
	struct of_size key = { .size = size };

	return put(&t->sizes, &key, sizeof(key), compare_sizes);
}

int twins_add(struct twins *t, uint64_t size, const struct id128 *print, const char *path)
{
	struct of_print key = { .size = size, .print = *print }, *f;
	_cleanup_free_ char *copy = NULL;

	if (t->n >= TWINS_MAX)
		return 0;
	copy = strdup(path);
	if (!copy || !put_size(t, size))
		return -ENOMEM;
	f = put(&t->prints, &key, sizeof(key), compare_prints);
	if (!f)
		return -ENOMEM;
	t->n += !f->path;
	free(f->path);
	f->path = steal_ptr(&copy);
	return 0;
}

int twins_add_unknown(struct twins *t, uint64_t size, const char *path)
{
	struct of_size *s;
	struct unknown *u;

	if (t->n >= TWINS_MAX)
		return 0;
	s = put_size(t, size);
	u = s ? malloc(sizeof(*u)) : NULL;
	if (!u)
		return -ENOMEM;
	*u = (struct unknown){ .next = s->unknown, .path = strdup(path) };
	if (!u->path) {
		free(u);
		return -ENOMEM;
	}
	s->unknown = u;
	t->n++;
	return 0;
}

static struct of_size *find_size(const struct twins *t, uint64_t size)
{
	struct of_size key = { .size = size }, **found = tfind(&key, &t->sizes, compare_sizes);

	return found ? *found : NULL;
}

bool twins_has(const struct twins *t, uint64_t size)
{
	return find_size(t, size) != NULL;
}

char *twins_take_unknown(struct twins *t, uint64_t size)
{
	struct of_size *s = find_size(t, size);
	struct unknown *u = s ? s->unknown : NULL;
	char *path;

	if (!u)
		return NULL;
	s->unknown = u->next;
	path = u->path;
	free(u);
	t->n--;
	return path;
}

const char *twins_find(const struct twins *t, uint64_t size, const struct id128 *print)
{
	struct of_print key = { .size = size, .print = *print },
			**found = tfind(&key, &t->prints, compare_prints);

	return found ? (*found)->path : NULL;
}

void twins_done(struct twins *t)
{
	tdestroy(t->sizes, of_size_free);
	tdestroy(t->prints, of_print_free);
	*t = (struct twins){ 0 };
}
