/* SPDX-License-Identifier: MIT */
#include "index/codes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/segment.h"

void codes_init(struct codes *c)
{
	*c = (struct codes){ .n = 0 };
	(void) pthread_mutex_init(&c->lock, NULL);
}

void codes_done(struct codes *c)
{
	(void) pthread_mutex_destroy(&c->lock);
	free(c->bytes);
	free(c->fits);
}

/* A segment on disk never grows: it gets what it needs and no more. */
static int reserve(struct codes *c, const struct segment *s)
{
	size_t cap = s->number ? s->n_vectors : (size_t)s->n_vectors + s->n_vectors / 2;
	struct vector_code *fits;
	int8_t *bytes;

	if (s->n_vectors <= c->cap)
		return 0;
	cap = MIN(cap, (size_t)UINT32_MAX);
	bytes = reallocarray(c->bytes, cap, s->stride);
	if (!bytes)
		return -ENOMEM;
	c->bytes = bytes;
	fits = reallocarray(c->fits, cap, sizeof(*fits));
	if (!fits)
		return -ENOMEM;
	c->fits = fits;
	c->cap = (uint32_t)cap;
	return 0;
}

static void encode_run(struct codes *c, const struct vector_run *run, size_t stride)
{
	for (uint32_t i = 0; i < run->n; i++, c->n++)
		c->fits[c->n] = vector_encode(run->at + i * stride, stride, c->bytes + c->n * stride);
}

int codes_fill(struct codes *c, struct segment *s)
{
	LOCKED(&c->lock);
	int r = reserve(c, s);

	while (r >= 0 && c->n < s->n_vectors) {
		struct vector_run run = { .n = 0 };

		r = s->ops->vectors(s, c->n, &run);
		if (r >= 0)
			encode_run(c, &run, s->stride);
		vector_run_done(&run);
	}
	return r;
}

size_t codes_memory(struct codes *c, size_t stride)
{
	LOCKED(&c->lock);
	return (size_t)c->cap * (stride + sizeof(*c->fits));
}
