/* SPDX-License-Identifier: MIT */
#include "catalog/file_sets.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "catalog/dentry.h"
#include "catalog/derive.h"
#include "crypto/digest.h"

#define QUARTERS_BEFORE_1970 (1ull << 40)
#define SHIFTS (1ull << 39)
#define ENDING_MAX 8u

/* ---- times */

uint64_t file_quarter(int64_t seconds)
{
	int64_t q = seconds / QUARTER_S - (seconds % QUARTER_S < 0);
	const int64_t limit = (int64_t)QUARTERS_BEFORE_1970 - 1;

	q = MAX(q, -limit);
	return QUARTERS_BEFORE_1970 + (uint64_t)MIN(q, limit);
}

uint64_t file_quarter_from(int64_t seconds)
{
	uint64_t q = file_quarter(seconds);

	return q + (file_quarter_begins(q) < seconds);
}

int64_t file_quarter_begins(uint64_t quarter)
{
	return ((int64_t)quarter - (int64_t)QUARTERS_BEFORE_1970) * QUARTER_S;
}

struct key file_times_prefix(void)
{
	return key_start('m');
}

uint64_t file_times_shift(struct catalog *c)
{
	static char label[] = "times";
	const struct iovec piece = { label, sizeof(label) - 1 };

	return load_be64(digest_128(catalog_keys(c), DIGEST_STEM, &piece, 1).bytes) & (SHIFTS - 1);
}

struct file_times file_times_from(struct catalog *c, uint64_t quarter, uint64_t ino)
{
	struct key prefix = file_times_prefix();
	struct file_times t = { packed_walk_over(c, &prefix), file_times_shift(c) };

	packed_walk_seek(&t.walk, quarter + t.shift, ino);
	return t;
}

int file_times_next(struct file_times *t, uint64_t *ret_quarter, uint64_t *ret_ino)
{
	struct packed_member m;
	int r = packed_walk_next(&t->walk, &m);

	if (r <= 0)
		return r;
	if (m.a < t->shift)
		return -EBADMSG;
	*ret_quarter = m.a - t->shift;
	*ret_ino = m.b;
	return 1;
}

void file_times_done(struct file_times *t)
{
	packed_walk_done(&t->walk);
}

int file_times_count(struct catalog *c, uint64_t low, uint64_t high, uint64_t *ret_count)
{
	struct key prefix = file_times_prefix();
	uint64_t shift = file_times_shift(c);

	return packed_set_count(c, &prefix, low + shift, high + shift, ret_count);
}

uint64_t file_quarter_of(const struct inode *i)
{
	return S_ISREG(i->mode) && i->nlink ? file_quarter(i->mtime.tv_sec) : 0;
}

void file_timed(struct batch *b, struct inode *i)
{
	uint64_t quarter = file_quarter_of(i);
	struct key prefix = file_times_prefix();
	uint64_t shift;

	if (quarter == i->quarter)
		return;
	shift = file_times_shift(batch_catalog(b));
	if (i->quarter)
		packed_set_put(b, &prefix, &(struct packed_member){ .a = i->quarter + shift, .b = i->ino });
	if (quarter)
		packed_set_put(b, &prefix, &(struct packed_member){ .a = quarter + shift, .b = i->ino, .n = 1 });
	i->quarter = quarter;
}

/* ---- names */

struct key file_names_prefix(void)
{
	return key_start('n');
}

struct packed_walk file_names_walk(struct catalog *c)
{
	struct key prefix = file_names_prefix();

	return packed_walk_over(c, &prefix);
}

size_t file_stem_len(const char *name, size_t len)
{
	size_t at = len;
	bool letter = false;

	while (at > 0 && len - at < ENDING_MAX && isalnum((unsigned char)name[at - 1])) {
		at--;
		letter = letter || !isdigit((unsigned char)name[at]);
	}
	return letter && at > 1 && name[at - 1] == '.' ? at - 1 : len;
}

int file_stem_hash(struct catalog *c, const char *stem, size_t len, uint64_t *ret_hash)
{
	_cleanup_buf_ struct buf folded = BUF_INIT;
	int r = fold_text(stem, len, &folded);

	if (r < 0)
		return r;
	*ret_hash = load_be32(digest_128(catalog_keys(c), DIGEST_STEM, &(struct iovec){ folded.data, folded.len }, 1).bytes);
	return 0;
}

int file_names_foreach(struct catalog *c, const void *entries, size_t len,
		       int (*member)(void *context, uint64_t hash, uint64_t ino), void *context)
{
	struct reader in = reader_over(entries, len);
	struct dentry_item item;
	uint64_t hash;
	int r;

	while ((r = dentry_next(&in, &item)) > 0) {
		if (!S_ISREG(item.type))
			continue;
		r = file_stem_hash(c, item.name, file_stem_len(item.name, item.name_len), &hash);
		if (r >= 0)
			r = member(context, hash, item.ino);
		if (r < 0)
			break;
	}
	return r;
}

static int change(struct batch *b, const struct file_name *f, int add)
{
	struct packed_change c = { .b = f->ino, .add = add };
	struct key prefix = file_names_prefix();
	int r = file_stem_hash(batch_catalog(b), f->name, file_stem_len(f->name, f->len), &c.a);

	if (r >= 0 && f->sole)
		packed_set_put(b, &prefix, &(struct packed_member){ .a = c.a, .b = c.b, .n = add > 0 });
	else if (r >= 0)
		r = packed_set_change(b, &prefix, &c, NULL);
	return r;
}

/* Damage is no reason to refuse a write. */
static void settle(struct batch *b, int r)
{
	if (r == -EBADMSG)
		derive_doubt(b);
	else if (r < 0)
		batch_fail(b, r);
}

void file_named(struct batch *b, const struct file_name *f)
{
	settle(b, S_ISREG(f->mode) ? change(b, f, 1) : 0);
}

void file_unnamed(struct batch *b, const struct file_name *f)
{
	settle(b, S_ISREG(f->mode) ? change(b, f, -1) : 0);
}
