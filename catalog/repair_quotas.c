/* SPDX-License-Identifier: MIT */
/* Quotas. What an inode counts for, and the sums, follow from the tree: a directory with limits counts for itself, and
 * what lies in it for the nearest one above. Only the limits are said once; where they are lost, the newest former
 * record that has some is believed.
 *
 * As long as nothing is wrong nothing is touched, also a walk that is under way. Else all of it is made anew, as if each
 * walk had come to its end. */
#include <errno.h>
#include <stdlib.h>

#include "catalog/quota_impl.h"
#include "catalog/repair_impl.h"

struct counted {
	struct quota q;         /* as the record says; zeros when it is lost */
	bool there;             /* the record */
	bool lives;             /* a directory with limits */
	uint64_t bytes, inodes; /* as counted */
};

struct quotas {
	struct repair *r;
	struct counted *all; /* owned; ascending */
	size_t n, cap;
	bool walking;        /* directories may count for other quotas than those above them */
	bool wrong;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct counted *)a)->q.dir, y = ((const struct counted *)b)->q.dir;

	return x < y ? -1 : x > y;
}

/* NULL: there is none. */
static struct counted *find(const struct quotas *s, uint64_t dir)
{
	struct counted wanted = { .q.dir = dir };

	return s->n ? bsearch(&wanted, s->all, s->n, sizeof(wanted), compare) : NULL;
}

static int add(struct quotas *s, const struct counted *q)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct counted *more = reallocarray(s->all, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->all = more;
		s->cap = cap;
	}
	s->all[s->n++] = *q;
	return 0;
}

/* ---- what is there */

static int load(void *context, const struct record *record)
{
	struct quotas *s = context;
	struct counted q = { .there = true };
	int e = quota_decode(load_be64(record->key + 1), record->value, record->value_len, &q.q);

	if (e < 0) {
		repair_say(s->r, "the record of a quota cannot be read");
		s->wrong = true;
		return repair_remove(s->r, record->key, record->key_len);
	}
	s->walking |= q.q.state == QUOTA_ADOPTING || q.q.state == QUOTA_RELEASING;
	return add(s, &q);
}

/* The limits of the newest former record that has any. */
static void former_limits(const struct quotas *s, struct quota *q)
{
	struct key key = quota_key(q->dir);
	const struct overlay_value *v = overlay_get(spares_versions(s->r->spares), UINT64_MAX, key.bytes, key.len);
	struct quota former = { 0 };

	for (; v; v = v->older) {
		if (v->len == OVERLAY_REMOVED || quota_decode(q->dir, v->data, v->len, &former) < 0 ||
		    (!former.limit_bytes && !former.limit_inodes))
			continue;
		q->limit_bytes = former.limit_bytes;
		q->limit_inodes = former.limit_inodes;
		return;
	}
}

static int add_lost(struct quotas *s, uint64_t dir)
{
	struct counted q = { .q.dir = dir };
	int e = repair_need_spares(s->r);

	if (e < 0)
		return e;
	former_limits(s, &q.q);
	repair_say(s->r, q.q.limit_bytes || q.q.limit_inodes
				 ? "quota of inode %llu: its record is lost; its limits are those of a former one"
				 : "quota of inode %llu: its record is lost; it has no limits now",
		   (unsigned long long)dir);
	s->wrong = true;
	e = add(s, &q);
	if (e >= 0)
		qsort(s->all, s->n, sizeof(*s->all), compare);
	return e;
}

/* Those that inodes speak of. */
static int add_all_lost(struct quotas *s)
{
	int e = 0;

	for (size_t k = 0; k < s->r->n && e >= 0; k++) {
		uint64_t quota = s->r->nodes[k].i.quota;

		if (quota && !find(s, quota))
			e = add_lost(s, quota);
	}
	return e;
}

/* A ring of parents ends where it would count more often than there are quotas. */
static void count(const struct quotas *s, const struct inode *i)
{
	struct counted *q = i->quota ? find(s, i->quota) : NULL;

	for (size_t n = 0; q && n < s->n; n++) {
		q->bytes += i->bytes;
		q->inodes++;
		q = q->q.parent ? find(s, q->q.parent) : NULL;
	}
}

static void count_all(const struct quotas *s)
{
	for (size_t k = 0; k < s->n; k++)
		s->all[k].bytes = s->all[k].inodes = 0;
	for (size_t k = 0; k < s->r->n; k++)
		count(s, &s->r->nodes[k].i);
}

/* ---- is it as it must be? */

static bool has_place(const struct node *n)
{
	return n->names > 0 && n->i.ino != ROOT_INO;
}

/* What a node counts for in the eyes of the directory that holds it. */
static uint64_t around(const struct quotas *s, const struct inode *i)
{
	const struct counted *own = i->quota == i->ino ? find(s, i->ino) : NULL;

	return own ? own->q.parent : i->quota;
}

/* A file with several names may count where any of them is; one that came to lost+found counts there. */
static bool is_astray(const struct quotas *s, const struct node *n)
{
	const struct node *dir = has_place(n) ? repair_find(s->r, n->i.parent) : NULL;

	return dir && (S_ISDIR(n->i.mode) || n->adopted) && around(s, &n->i) != dir->i.quota;
}

