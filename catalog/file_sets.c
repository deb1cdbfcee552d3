/* SPDX-License-Identifier: MIT */
#include "catalog/file_sets.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "catalog/derive.h"
#include "crypto/digest.h"

#define QUARTERS_BEFORE_1970 (1ull << 40)
#define ENDING_MAX 8u

/* ---- times */

uint64_t file_quarter(int64_t seconds)
{
	int64_t q = seconds / QUARTER_S - (seconds % QUARTER_S < 0);
	const int64_t limit = (int64_t)QUARTERS_BEFORE_1970 - 1;

	q = MAX(q, -limit);
	return QUARTERS_BEFORE_1970 + (uint64_t)MIN(q, limit);
}

int64_t file_quarter_begins(uint64_t quarter)
{
	return ((int64_t)quarter - (int64_t)QUARTERS_BEFORE_1970) * QUARTER_S;
}

struct key file_times_prefix(void)
{
	return key_start('m');
}

struct packed_walk file_times_walk(struct catalog *c)
{
	struct key prefix = file_times_prefix();

	return packed_walk_over(c, &prefix);
}

uint64_t file_quarter_of(const struct inode *i)
{
	return S_ISREG(i->mode) && i->nlink ? file_quarter(i->mtime.tv_sec) : 0;
}

/* Damage is no reason to refuse a write. */
static void settle(struct batch *b, int r)
{
	if (r == -EBADMSG)
		derive_doubt(b);
	else if (r < 0)
		batch_fail(b, r);
}

void file_timed(struct batch *b, struct inode *i)
{
	uint64_t quarter = file_quarter_of(i);
	struct key prefix = file_times_prefix();
	struct packed_change gone = { .a = i->quarter, .b = i->ino, .clear = 1 };
	struct packed_change come = { .a = quarter, .b = i->ino, .set = 1 };
	int r = 0;

	if (quarter == i->quarter)
		return;
	if (i->quarter)
		r = packed_set_change(b, &prefix, &gone, NULL);
	if (r >= 0 && quarter)
		r = packed_set_change(b, &prefix, &come, NULL);
	i->quarter = quarter;
	settle(b, r);
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

static void change(struct batch *b, uint64_t ino, uint32_t mode, const char *name, size_t len, int add)
{
	struct packed_change c = { .b = ino, .add = add };
	struct key prefix = file_names_prefix();
	int r;

	if (!S_ISREG(mode))
		return;
	r = file_stem_hash(batch_catalog(b), name, file_stem_len(name, len), &c.a);
	if (r >= 0)
		r = packed_set_change(b, &prefix, &c, NULL);
	settle(b, r);
}

void file_named(struct batch *b, uint64_t ino, uint32_t mode, const char *name, size_t len)
{
	change(b, ino, mode, name, len, 1);
}

void file_unnamed(struct batch *b, uint64_t ino, uint32_t mode, const char *name, size_t len)
{
	change(b, ino, mode, name, len, -1);
}
