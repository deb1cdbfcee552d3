/* SPDX-License-Identifier: MIT */
/* The members that follow from other records, and those that the sets have, each as the sum of a hash of every one: equal
 * sums are equal sets. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/problem.h"
#include "catalog/derive.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

struct comparison {
	struct catalog *c;
	uint64_t shift;                /* of times */
	uint64_t names, times, labels; /* what there must be, less what there is */
	uint64_t places;               /* of labels in the tree, as their records have them, less as those above have them */
	uint64_t called;               /* the same, less as the records by name have them */
	uint64_t ino;                  /* whose labels are added */
	uint64_t wrong;                /* labels that do not count what their sets have, or are not found by name */
	bool links;                    /* they are others */
	int64_t seen;                  /* inodes */
};

static uint64_t hash_of(uint64_t a, uint64_t b, uint64_t salt)
{
	return hash_mix64(hash_mix64(a ^ salt) + b);
}

/* ---- what there must be */

static int expect_name(void *context, uint64_t hash, uint64_t ino)
{
	struct comparison *x = context;

	x->names += hash_of(hash, ino, 0);
	return 0;
}

static int expect_names(void *context, const struct record *record)
{
	const struct comparison *x = context;

	return file_names_foreach(x->c, record->value, record->value_len, expect_name, context);
}

static int expect_tag(void *context, uint64_t id, uint32_t why)
{
	struct comparison *x = context;

	x->labels += hash_of(id, x->ino, LABEL_SET);
	return 0;
}

static int expect_found(void *context, uint64_t id)
{
	struct comparison *x = context;

	x->labels += hash_of(id, x->ino, LABEL_FOUND);
	return 0;
}

static int expect_field(struct comparison *x, const char *name)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	const char *field = field_of_xattr(name);
	uint64_t id;
	int r = field ? tree_getxattr(x->c, x->ino, name, &value) : -ENOENT;

	if (r >= 0)
		r = field_find(x->c, field, (const char *)value.data, value.len, &id);
	if (r >= 0)
		x->labels += hash_of(id, x->ino, LABEL_SET);
	return r == -ENOENT ? 0 : r;
}

static int expect_fields(struct comparison *x)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	int r = tree_listxattr(x->c, x->ino, &names);

	for (const char *at = (const char *)names.data, *end = at + names.len; r >= 0 && at < end; at += strlen(at) + 1)
		r = expect_field(x, at);
	return r;
}

static int expect_inode(void *context, const struct record *record)
{
	struct comparison *x = context;
	struct inode i;
	int r = inode_decode(load_be64(record->key + 1), record->value, record->value_len, &i);

	if (r < 0 || !i.nlink)
		return r;
	x->ino = i.ino;
	x->seen++;
	if (file_quarter_of(&i))
		x->times += hash_of(file_quarter_of(&i) + x->shift, i.ino, 0);
	if (i.sets[SET_XATTRS].count)
		r = tags_foreach_set(x->c, i.ino, expect_tag, x);
	if (r >= 0 && i.sets[SET_XATTRS].count)
		r = expect_fields(x);
	return r < 0 || !(i.flags & INODE_FOUND) ? r : found_foreach_label(x->c, i.ino, expect_found, x);
}

/* ---- what there is */

static int subtract_set(struct comparison *x, struct packed_walk w, uint64_t *sum)
{
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0)
		*sum -= m.n * hash_of(m.a, m.b, 0);
	packed_walk_done(&w);
	return r;
}

static int subtract_files(struct comparison *x, const struct label *l)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_files(x->c, l->id);
	struct packed_member m;
	uint64_t n = 0;
	int r;

	for (; (r = packed_walk_next(&w, &m)) > 0; n++) {
		if (m.n & LABEL_SET)
			x->labels -= hash_of(l->id, m.a, LABEL_SET);
		if (m.n & LABEL_FOUND)
			x->labels -= hash_of(l->id, m.a, LABEL_FOUND);
	}
	x->wrong += n != l->files;
	return r;
}

static int subtract_below(struct comparison *x, const struct label *l)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(x->c, l->id);
	struct packed_member m;
	uint64_t n = 0;
	int r;

	for (; (r = packed_walk_next(&w, &m)) > 0; n++)
		x->places -= hash_of(l->id, m.a, 0);
	x->wrong += n != l->below;
	return r;
}

static int expect_place(struct comparison *x, const struct label *l)
{
	uint64_t id = 0;
	int r = label_find(x->c, l->above, (const char *)l->name.data, l->name.len, &id);

	x->places += hash_of(l->above, l->id, 0);
	x->called += hash_of(l->above, l->id, 0);
	x->wrong += id != l->id;
	return r == -ENOENT ? 0 : r;
}

static int subtract_label(void *context, const struct record *record)
{
	struct comparison *x = context;
	_cleanup_label_ struct label l = { 0 };
	int r = label_get(x->c, load_be64(record->key + 1), &l);

	if (r >= 0 && l.id < LABEL_ROOT_TAGS)
		r = expect_place(x, &l);
	if (r >= 0)
		r = subtract_files(x, &l);
	return r < 0 ? r : subtract_below(x, &l);
}

static int subtract_name(void *context, const struct record *record)
{
	struct reader in = reader_over(record->value, record->value_len);
	uint64_t id = reader_varint(&in), above = reader_varint(&in);
	struct comparison *x = context;

	x->called -= hash_of(above, id, 0);
	return in.bad ? -EBADMSG : 0;
}

/* ---- both */

static int each(struct comparison *x, char letter, record_visit_fn visit)
{
	struct key prefix = key_start(letter);

	return records_foreach(x->c, &prefix, visit, x);
}

static int compare(struct comparison *x)
{
	struct key times = file_times_prefix();
	int r = each(x, 'D', expect_names);

	if (r >= 0)
		r = each(x, 'I', expect_inode);
	if (r >= 0)
		r = subtract_set(x, file_names_walk(x->c), &x->names);
	if (r >= 0)
		r = subtract_set(x, packed_walk_over(x->c, &times), &x->times);
	if (r >= 0)
		r = each(x, 'g', subtract_label);
	if (r >= 0)
		r = each(x, 'G', subtract_name);
	if (r >= 0)
		r = links_verify(x->c);
	x->links = r == 0;
	return MIN(r, 0);
}

int64_t derive_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context)
{
	struct comparison x = { .c = c, .shift = file_times_shift(c) };
	int r = derive_is_due(c) ? -ENOENT : compare(&x);

	if (r < 0) /* records that do not open are told of where they are looked for */
		return r == -ENOENT || r == -EBADMSG ? 0 : r;
	if (x.names)
		problem_say(problem, context, "catalog: the set of names is not that of the files");
	if (x.times)
		problem_say(problem, context, "catalog: the set of times is not that of the files");
	if (x.labels || x.places || x.called || x.wrong)
		problem_say(problem, context, "catalog: tags or fields are not those of the files");
	if (x.links)
		problem_say(problem, context, "catalog: the sets of links are not those of the files");
	return x.seen;
}
