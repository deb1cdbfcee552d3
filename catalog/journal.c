/* SPDX-License-Identifier: MIT */
#include "catalog/journal.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/walk.h"

#define READ_BYTES (64u << 10)
/* Removed in one batch. */
#define STEP 1000u

static struct key kind_key(enum journal_kind kind)
{
	return key_u8(key_start('A'), (uint8_t)kind);
}

static struct key line_key(enum journal_kind kind, uint64_t number)
{
	return key_u64(kind_key(kind), number);
}

/* ---- state */

/* `r`: what getting the value gave. */
static int decode_state(int r, const struct buf *value, struct journal_state *ret)
{
	struct reader in = reader_over(value->data, value->len);
	struct journal_state s = { .first = 1, .next = 1 };

	if (r == -ENOENT) {
		*ret = s;
		return 0;
	}
	if (r < 0)
		return r;
	s.first = reader_varint(&in);
	s.next = reader_varint(&in);
	s.first_place = reader_varint(&in);
	s.next_place = reader_varint(&in);
	s.begin = reader_varint(&in);
	if (in.bad || reader_left(&in) || s.first > s.next || s.first_place > s.next_place || s.begin > s.next_place)
		return -EBADMSG;
	*ret = s;
	return 0;
}

int journal_get_state(struct catalog *c, enum journal_kind kind, struct journal_state *ret)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = line_key(kind, 0);

	return decode_state(catalog_get(c, key.bytes, key.len, &value), &value, ret);
}

static int get_state_in(struct batch *b, enum journal_kind kind, struct journal_state *ret)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = line_key(kind, 0);

	return decode_state(batch_get(b, key.bytes, key.len, &value), &value, ret);
}

static void put_state(struct batch *b, enum journal_kind kind, const struct journal_state *s)
{
	struct key key = line_key(kind, 0);
	uint8_t out[5 * VARINT_MAX], *at = out;

	at = put_varint(at, s->first);
	at = put_varint(at, s->next);
	at = put_varint(at, s->first_place);
	at = put_varint(at, s->next_place);
	at = put_varint(at, s->begin);
	batch_put(b, key.bytes, key.len, out, (size_t)(at - out));
}

/* ---- lines */

struct line {
	struct buf value; /* owned */
	uint64_t place;
	const void *text;
	size_t len;
};

static int get_line(struct catalog *c, enum journal_kind kind, uint64_t number, struct line *ret)
{
	struct key key = line_key(kind, number);
	struct reader in;
	int r;

	buf_reset(&ret->value);
	r = catalog_get(c, key.bytes, key.len, &ret->value);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	in = reader_over(ret->value.data, ret->value.len);
	ret->place = reader_varint(&in);
	ret->text = reader_bytes(&in, &ret->len);
	return in.bad ? -EBADMSG : 0;
}

static void line_done(struct line *l)
{
	buf_done(&l->value);
}

/* The number of the line that holds this place. */
static int line_at(struct catalog *c, enum journal_kind kind, const struct journal_state *s, uint64_t place, uint64_t *ret_number)
{
	_cleanup_(line_done) struct line l = { 0 };
	uint64_t low = s->first, high = s->next;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		int r = get_line(c, kind, middle, &l);

		if (r < 0)
			return r;
		if (l.place + l.len <= place)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_number = low;
	return 0;
}

static int add_lines(struct catalog *c, enum journal_kind kind, uint64_t from, uint64_t to, uint64_t skip, struct buf *out)
{
	_cleanup_(line_done) struct line l = { 0 };

	for (; from < to && out->len < READ_BYTES; from++, skip = 0) {
		int r = get_line(c, kind, from, &l);

		if (r >= 0)
			r = buf_add(out, (const uint8_t *)l.text + skip, l.len - MIN(skip, (uint64_t)l.len));
		if (r < 0)
			return r;
	}
	return 0;
}

int journal_read(struct catalog *c, enum journal_kind kind, uint64_t offset, struct buf *ret_text)
{
	_cleanup_(line_done) struct line l = { 0 };
	struct journal_state s;
	uint64_t number, place;
	int r = journal_get_state(c, kind, &s);

	if (r < 0 || offset >= journal_size(&s))
		return r;
	place = MAX(s.begin + offset, s.first_place);
	r = line_at(c, kind, &s, place, &number);
	if (r >= 0)
		r = get_line(c, kind, number, &l);
	return r < 0 ? r : add_lines(c, kind, number, s.next, place - MIN(place, l.place), ret_text);
}

int journal_since(struct catalog *c, enum journal_kind kind, uint64_t since, struct buf *ret_text, uint64_t *ret_first)
{
	_cleanup_(line_done) struct line l = { 0 };
	struct journal_state s;
	int r = journal_get_state(c, kind, &s);

	if (r < 0)
		return r;
	*ret_first = s.first;
	if (since + 1 < s.first)
		return -ESTALE;
	for (uint64_t number = since + 1; number < s.next && r >= 0; number++) {
		r = get_line(c, kind, number, &l);
		if (r >= 0)
			r = buf_add(ret_text, l.text, l.len);
	}
	return r;
}

/* ---- changes */

int journal_next(struct batch *b, enum journal_kind kind, uint64_t *ret_number)
{
	struct journal_state s;
	int r = get_state_in(b, kind, &s);

	if (r >= 0)
		*ret_number = s.next;
	return r;
}

int journal_add(struct batch *b, enum journal_kind kind, const void *line, size_t len)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct journal_state s;
	struct key key;
	int r = get_state_in(b, kind, &s);

	if (r >= 0)
		r = buf_add_varint(&value, s.next_place);
	if (r >= 0)
		r = buf_add_bytes(&value, line, len);
	if (r < 0)
		return r;
	key = line_key(kind, s.next);
	batch_put(b, key.bytes, key.len, value.data, value.len);
	s.next++;
	s.next_place += len;
	put_state(b, kind, &s);
	return 0;
}

static int trim(struct catalog *c, enum journal_kind kind, struct batch *b, struct journal_state *s)
{
	_cleanup_(line_done) struct line l = { 0 };
	uint64_t to = s->next - MIN(s->next, (uint64_t)JOURNAL_KEEP);
	int r = 0;

	to = MAX(to, s->first);
	to = MIN(to, s->first + STEP);
	for (uint64_t number = s->first; number < to; number++) {
		struct key key = line_key(kind, number);

		batch_remove(b, key.bytes, key.len);
	}
	if (to > s->first && to < s->next) {
		r = get_line(c, kind, to, &l);
		s->first_place = l.place;
	}
	s->first = to;
	return r;
}

/* 1: there is more to remove. */
static int begin_step(struct catalog *c, enum journal_kind kind)
{
	struct journal_state s, before;
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	r = get_state_in(b, kind, &s);
	before = s;
	if (r >= 0)
		r = trim(c, kind, b, &s);
	s.begin = s.first_place;
	if (r >= 0 && (s.first != before.first || s.begin != before.begin))
		put_state(b, kind, &s);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	r = batch_commit(b, NULL);
	return r < 0 ? r : s.first != before.first;
}

int journal_begin(struct catalog *c, enum journal_kind kind)
{
	int r;

	while ((r = begin_step(c, kind)) > 0)
		;
	return r;
}
