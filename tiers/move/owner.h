/* SPDX-License-Identifier: MIT */
/* Whose a prefix of a bucket is. The object `owner` there says it: the id of a volume and the mark of the last mount of
 * it that used the bucket, 32 hex digits each, with a blank between and a newline behind. So two volumes never share a
 * prefix, and neither do two copies of one volume (a folder that was copied, a backup that was restored while the first
 * lives on): the names of packs are random, so that copies do not overwrite each other's, but each would delete what only
 * the other still needs.
 *
 * A mount replaces the mark by a fresh one before it changes anything in the bucket; the catalog knows its own:
 *
 *   1  the catalog has `mine` and `next`, durably; the object has `mine`
 *   2  the object has `next`, by a conditional PUT
 *   3  the catalog has `next` as `mine`
 *
 * A stop anywhere leaves an object with one of the marks that the catalog has. A PUT whose answer was lost may be
 * carried out much later, when others have followed it: the marks of the last four such stay known, as `late`. Of two
 * copies the first that is mounted goes on; the other finds a mark that it does not know: it reads what is there, and
 * changes nothing.
 *
 *   'V' 4 -> u8 version, 2; 16 bytes `mine`; 16 bytes `next`; 4 times 16 bytes `late` (zeros: none)
 *
 * An object without a mark is of a time before there were any; its mark is zeros, as that of a catalog without a record. */
#pragma once

#include "base/id.h"
#include "catalog/catalog.h"
#include "tiers/s3/bucket.h"

struct owner {
	struct bucket *bucket;   /* borrowed */
	struct catalog *catalog; /* borrowed */
	struct id128 volume;     /* ours */
};

/* There are packs in the bucket, says the catalog: then an object that is not there is an error. */
#define OWNER_EXPECTED 1u
/* Whoever else uses a copy of this volume, or has removed the object: this one goes on. */
#define OWNER_TAKE_OVER 2u

/* May the prefix be ours? Changes nothing. 0: it is, or is free. -EADDRINUSE: another volume's. -EEXIST: another copy of
 * this volume uses it. -ENOENT: see OWNER_EXPECTED. Else what the bucket says. *ret_error has a sentence in each case. */
int owner_look(const struct owner *o, unsigned flags, struct bucket_error *ret_error);
/* Makes it ours; *ret_mark is this mount's. Errors as those of owner_look(); of the catalog. */
int owner_claim(const struct owner *o, unsigned flags, struct id128 *ret_mark, struct bucket_error *ret_error);
/* Is it still as owner_claim() left it? Errors as those of owner_look(). */
int owner_check(const struct owner *o, struct id128 mark, struct bucket_error *ret_error);
/* Removes the object, so that others may use the prefix, and the record. */
int owner_release(const struct owner *o, struct bucket_error *ret_error);

/* Is this error one of ownership, not of the bucket? */
bool owner_is_trouble(int error);
