/* SPDX-License-Identifier: MIT */
/* What was found in files. A part is read, compared with what it should be, and exchanged in a batch that makes sure that it is
 * still as it was read: targets are looked for outside of batches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links_impl.h"
#include "catalog/walk.h"
#include "crypto/digest.h"

#define VERSION 1u
#define ONE_PART_MAX 64u
/* Of a link, beside its target. */
#define LINK_BYTES 16u
#define TIMES_MAX 16u

/* ---- links in memory */

struct item {
	uint64_t hash, bound;
	uint32_t verb;
	uint32_t at, len; /* of the target within `text` */
	char form;
	uint8_t part;
};

struct links {
	struct buf items; /* struct item */
	struct buf text;
};

static void links_done(struct links *l)
{
	buf_done(&l->items);
	buf_done(&l->text);
}
#define _cleanup_links_ _cleanup_(links_done)

static size_t count(const struct links *l)
{
	return l->items.len / sizeof(struct item);
}

static struct item *item_at(const struct links *l, size_t k)
{
	return (struct item *)(void *)l->items.data + k;
}

static struct found_link view(const struct links *l, const struct item *i)
{
	return (struct found_link){ .form = i->form, .verb = i->verb, .bound = i->bound,
				    .target = (const char *)l->text.data + i->at, .len = i->len };
}

static uint64_t hash_of(struct catalog *c, const struct found_link *l)
{
	uint8_t head[5] = { (uint8_t)l->form };
	struct iovec pieces[] = { { head, sizeof(head) }, { (void *)l->target, l->len } };

	store_le32(head + 1, l->verb);
	return load_be64(digest_128(catalog_keys(c), DIGEST_LINK, pieces, ARRAY_SIZE(pieces)).bytes);
}

static int add(struct links *l, const struct found_link *link, uint64_t hash, uint8_t part)
{
	struct item i = { .hash = hash, .bound = link->bound, .verb = link->verb, .at = (uint32_t)l->text.len,
			  .len = (uint32_t)link->len, .form = link->form, .part = part };
	int r = buf_add(&l->items, &i, sizeof(i));

	return r < 0 ? r : buf_add(&l->text, link->target, link->len);
}

static int copy(const struct links *from, struct links *ret)
{
	int r = buf_add(&ret->items, from->items.data, from->items.len);

	return r < 0 ? r : buf_add(&ret->text, from->text.data, from->text.len);
}

static bool same_text(const struct links *x, const struct item *a, const struct links *y, const struct item *b)
{
	return a->hash == b->hash && a->form == b->form && a->verb == b->verb && a->len == b->len &&
	       memcmp(x->text.data + a->at, y->text.data + b->at, a->len) == 0;
}

/* ---- records */

static int next_link(struct reader *in, struct found_link *ret_l)
{
	uint64_t verb, len;

	if (!reader_left(in))
		return 0;
	ret_l->form = (char)reader_u8(in);
	verb = reader_varint(in);
	ret_l->bound = reader_varint(in);
	len = reader_varint(in);
	ret_l->len = (size_t)len;
	ret_l->target = reader_take(in, ret_l->len);
	ret_l->verb = (uint32_t)verb;
	return in->bad || verb > UINT32_MAX ? -EBADMSG : 1;
}

static int open_part(const struct record *record, struct reader *ret_in)
{
	*ret_in = reader_over(record->value, record->value_len);
	return record->key_len != 10 || reader_u8(ret_in) != VERSION ? -EBADMSG : 0;
}

static bool is_part(const struct record *record)
{
	return record->key_len == 10 && record->key[9] < LINKS_PARTS;
}

struct loading {
	struct catalog *c;
	struct links *l;
};

static int load_part(void *context, const struct record *record)
{
	const struct loading *n = context;
	struct found_link link;
	struct reader in;
	int r = is_part(record) ? open_part(record, &in) : 1;

	if (r > 0)
		return 0;
	while (r >= 0 && (r = next_link(&in, &link)) > 0)
		r = add(n->l, &link, hash_of(n->c, &link), record->key[9]);
	return r;
}

static int load(struct catalog *c, uint64_t ino, struct links *ret_l)
{
	struct key prefix = key_u64(key_start('W'), ino);

	return records_foreach(c, &prefix, load_part, &(struct loading){ c, ret_l });
}

