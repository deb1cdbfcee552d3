/* SPDX-License-Identifier: MIT */
/* What was found in files. A part is read, compared with what it should be, and exchanged in a batch that
 * makes sure that it is still as it was read: targets are looked for outside of batches. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links_part.h"

#define ONE_PART_MAX 64u
/* Of a link, beside its target. */
#define LINK_BYTES 16u
#define TIMES_MAX 16u

/* ---- exchanging all of a file's */

struct exchange {
	uint64_t ino;
	bool is_settling;     /* with or without a name, whatever its content is by now */
	uint64_t content_lsn; /* otherwise: it must be this */
	const struct part_links *old, *now;
};

static int exchange_in(struct tree_op *op, const struct exchange *x, uint8_t part)
{
	struct inode i;
	int r = inode_get_in(op->b, x->ino, &i);

	if (r >= 0 && !x->is_settling && (!i.nlink || i.content_lsn != x->content_lsn))
		return -ESTALE;
	if (r >= 0)
		r = part_exchange(op->b, &i, part, x->old, x->now);
	if (r >= 0)
		inode_put(op->b, &i);
	return r == -ENOENT ? -ESTALE : r;
}

static int exchange_part(struct catalog *c, const struct exchange *x, uint8_t part)
{
	struct tree_op op;
	int r = part_differs(part, x->old, x->now);

	if (r <= 0)
		return r;
	r = op_begin(&op, c, NULL, false);
	return r < 0 ? r : op_end(&op, exchange_in(&op, x, part), 0);
}

/* Parts from the last to the first: what moves between the first and the others is there twice for a
 * moment. */
static int exchange_all(struct catalog *c, const struct exchange *x)
{
	int r = 0;

	for (unsigned part = LINKS_PARTS; part-- > 0 && r >= 0;)
		r = exchange_part(c, x, (uint8_t)part);
	return r;
}

/* ---- what a file says */

static const char *next_text(const char **at, const char *end, size_t *ret_len)
{
	const char *text = *at;

	*ret_len = strnlen(text, (size_t)(end - text));
	*at = text + *ret_len + (text + *ret_len < end);
	return text;
}

static int make_verb(struct catalog *c, const char *name, size_t len, uint32_t *ret_verb)
{
	struct batch *b;
	int r = link_verb_find(c, name, len, ret_verb);

	if (r != -ENOENT)
		return r;
	r = link_verb_is_good(name, len) ? catalog_begin(c, false, &b) : -EINVAL;
	if (r < 0)
		return r;
	r = link_verb_make(b, name, len, ret_verb);
	if (r >= 0)
		return batch_commit(b, NULL);
	(void) batch_abort(b);
	return r;
}

/* Each once; what is no link is passed over. */
static int parse(struct catalog *c, const char *at, size_t len, struct part_links *ret_l)
{
	const char *end = at + len;
	int r = 0;

	while (at < end && r >= 0 && part_links_count(ret_l) < LINKS_FOUND_MAX) {
		struct found_link l = { .form = *at++ };
		size_t verb_len;
		const char *verb = next_text(&at, end, &verb_len);

		l.target = next_text(&at, end, &l.len);
		if (ret_l->text.len + l.len + part_links_count(ret_l) * LINK_BYTES > LINKS_FOUND_BYTES)
			break;
		if (!l.len || (l.form != LINK_WIKI && l.form != LINK_PATH && l.form != LINK_MESSAGE))
			continue;
		r = make_verb(c, verb, verb_len, &l.verb);
		if (r >= 0)
			r = part_links_add(ret_l, &l, part_link_hash(c, &l), 0);
		if (r == -EINVAL)
			r = 0;
	}
	return r;
}

static void place(struct part_links *l)
{
	bool many = part_links_count(l) > ONE_PART_MAX;

	for (size_t k = 0; many && k < part_links_count(l); k++)
		part_link_at(l, k)->part = (uint8_t)(part_link_at(l, k)->hash % LINKS_PARTS);
}

static const struct part_link *find_text(const struct part_links *l, const struct part_links *x,
					 const struct part_link *i)
{
	for (size_t k = 0; k < part_links_count(l); k++)
		if (part_link_is(l, part_link_at(l, k), x, i))
			return part_link_at(l, k);
	return NULL;
}

/* What was there keeps what it is bound to. */
static int bind_all(struct catalog *c, const struct inode *src, const struct part_links *old,
		    struct part_links *now)
{
	int r = 0;

	for (size_t k = 0; k < part_links_count(now) && r >= 0; k++) {
		struct part_link *i = part_link_at(now, k);
		const struct part_link *before = find_text(old, now, i);
		struct found_link l = part_link_view(now, i);

		i->bound = before ? before->bound : 0;
		r = i->bound ? link_is_alive(c, i->bound) : 0;
		if (r)
			continue;
		l.bound = i->bound;
		i->bound = 0;
		r = link_look_for(c, src, &l, &i->bound);
	}
	return r;
}

static int set_once(struct catalog *c, uint64_t ino, uint64_t content_lsn, struct part_links *now)
{
	_cleanup_part_links_ struct part_links old = { 0 };
	struct exchange x = { .ino = ino, .content_lsn = content_lsn, .old = &old, .now = now };
	struct inode i;
	int r = inode_get(c, ino, &i);

	if (r >= 0 && i.content_lsn != content_lsn)
		return -ESTALE;
	if (r >= 0 && !part_links_count(now) && !(i.flags & INODE_LINKS))
		return 0;
	if (r >= 0)
		r = part_links_load(c, ino, &old);
	if (r >= 0)
		r = bind_all(c, &i, &old, now);
	return r < 0 ? r : exchange_all(c, &x);
}

