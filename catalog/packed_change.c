/* SPDX-License-Identifier: MIT */
/* Changes of packed sets within a batch. The chunks that it touches are kept with it, decoded, and put when it is
 * committed: so each is written once however many of its members change. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "catalog/packed_chunk.h"
#include "catalog/walk.h"

struct chunk {
	struct key key;
	size_t prefix_len;
	bool stored;        /* there is a record */
	bool changed;
	struct packed_member members[CHUNK_MEMBERS_MAX];
	size_t n;
};

/* What a batch has touched, in the order of keys. */
struct touched {
	struct chunk **chunks; /* owned, and what they point to */
	size_t n, cap;
};

static int compare_keys(const struct key *a, const struct key *b)
{
	int r = memcmp(a->bytes, b->bytes, MIN(a->len, b->len));

	return r ? r : (a->len > b->len) - (a->len < b->len);
}

/* ---- with the batch */

static void touched_done(void *state)
{
	struct touched *t = state;

	for (size_t k = 0; k < t->n; k++)
		free(t->chunks[k]);
	free(t->chunks);
	free(t);
}

static int settle(struct batch *b, void *state)
{
	const struct touched *t = state;
	uint8_t value[CHUNK_BYTES_MAX];

	for (size_t k = 0; k < t->n; k++) {
		const struct chunk *c = t->chunks[k];

		if (c->changed && c->n)
			batch_put(b, c->key.bytes, c->key.len, value, chunk_encode(c->members, c->n, value));
		else if (c->changed && c->stored)
			batch_remove(b, c->key.bytes, c->key.len);
	}
	return 0;
}

static struct touched *touched_of(struct batch *b)
{
	struct batch_companion *companion = batch_companion(b);

	if (!companion->state)
		*companion = (struct batch_companion){ calloc(1, sizeof(struct touched)), settle, touched_done };
	return companion->state;
}

/* The first that is not before the key. */
static size_t place_of(const struct touched *t, const struct key *key)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_keys(&t->chunks[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct touched *t, struct chunk *c)
{
	size_t at = place_of(t, &c->key);

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 8;
		struct chunk **grown = reallocarray(t->chunks, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->chunks = grown;
		t->cap = cap;
	}
	memmove(&t->chunks[at + 1], &t->chunks[at], (t->n - at) * sizeof(*t->chunks));
	t->chunks[at] = c;
	t->n++;
	return 0;
}

/* ---- the chunk of a pair */

static int load(struct touched *t, const struct key *prefix, const struct key *key, bool stored, const struct buf *value,
		struct chunk **ret_c)
{
	struct chunk *c = malloc(sizeof(*c));
	int r = 0;

	if (!c)
		return -ENOMEM;
	c->key = *key;
	c->prefix_len = prefix->len;
	c->stored = stored;
	c->changed = false;
	c->n = 0;
	if (stored)
		r = key->len == prefix->len + 16 ? chunk_decode(value->data, value->len, c->members) : -EBADMSG;
	if (r >= 0) {
		c->n = (size_t)r;
		r = insert(t, c);
	}
	if (r < 0)
		free(c);
	else
		*ret_c = c;
	return MIN(r, 0);
}

/* The first chunk of the set whose key is not before the pair: one that the batch has touched, or one in the store that
 * lies before that. */
static int chunk_of(struct batch *b, struct touched *t, const struct key *prefix, uint64_t a, uint64_t bb,
		    struct chunk **ret_c)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key from = chunk_key(prefix, a, bb), key;
	size_t at = place_of(t, &from);
	struct chunk *own = at < t->n && t->chunks[at]->prefix_len == prefix->len &&
			    memcmp(t->chunks[at]->key.bytes, prefix->bytes, prefix->len) == 0 ? t->chunks[at] : NULL;
	int r = record_first(batch_catalog(b), prefix, &from, &key, &value);

	if (r < 0)
		return r;
	if (own && (!r || compare_keys(&own->key, &key) <= 0)) {
		*ret_c = own;
		return 0;
	}
	if (!r)
		key = chunk_key(prefix, chunk_greatest.a, chunk_greatest.b);
	return load(t, prefix, &key, r > 0, &value, ret_c);
}

/* ---- members */

static uint32_t changed_n(uint32_t n, const struct packed_change *change)
{
	int64_t v = (int64_t)((n & ~change->clear) | change->set) + change->add;

	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void set_member(struct chunk *c, size_t at, bool there, const struct packed_member *m)
{
	if (m->n && !there) {
		memmove(&c->members[at + 1], &c->members[at], (c->n - at) * sizeof(*m));
		c->n++;
	}
	if (m->n)
		c->members[at] = *m;
	else
		memmove(&c->members[at], &c->members[at + 1], (--c->n - at) * sizeof(*m));
	c->changed = true;
}

/* Where members come in rising order, as those of new files do, chunks stay full. */
static int split(struct touched *t, struct chunk *c, size_t changed)
{
	size_t left = changed + 1 == c->n ? c->n - 1 : c->n / 2;
	struct chunk *lower = malloc(sizeof(*lower));
	struct key prefix = c->key;
	int r;

	if (!lower)
		return -ENOMEM;
	prefix.len = c->prefix_len;
	*lower = *c;
	lower->key = chunk_key(&prefix, c->members[left - 1].a, c->members[left - 1].b);
	lower->stored = false;
	lower->n = left;
	r = insert(t, lower);
	if (r < 0) {
		free(lower);
		return r;
	}
	c->n -= left;
	memmove(c->members, c->members + left, c->n * sizeof(*c->members));
	return 0;
}

int packed_set_change(struct batch *b, const struct key *prefix, const struct packed_change *change, uint32_t *ret_was)
{
	struct touched *t = touched_of(b);
	struct packed_member m = { .a = change->a, .b = change->b };
	struct chunk *c;
	uint32_t was;
	size_t at;
	int r;

	assert(change->b <= PACKED_B_MAX);
	r = t ? chunk_of(b, t, prefix, change->a, change->b, &c) : -ENOMEM;
	if (r < 0)
		return r;
	at = chunk_find(c->members, c->n, change->a, change->b);
	was = at < c->n && chunk_compare(&c->members[at], change->a, change->b) == 0 ? c->members[at].n : 0;
	m.n = changed_n(was, change);
	if (ret_was)
		*ret_was = was;
	if (m.n == was)
		return was > 0;
	if (c->n >= CHUNK_MEMBERS_MAX)
		return -EBADMSG;
	set_member(c, at, was > 0, &m);
	r = c->n > PACKED_CHUNK_MAX ? split(t, c, at) : 0;
	return r < 0 ? r : m.n > 0;
}
