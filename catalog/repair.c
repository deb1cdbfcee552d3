/* SPDX-License-Identifier: MIT */
/* The order of a repair. First what does not open goes, so that every walk sees all there is, and what is
 * lost is looked for; then the records that say things once, from the inodes to the names; at last those that follow
 * from them. */
#include "catalog/repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog/repair_impl.h"

#define BATCH_BYTES (256u << 10)

/* ---- changing */

int repair_flush(struct repair *r)
{
	return r->b ? batch_commit(steal_ptr(&r->b), NULL) : 0;
}

int repair_batch(struct repair *r, struct batch **ret_b)
{
	int e = 0;

	if (r->b && batch_size(r->b) > BATCH_BYTES)
		e = repair_flush(r);
	if (e >= 0 && !r->b)
		e = catalog_begin(r->c, true, &r->b);
	if (e < 0)
		return e;
	*ret_b = r->b;
	return 0;
}

int repair_put(struct repair *r, const struct key *key, const void *value, size_t len)
{
	struct batch *b;
	int e = repair_batch(r, &b);

	if (e >= 0)
		batch_put(b, key->bytes, key->len, value, len);
	return e;
}

int repair_remove(struct repair *r, const void *key, size_t key_len)
{
	struct batch *b;
	int e = repair_batch(r, &b);

	if (e >= 0)
		batch_remove(b, key, key_len);
	return e;
}

/* ---- what does not open */

/* Kinds that we do not know are a later version's, and no business of ours. */
static bool strange_shape(const uint8_t *key, size_t len)
{
	static const struct { char letter; uint8_t len, other; } shapes[] = {
		{ 'I', 9, 9 }, { 'D', 16, 16 }, { 'P', 25, 25 }, { 'X', 17, 17 }, { 'E', 17, 17 },
		{ 'B', 17, 33 }, { 'S', 9, 9 }, { 'G', 17, 17 }, { 'g', 9, 9 }, { 'T', 25, 17 }, { 'h', 25, 25 },
		{ 'n', 17, 17 }, { 'm', 17, 17 }, { 'N', 9, 9 }, { 'L', 25, 25 }, { 'l', 25, 25 },
		{ 'w', 17, 17 }, { 'W', 10, 10 }, { 'Q', 10, 26 }, { 'O', 9, 9 }, { 'M', 9, 9 }, { 'U', 9, 9 },
		{ 'K', 9, 9 }, { 'Z', 9, 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (*key == (uint8_t)shapes[i].letter)
			return len != shapes[i].len && len != shapes[i].other;
	return false;
}

static int remove_unreadable(struct repair *r, struct cursor *cur)
{
	const void *key, *value;
	size_t key_len, len;
	int e;

	for (;;) {
		e = cursor_next(cur, &key, &key_len, &value, &len);
		if (e == -EBADMSG)
			e = cursor_skip(cur, &key, &key_len) < 0 ? -EBADMSG : 2;
		if (e <= 0)
			return e;
		if (e == 1 && !strange_shape(key, key_len))
			continue;
		r->lost[*(const uint8_t *)key] = true;
		if (e == 1)
			repair_say(r, "catalog: a record whose key is none");
		e = repair_remove(r, key, key_len);
		if (e < 0)
			return e;
	}
}

static int drop_unreadable(struct repair *r)
{
	_cleanup_cursor_ struct cursor *cur = NULL;
	int e = cursor_open(r->c, "", 0, &cur);

	if (e < 0)
		return e;
	cursor_seek(cur, "\1", 1); /* below it lies what is the store's own */
	e = remove_unreadable(r, cur);
	return e < 0 ? e : repair_flush(r);
}

/* ---- the index: which segments there are must be known, or older documents would live again */

static int drop_one(void *context, const struct record *record)
{
	struct repair *r = context;

	return repair_remove(r, record->key, record->key_len);
}

static int drop_all(struct repair *r, char letter)
{
	struct key prefix = key_start(letter);
	int e = records_foreach(r->c, &prefix, drop_one, r);

	return e < 0 ? e : repair_flush(r);
}

static int repair_index(struct repair *r)
{
	int e = 0;

	if (r->lost['M'] || r->lost['V']) {
		repair_say(r, "index: which segments count is not known; all files are indexed again");
		e = drop_all(r, 'M');
	}
	return e;
}

static int repair_packs(struct repair *r)
{
	int e = repair_flush(r);

	return e < 0 || !r->config->mend_packs ? e : r->config->mend_packs(r->config->context);
}

/* Each builds on what those before it have mended. */
static int (*const steps[])(struct repair *r) = {
	drop_unreadable, repair_index, repair_sets, repair_packs, repair_nodes, repair_extents, repair_names, repair_inodes, repair_quotas,
	repair_derived,
};

int catalog_repair(struct catalog *c, const struct repair_config *config)
{
	struct repair r = { .c = c, .config = config };
	int e;

	for (unsigned i = 0; i < 256; i++)
		r.lost[i] = catalog_kind_suspect(c, (uint8_t)i);
	e = overlay_new(NULL, &r.want);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && e >= 0; i++)
		e = steps[i](&r);
	if (r.b)
		(void) batch_abort(r.b);
	overlay_unref(r.want);
	spares_free(r.spares);
	buf_done(&r.broken);
	free(r.nodes);
	return e < 0 ? e : 0;
}