/* Nothing when the part has no link. */
static int encode(const struct links *l, uint8_t part, struct buf *ret_value)
{
	int r = 0;

	for (size_t k = 0; k < count(l) && r >= 0; k++) {
		const struct item *i = item_at(l, k);

		if (i->part != part)
			continue;
		if (!ret_value->len)
			r = buf_add_u8(ret_value, VERSION);
		if (r >= 0)
			r = buf_add_u8(ret_value, (uint8_t)i->form);
		if (r >= 0)
			r = buf_add_varint(ret_value, i->verb);
		if (r >= 0)
			r = buf_add_varint(ret_value, i->bound);
		if (r >= 0)
			r = buf_add_bytes(ret_value, l->text.data + i->at, i->len);
	}
	return r;
}

struct each_found {
	int (*link)(void *context, const struct found_link *l);
	void *context;
};

static int tell_part(void *context, const struct record *record)
{
	const struct each_found *each = context;
	struct found_link link;
	struct reader in;
	int r = is_part(record) ? open_part(record, &in) : 1;

	if (r > 0)
		return 0;
	while (r == 0 && (r = next_link(&in, &link)) > 0)
		r = each->link(each->context, &link);
	return r;
}

int links_foreach_found(struct catalog *c, uint64_t ino, int (*link)(void *context, const struct found_link *l),
			void *context)
{
	struct key prefix = key_u64(key_start('W'), ino);

	return records_foreach(c, &prefix, tell_part, &(struct each_found){ link, context });
}

/* ---- exchanging a part, in a batch */

static int apply(struct batch *b, struct inode *src, const struct found_link *l, int sign)
{
	return l->bound ? link_change(b, src, l->bound, l->verb, sign) : link_wait(b, src, l, sign);
}

static bool has(const struct links *x, const struct item *i, const struct links *y)
{
	for (size_t k = 0; k < count(y); k++) {
		const struct item *other = item_at(y, k);

		if (other->hash == i->hash && other->part == i->part && other->bound == i->bound &&
		    same_text(x, i, y, other))
			return true;
	}
	return false;
}

/* What `x` has in this part and `y` has not. */
static int apply_others(struct batch *b, struct inode *src, uint8_t part, const struct links *x, const struct links *y,
			int sign)
{
	int r = 0;

	for (size_t k = 0; k < count(x) && r >= 0; k++) {
		const struct item *i = item_at(x, k);
		struct found_link l = view(x, i);

		if (i->part != part || has(x, i, y))
			continue;
		if (sign > 0 && l.bound)
			r = link_is_alive_in(b, l.bound) ? 0 : -EAGAIN;
		if (r >= 0)
			r = apply(b, src, &l, sign);
	}
	return r;
}

static int check_unchanged(struct batch *b, const struct key *key, const struct links *old, uint8_t part)
{
	_cleanup_buf_ struct buf want = BUF_INIT, have = BUF_INIT;
	int r = encode(old, part, &want);

	if (r >= 0)
		r = batch_get(b, key->bytes, key->len, &have);
	if (r < 0 && r != -ENOENT)
		return r;
	return want.len == have.len && (!want.len || memcmp(want.data, have.data, want.len) == 0) ? 0 : -EAGAIN;
}

/* -EAGAIN: it, or a target, is not what it was any more. */
static int exchange(struct batch *b, struct inode *src, uint8_t part, const struct links *old, const struct links *now)
{
	struct key key = links_part_key(src->ino, part);
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r = check_unchanged(b, &key, old, part);

	if (r >= 0)
		r = apply_others(b, src, part, now, old, 1);
	if (r >= 0)
		r = apply_others(b, src, part, old, now, -1);
	if (r >= 0)
		r = encode(now, part, &value);
	if (r < 0)
		return r;
	if (!value.len)
		batch_remove(b, key.bytes, key.len);
	else
		batch_put(b, key.bytes, key.len, value.data, value.len);
	src->flags |= INODE_LINKS;
	return 0;
}

static int differs(uint8_t part, const struct links *old, const struct links *now)
{
	_cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;
	int r = encode(old, part, &before);

	if (r >= 0)
		r = encode(now, part, &after);
	return r < 0 ? r : before.len != after.len || (before.len && memcmp(before.data, after.data, before.len) != 0);
}

