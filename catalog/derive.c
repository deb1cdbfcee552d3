/* SPDX-License-Identifier: MIT */
#include "catalog/derive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

#define FACT_DERIVED 8
#define BATCH_BYTES (256u << 10)
/* Members sorted at a time: the set of names is made in passes over so many. */
#define PASS_MEMBERS (4u << 20)

enum state { STATE_OLD, STATE_LABELS, STATE_DONE };

struct key derive_state_key(void)
{
	return key_u8(key_start('V'), FACT_DERIVED);
}

static int get_state(struct catalog *c, uint8_t *ret_state)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = derive_state_key();
	int r = catalog_get(c, key.bytes, key.len, &value);

	*ret_state = STATE_OLD;
	if (r == -ENOENT)
		return 0;
	if (r >= 0 && value.len != 1)
		r = -EBADMSG;
	if (r >= 0)
		*ret_state = value.data[0];
	return r;
}

bool derive_is_due(struct catalog *c)
{
	uint8_t state;

	return get_state(c, &state) >= 0 && state != STATE_DONE;
}

bool derive_doubted(const struct buf *state, uint8_t *ret_state)
{
	*ret_state = STATE_LABELS;
	return state->len == 1 && *state->data == STATE_DONE;
}

static void put_state(struct batch *b, uint8_t state)
{
	struct key key = derive_state_key();

	batch_put(b, key.bytes, key.len, &state, 1);
}

void derive_doubt(struct batch *b)
{
	uint8_t state;

	if (get_state(batch_catalog(b), &state) >= 0 && state == STATE_DONE)
		put_state(b, STATE_LABELS);
}

/* ---- batches of a size that the log takes */

struct maker {
	struct catalog *c;
	struct batch *b; /* NULL: none is open */
};

static int flush(struct maker *m)
{
	return m->b ? batch_commit(steal_ptr(&m->b), NULL) : 0;
}

static int need_batch(struct maker *m)
{
	int r = m->b && batch_size(m->b) > BATCH_BYTES ? flush(m) : 0;

	return r < 0 || m->b ? r : catalog_begin(m->c, true, &m->b);
}

static int set_state(struct maker *m, uint8_t state)
{
	int r = need_batch(m);

	if (r >= 0)
		put_state(m->b, state);
	return r < 0 ? r : flush(m);
}

static int put_chunk(void *context, const struct key *key, const void *value, size_t len)
{
	struct maker *m = context;
	int r = need_batch(m);

	if (r >= 0)
		batch_put(m->b, key->bytes, key->len, value, len);
	return r;
}

static int drop_record(void *context, const struct record *record)
{
	struct maker *m = context;
	int r = need_batch(m);

	if (r >= 0)
		batch_remove(m->b, record->key, record->key_len);
	return r;
}

static int drop(struct maker *m, const char *letters)
{
	int r = 0;

	for (; *letters && r >= 0; letters++) {
		struct key prefix = key_start(*letters);

		r = records_foreach(m->c, &prefix, drop_record, m);
	}
	return r < 0 ? r : flush(m);
}

/* ---- names and times */

struct collection {
	struct catalog *c;
	uint64_t shift;      /* of times */
	struct buf members;  /* struct packed_member */
	uint64_t low, high;  /* of a: what is collected in this pass */
};

static int collect(void *context, uint64_t a, uint64_t b)
{
	struct collection *n = context;
	const struct packed_member m = { .a = a, .b = b, .n = 1 };

	return a < n->low || a > n->high ? 0 : buf_add(&n->members, &m, sizeof(m));
}

static int collect_names(void *context, const struct record *record)
{
	const struct collection *n = context;

	return file_names_foreach(n->c, record->value, record->value_len, collect, context);
}

static int collect_time(void *context, const struct record *record)
{
	struct collection *n = context;
	struct inode i;
	int r = inode_decode(load_be64(record->key + 1), record->value, record->value_len, &i);

	return r < 0 || !file_quarter_of(&i) ? r : collect(n, file_quarter_of(&i) + n->shift, i.ino);
}

static int compare(const void *x, const void *y)
{
	const struct packed_member *a = x, *b = y;

	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return (a->b > b->b) - (a->b < b->b);
}

/* Several names of a file with one stem are one member. */
static int write_members(struct packed_writer *w, struct buf *members)
{
	struct packed_member *all = (void *)members->data;
	size_t n = members->len / sizeof(*all);
	int r = 0;

	if (n)
		qsort(all, n, sizeof(*all), compare);
	for (size_t k = 0, next; k < n && r >= 0; k = next) {
		for (next = k + 1; next < n && compare(&all[k], &all[next]) == 0; next++)
			all[k].n++;
		r = packed_writer_add(w, &all[k]);
	}
	buf_reset(members);
	return r;
}

static int make_set(struct maker *m, struct key prefix, char letter, record_visit_fn visit, unsigned passes, uint64_t range)
{
	struct packed_writer *w = calloc(1, sizeof(*w));
	struct collection n = { .c = m->c, .shift = file_times_shift(m->c) };
	struct key from = key_start(letter);
	int r = w ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	*w = (struct packed_writer){ .prefix = prefix, .put = put_chunk, .context = m };
	for (unsigned pass = 0; pass < passes && r >= 0; pass++) {
		n.low = range / passes * pass;
		n.high = pass + 1 < passes ? range / passes * (pass + 1) - 1 : UINT64_MAX;
		r = records_foreach(m->c, &from, visit, &n);
		if (r >= 0)
			r = write_members(w, &n.members);
	}
	if (r >= 0)
		r = packed_writer_end(w);
	buf_done(&n.members);
	free(w);
	return r < 0 ? r : flush(m);
}

