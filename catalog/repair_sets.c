/* SPDX-License-Identifier: MIT */
/* Finding again what is lost. Spares (spares.h) are versions of records that may or may not
 * count; extents also follow from the descriptions in data segments. Three proofs that
 * one does: the facts of the last checkpoint, over all records of a kind; the set under an inode, over its entries,
 * xattrs or extents; and for an inode that is itself lost, that its sets are those of the records that are there. The
 * last proves no mode and no owner, so others get no rights then. */
#include <errno.h>

#include "catalog/repair_impl.h"
#include "catalog/set.h"
#include "catalog/spares.h"
#include "catalog/xor_solve.h"

#define PRESENT_MAX 48u /* records that are there and might be those to go */

/* ---- by the facts */

static int restore(void *context, const void *key, size_t key_len, const void *value, size_t len)
{
	struct repair *r = context;
	struct key k = { .len = key_len };

	memcpy(k.bytes, key, key_len);
	r->restored++;
	return repair_put(r, &k, value, len);
}

static int restore_proved(struct repair *r)
{
	int e;

	r->restored = 0;
	e = spares_foreach_proved(r->spares, restore, r);
	if (e >= 0)
		e = repair_flush(r);
	if (e >= 0 && r->restored)
		repair_say(r, "catalog: %llu lost records were found again in former pages", (unsigned long long)r->restored);
	return e;
}

/* ---- by the sets */

/* A change that may make the set whole. */
struct move {
	struct key key;
	const struct overlay_value *put; /* NULL: the record goes */
	int count;
};

struct puzzle {
	struct repair *r;
	const struct inode *i;
	enum inode_set kind;
	struct set_summary found, newest;
	struct id128 hashes[XOR_MAX];
	struct move moves[XOR_MAX];
	bool chosen[XOR_MAX];
	unsigned n;
	bool full;
};

static struct id128 xor_of(struct id128 a, struct id128 b)
{
	for (size_t n = 0; n < sizeof(a.bytes); n++)
		a.bytes[n] ^= b.bytes[n];
	return a;
}

static void add_move(struct puzzle *p, const struct move *m, struct id128 hash)
{
	p->full |= p->n == XOR_MAX;
	if (p->full)
		return;
	p->hashes[p->n] = hash;
	p->moves[p->n++] = *m;
}

/* One key: its present state, and that the set would be whole without it. */
struct present {
	struct key key;
	struct buf value; /* owned */
	struct id128 hash;
	bool there;
};

static int load_present(struct puzzle *p, const struct overlay_node *node, struct present *ret)
{
	const void *key = overlay_key(node, &ret->key.len);
	int e;

	memcpy(ret->key.bytes, key, ret->key.len);
	e = catalog_get(p->r->c, key, ret->key.len, &ret->value);
	if (e < 0)
		return e == -ENOENT ? 0 : e;
	ret->there = true;
	ret->hash = set_member(p->r->c, p->kind, key, ret->key.len, ret->value.data, ret->value.len);
	return 0;
}

static struct id128 version_hash(struct puzzle *p, const struct key *key, const struct overlay_value *v)
{
	if (v->len == OVERLAY_REMOVED)
		return (struct id128){ 0 };
	return set_member(p->r->c, p->kind, key->bytes, key->len, v->data, v->len);
}

/* Calls `visit` for each key below the inode of which there are versions. */
static int foreach_spare(struct puzzle *p, int (*visit)(struct puzzle *p, const struct overlay_node *node))
{
	struct key prefix = key_u64(key_start(set_letter(p->kind)), p->i->ino);
	const struct overlay_node *n = overlay_seek(spares_versions(p->r->spares), prefix.bytes, prefix.len, false);
	int e = 0;

	for (; n && e >= 0; n = overlay_next(n)) {
		size_t len;
		const void *key = overlay_key(n, &len);

		if (len < prefix.len || memcmp(key, prefix.bytes, prefix.len) != 0)
			break;
		e = visit(p, n);
	}
	return e;
}

/* All versions of one key. */
static int add_versions(struct puzzle *p, const struct overlay_node *node)
{
	const struct overlay_value *v = overlay_value_at(node, UINT64_MAX);
	struct present now = { .there = false };
	int e = load_present(p, node, &now);

	for (; v && e >= 0; v = v->older) {
		struct move m = { .key = now.key, .put = v->len == OVERLAY_REMOVED ? NULL : v };

		if (!m.put || (now.there && v->len == now.value.len && memcmp(v->data, now.value.data, v->len) == 0))
			continue;
		m.count = !now.there;
		add_move(p, &m, xor_of(now.hash, version_hash(p, &now.key, v)));
	}
	buf_done(&now.value);
	return e;
}

/* ---- the simple case: the newest version of all counts */