/* ---- exchanging all of a file's */

struct exchange {
	uint64_t ino;
	bool is_settling;     /* with or without a name, whatever its content is by now */
	uint64_t content_lsn; /* otherwise: it must be this */
	const struct links *old, *now;
};

static int exchange_in(struct tree_op *op, const struct exchange *x, uint8_t part)
{
	struct inode i;
	int r = inode_get_in(op->b, x->ino, &i);

	if (r >= 0 && !x->is_settling && (!i.nlink || i.content_lsn != x->content_lsn))
		return -ESTALE;
	if (r >= 0)
		r = exchange(op->b, &i, part, x->old, x->now);
	if (r >= 0)
		inode_put(op->b, &i);
	return r == -ENOENT ? -ESTALE : r;
}

static int exchange_part(struct catalog *c, const struct exchange *x, uint8_t part)
{
	struct tree_op op;
	int r = differs(part, x->old, x->now);

	if (r <= 0)
		return r;
	r = op_begin(&op, c, NULL, false);
	return r < 0 ? r : op_end(&op, exchange_in(&op, x, part), 0);
}

/* Parts from the last to the first: what moves between the first and the others is there twice for a moment. */
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
static int parse(struct catalog *c, const char *at, size_t len, struct links *ret_l)
{
	const char *end = at + len;
	int r = 0;

	while (at < end && r >= 0 && count(ret_l) < LINKS_FOUND_MAX) {
		struct found_link l = { .form = *at++ };
		size_t verb_len;
		const char *verb = next_text(&at, end, &verb_len);

		l.target = next_text(&at, end, &l.len);
		if (ret_l->text.len + l.len + count(ret_l) * LINK_BYTES > LINKS_FOUND_BYTES)
			break;
		if (!l.len || (l.form != LINK_WIKI && l.form != LINK_PATH && l.form != LINK_MESSAGE))
			continue;
		r = make_verb(c, verb, verb_len, &l.verb);
		if (r >= 0)
			r = add(ret_l, &l, hash_of(c, &l), 0);
		if (r == -EINVAL)
			r = 0;
	}
	return r;
}

static void place(struct links *l)
{
	bool many = count(l) > ONE_PART_MAX;

	for (size_t k = 0; many && k < count(l); k++)
		item_at(l, k)->part = (uint8_t)(item_at(l, k)->hash % LINKS_PARTS);
}

static const struct item *find_text(const struct links *l, const struct links *x, const struct item *i)
{
	for (size_t k = 0; k < count(l); k++)
		if (same_text(l, item_at(l, k), x, i))
			return item_at(l, k);
	return NULL;
}

/* What was there keeps what it is bound to. */
static int bind_all(struct catalog *c, const struct inode *src, const struct links *old, struct links *now)
{
	int r = 0;

	for (size_t k = 0; k < count(now) && r >= 0; k++) {
		struct item *i = item_at(now, k);
		const struct item *before = find_text(old, now, i);
		struct found_link l = view(now, i);

		i->bound = before ? before->bound : 0;
		r = i->bound ? link_is_alive(c, i->bound) : 0;
		if (r)
			continue;
		i->bound = 0;
		r = link_resolve(c, src, &l, &i->bound);
	}
	return r;
}

static int set_once(struct catalog *c, uint64_t ino, uint64_t content_lsn, struct links *now)
{
	_cleanup_links_ struct links old = { 0 };
	struct exchange x = { .ino = ino, .content_lsn = content_lsn, .old = &old, .now = now };
	struct inode i;
	int r = inode_get(c, ino, &i);

	if (r >= 0 && i.content_lsn != content_lsn)
		return -ESTALE;
	if (r >= 0 && !count(now) && !(i.flags & INODE_LINKS))
		return 0;
	if (r >= 0)
		r = load(c, ino, &old);
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
	_cleanup_links_ struct links now = { 0 };
	int r = parse(c, links, len, &now);

	if (r < 0)
		return r;
	place(&now);
	for (unsigned times = 0; !is_over(r = set_once(c, ino, content_lsn, &now), times); times++)
		;
	return over(r);
}

/* ---- looking for targets again */

