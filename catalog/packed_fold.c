/* SPDX-License-Identifier: MIT */
#include "catalog/packed_fold.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define PAIR_LEN 16u

void packed_fold_done(struct packed_fold *f)
{
	buf_done(&f->members);
	buf_done(&f->changes);
	buf_done(&f->merged);
}

static const struct packed_member *all_of(const struct buf *b, size_t *ret_n)
{
	*ret_n = b->len / sizeof(struct packed_member);
	return (const void *)b->data;
}

/* ---- writing a chunk, or what it becomes */

/* A change comes in the place of the member that it is of. */
static int merge(struct packed_fold *f)
{
	size_t n, n_changes, at = 0;
	const struct packed_member *members = all_of(&f->members, &n), *changes = all_of(&f->changes, &n_changes);
	int r = buf_reserve(&f->merged, f->members.len + f->changes.len);

	if (r < 0)
		return r;
	buf_reset(&f->merged);
	for (size_t k = 0; k < n_changes; k++) {
		const struct packed_member *c = &changes[k];
		size_t before = at + chunk_find(members + at, n - at, c->a, c->b);

		(void) buf_add(&f->merged, members + at, (before - at) * sizeof(*members));
		if (c->n)
			(void) buf_add(&f->merged, c, sizeof(*c));
		at = before + (before < n && chunk_compare(&members[before], c->a, c->b) == 0);
	}
	return buf_add(&f->merged, members + at, (n - at) * sizeof(*members));
}

/* How many of `left` members the next of `pieces` chunks has. */
static size_t piece_of(const struct packed_fold *f, size_t left, size_t pieces)
{
	bool last = f->end.a == chunk_greatest.a && f->end.b == chunk_greatest.b;

	return last ? MIN(left, PACKED_CHUNK_MAX) : (left + pieces - 1) / pieces;
}

static int write_pieces(struct packed_fold *f)
{
	uint8_t value[CHUNK_BYTES_MAX];
	size_t n, at = 0;
	const struct packed_member *all = all_of(&f->merged, &n);
	struct key prefix = f->key;
	int r = 0;

	prefix.len = f->prefix_len;
	for (size_t pieces = (n + PACKED_CHUNK_MAX - 1) / PACKED_CHUNK_MAX; pieces > 0 && r >= 0; pieces--) {
		size_t len = piece_of(f, n - at, pieces);
		struct key key = pieces == 1 ? f->key : chunk_key(&prefix, all[at + len - 1].a, all[at + len - 1].b);

		r = f->put(f->context, &key, value, chunk_encode(all + at, len, value));
		at += len;
	}
	return r;
}

static int write_chunk(struct packed_fold *f)
{
	int r = f->prefix_len ? merge(f) : 0;

	if (r >= 0 && f->prefix_len && f->merged.len)
		r = write_pieces(f);
	else if (r >= 0 && f->prefix_len && f->stored)
		r = f->remove(f->context, &f->key);
	f->prefix_len = 0;
	buf_reset(&f->members);
	buf_reset(&f->changes);
	return r;
}

/* ---- finding it */

static int load_members(struct packed_fold *f, const struct buf *value)
{
	struct packed_member members[CHUNK_MEMBERS_MAX];
	int n = chunk_decode(value->data, value->len, members);

	return n < 0 ? f->doubt(f->context) : buf_add(&f->members, members, (size_t)n * sizeof(*members));
}

static int load_chunk(struct packed_fold *f, const struct key *prefix, uint64_t a, uint64_t b)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key from = chunk_key(prefix, a, b);
	int r = f->first(f->context, &from, &f->key, &value);

	f->stored = (r > 0 || r == -EBADMSG) && f->key.len == from.len &&
		    memcmp(f->key.bytes, prefix->bytes, prefix->len) == 0;
	f->prefix_len = prefix->len;
	if (f->stored)
		r = r > 0 ? load_members(f, &value) : f->doubt(f->context);
	else
		f->key = chunk_key(prefix, chunk_greatest.a, chunk_greatest.b);
	f->end.a = load_be64(f->key.bytes + f->prefix_len);
	f->end.b = load_be64(f->key.bytes + f->prefix_len + 8);
	return r < 0 && (f->stored || r != -EBADMSG) ? r : 0;
}

static bool is_at_hand(const struct packed_fold *f, const struct key *prefix, const struct packed_member *m)
{
	return f->prefix_len == prefix->len && memcmp(f->key.bytes, prefix->bytes, prefix->len) == 0 &&
	       chunk_compare(m, f->end.a, f->end.b) <= 0;
}

static bool parse(const uint8_t *key, size_t len, struct key *ret_prefix, struct packed_member *ret_m)
{
	if (len - 1 > sizeof(ret_prefix->bytes))
		return false;
	ret_prefix->len = len - 1 - PAIR_LEN;
	memcpy(ret_prefix->bytes, key + 1, ret_prefix->len);
	ret_m->a = load_be64(key + len - PAIR_LEN);
	ret_m->b = load_be64(key + len - 8);
	return ret_m->b <= PACKED_B_MAX;
}

/* It comes before the changes of its sets, behind those of others. */
static int drop_sets(struct packed_fold *f, const uint8_t *key, size_t len)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key at = { .len = len - 1 };
	int r = write_chunk(f);

	memcpy(at.bytes, key + 1, at.len);
	while (r >= 0) {
		buf_reset(&value);
		r = f->first(f->context, &at, &at, &value);
		if ((r <= 0 && r != -EBADMSG) || at.len < len - 1 || memcmp(at.bytes, key + 1, len - 1) != 0)
			return r == -EBADMSG ? 0 : MIN(r, 0);
		r = f->remove(f->context, &at);
	}
	return r;
}

int packed_fold_add(struct packed_fold *f, const void *key, size_t key_len, const void *value, size_t len)
{
	struct packed_member m;
	struct key prefix;
	int r = 0;

	if (change_is_drop(key_len))
		return drop_sets(f, key, key_len);
	if (!parse(key, key_len, &prefix, &m) || change_decode(value, len, &m.n) < 0)
		return 0;
	if (!is_at_hand(f, &prefix, &m)) {
		r = write_chunk(f);
		if (r >= 0)
			r = load_chunk(f, &prefix, m.a, m.b);
	}
	return r < 0 ? r : buf_add(&f->changes, &m, sizeof(m));
}

int packed_fold_end(struct packed_fold *f)
{
	return write_chunk(f);
}
