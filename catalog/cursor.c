/* SPDX-License-Identifier: MIT */
/* A cursor reads a window of records at once, from one snapshot, merging the two overlays and the
 * store: the newest that knows a key decides. The window is good as long as nothing was committed;
 * then the cursor goes on behind the last key it gave, in a new snapshot. So an undisturbed walk costs
 * one seek a window, and a disturbed one sees every change.
 *
 * The first window holds one record, because many walks want no more (what lies at this offset?); each
 * that is used up makes the next four times as wide, each that a commit spoils brings it back to one. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "catalog/catalog_impl.h"
#include "catalog/packed_chunk.h"

#define WINDOW_RECORDS 64u
#define WINDOW_GROWTH 4u
#define WINDOW_BYTES (64u << 10)

struct entry {
	uint8_t key[CATALOG_KEY_MAX];
	size_t key_len;
	size_t at, len; /* of the value in `values` */
};

struct cursor {
	struct catalog *c; /* borrowed */
	uint8_t prefix[CATALOG_KEY_MAX];
	size_t prefix_len;
	uint8_t last[CATALOG_KEY_MAX]; /* go on here */
	size_t last_len;
	bool after;                    /* behind `last`, not at it */
	uint64_t lsn;                  /* of the window's snapshot */
	unsigned n, at;
	unsigned width;                /* records that the next window takes */
	bool ended;                    /* nothing follows the window */
	bool stuck;                    /* the record of entries[n] does not open */
	struct buf values, sealed;
	struct entry entries[WINDOW_RECORDS]; /* undefined from n on */
};

int cursor_open(struct catalog *c, const void *prefix, size_t prefix_len, struct cursor **ret_cursor)
{
	struct cursor *cur;

	if (prefix_len > CATALOG_KEY_MAX)
		return -EINVAL;
	cur = malloc(sizeof(*cur));
	if (!cur)
		return -ENOMEM;
	memset(cur, 0, offsetof(struct cursor, entries));
	cur->c = c;
	memcpy(cur->prefix, prefix, prefix_len);
	cur->prefix_len = prefix_len;
	cursor_seek(cur, prefix, prefix_len);
	*ret_cursor = cur;
	return 0;
}

struct cursor *cursor_close(struct cursor *cur)
{
	if (!cur)
		return NULL;
	buf_done(&cur->values);
	buf_done(&cur->sealed);
	free(cur);
	return NULL;
}

/* The store's own record comes before all others and is not shown. */
void cursor_seek(struct cursor *cur, const void *key, size_t key_len)
{
	cur->after = key_len == 0;
	if (key_len == 0) {
		key = FACTS_KEY;
		key_len = FACTS_KEY_LEN;
	}
	cur->last_len = MIN(key_len, sizeof(cur->last));
	memcpy(cur->last, key, cur->last_len);
	cur->n = cur->at = 0;
	cur->width = 1;
	cur->ended = cur->stuck = false;
}

/* ---- one merging walk over a snapshot */

struct merge {
	struct cursor *cur;
	struct snapshot *s;
	const struct overlay_node *nodes[2]; /* of the active and the frozen overlay */
	int stored;                          /* 1: the scan stands on a key */
};

/* The next node that the snapshot sees. */
static const struct overlay_node *visible(const struct overlay_node *n, uint64_t lsn)
{
	while (n && !overlay_value_at(n, lsn))
		n = overlay_next(n);
	return n;
}

static int merge_start(struct merge *m, struct cursor *cur, struct snapshot *s)
{
	*m = (struct merge){ .cur = cur, .s = s };
	m->nodes[0] = visible(overlay_seek(s->view->active, cur->last, cur->last_len, cur->after), s->lsn);
	if (s->view->frozen)
		m->nodes[1] = visible(overlay_seek(s->view->frozen, cur->last, cur->last_len, cur->after), s->lsn);
	m->stored = s->scan ? store_scan_seek(s->scan, cur->last, cur->last_len, cur->after) : 0;
	return m->stored < 0 ? m->stored : 0;
}

/* The key of source 0, 1 (overlays) or 2 (store), NULL at its end. */
static const void *source_key(const struct merge *m, unsigned source, size_t *ret_len)
{
	if (source == 2)
		return m->stored == 1 ? store_scan_key(m->s->scan, ret_len) : NULL;
	return m->nodes[source] ? overlay_key(m->nodes[source], ret_len) : NULL;
}

/* The newest source with the smallest key, or -1. */
static int smallest(const struct merge *m, const void **ret_key, size_t *ret_len)
{
	int best = -1;

	for (unsigned i = 0; i < 3; i++) {
		size_t len;
		const void *key = source_key(m, i, &len);

		if (key && (best < 0 || key_compare(key, len, *ret_key, *ret_len) < 0)) {
			best = (int)i;
			*ret_key = key;
			*ret_len = len;
		}
	}
	return best;
}

