/* SPDX-License-Identifier: MIT */
#include "tiers/move/pack_users.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "catalog/extent.h"
#include "catalog/walk.h"

#define ROOM_MIN 256u

struct asked {
	uint64_t number;
	uint32_t index;
};

struct looking {
	struct asked *asked; /* owned; by number */
	size_t n;
	struct pack_users users;
};

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct asked *)a)->number, y = ((const struct asked *)b)->number;

	return x < y ? -1 : x > y;
}

static int by_pack(const void *a, const void *b)
{
	const struct pack_user *x = a, *y = b;

	if (x->pack != y->pack)
		return x->pack < y->pack ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int add_user(struct pack_users *u, struct pack_user user)
{
	if (u->n == u->cap) {
		size_t cap = u->cap ? u->cap * 2 : ROOM_MIN;
		struct pack_user *more = realloc(u->items, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		u->items = more;
		u->cap = cap;
	}
	u->items[u->n++] = user;
	return 0;
}

/* Extents come file by file, so a file that was met already is the last one. */
static int look(void *context, const struct record *record)
{
	struct looking *l = context;
	struct pack_users *u = &l->users;
	const struct asked *found;
	struct extent e;
	uint64_t ino;
	int r = extent_decode(record->key, record->key_len, record->value, record->value_len, &e);

	if (r < 0 || e.kind != EXTENT_PACK)
		return r;
	found = bsearch(&(struct asked){ .number = e.segment }, l->asked, l->n, sizeof(*l->asked), by_number);
	if (!found)
		return 0;
	ino = load_be64(record->key + 1);
	if (u->n == 0 || u->items[u->n - 1].ino != ino)
		return add_user(u, (struct pack_user){ .pack = found->index, .ino = ino });
	u->items[u->n - 1].pack = MIN(u->items[u->n - 1].pack, found->index);
	return 0;
}

int pack_users_list(struct catalog *c, const uint64_t *packs, size_t n, struct pack_users *ret_users)
{
	struct looking l = { .asked = calloc(n + 1, sizeof(*l.asked)), .n = n };
	struct key prefix = key_start('E');
	int r = !l.asked ? -ENOMEM : n > UINT32_MAX ? -E2BIG : 0;

	for (size_t k = 0; r >= 0 && k < n; k++)
		l.asked[k] = (struct asked){ packs[k], (uint32_t)k };
	if (r >= 0) {
		qsort(l.asked, n, sizeof(*l.asked), by_number);
		r = records_foreach(c, &prefix, look, &l);
	}
	free(l.asked);
	if (r < 0) {
		pack_users_done(&l.users);
		return r;
	}
	if (l.users.n)
		qsort(l.users.items, l.users.n, sizeof(*l.users.items), by_pack);
	*ret_users = l.users;
	return 0;
}

void pack_users_done(struct pack_users *u)
{
	free(u->items);
	*u = (struct pack_users){ 0 };
}