/* ---- labels */

/* Of the two records of a label, one may be lost. */
static int restore_label(void *context, const struct record *record)
{
	struct reader in = reader_over(record->value, record->value_len);
	uint64_t id = reader_varint(&in), above = reader_varint(&in);
	struct maker *m = context;
	int r = in.bad ? -EBADMSG : need_batch(m);

	return r < 0 ? r : label_restore(m->b, id, above, (const char *)in.at, reader_left(&in));
}

/* A label without files and without others below it, as far as is known yet. */
static int reset_label(void *context, const struct record *record)
{
	struct maker *m = context;
	int r = record->key_len == 9 ? need_batch(m) : -EBADMSG;

	_cleanup_label_ struct label l = { 0 };

	if (r >= 0)
		r = label_get_in(m->b, load_be64(record->key + 1), &l);
	if (r >= 0 && l.id < LABEL_ROOT_TAGS)
		r = label_restore(m->b, l.above, 0, NULL, 0);
	return r < 0 ? r : label_reset(m->b, l.id);
}

static int place_label(void *context, const struct record *record)
{
	struct maker *m = context;
	int r = need_batch(m);

	return r < 0 ? r : label_place(m->b, load_be64(record->key + 1));
}

static int settle_label(void *context, const struct record *record)
{
	struct maker *m = context;
	int r = need_batch(m);

	if (r >= 0)
		r = label_change_flags(m->b, load_be64(record->key + 1), 0, LABEL_RESET);
	return r == -ENOENT ? 0 : r; /* it went with the last below it */
}

/* Whose name is lost with both its records. */
static int restore_tag(void *context, uint64_t id, uint32_t why)
{
	int r = label_restore(context, id, 0, NULL, 0);

	return r <= 0 ? r : label_place(context, id);
}

static int find_label(void *context, uint64_t id)
{
	_cleanup_label_ struct label l = { 0 };

	return label_get_in(context, id, &l);
}

/* What was found, and has a label no more, is found again. */
static int attach_found(struct batch *b, struct inode *i)
{
	int r = found_foreach_label(batch_catalog(b), i->ino, find_label, b);

	if (r != -ENOENT)
		return r < 0 ? r : found_attach(b, i);
	found_forget(b, i);
	return queue_add(b, i, EVENT_RULES);
}

static int attach_labels(struct batch *b, struct inode *i)
{
	int r = tags_foreach_set(batch_catalog(b), i->ino, restore_tag, b);

	if (r >= 0)
		r = tags_attach(b, i);

	if (r >= 0)
		r = xattr_follow_fields(b, i, true);
	if (r >= 0)
		r = attach_found(b, i);
	if (r >= 0)
		inode_put(b, i);
	return r;
}

static int label_inode(void *context, const struct record *record)
{
	struct maker *m = context;
	struct inode i;
	int r = inode_decode(load_be64(record->key + 1), record->value, record->value_len, &i);

	if (r < 0 || !i.nlink || (!i.sets[SET_XATTRS].count && !(i.flags & INODE_FOUND)))
		return r;
	r = need_batch(m);
	if (r >= 0)
		r = attach_labels(m->b, &i);
	/* Each member of a set is looked for in all that its batch has changed: short ones are quick. */
	return r < 0 || batch_size(m->b) < BATCH_BYTES / 8 ? r : flush(m);
}

static int each(struct maker *m, char letter, record_visit_fn visit)
{
	struct key prefix = key_start(letter);
	int r = records_foreach(m->c, &prefix, visit, m);

	return r < 0 ? r : flush(m);
}

static int make_labels(struct maker *m)
{
	int r = each(m, 'G', restore_label);

	if (r >= 0)
		r = each(m, 'g', reset_label);
	if (r >= 0)
		r = each(m, 'g', place_label);
	if (r >= 0)
		r = each(m, 'I', label_inode);
	return r < 0 ? r : each(m, 'g', settle_label);
}

/* ---- all */

/* An older version had no labels below others: the record of the state is lost, and the tags are not. */
static int check_is_old(struct catalog *c)
{
	struct key prefix = key_start('h');
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over_sets(c, &prefix);
	struct packed_member m;
	int r = packed_walk_next(&w, &m);

	return r < 0 && r != -EBADMSG ? r : !r;
}

static int make(struct maker *m, uint8_t state)
{
	struct tree_stats stats;
	unsigned passes;
	int r = state == STATE_OLD ? check_is_old(m->c) : 0;

	(void) tree_get_stats(m->c, &stats);
	passes = (unsigned)(stats.files / PASS_MEMBERS + 1);
	if (r > 0) {
		r = drop(m, "GgT");
		if (r >= 0)
			r = set_state(m, STATE_LABELS);
	}
	if (r >= 0)
		r = drop(m, "nmThLlw");
	if (r >= 0)
		r = make_set(m, file_names_prefix(), 'D', collect_names, passes, 1ull << 32);
	if (r >= 0)
		r = make_set(m, file_times_prefix(), 'I', collect_time, 1, UINT64_MAX);
	if (r >= 0)
		r = make_labels(m);
	if (r >= 0)
		r = links_derive(m->c);
	return r < 0 ? r : set_state(m, STATE_DONE);
}

int derive_run(struct catalog *c)
{
	struct maker m = { .c = c };
	uint8_t state;
	int r = get_state(c, &state);

	if (r < 0 || state == STATE_DONE)
		return r;
	/* Changes of sets are in their chunks then, which are dropped; and no checkpoint makes more of them. */
	r = catalog_checkpoint(c);
	if (r >= 0)
		r = make(&m, state);
	if (m.b)
		(void) batch_abort(m.b);
	return r;
}