static void check_sums(struct quotas *s)
{
	for (size_t k = 0; k < s->n; k++) {
		const struct counted *q = &s->all[k];

		if (!q->there || (q->bytes == q->q.bytes && q->inodes == q->q.inodes))
			continue;
		repair_say(s->r, "quota of inode %llu: %llu bytes and %llu inodes count, its record says %llu and %llu",
			   (unsigned long long)q->q.dir, (unsigned long long)q->bytes, (unsigned long long)q->inodes,
			   (unsigned long long)q->q.bytes, (unsigned long long)q->q.inodes);
		s->wrong = true;
	}
}

static void check_places(struct quotas *s)
{
	for (size_t k = 0; k < s->r->n && !(s->walking && !s->wrong); k++) {
		const struct node *n = &s->r->nodes[k];

		if (!is_astray(s, n))
			continue;
		repair_say(s->r, "inode %llu: counts for another quota than the directory above it",
			   (unsigned long long)n->i.ino);
		s->wrong = true;
	}
}

/* ---- making it so */

static bool is_living(const struct quotas *s, uint64_t dir)
{
	const struct counted *q = dir ? find(s, dir) : NULL;

	return q && q->lives;
}

static void find_living(struct quotas *s)
{
	for (size_t k = 0; k < s->n; k++) {
		struct counted *q = &s->all[k];
		const struct node *n = repair_find(s->r, q->q.dir);

		q->lives = n && S_ISDIR(n->i.mode) && (has_place(n) || n->i.ino == ROOT_INO) &&
			   (q->q.limit_bytes || q->q.limit_inodes);
	}
}

static struct node *above(const struct quotas *s, const struct node *n)
{
	return has_place(n) ? repair_find(s->r, n->i.parent) : NULL;
}

/* Of a directory, and on the way of all above it that were not asked for before (`walked` says which): the first step
 * finds where to stop, the second comes back with the answer. Names make no circles here: repair_names() cut them. */
static uint64_t place(const struct quotas *s, struct node *n)
{
	const uint64_t done = UINT64_MAX;
	struct node *at = n;
	uint64_t quota;

	while (at && at->walked != done && !is_living(s, at->i.ino))
		at = above(s, at);
	quota = !at ? 0 : at->walked == done ? at->i.quota : at->i.ino;
	if (at && at->walked != done) {
		at->walked = done;
		at->i.quota = quota;
	}
	for (; n != at; n = above(s, n)) {
		n->walked = done;
		n->i.quota = quota;
	}
	return quota;
}

static void settle_node(const struct quotas *s, struct node *n)
{
	struct node *dir = above(s, n);

	if (S_ISDIR(n->i.mode) && (dir || n->i.ino == ROOT_INO))
		(void) place(s, n);
	else if (dir && (n->names == 1 || !is_living(s, n->i.quota)))
		n->i.quota = place(s, dir);
	else if (!is_living(s, n->i.quota))
		n->i.quota = 0;
}

static int put_if_moved(struct repair *r, struct inode *i)
{
	struct inode before;
	struct batch *b;
	int e = inode_get(r->c, i->ino, &before);

	if (e < 0 || before.quota == i->quota)
		return e;
	e = repair_batch(r, &b);
	if (e >= 0)
		inode_put(b, i);
	return e;
}

static int settle_nodes(const struct quotas *s)
{
	struct repair *r = s->r;
	int e = 0;

	for (size_t k = 0; k < r->n; k++)
		settle_node(s, &r->nodes[k]);
	for (size_t k = 0; k < r->n && e >= 0; k++)
		e = put_if_moved(r, &r->nodes[k].i);
	return e;
}

static int settle_quota(const struct quotas *s, struct counted *q)
{
	struct key key = quota_key(q->q.dir);
	struct batch *b;
	int e;

	if (!q->lives)
		return q->there ? repair_remove(s->r, key.bytes, key.len) : 0;
	q->q.state = QUOTA_SETTLED;
	q->q.bytes = q->bytes;
	q->q.inodes = q->inodes;
	e = repair_batch(s->r, &b);
	if (e >= 0)
		quota_put(b, &q->q);
	return e;
}

static int settle(struct quotas *s)
{
	int e;

	find_living(s);
	e = settle_nodes(s);
	for (size_t k = 0; k < s->n; k++) {
		struct node *dir = s->all[k].lives ? above(s, repair_find(s->r, s->all[k].q.dir)) : NULL;

		s->all[k].q.parent = dir ? dir->i.quota : 0;
	}
	count_all(s);
	for (size_t k = 0; k < s->n && e >= 0; k++)
		e = settle_quota(s, &s->all[k]);
	return e < 0 ? e : repair_flush(s->r);
}

int repair_quotas(struct repair *r)
{
	struct key prefix = key_start('U');
	struct quotas s = { .r = r };
	int e = records_foreach(r->c, &prefix, load, &s);

	if (e >= 0)
		e = add_all_lost(&s);
	if (e >= 0) {
		count_all(&s);
		check_sums(&s);
		check_places(&s);
		e = s.wrong ? settle(&s) : 0;
	}
	free(s.all);
	return e;
}
