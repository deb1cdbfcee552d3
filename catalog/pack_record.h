/* SPDX-License-Identifier: MIT */
/* Records of packs (tiers/pack/pack_format.h has their bytes): where each one lies, and what was put into it. An extent
 * names its pack by number, so that a pack that goes from one tier to another changes this one record and no file.
 *
 *   'K' be64 number                the pack
 *   'S' be64 (1 << 63 | number)    varint: bytes of it that extents name; those that several name count for each
 *   'S' be64 (1 << 62 | number)    varint: inodes that have their home there (inode.h)
 *   'Z' be64 id                    bytes of a dictionary that packs were compressed with
 *   'Z' be64 0                     le64 id of the one that new packs are compressed with
 *
 * Value of a pack:
 *
 *   u8      version, 1
 *   20      run header (crypto/seal.h); its id is the name of the file and of the object in the bucket
 *   varint  flags (PACK_*)
 *   varint  stored, plain, dictionary, first day, days, made, LSN, checked
 *
 * Thread-safety: as catalog.h. */
#pragma once

#include "catalog/catalog.h"
#include "catalog/inode.h"
#include "crypto/seal.h"

#define PACK_LOCAL 1u    /* the file is in warm/ */
#define PACK_REMOTE 2u   /* the object is in the bucket, and was verified there */
#define PACK_SENDING 4u  /* an object of that name may be in the bucket, and need not be whole */
#define PACK_DATED 16u   /* the name of its object has its first day before it */
#define PACK_DAMAGED 8u  /* somebody found bytes of it that do not open, or the object gone */

struct pack_record {
	uint64_t number;
	struct seal_run_header run;
	uint32_t flags;
	uint64_t stored;      /* bytes of the file, or object */
	uint64_t plain;       /* bytes of files that were put into it */
	uint64_t dictionary;  /* 0: none */
	int64_t first_day;    /* of mtime, since 1970; */
	uint64_t days;        /* its time partition: so many days from then on */
	int64_t made;         /* seconds since 1970 */
	uint64_t lsn;         /* last before it was made */
	int64_t checked;      /* when all of it was read and found sound, seconds since 1970 */
};

/* Reading it costs bytes that leave the bucket. */
static inline bool pack_record_is_cold(const struct pack_record *p)
{
	return !(p->flags & PACK_LOCAL);
}

/* Accounts: their numbers, beside those of data segments. */
#define PACK_ALIVE (1ull << 63)
#define PACK_FILES (1ull << 62)

/* "hot", "warm" or "cold": where the bytes of a file lie; when some of them are in packs, what that says of the last of
 * those. */
const char *inode_tier(struct catalog *c, const struct inode *i);

/* -ENOENT. -EBADMSG. */
int pack_record_get(struct catalog *c, uint64_t number, struct pack_record *ret_p);
int pack_record_get_in(struct batch *b, uint64_t number, struct pack_record *ret_p);
void pack_record_put(struct batch *b, const struct pack_record *p);
/* With its accounts. */
void pack_record_remove(struct batch *b, uint64_t number);
/* So many inodes more have their home there. -EBADMSG: fewer than none. */
int pack_count_files(struct batch *b, uint64_t number, int change);
/* What the accounts say; 0 where there is none. */
int pack_get_alive(struct catalog *c, uint64_t number, uint64_t *ret_bytes, uint64_t *ret_files);
/* By number. Other than 0 from `pack` ends it and is returned. */
int pack_record_foreach(struct catalog *c, int (*pack)(void *context, const struct pack_record *p), void *context);

/* Appends; `ret_bytes` may be NULL. -ENOENT. */
int dictionary_get(struct catalog *c, uint64_t id, struct buf *ret_bytes);
void dictionary_put(struct batch *b, uint64_t id, const void *bytes, size_t len);
void dictionary_remove(struct batch *b, uint64_t id);
/* The one for new packs; 0: none. */
int dictionary_get_current(struct catalog *c, uint64_t *ret_id);
void dictionary_set_current(struct batch *b, uint64_t id);