/* Moves every source that stands on the key. */
static int step_over(struct merge *m, const uint8_t *key, size_t key_len)
{
	for (unsigned i = 0; i < 3; i++) {
		size_t len;
		const void *at = source_key(m, i, &len);

		if (!at || key_compare(at, len, key, key_len) != 0)
			continue;
		if (i < 2)
			m->nodes[i] = visible(overlay_next(m->nodes[i]), m->s->lsn);
		else
			m->stored = store_scan_next(m->s->scan);
	}
	return m->stored < 0 ? m->stored : 0;
}

static int add_stored(struct cursor *cur, struct merge *m, const struct entry *e)
{
	int r;

	buf_reset(&cur->sealed);
	r = store_scan_value(m->s->scan, &cur->sealed);
	if (r < 0)
		return r;
	return value_open(cur->c->opener, e->key, e->key_len, cur->sealed.data, cur->sealed.len, &cur->values);
}

/* Appends the value to the window. 0: it was removed. */
static int add_value(struct cursor *cur, struct merge *m, int source, struct entry *e)
{
	const struct overlay_value *v;
	int r;

	e->at = cur->values.len;
	if (source == 2) {
		r = add_stored(cur, m, e);
	} else {
		v = overlay_value_at(m->nodes[source], m->s->lsn);
		if (v->len == OVERLAY_REMOVED)
			return 0;
		r = buf_add(&cur->values, v->data, v->len);
	}
	e->len = cur->values.len - e->at;
	return r < 0 ? r : 1;
}

static bool has_prefix(const struct cursor *cur, const void *key, size_t key_len)
{
	return key_len >= cur->prefix_len && memcmp(key, cur->prefix, cur->prefix_len) == 0;
}

/* 1: an entry was added; 0: the end. Removed ones are stepped over. */
static int merge_next(struct merge *m, struct entry *e)
{
	struct cursor *cur = m->cur;
	const void *key;

	for (;;) {
		int source = smallest(m, &key, &e->key_len), r, moved;

		if (source < 0 || !has_prefix(cur, key, e->key_len))
			return 0;
		memcpy(e->key, key, e->key_len);
		r = add_value(cur, m, source, e);
		cur->stuck = r == -EBADMSG;
		if (r < 0)
			return r;
		moved = step_over(m, e->key, e->key_len);
		if (moved < 0 || r == 1)
			return moved < 0 ? moved : 1;
	}
}

static int fill_from(struct cursor *cur, struct snapshot *s)
{
	struct merge m;
	int r = merge_start(&m, cur, s);

	while (r >= 0 && cur->n < cur->width && cur->values.len < WINDOW_BYTES) {
		r = merge_next(&m, &cur->entries[cur->n]);
		if (r == 0)
			cur->ended = true;
		if (r <= 0)
			break;
		cur->n++;
	}
	return r < 0 ? r : 0;
}

/* An error waits behind the records before it: those are given out first. */
static int fill(struct cursor *cur)
{
	struct snapshot s;
	bool scan = cur->prefix_len == 0 || *cur->prefix != LETTER_CHANGE;
	int r = snapshot_begin(cur->c, scan, &s);

	if (r < 0)
		return r;
	buf_reset(&cur->values);
	cur->n = cur->at = 0;
	cur->ended = cur->stuck = false;
	cur->lsn = s.lsn;
	r = fill_from(cur, &s);
	snapshot_end(&s);
	return cur->n > 0 ? 0 : r;
}

static bool window_good(const struct cursor *cur)
{
	if (cur->lsn != atomic_load_explicit(&cur->c->visible_lsn, memory_order_acquire))
		return false;
	return cur->at < cur->n || cur->ended;
}

int cursor_next(struct cursor *cur, const void **ret_key, size_t *ret_key_len, const void **ret_value,
		size_t *ret_value_len)
{
	const struct entry *e;
	int r;

	if (cur->prefix_len > 0) {
		r = vetting_check_letter(cur->c, cur->prefix[0]);
		if (r < 0)
			return r; /* an end would be a guess */
	}
	if (!window_good(cur)) {
		if (cur->at < cur->n)
			cur->width = 1;
		r = fill(cur);
		cur->width = MIN(cur->width * WINDOW_GROWTH, WINDOW_RECORDS);
		if (r < 0)
			return r;
	}
	if (cur->at == cur->n)
		return 0;
	e = &cur->entries[cur->at++];
	memcpy(cur->last, e->key, e->key_len);
	cur->last_len = e->key_len;
	cur->after = true;
	*ret_key = e->key;
	*ret_key_len = e->key_len;
	*ret_value = cur->values.data + e->at;
	*ret_value_len = e->len;
	return 1;
}

int cursor_skip(struct cursor *cur, const void **ret_key, size_t *ret_key_len)
{
	const struct entry *e = &cur->entries[0];

	if (cur->n > 0 || !cur->stuck)
		return -EBADMSG;
	memcpy(cur->last, e->key, e->key_len);
	cur->last_len = e->key_len;
	cur->after = true;
	cur->stuck = false;
	*ret_key = cur->last;
	*ret_key_len = cur->last_len;
	return 0;
}