static int sum_newest(struct puzzle *p, const struct overlay_node *node)
{
	const struct overlay_value *v = overlay_value_at(node, UINT64_MAX);
	struct present now = { .there = false };
	int e = load_present(p, node, &now);

	buf_done(&now.value);
	if (e < 0)
		return e;
	p->newest.hash = xor_of(p->newest.hash, xor_of(now.hash, version_hash(p, &now.key, v)));
	p->newest.count += (uint64_t)(v->len != OVERLAY_REMOVED) - now.there;
	return 0;
}

static int take_newest(struct puzzle *p, const struct overlay_node *node)
{
	const struct overlay_value *v = overlay_value_at(node, UINT64_MAX);
	struct key key;
	const void *bytes = overlay_key(node, &key.len);

	memcpy(key.bytes, bytes, key.len);
	if (v->len == OVERLAY_REMOVED)
		return repair_remove(p->r, key.bytes, key.len);
	return repair_put(p->r, &key, v->data, v->len);
}

/* 1: it does. */
static int newest_fits(struct puzzle *p)
{
	int e;

	p->newest = p->found;
	e = foreach_spare(p, sum_newest);
	return e < 0 ? e : set_agrees(&p->i->sets[p->kind], &p->newest);
}

/* ---- the others */

static int add_removal(void *context, const struct record *record)
{
	struct puzzle *p = context;
	struct move m = { .count = -1 };

	m.key.len = record->key_len;
	memcpy(m.key.bytes, record->key, record->key_len);
	add_move(p, &m, set_member(p->r->c, p->kind, record->key, record->key_len, record->value, record->value_len));
	return p->full;
}

static bool is_solved(struct puzzle *p)
{
	const struct set_summary *want = &p->i->sets[p->kind];
	uint64_t count = p->found.count;

	if (!xor_solve(p->hashes, p->n, xor_of(want->count ? want->hash : (struct id128){ 0 }, p->found.hash), p->chosen))
		return false;
	for (unsigned k = 0; k < p->n; k++) {
		if (!p->chosen[k])
			continue;
		count += (uint64_t)(int64_t)p->moves[k].count;
		for (unsigned j = 0; j < k; j++)
			if (p->chosen[j] && p->moves[j].key.len == p->moves[k].key.len &&
			    memcmp(p->moves[j].key.bytes, p->moves[k].key.bytes, p->moves[k].key.len) == 0)
				return false;
	}
	return count == want->count;
}

static int make_moves(struct puzzle *p, bool newest)
{
	int e = newest ? foreach_spare(p, take_newest) : 0;

	for (unsigned k = 0; !newest && k < p->n && e >= 0; k++) {
		const struct move *m = &p->moves[k];

		if (p->chosen[k])
			e = m->put ? repair_put(p->r, &m->key, m->put->data, m->put->len)
				   : repair_remove(p->r, m->key.bytes, m->key.len);
	}
	return e < 0 ? e : repair_flush(p->r);
}

static int add_described(void *context, uint64_t ino, const struct extent *e)
{
	return spares_add_extent(context, ino, e);
}

static int need_described(struct repair *r, enum inode_set kind)
{
	const struct repair_config *c = r->config;

	if (kind != SET_EXTENTS || r->described || !c->foreach_described)
		return 0;
	r->described = true;
	return c->foreach_described(c->context, add_described, r->spares);
}

/* 1: some moves make the set whole. */
static int find_moves(struct puzzle *p)
{
	struct key prefix = key_u64(key_start(set_letter(p->kind)), p->i->ino);
	int e = foreach_spare(p, add_versions);

	if (e < 0 || p->full || is_solved(p))
		return e < 0 ? e : !p->full;
	if (p->found.count > PRESENT_MAX)
		return 0;
	e = records_foreach(p->r->c, &prefix, add_removal, p);
	return e < 0 ? e : !p->full && is_solved(p);
}

/* 1: the set was whole. 2: it is now, or unless `dry` would be. 0: it cannot be made whole. */
static int solve(struct repair *r, const struct inode *i, enum inode_set kind, bool dry)
{
	_cleanup_free_ struct puzzle *p = calloc(1, sizeof(*p));
	int e, newest;

	if (!p)
		return -ENOMEM;
	*p = (struct puzzle){ .r = r, .i = i, .kind = kind };
	e = set_sum(r->c, i->ino, kind, &p->found);
	if (e < 0)
		return e;
	if (set_agrees(&i->sets[kind], &p->found))
		return 1;
	e = need_described(r, kind);
	newest = e < 0 ? e : newest_fits(p);
	e = newest ? newest : find_moves(p);
	if (e > 0 && !dry)
		e = make_moves(p, newest);
	else if (e <= 0)
		return e;
	return e < 0 ? e : 2;
}

