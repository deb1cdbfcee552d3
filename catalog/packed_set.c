/* SPDX-License-Identifier: MIT */
#include "catalog/packed_set.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/packed_chunk.h"
#include "catalog/walk.h"

/* ---- walking */

struct packed_walk packed_walk_over(struct catalog *c, const struct key *prefix)
{
	return (struct packed_walk){ .c = c, .prefix = *prefix };
}

void packed_walk_seek(struct packed_walk *w, uint64_t a, uint64_t b)
{
	const struct packed_member *members = (const void *)w->chunk.data;
	size_t n = w->chunk.len / sizeof(*members);

	if (chunk_compare(&w->next, a, b) >= 0)
		return;
	w->next = (struct packed_member){ .a = a, .b = b };
	w->at += chunk_find(members + w->at, n - w->at, a, b);
	if (w->at == n)
		w->begun = false; /* in another chunk: a new step of the cursor finds it */
}

void packed_walk_done(struct packed_walk *w)
{
	w->cur = cursor_close(w->cur);
	buf_done(&w->chunk);
}

static int seek_cursor(struct packed_walk *w)
{
	struct key from = chunk_key(&w->prefix, w->next.a, w->next.b);

	if (!w->cur)
		return cursor_open_at(w->c, &w->prefix, &from, &w->cur);
	cursor_seek(w->cur, from.bytes, from.len);
	return 0;
}

/* The members of one chunk that are not behind the walk already. */
static int take_chunk(struct packed_walk *w, const struct record *record)
{
	struct packed_member members[CHUNK_MEMBERS_MAX];
	int r = record->key_len == w->prefix.len + 16 ? chunk_decode(record->value, record->value_len, members) : -EBADMSG;
	size_t from;

	if (r < 0)
		return r;
	from = chunk_find(members, (size_t)r, w->next.a, w->next.b);
	buf_reset(&w->chunk);
	w->at = 0;
	return buf_add(&w->chunk, members + from, ((size_t)r - from) * sizeof(*members));
}

/* A chunk that was split since the cursor stood on it goes on in the next one: its key has stayed. One that took more in
 * has lost what came in before its end. Both are why a walk begins anew once the catalog has changed. */
static int next_chunk(struct packed_walk *w)
{
	uint64_t lsn = catalog_last_lsn(w->c);
	struct record record;
	int r = 0;

	if (!w->begun || lsn != w->lsn)
		r = seek_cursor(w);
	w->begun = true;
	w->lsn = lsn;
	if (r >= 0)
		r = cursor_next_record(w->cur, &record);
	if (r <= 0)
		return r;
	r = take_chunk(w, &record);
	return r < 0 ? r : 1;
}

int packed_walk_next(struct packed_walk *w, struct packed_member *ret_m)
{
	int r;

	while (!w->begun || w->at == w->chunk.len / sizeof(*ret_m)) {
		r = next_chunk(w);
		if (r <= 0)
			return r;
	}
	memcpy(ret_m, w->chunk.data + w->at++ * sizeof(*ret_m), sizeof(*ret_m));
	w->next = (struct packed_member){ .a = ret_m->a, .b = ret_m->b + 1 };
	return 1;
}

int packed_set_get(struct catalog *c, const struct key *prefix, uint64_t a, uint64_t b, uint32_t *ret_n)
{
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(c, prefix);
	struct packed_member m;
	int r;

	packed_walk_seek(&w, a, b);
	r = packed_walk_next(&w, &m);
	if (r >= 0)
		*ret_n = r > 0 && chunk_compare(&m, a, b) == 0 ? m.n : 0;
	return MIN(r, 0);
}

/* ---- counting */

static size_t count_between(const struct packed_member *members, size_t n, uint64_t low, uint64_t high)
{
	size_t from = chunk_find(members, n, low, 0);
	size_t to = high == UINT64_MAX ? n : chunk_find(members, n, high + 1, 0);

	return to - from;
}

int packed_set_count(struct catalog *c, const struct key *prefix, uint64_t low, uint64_t high, uint64_t *ret_count)
{
	_cleanup_cursor_ struct cursor *cur = NULL;
	struct key from = chunk_key(prefix, low, 0);
	uint64_t count = 0, before = low;
	struct record record;
	bool inside = false;
	int r = cursor_open_at(c, prefix, &from, &cur);

	/* A chunk may end with a pair of `high`, of which the next one has more. */
	while (r >= 0 && before <= high && (r = cursor_next_record(cur, &record)) > 0) {
		uint64_t end = record.key_len == prefix->len + 16 ? load_be64(record.key + prefix->len) : 0;
		struct reader in = reader_over(record.value, record.value_len);
		struct packed_member members[CHUNK_MEMBERS_MAX];

		if (inside && end < high) {
			count += reader_varint(&in);
			r = in.bad ? -EBADMSG : r;
		} else {
			r = chunk_decode(record.value, record.value_len, members);
			count += r < 0 ? 0 : count_between(members, (size_t)r, low, high);
		}
		inside = true;
		before = end;
	}
	if (r < 0)
		return r;
	*ret_count = count;
	return 0;
}

/* ---- writing whole sets */

static int write_chunk(struct packed_writer *w, const struct packed_member *end, size_t n)
{
	uint8_t value[CHUNK_BYTES_MAX];
	struct key key = chunk_key(&w->prefix, end->a, end->b);
	int r = w->put(w->context, &key, value, chunk_encode(w->members, n, value));

	memmove(w->members, w->members + n, (w->n - n) * sizeof(*w->members));
	w->n -= n;
	return r;
}

int packed_writer_add(struct packed_writer *w, const struct packed_member *m)
{
	int r = 0;

	if (w->n == PACKED_CHUNK_MAX)
		r = write_chunk(w, &w->members[w->n - 1], w->n);
	if (r >= 0)
		w->members[w->n++] = *m;
	return r;
}

int packed_writer_end(struct packed_writer *w)
{
	return w->n ? write_chunk(w, &chunk_greatest, w->n) : 0;
}
