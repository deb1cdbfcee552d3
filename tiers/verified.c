/* SPDX-License-Identifier: MIT */
#include "tiers/verified.h"

#include <stdlib.h>

#include "base/bytes.h"

void verified_done(struct verified *v)
{
	free(v->ids);
	*v = (struct verified){ 0 };
}

/* Where the id is, or the free place where it belongs. */
static size_t place_of(const struct id128 *ids, size_t cap, struct id128 id)
{
	size_t at = load_le64(id.bytes) & (cap - 1);

	while (!id128_is_zero(ids[at]) && !id128_equal(ids[at], id))
		at = (at + 1) & (cap - 1);
	return at;
}

/* The object's random id, with its place mixed in. */
static struct id128 id_of(const struct extent *e)
{
	struct id128 id = e->run.id;

	store_le64(id.bytes, load_le64(id.bytes) ^ e->segment);
	store_le64(id.bytes + 8, load_le64(id.bytes + 8) ^ e->place);
	return id;
}

static bool has(const struct verified *v, struct id128 id)
{
	return v->cap > 0 && !id128_is_zero(v->ids[place_of(v->ids, v->cap, id)]);
}

bool verified_has(const struct verified *v, const struct extent *e)
{
	return has(v, id_of(e));
}

static bool grow(struct verified *v)
{
	size_t cap = v->cap ? v->cap * 2 : 64;
	struct id128 *ids = calloc(cap, sizeof(*ids));

	if (!ids)
		return false;
	for (size_t k = 0; k < v->cap; k++)
		if (!id128_is_zero(v->ids[k]))
			ids[place_of(ids, cap, v->ids[k])] = v->ids[k];
	free(v->ids);
	v->ids = ids;
	v->cap = cap;
	return true;
}

void verified_add(struct verified *v, const struct extent *e)
{
	struct id128 id = id_of(e);

	if (id128_is_zero(id) || has(v, id))
		return;
	if (v->n * 2 >= v->cap && !grow(v))
		return;
	v->ids[place_of(v->ids, v->cap, id)] = id;
	v->n++;
}