/* 1: all three are whole. */
static int solve_all(struct repair *r, const struct inode *i, bool dry)
{
	static const char *const what[SET_KINDS] = { "entries", "xattrs", "extents" };
	bool whole = true;

	for (unsigned k = 0; k < SET_KINDS; k++) {
		int e = solve(r, i, (enum inode_set)k, dry);

		if (e < 0)
			return e;
		whole &= e > 0;
		if (e == 2 && !dry)
			repair_say(r, "inode %llu: lost %s were found again", (unsigned long long)i->ino, what[k]);
	}
	return whole;
}

/* ---- inodes */

int repair_need_spares(struct repair *r)
{
	return r->spares ? 0 : spares_gather(r->c, &r->spares);
}

struct check {
	struct repair *r;
	struct set_walk sums;
};

/* 1, 0, -errno. */
static int is_whole(struct check *check, const struct inode *i)
{
	bool whole = true;

	for (unsigned k = 0; k < SET_KINDS; k++) {
		struct set_summary found;
		int e = set_walk_sum(&check->sums, i->ino, (enum inode_set)k, &found);

		if (e < 0)
			return e;
		whole &= set_agrees(&i->sets[k], &found);
	}
	return whole;
}

static int check_inode(void *context, const struct record *record)
{
	struct check *check = context;
	struct inode i;
	int e = inode_get(check->r->c, load_be64(record->key + 1), &i);

	if (e == -EBADMSG)
		return 0;
	if (e >= 0)
		e = is_whole(check, &i);
	return e == 0 ? buf_add(&check->r->broken, &i, sizeof(i)) : MIN(e, 0);
}

static int check_inodes(struct repair *r)
{
	struct key inodes = key_start('I');
	struct check check = { .r = r, .sums = { .c = r->c } };
	int e = records_foreach(r->c, &inodes, check_inode, &check);

	set_walk_done(&check.sums);
	if (e >= 0 && r->broken.len == 0)
		r->whole_lsn = catalog_last_lsn(r->c);
	return e;
}

/* Nothing was changed since. */
bool repair_sets_are_whole(const struct repair *r, const struct node *n)
{
	return r->whole_lsn && r->whole_lsn == catalog_last_lsn(r->c) && !n->made && !n->found;
}

static int mend_broken(struct repair *r)
{
	const struct inode *i = (const struct inode *)(const void *)r->broken.data;
	size_t n = r->broken.len / sizeof(*i);
	int e = n > 0 ? repair_need_spares(r) : 0;

	for (size_t k = 0; k < n && e >= 0; k++)
		e = solve_all(r, &i[k], false);
	return MIN(e, 0);
}

int repair_sets(struct repair *r)
{
	bool lost = r->lost['I'] || r->lost['D'] || r->lost['X'] || r->lost['E'] || r->lost['U'];
	int e = lost ? repair_need_spares(r) : 0;

	if (e >= 0 && lost)
		e = restore_proved(r);
	if (e >= 0)
		e = check_inodes(r);
	return e < 0 ? e : mend_broken(r);
}

/* ---- an inode whose record is lost */

static bool newer(const struct inode *a, const struct inode *b)
{
	if (a->ctime.tv_sec != b->ctime.tv_sec)
		return a->ctime.tv_sec > b->ctime.tv_sec;
	return a->ctime.tv_nsec > b->ctime.tv_nsec;
}

/* The newest version whose sets are whole, or can be made so. */
static int choose(struct repair *r, uint64_t ino, struct inode *ret_i)
{
	struct key key = key_u64(key_start('I'), ino);
	const struct overlay_value *v = overlay_get(spares_versions(r->spares), UINT64_MAX, key.bytes, key.len);
	bool found = false;

	for (; v; v = v->older) {
		struct inode i;
		int e = v->len == OVERLAY_REMOVED ? -ENOENT : inode_decode(ino, v->data, v->len, &i);

		if (e >= 0 && (!found || newer(&i, ret_i)))
			e = solve_all(r, &i, true);
		else
			e = 0;
		if (e < 0)
			return e;
		if (e > 0)
			*ret_i = i;
		found |= e > 0;
	}
	return found;
}

int repair_find_inode(struct repair *r, uint64_t ino, struct inode *ret_i)
{
	int e = repair_need_spares(r);

	if (e >= 0)
		e = choose(r, ino, ret_i);
	if (e <= 0)
		return e;
	repair_say(r, "inode %llu: its record is lost; a former one fits. Others have no rights now", (unsigned long long)ino);
	ret_i->mode &= ~(uint32_t)(S_ISUID | S_ISGID | S_IRWXG | S_IRWXO);
	e = solve_all(r, ret_i, false);
	return e < 0 ? e : 1;
}
