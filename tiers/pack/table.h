/* SPDX-License-Identifier: MIT */
/* The table of a pack as columns (pack_format.h): built by the writer, read by the reader. Nothing here knows of
 * compression, seals or files. Not thread-safe. */
#pragma once

#include "base/buf.h"
#include "tiers/pack/ino_places.h"
#include "tiers/pack/pack_format.h"
#include "tiers/pack/pack_reader.h"

/* ---- building */

struct table_mark {
	size_t lens[PACK_COLUMNS];
	uint64_t parent;
	uint32_t frame;
};

struct table_builder {
	struct buf columns[PACK_COLUMNS]; /* owned */
	struct pack_inode before, at;     /* the last one that is in the columns; the open one */
	bool is_open;
	uint32_t n_names, n_xattrs, n_pieces; /* of the open one */
	uint64_t end;                     /* of its last piece in the file */
	uint64_t parent;                  /* of the last name */
	uint32_t frame;                   /* after the last one that a piece named */
	struct table_mark mark;           /* from before the open one */
	uint32_t *plain_lens;             /* owned: of the frames */
	uint32_t n_frames, frames_room;
	uint32_t n_files, n_directories;  /* closed ones */
	int32_t first_day, last_day;
};

/* Plain bytes that an inode, a piece or a name takes at most, beside the bytes of names and xattrs. */
#define TABLE_INODE_BOUND 200u
#define TABLE_PIECE_BOUND 40u
#define TABLE_NAME_BOUND  40u

void table_builder_done(struct table_builder *t);
/* Plain bytes of the table as it is, the open inode included; an upper bound. */
size_t table_builder_size(const struct table_builder *t);

/* -EINVAL: a value that no inode has. */
int table_check(const struct pack_inode *i);
/* Is a file open? */
bool table_takes_pieces(const struct table_builder *t);
/* Closes the open inode and opens this one. -ENOMEM. -EINVAL as table_check(). */
int table_begin(struct table_builder *t, const struct pack_inode *i);
int table_close(struct table_builder *t);
/* Forgets the open inode. */
void table_drop(struct table_builder *t);
/* Of the open inode. -ENOMEM. -EINVAL: there is none, or what pack_writer.h says. */
int table_add_name(struct table_builder *t, uint64_t parent, const char *name, size_t len);
int table_add_xattr(struct table_builder *t, const char *name, const void *value, size_t len);
int table_add_piece(struct table_builder *t, const struct pack_piece *p);
int table_add_frame(struct table_builder *t, uint32_t stored_len, uint32_t plain_len);
/* Appends the plain table. */
int table_store(struct table_builder *t, struct buf *ret_plain);

/* ---- reading */

struct table {
	struct pack_entry *entries;  /* owned; borrow from the next four */
	struct pack_name *names;     /* owned */
	struct pack_xattr *xattrs;   /* owned */
	struct pack_piece *pieces;   /* owned */
	struct pack_frame *frames;   /* owned */
	char *text;                  /* owned: names with NULs */
	struct ino_places places;    /* of inodes in entries */
	uint32_t n_entries, n_frames;
};

void table_done(struct table *t);
/* `plain`: borrowed as long as the table is used. `trailer` says what it must agree with. -EBADMSG. -ENOMEM. */
int table_load(const void *plain, size_t len, const struct pack_trailer *trailer, struct table *ret_t);