/* The file, or one that it names, may go at any time; that it happens each time would be strange. */
static bool is_over(int r, unsigned times)
{
	return r != -EAGAIN || times >= TIMES_MAX;
}

static int over(int r)
{
	return r == -ESTALE || r == -ENOENT ? 0 : r;
}

int links_set_found(struct catalog *c, uint64_t ino, uint64_t content_lsn, const char *links, size_t len)
{
	_cleanup_part_links_ struct part_links now = { 0 };
	int r = parse(c, links, len, &now);

	if (r < 0)
		return r;
	place(&now);
	for (unsigned times = 0; !is_over(r = set_once(c, ino, content_lsn, &now), times); times++)
		;
	return over(r);
}

/* ---- looking for targets again */

/* 1: this one is to be looked for. Of most the text tells at once that it is not. */
static int is_wanted(struct catalog *c, const struct found_link *l, const struct links_wanted *wanted)
{
	uint64_t stems[2];
	int n;

	if (wanted->gone || l->bound)
		return wanted->gone && l->bound == wanted->gone;
	if (!wanted->stem)
		return 1;
	n = link_may_name(l, wanted->stem, wanted->stem_len) ? link_stems(c, l, stems) : 0;
	for (int k = 0; k < n; k++)
		if (stems[k] == wanted->hash)
			return 1;
	return MIN(n, 0);
}

/* 1: some are bound otherwise. */
static int bind_wanted(struct catalog *c, const struct inode *src, const struct links_wanted *wanted,
		       struct part_links *now)
{
	bool changed = false;
	int r = 0;

	for (size_t k = 0; k < part_links_count(now) && r >= 0; k++) {
		struct part_link *i = part_link_at(now, k);
		struct found_link l = part_link_view(now, i);

		r = is_wanted(c, &l, wanted);
		if (r <= 0)
			continue;
		i->bound = 0;
		r = link_look_for(c, src, &l, &i->bound);
		changed |= i->bound != l.bound;
	}
	return r < 0 ? r : changed;
}

static int settle_part(struct catalog *c, const struct inode *i, const struct links_wanted *wanted, unsigned from,
		       int *ret_part)
{
	_cleanup_part_links_ struct part_links old = { 0 }, now = { 0 };
	struct exchange x = { .ino = i->ino, .is_settling = true, .old = &old, .now = &now };
	int r = part_links_load_next(c, i->ino, from, &old, ret_part);

	if (r >= 0)
		r = part_links_copy(&old, &now);
	if (r >= 0)
		r = bind_wanted(c, i, wanted, &now);
	return r <= 0 ? r : exchange_part(c, &x, (uint8_t)*ret_part);
}

int links_settle_found(struct catalog *c, uint64_t ino, const struct links_wanted *wanted)
{
	struct inode i;
	int r = inode_get(c, ino, &i), part = -1;

	if (r < 0 || !(i.flags & INODE_LINKS))
		return over(r);
	do {
		unsigned from = (unsigned)(part + 1);

		for (unsigned times = 0; !is_over(r = settle_part(c, &i, wanted, from, &part), times); times++)
			;
	} while (r >= 0 && part >= 0);
	return over(r);
}

/* ---- one part at a time */

/* One that cannot be read goes, too: the sets are made anew without it. */
int links_forget_found(struct batch *b, struct inode *i)
{
	_cleanup_part_links_ struct part_links old = { 0 };
	static const struct part_links none;
	int part, r = i->flags & INODE_LINKS ? part_links_load_next(batch_catalog(b), i->ino, 0, &old, &part)
					     : -ENOENT;

	if (r == -EBADMSG) {
		links_drop_found(b, i);
		return 1;
	}
	if (r < 0 || part < 0)
		return r == -ENOENT ? 0 : r;
	r = part_exchange(b, i, (uint8_t)part, &old, &none);
	return r < 0 ? r : 1;
}

void links_drop_found(struct batch *b, struct inode *i)
{
	i->flags &= ~INODE_LINKS;
	for (unsigned part = 0; part < LINKS_PARTS; part++) {
		struct key key = links_part_key(i->ino, (uint8_t)part);

		batch_remove(b, key.bytes, key.len);
	}
}

/* What is bound to an inode that is lost waits for another. */
static int check_ends(struct batch *b, const struct part_links *l)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct inode i;
	int r = 0;

	for (size_t k = 0; k < part_links_count(l) && r >= 0; k++) {
		struct part_link *item = part_link_at(l, k);

		r = item->bound ? inode_get_in(b, item->bound, &i) : 0;
		if (r == -ENOENT)
			r = item->bound = 0;
		if (r >= 0)
			r = link_verb_name(batch_catalog(b), item->verb, &name);
	}
	return r;
}

int links_attach_found(struct batch *b, struct inode *i, uint8_t part)
{
	_cleanup_part_links_ struct part_links l = { 0 };
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = links_part_key(i->ino, part);
	int at, r = part_links_load_next(batch_catalog(b), i->ino, part, &l, &at);

	if (r >= 0)
		r = at == part ? check_ends(b, &l) : -ENOENT;
	for (size_t k = 0; k < part_links_count(&l) && r >= 0; k++) {
		struct found_link link = part_link_view(&l, part_link_at(&l, k));

		r = part_link_apply(b, i, &link, 1);
	}
	if (r >= 0)
		r = part_links_encode(&l, part, &value);
	if (r < 0)
		return r;
	batch_put(b, key.bytes, key.len, value.data, value.len);
	i->flags |= INODE_LINKS;
	return 0;
}