/* 1: this one is to be looked for. */
static int is_wanted(struct catalog *c, const struct found_link *l, const struct links_wanted *wanted)
{
	uint64_t stems[2];
	int n;

	if (l->bound) {
		n = link_is_alive(c, l->bound);
		return n < 0 ? n : !n;
	}
	if (!wanted->waiting || !wanted->by_stem)
		return wanted->waiting;
	n = link_stems(c, l, stems);
	for (int k = 0; k < n; k++)
		if (stems[k] == wanted->stem)
			return 1;
	return MIN(n, 0);
}

static int bind_wanted(struct catalog *c, const struct inode *src, const struct links_wanted *wanted, struct links *now)
{
	int r = 0;

	for (size_t k = 0; k < count(now) && r >= 0; k++) {
		struct item *i = item_at(now, k);
		struct found_link l = view(now, i);

		r = is_wanted(c, &l, wanted);
		if (r <= 0)
			continue;
		i->bound = 0;
		r = link_resolve(c, src, &l, &i->bound);
	}
	return r;
}

static int settle_once(struct catalog *c, const struct inode *i, const struct links_wanted *wanted)
{
	_cleanup_links_ struct links old = { 0 }, now = { 0 };
	struct exchange x = { .ino = i->ino, .is_settling = true, .old = &old, .now = &now };
	int r = load(c, i->ino, &old);

	if (r >= 0)
		r = copy(&old, &now);
	if (r >= 0)
		r = bind_wanted(c, i, wanted, &now);
	return r < 0 ? r : exchange_all(c, &x);
}

int links_settle_found(struct catalog *c, uint64_t ino, const struct links_wanted *wanted)
{
	struct inode i;
	int r = inode_get(c, ino, &i);

	if (r < 0 || !(i.flags & INODE_LINKS))
		return over(r);
	for (unsigned times = 0; !is_over(r = settle_once(c, &i, wanted), times); times++)
		;
	return over(r);
}

/* ---- one part at a time */

struct taking {
	struct catalog *c;
	struct links *l;
	unsigned from;
	int part; /* that was taken, -1: none */
};

static int take_part(void *context, const struct record *record)
{
	struct taking *t = context;
	int r;

	if (!is_part(record) || record->key[9] < t->from)
		return 0;
	t->part = record->key[9];
	r = load_part(&(struct loading){ t->c, t->l }, record);
	return r < 0 ? r : 1;
}

/* The first part from `from` on. -1: there is none. */
static int load_next(struct catalog *c, uint64_t ino, unsigned from, struct links *ret_l, int *ret_part)
{
	struct key prefix = key_u64(key_start('W'), ino);
	struct taking t = { .c = c, .l = ret_l, .from = from, .part = -1 };
	int r = records_foreach(c, &prefix, take_part, &t);

	*ret_part = t.part;
	return MIN(r, 0);
}

/* One that cannot be read goes, too: the sets are made anew without it. */
int links_forget_found(struct batch *b, struct inode *i)
{
	_cleanup_links_ struct links old = { 0 };
	static const struct links none;
	int part, r = i->flags & INODE_LINKS ? load_next(batch_catalog(b), i->ino, 0, &old, &part) : -ENOENT;

	if (r == -EBADMSG) {
		links_drop_found(b, i);
		return 1;
	}
	if (r < 0 || part < 0)
		return r == -ENOENT ? 0 : r;
	r = exchange(b, i, (uint8_t)part, &old, &none);
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
static int check_ends(struct batch *b, const struct links *l)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct inode i;
	int r = 0;

	for (size_t k = 0; k < count(l) && r >= 0; k++) {
		struct item *item = item_at(l, k);

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
	_cleanup_links_ struct links l = { 0 };
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = links_part_key(i->ino, part);
	int at, r = load_next(batch_catalog(b), i->ino, part, &l, &at);

	if (r >= 0)
		r = at == part ? check_ends(b, &l) : -ENOENT;
	for (size_t k = 0; k < count(&l) && r >= 0; k++) {
		struct found_link link = view(&l, item_at(&l, k));

		r = apply(b, i, &link, 1);
	}
	if (r >= 0)
		r = encode(&l, part, &value);
	if (r < 0)
		return r;
	batch_put(b, key.bytes, key.len, value.data, value.len);
	i->flags |= INODE_LINKS;
	return 0;
}
