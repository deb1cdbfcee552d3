/* SPDX-License-Identifier: MIT */
/* Inode records: key 'I' be64 ino.
 *
 * Value (varint: LEB128; leN: little-endian):
 *
 *   u8      version, 1; 2 when it counts for a quota; 3 when some of it lies in packs; 4 when its use is hidden
 *   u8      equal times: bit 0 mtime = btime, bit 1 ctime = mtime, bit 2 atime = mtime
 *   varint  flags (INODE_*)
 *   varint  mode, uid, gid, nlink, rdev, size, bytes, generation, content_lsn, parent
 *   le64    cookie, only when parent is not 0
 *   time    btime, then of mtime, ctime, atime those whose bit is clear: le64 seconds, le32 nanoseconds
 *   set     entries, xattrs, extents, each: varint count and, when that is not 0, 16 bytes hash
 *   varint  quota, from version 2 on
 *   varint  packed, home, from version 3 on
 *   varint  used_s, in version 4 only
 *
 * Nothing follows. A record with more to say has a higher version, and the volume a feature that keeps
 * older programs from opening it. A new file takes about 45 bytes. */
#include <errno.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/file_sets.h"
#include "catalog/inode.h"
#include "catalog/walk.h"

#define INODE_VERSION 1
#define INODE_VERSION_QUOTA 2
#define INODE_VERSION_PACKED 3
#define INODE_VERSION_USED 4
#define INODE_RECORD_MAX 320

enum { SAME_MTIME = 1, SAME_CTIME = 2, SAME_ATIME = 4, SAME_ALL = 7 };

static struct key inode_key(uint64_t ino)
{
	return key_u64(key_start('I'), ino);
}

static bool time_equal(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static unsigned same_times(const struct inode *i)
{
	return (time_equal(i->mtime, i->btime) ? SAME_MTIME : 0u) |
	       (time_equal(i->ctime, i->mtime) ? SAME_CTIME : 0u) |
	       (time_equal(i->atime, i->mtime) ? SAME_ATIME : 0u);
}

static uint8_t *put_time(uint8_t *at, struct timespec t)
{
	store_le64(at, (uint64_t)t.tv_sec);
	store_le32(at + 8, (uint32_t)t.tv_nsec);
	return at + 12;
}

static uint8_t *put_times(uint8_t *at, const struct inode *i, unsigned same)
{
	at = put_time(at, i->btime);
	if (!(same & SAME_MTIME))
		at = put_time(at, i->mtime);
	if (!(same & SAME_CTIME))
		at = put_time(at, i->ctime);
	if (!(same & SAME_ATIME))
		at = put_time(at, i->atime);
	return at;
}

static uint8_t *put_sets(uint8_t *at, const struct inode *i)
{
	for (unsigned k = 0; k < SET_KINDS; k++) {
		at = put_varint(at, i->sets[k].count);
		if (i->sets[k].count)
			at = put_bytes(at, i->sets[k].hash.bytes, sizeof(i->sets[k].hash.bytes));
	}
	return at;
}

static uint8_t version_of(const struct inode *i)
{
	if (i->used_s)
		return INODE_VERSION_USED;
	if (i->packed || i->home)
		return INODE_VERSION_PACKED;
	return i->quota ? INODE_VERSION_QUOTA : INODE_VERSION;
}

static size_t encode(const struct inode *i, uint8_t out[INODE_RECORD_MAX])
{
	uint8_t version = version_of(i), *at = out;
	unsigned same = same_times(i);

	at = put_u8(at, version);
	at = put_u8(at, (uint8_t)same);
	at = put_varint(at, i->flags);
	at = put_varint(at, i->mode);
	at = put_varint(at, i->uid);
	at = put_varint(at, i->gid);
	at = put_varint(at, i->nlink);
	at = put_varint(at, i->rdev);
	at = put_varint(at, i->size);
	at = put_varint(at, i->bytes);
	at = put_varint(at, i->generation);
	at = put_varint(at, i->content_lsn);
	at = put_varint(at, i->parent);
	if (i->parent)
		at = put_le64(at, i->cookie);
	at = put_times(at, i, same);
	at = put_sets(at, i);
	if (version >= INODE_VERSION_QUOTA)
		at = put_varint(at, i->quota);
	if (version >= INODE_VERSION_PACKED) {
		at = put_varint(at, i->packed);
		at = put_varint(at, i->home);
	}
	if (version >= INODE_VERSION_USED)
		at = put_varint(at, i->used_s);
	return (size_t)(at - out);
}

/* Numbers of 32 bits that are larger on disk are damage. */
static uint32_t take_u32(struct reader *r)
{
	uint64_t v = reader_varint(r);

	if (v > UINT32_MAX)
		r->bad = true;
	return (uint32_t)v;
}

static struct timespec take_time(struct reader *r)
{
	struct timespec t;

	t.tv_sec = (time_t)reader_le64(r);
	t.tv_nsec = (long)reader_le32(r);
	if (t.tv_nsec >= 1000000000)
		r->bad = true;
	return t;
}

static void take_times(struct reader *r, unsigned same, struct inode *i)
{
	i->btime = take_time(r);
	i->mtime = same & SAME_MTIME ? i->btime : take_time(r);
	i->ctime = same & SAME_CTIME ? i->mtime : take_time(r);
	i->atime = same & SAME_ATIME ? i->mtime : take_time(r);
}

static void take_sets(struct reader *r, struct inode *i)
{
	for (unsigned k = 0; k < SET_KINDS; k++) {
		const void *hash;

		i->sets[k].count = reader_varint(r);
		if (!i->sets[k].count)
			continue;
		hash = reader_take(r, sizeof(i->sets[k].hash.bytes));
		if (hash)
			memcpy(i->sets[k].hash.bytes, hash, sizeof(i->sets[k].hash.bytes));
	}
}

int inode_decode(uint64_t ino, const void *value, size_t len, struct inode *ret_i)
{
	struct reader r = reader_over(value, len);
	struct inode i = { .ino = ino };
	uint8_t version = reader_u8(&r);
	unsigned same = reader_u8(&r);

	i.flags = take_u32(&r);
	i.mode = take_u32(&r);
	i.uid = take_u32(&r);
	i.gid = take_u32(&r);
	i.nlink = take_u32(&r);
	i.rdev = reader_varint(&r);
	i.size = reader_varint(&r);
	i.bytes = reader_varint(&r);
	i.generation = reader_varint(&r);
	i.content_lsn = reader_varint(&r);
	i.parent = reader_varint(&r);
	if (i.parent)
		i.cookie = reader_le64(&r);
	take_times(&r, same, &i);
	take_sets(&r, &i);
	if (version >= INODE_VERSION_QUOTA)
		i.quota = reader_varint(&r);
	if (version >= INODE_VERSION_PACKED) {
		i.packed = reader_varint(&r);
		i.home = reader_varint(&r);
	}
	if (version >= INODE_VERSION_USED)
		i.used_s = reader_varint(&r);
	if (r.bad || reader_left(&r) || version < INODE_VERSION || version > INODE_VERSION_USED || same > SAME_ALL ||
	    i.size > INT64_MAX || i.used_s > INT64_MAX || i.packed > i.bytes)
		return -EBADMSG;
	i.quarter = file_quarter_of(&i);
	*ret_i = i;
	return 0;
}

int64_t inode_last_use_s(const struct inode *i)
{
	return MAX((int64_t)i->atime.tv_sec, (int64_t)i->used_s);
}

int inode_get(struct catalog *c, uint64_t ino, struct inode *ret_i)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = inode_key(ino);
	int r = catalog_get(c, key.bytes, key.len, &value);

	return r < 0 ? r : inode_decode(ino, value.data, value.len, ret_i);
}

