/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tiers/pack/table.h"

#define NSEC 1000000000
#define DAY_SECONDS 86400

void table_builder_done(struct table_builder *t)
{
	for (unsigned k = 0; k < PACK_COLUMNS; k++)
		buf_done(&t->columns[k]);
	free(t->plain_lens);
	*t = (struct table_builder){ 0 };
}

size_t table_builder_size(const struct table_builder *t)
{
	size_t size = TABLE_INODE_BOUND;

	for (unsigned k = 0; k < PACK_COLUMNS; k++)
		size += t->columns[k].len + 5;
	return size;
}

static int add(struct table_builder *t, enum pack_column c, uint64_t v)
{
	return buf_add_varint(&t->columns[c], v);
}

static int add_from(struct table_builder *t, enum pack_column c, uint64_t v, uint64_t from)
{
	return add(t, c, zigzag(v - from));
}

/* ---- inodes */

static bool time_is_valid(struct timespec t)
{
	return t.tv_nsec >= 0 && t.tv_nsec < NSEC;
}

int table_check(const struct pack_inode *i)
{
	return i->ino != 0 && i->size <= INT64_MAX && time_is_valid(i->atime) && time_is_valid(i->mtime) &&
			       time_is_valid(i->ctime) && time_is_valid(i->btime) ?
		       0 :
		       -EINVAL;
}

bool table_takes_pieces(const struct table_builder *t)
{
	return t->is_open && !S_ISDIR(t->at.mode);
}

static int add_time(struct table_builder *t, enum pack_column seconds, struct timespec v, struct timespec from)
{
	int r = add_from(t, seconds, (uint64_t)v.tv_sec, (uint64_t)from.tv_sec);

	return r < 0 ? r : add_from(t, seconds + 1, (uint64_t)v.tv_nsec, (uint64_t)from.tv_nsec);
}

static int add_times(struct table_builder *t)
{
	const struct pack_inode *i = &t->at;
	int r = add_from(t, COLUMN_MTIME_SEC, (uint64_t)i->mtime.tv_sec, (uint64_t)t->before.mtime.tv_sec);

	if (r >= 0)
		r = buf_add_le32(&t->columns[COLUMN_MTIME_NSEC], (uint32_t)i->mtime.tv_nsec);
	if (r >= 0)
		r = add_time(t, COLUMN_CTIME_SEC, i->ctime, i->mtime);
	if (r >= 0)
		r = add_time(t, COLUMN_ATIME_SEC, i->atime, i->mtime);
	return r < 0 ? r : add_time(t, COLUMN_BTIME_SEC, i->btime, i->ctime);
}

static int add_inode(struct table_builder *t)
{
	const struct pack_inode *i = &t->at, *b = &t->before;
	const struct {
		enum pack_column column;
		uint64_t v, from;
	} values[] = {
		{ COLUMN_INO, i->ino, b->ino },
		{ COLUMN_MODE, i->mode, b->mode },
		{ COLUMN_UID, i->uid, b->uid },
		{ COLUMN_GID, i->gid, b->gid },
		{ COLUMN_RDEV, i->rdev, b->rdev },
		{ COLUMN_GENERATION, i->generation, b->generation },
		{ COLUMN_CONTENT_LSN, i->content_lsn, b->content_lsn },
		{ COLUMN_SIZE, i->size, t->end },
	};
	int r = 0;

	for (unsigned k = 0; k < ARRAY_SIZE(values) && r >= 0; k++)
		r = add_from(t, values[k].column, values[k].v, values[k].from);
	return r < 0 ? r : add_times(t);
}

static int add_counts(struct table_builder *t)
{
	int r = add(t, COLUMN_N_NAMES, t->n_names);

	if (r >= 0)
		r = add(t, COLUMN_N_XATTRS, t->n_xattrs);
	return r < 0 ? r : add(t, COLUMN_N_PIECES, t->n_pieces);
}

static int32_t day_of(time_t seconds)
{
	int64_t day = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);

	if (day < INT32_MIN)
		return INT32_MIN;
	return day > INT32_MAX ? INT32_MAX : (int32_t)day;
}

static void count_inode(struct table_builder *t)
{
	int32_t day = day_of(t->at.mtime.tv_sec);

	if (S_ISDIR(t->at.mode)) {
		t->n_directories++;
		return;
	}
	t->first_day = t->n_files == 0 ? day : MIN(t->first_day, day);
	t->last_day = t->n_files == 0 ? day : MAX(t->last_day, day);
	t->n_files++;
}

int table_close(struct table_builder *t)
{
	int r;

	if (!t->is_open)
		return 0;
	r = add_inode(t);
	if (r >= 0)
		r = add_counts(t);
	if (r < 0)
		return r;
	count_inode(t);
	t->before = t->at;
	t->is_open = false;
	return 0;
}

