/* SPDX-License-Identifier: MIT */
#include "tiers/move/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct wanted {
	char key[PACK_KEY_SIZE];
	uint64_t size;
	bool there;
};

struct taking {
	struct wanted *all; /* owned; by key */
	size_t n, cap;
	struct inventory *i;
};

static int count(void *context, const struct pack_record *p)
{
	struct inventory *i = context;

	if (p->flags & PACK_REMOTE) {
		i->packs++;
		i->bytes += p->stored;
	}
	return 0;
}

int inventory_count(struct catalog *c, struct inventory *ret_i)
{
	*ret_i = (struct inventory){ 0 };
	return pack_record_foreach(c, count, ret_i);
}

static int want(void *context, const struct pack_record *p)
{
	struct taking *t = context;

	if (!(p->flags & PACK_REMOTE))
		return 0;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct wanted *more = reallocarray(t->all, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->all = more;
		t->cap = cap;
	}
	t->all[t->n] = (struct wanted){ .size = p->stored };
	(void) pack_key(p, t->all[t->n++].key);
	return count(t->i, p);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct wanted *)a)->key, ((const struct wanted *)b)->key);
}

static void blame(struct inventory *i, const char *key)
{
	if (!i->first_key[0])
		(void) snprintf(i->first_key, sizeof(i->first_key), "%s", key);
}

static int see(void *context, const char *key, const struct bucket_object *o)
{
	struct taking *t = context;
	struct wanted is, *w;

	if (strlen(key) >= PACK_KEY_SIZE || t->n == 0)
		return 0;
	memcpy(is.key, key, strlen(key) + 1);
	w = bsearch(&is, t->all, t->n, sizeof(is), compare);
	if (!w)
		return 0;
	w->there = true;
	if (w->size == o->size)
		return 0;
	t->i->altered++;
	blame(t->i, key);
	return 0;
}

static void look_for_missing(struct taking *t)
{
	for (size_t k = 0; k < t->n; k++)
		if (!t->all[k].there) {
			t->i->missing++;
			blame(t->i, t->all[k].key);
		}
}

int inventory_take(struct catalog *c, struct bucket *b, struct inventory *ret_i, struct bucket_error *ret_error)
{
	const struct bucket_call call = { .cause = BUCKET_OTHER, .ret_error = ret_error };
	struct inventory i = { 0 };
	struct taking t = { .i = &i };
	int r = pack_record_foreach(c, want, &t);

	*ret_error = (struct bucket_error){ 0 };
	if (r >= 0 && t.n > 1)
		qsort(t.all, t.n, sizeof(*t.all), compare);
	if (r >= 0)
		r = bucket_list(b, &call, "packs/", see, &t);
	if (r >= 0) {
		look_for_missing(&t);
		*ret_i = i;
	}
	free(t.all);
	return MIN(r, 0);
}