/* ---- many at once */

/* Further away than so many numbers, seeking is cheaper than stepping over what lies between. */
#define WALK_NEAR 32u

void inode_walk_done(struct inode_walk *w)
{
	w->cur = cursor_close(w->cur);
}

static int walk_seek(struct inode_walk *w, uint64_t ino)
{
	struct key prefix = key_start('I'), key = inode_key(ino);

	if (!w->cur)
		return cursor_open_at(w->c, &prefix, &key, &w->cur);
	cursor_seek(w->cur, key.bytes, key.len);
	return 0;
}

/* Moves to the record of `ino` if it is there. 1: *ret_record is that one. */
static int walk_to(struct inode_walk *w, uint64_t ino, struct record *ret_record)
{
	int r = 0;

	if (!w->cur || ino <= w->at || ino - w->at > WALK_NEAR)
		r = walk_seek(w, ino);
	w->at = UINT64_MAX; /* unless a record is found, the next call seeks */
	while (r >= 0 && (r = cursor_next_record(w->cur, ret_record)) > 0 && ret_record->key_len == 9) {
		uint64_t at = load_be64(ret_record->key + 1);

		if (at < ino)
			continue;
		w->at = at;
		return at == ino;
	}
	return 0;
}

int inode_walk_get(struct inode_walk *w, uint64_t ino, struct inode *ret_i)
{
	struct record record;

	/* What is not as it should be, inode_get() says better. */
	if (walk_to(w, ino, &record) == 1)
		return inode_decode(ino, record.value, record.value_len, ret_i);
	return inode_get(w->c, ino, ret_i);
}

int inode_get_in(struct batch *b, uint64_t ino, struct inode *ret_i)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = inode_key(ino);
	int r = batch_get(b, key.bytes, key.len, &value);

	return r < 0 ? r : inode_decode(ino, value.data, value.len, ret_i);
}

void inode_put(struct batch *b, struct inode *i)
{
	uint8_t value[INODE_RECORD_MAX];
	struct key key = inode_key(i->ino);

	file_timed(b, i);
	batch_put(b, key.bytes, key.len, value, encode(i, value));
}

void inode_remove(struct batch *b, uint64_t ino)
{
	struct key key = inode_key(ino);

	batch_remove(b, key.bytes, key.len);
}

/* Directories have no bytes of their own; programs expect a block. */
#define DIRECTORY_SIZE 4096

void inode_stat(const struct inode *i, struct stat *ret_st)
{
	bool directory = S_ISDIR(i->mode);

	*ret_st = (struct stat){
		.st_ino = i->ino,
		.st_mode = i->mode,
		.st_nlink = i->nlink,
		.st_uid = i->uid,
		.st_gid = i->gid,
		.st_rdev = i->rdev,
		.st_size = (off_t)(directory ? DIRECTORY_SIZE : i->size),
		.st_blocks = (blkcnt_t)(((directory ? DIRECTORY_SIZE : i->bytes) + 511) / 512),
		.st_blksize = 4096,
		.st_atim = i->atime,
		.st_mtim = i->mtime,
		.st_ctim = i->ctime,
	};
}