int table_begin(struct table_builder *t, const struct pack_inode *i)
{
	int r = table_check(i);

	if (r >= 0)
		r = table_close(t);
	if (r < 0)
		return r;
	t->at = *i;
	t->is_open = true;
	t->n_names = t->n_xattrs = t->n_pieces = 0;
	t->end = 0;
	t->mark.parent = t->parent;
	t->mark.frame = t->frame;
	for (unsigned k = 0; k < PACK_COLUMNS; k++)
		t->mark.lens[k] = t->columns[k].len;
	return 0;
}

void table_drop(struct table_builder *t)
{
	if (!t->is_open)
		return;
	for (unsigned k = 0; k < COLUMN_FRAME_STORED; k++)
		t->columns[k].len = t->mark.lens[k];
	t->parent = t->mark.parent;
	t->frame = t->mark.frame;
	t->is_open = false;
}

/* ---- what hangs on them */

int table_add_name(struct table_builder *t, uint64_t parent, const char *name, size_t len)
{
	int r;

	if (!t->is_open || !pack_name_is_valid(name, len) || (S_ISDIR(t->at.mode) && t->n_names > 0))
		return -EINVAL;
	r = add_from(t, COLUMN_NAME_PARENT, parent, t->parent);
	if (r >= 0)
		r = add(t, COLUMN_NAME_LEN, len);
	if (r >= 0)
		r = buf_add(&t->columns[COLUMN_NAME_BYTES], name, len);
	if (r < 0)
		return r;
	t->parent = parent;
	t->n_names++;
	return 0;
}

int table_add_xattr(struct table_builder *t, const char *name, const void *value, size_t len)
{
	size_t name_len = strlen(name);
	int r;

	if (!t->is_open || name_len == 0 || name_len > PACK_XATTR_NAME_MAX || len > PACK_XATTR_MAX)
		return -EINVAL;
	r = add(t, COLUMN_XATTR_NAME_LEN, name_len);
	if (r >= 0)
		r = add(t, COLUMN_XATTR_LEN, len);
	if (r >= 0)
		r = buf_add(&t->columns[COLUMN_XATTR_NAME_BYTES], name, name_len);
	if (r >= 0)
		r = buf_add(&t->columns[COLUMN_XATTR_BYTES], value, len);
	if (r < 0)
		return r;
	t->n_xattrs++;
	return 0;
}

static bool piece_is_valid(const struct table_builder *t, const struct pack_piece *p)
{
	if (p->len == 0 || p->offset > INT64_MAX || p->len > INT64_MAX - p->offset)
		return false;
	if (p->frame == PACK_HOLE)
		return p->skip == 0;
	return p->frame < t->n_frames && p->skip < t->plain_lens[p->frame] &&
	       p->len <= t->plain_lens[p->frame] - p->skip;
}

int table_add_piece(struct table_builder *t, const struct pack_piece *p)
{
	bool hole = p->frame == PACK_HOLE;
	uint64_t rest;
	int r;

	if (!table_takes_pieces(t) || !piece_is_valid(t, p))
		return -EINVAL;
	rest = hole ? 0 : t->plain_lens[p->frame] - p->skip;
	r = add_from(t, COLUMN_PIECE_OFFSET, p->offset, t->end);
	if (r >= 0)
		r = add(t, COLUMN_PIECE_FRAME, hole ? 0 : 1 + zigzag((uint64_t)p->frame - t->frame));
	if (r >= 0)
		r = add(t, COLUMN_PIECE_SKIP, p->skip);
	if (r >= 0)
		r = add_from(t, COLUMN_PIECE_LEN, p->len, rest);
	if (r < 0)
		return r;
	t->end = p->offset + p->len;
	t->frame = hole ? t->frame : p->frame + 1;
	t->n_pieces++;
	return 0;
}

static int remember_frame(struct table_builder *t, uint32_t plain_len)
{
	if (t->n_frames == t->frames_room) {
		uint32_t room = t->frames_room ? t->frames_room * 2 : 256;
		uint32_t *larger = reallocarray(t->plain_lens, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		t->plain_lens = larger;
		t->frames_room = room;
	}
	t->plain_lens[t->n_frames++] = plain_len;
	return 0;
}

int table_add_frame(struct table_builder *t, uint32_t stored_len, uint32_t plain_len)
{
	int r = add(t, COLUMN_FRAME_STORED, stored_len);

	if (r >= 0)
		r = add(t, COLUMN_FRAME_PLAIN, plain_len);
	return r < 0 ? r : remember_frame(t, plain_len);
}

int table_store(struct table_builder *t, struct buf *ret_plain)
{
	int r = table_close(t);

	for (unsigned k = 0; k < PACK_COLUMNS && r >= 0; k++)
		r = buf_add_bytes(ret_plain, t->columns[k].data, t->columns[k].len);
	return r;
}
