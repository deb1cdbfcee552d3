/* SPDX-License-Identifier: MIT */
/* Reading packed sets: two streams in one order, the members of the chunks and what was changed since the last
 * checkpoint, which has the last word. The end of a checkpoint takes changes into chunks, so both have to be of the same
 * generation of the catalog; when it has moved on, both begin anew where the walk is. */
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

struct packed_walk packed_walk_over_sets(struct catalog *c, const struct key *prefix)
{
	return (struct packed_walk){ .c = c, .prefix = *prefix, .set_len = 8 };
}

uint64_t packed_walk_set(const struct packed_walk *w)
{
	return w->next_set;
}

void packed_walk_done(struct packed_walk *w)
{
	w->chunks = cursor_close(w->chunks);
	w->changes = cursor_close(w->changes);
	buf_done(&w->members);
}

static size_t members_left(const struct packed_walk *w)
{
	return w->members.len / sizeof(struct packed_member) - w->at;
}

static const struct packed_member *member_at(const struct packed_walk *w)
{
	return (const struct packed_member *)(const void *)w->members.data + w->at;
}

void packed_walk_seek(struct packed_walk *w, uint64_t a, uint64_t b)
{
	if (chunk_compare(&w->next, a, b) >= 0)
		return;
	w->next = (struct packed_member){ .a = a, .b = b };
	w->at += chunk_find(member_at(w), members_left(w), a, b);
	if (!members_left(w))
		w->chunks_begun = false; /* in another chunk: a new step of the cursor finds it */
	if (!w->has_change || chunk_compare(&w->change, a, b) < 0)
		w->has_change = w->changes_begun = false;
}

static int seek_cursor(struct packed_walk *w, const struct key *prefix, struct cursor **cur)
{
	struct key from = w->set_len ? key_u64(*prefix, w->next_set) : *prefix;

	from = chunk_key(&from, w->next.a, w->next.b);
	if (!*cur)
		return cursor_open_at(w->c, prefix, &from, cur);
	cursor_seek(*cur, from.bytes, from.len);
	return 0;
}

/* The place in a key that begins with this prefix. -EBADMSG: it is none. */
static int parse(const struct packed_walk *w, const struct key *prefix, const struct record *record, uint64_t *ret_set,
		 struct packed_member *ret_m)
{
	const uint8_t *at = record->key + prefix->len;

	if (record->key_len != prefix->len + w->set_len + 16)
		return -EBADMSG;
	*ret_set = w->set_len ? load_be64(at) : 0;
	ret_m->a = load_be64(at + w->set_len);
	ret_m->b = load_be64(at + w->set_len + 8);
	return 0;
}

/* The members of the next chunk that are not behind the walk already. 0: there is no chunk. */
static int fetch_chunk(struct packed_walk *w)
{
	struct packed_member members[CHUNK_MEMBERS_MAX], end;
	struct record record;
	size_t from = 0, n;
	int r;

	buf_reset(&w->members);
	w->at = 0;
	if (w->chunks_begun && w->last_chunk)
		return 0;
	r = w->chunks_begun ? 0 : seek_cursor(w, &w->prefix, &w->chunks);
	w->chunks_begun = r >= 0;
	if (r >= 0)
		r = cursor_next_record(w->chunks, &record);
	if (r <= 0)
		return r;
	r = parse(w, &w->prefix, &record, &w->set, &end);
	if (r >= 0)
		r = chunk_decode(record.value, record.value_len, members);
	if (r < 0) {
		w->chunks_begun = false; /* whoever comes again meets it again */
		return r;
	}
	n = (size_t)r;
	w->last_chunk = !w->set_len && chunk_compare(&end, chunk_greatest.a, chunk_greatest.b) == 0;
	if (w->set == w->next_set)
		from = chunk_find(members, n, w->next.a, w->next.b);
	r = buf_add(&w->members, members + from, (n - from) * sizeof(*members));
	return r < 0 ? r : 1;
}

static int fetch_change(struct packed_walk *w)
{
	struct key prefix = change_prefix(&w->prefix);
	struct record record;
	int r = w->changes_begun ? 0 : seek_cursor(w, &prefix, &w->changes);

	w->changes_begun = r >= 0;
	do
		r = r < 0 ? r : cursor_next_record(w->changes, &record);
	while (r > 0 && change_is_drop(record.key_len)); /* of another set */
	w->no_changes = r == 0;
	if (r <= 0)
		return r;
	r = parse(w, &prefix, &record, &w->change_set, &w->change);
	if (r >= 0)
		r = change_decode(record.value, record.value_len, &w->change.n);
	w->has_change = r >= 0;
	return r < 0 ? r : 1;
}

static void begin_anew(struct packed_walk *w)
{
	w->generation = catalog_generation(w->c);
	w->chunks_begun = w->changes_begun = false;
	w->has_change = w->no_changes = false;
	buf_reset(&w->members);
	w->at = 0;
}

/* There may be changes again where there were none. */
static void look_again(struct packed_walk *w)
{
	uint64_t lsn = catalog_last_lsn(w->c);

	if (w->no_changes && w->lsn != lsn)
		w->no_changes = w->changes_begun = false;
	w->lsn = lsn;
}

/* Both streams show what comes next, or that nothing does, as it was in one generation: otherwise a change may have gone
 * into a chunk that was read before. */
static int fetch(struct packed_walk *w)
{
	int r = 0;

	if (members_left(w) && (w->has_change || w->no_changes))
		return 0;
	if (w->generation != catalog_generation(w->c) || !w->chunks)
		begin_anew(w);
	else
		look_again(w);
	for (;;) {
		if (!w->has_change && !w->no_changes)
			r = fetch_change(w);
		do
			r = r >= 0 && !members_left(w) ? fetch_chunk(w) : MIN(r, 0);
		while (r > 0 && !members_left(w));
		if (w->generation == catalog_generation(w->c))
			return MIN(r, 0);
		begin_anew(w);
		r = 0;
	}
}

/* Where the next change lies: before the next member, at it, or behind it. */
static int compare_heads(const struct packed_walk *w)
{
	if (!w->has_change)
		return 1;
	if (!members_left(w))
		return -1;
	if (w->change_set != w->set)
		return w->change_set < w->set ? -1 : 1;
	return chunk_compare(&w->change, member_at(w)->a, member_at(w)->b);
}

/* What comes next, which may be that a pair is no member. */
static void take(struct packed_walk *w, struct packed_member *ret_m)
{
	int order = compare_heads(w);

	*ret_m = order <= 0 ? w->change : *member_at(w);
	w->next_set = order <= 0 ? w->change_set : w->set;
	w->next = (struct packed_member){ .a = ret_m->a, .b = ret_m->b + 1 };
	if (order <= 0)
		w->has_change = false;
	if (order >= 0)
		w->at++;
}

int packed_walk_next(struct packed_walk *w, struct packed_member *ret_m)
{
	struct packed_member m = { 0 };
	int r;

	while (m.n == 0) {
		r = fetch(w);
		if (r < 0)
			return r;
		if (!w->has_change && !members_left(w))
			return 0;
		take(w, &m);
	}
	*ret_m = m;
	return 1;
}

/* ---- counting */

static size_t count_between(const struct packed_member *members, size_t n, uint64_t low, uint64_t high)
{
	size_t from = chunk_find(members, n, low, 0);
	size_t to = high == UINT64_MAX ? n : chunk_find(members, n, high + 1, 0);

	return to - from;
}

/* Changes up to the end of a chunk, beside its members. */
static int count_changes(struct packed_walk *w, const struct packed_member *end, uint64_t high,
			 const struct packed_member *members, size_t n, int64_t *count)
{
	int r = 1;

	while (r > 0 && w->has_change && w->change.a <= high && chunk_compare(&w->change, end->a, end->b) <= 0) {
		size_t at = chunk_find(members, n, w->change.a, w->change.b);
		bool was = at < n && chunk_compare(&members[at], w->change.a, w->change.b) == 0;

		*count += (w->change.n > 0) - was;
		w->has_change = false;
		r = fetch_change(w);
	}
	return MIN(r, 0);
}

/* `inside`: the chunk begins behind (low, 0). Those that lie within and of which nothing changed are not read through. */
static int count_chunk(struct packed_walk *w, const struct record *record, bool inside, uint64_t low, uint64_t high,
		       int64_t *count, struct packed_member *ret_end)
{
	struct packed_member members[CHUNK_MEMBERS_MAX];
	struct reader in = reader_over(record->value, record->value_len);
	uint64_t set;
	int r = parse(w, &w->prefix, record, &set, ret_end);

	if (r < 0)
		return r;
	if (inside && ret_end->a < high && (!w->has_change || chunk_compare(&w->change, ret_end->a, ret_end->b) > 0)) {
		*count += (int64_t)reader_varint(&in);
		return in.bad ? -EBADMSG : 0;
	}
	r = chunk_decode(record->value, record->value_len, members);
	if (r < 0)
		return r;
	*count += (int64_t)count_between(members, (size_t)r, low, high);
	return count_changes(w, ret_end, high, members, (size_t)r, count);
}

static int count(struct packed_walk *w, uint64_t low, uint64_t high, int64_t *ret_count)
{
	struct packed_member end = { .a = low };
	struct record record;
	bool inside = false;
	int r;

	*ret_count = 0;
	begin_anew(w);
	w->next = (struct packed_member){ .a = low };
	r = fetch_change(w);
	if (r >= 0)
		r = seek_cursor(w, &w->prefix, &w->chunks);
	/* A chunk may end with a pair of `high`, of which the next one has more. */
	while (r >= 0 && end.a <= high && (r = cursor_next_record(w->chunks, &record)) > 0) {
		r = count_chunk(w, &record, inside, low, high, ret_count, &end);
		inside = true;
	}
	return r < 0 ? r : count_changes(w, &chunk_greatest, high, NULL, 0, ret_count);
}

int packed_set_count(struct catalog *c, const struct key *prefix, uint64_t low, uint64_t high, uint64_t *ret_count)
{
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(c, prefix);
	int64_t n;
	int r;

	do
		r = count(&w, low, high, &n);
	while (r >= 0 && w.generation != catalog_generation(c));
	if (r < 0)
		return r;
	*ret_count = (uint64_t)MAX(n, 0);
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
