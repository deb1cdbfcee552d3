/* SPDX-License-Identifier: MIT */
/* Makes one pack. For each file, in any order of files:
 *
 *   pack_writer_add_directory()    each ancestor that is not there yet (pack_writer_has_directory())
 *   pack_writer_begin_file()       then for this file:
 *   pack_writer_add_name(), pack_writer_add_xattr()      all of them, and then
 *   pack_writer_add_bytes(), pack_writer_add_hole(), pack_writer_add_piece()
 *
 * and at the end pack_writer_finish(). When something has no room, -EFBIG says so, and what was added before
 * stays valid: the caller finishes this pack and begins another, where it adds directories and file again and
 * goes on with the bytes that are missing. A file of which nothing has been added then is not in the pack, nor is
 * a directory that misses an xattr. -EFBIG for the first thing in a pack: it can be in none.
 *
 * -EINVAL changes nothing. Every other error is final: all later calls give it, too, and the pack's file is to be
 * removed.
 *
 * Thread-safety: a writer belongs to one thread at a time. It holds a few MiB, and 60 bytes a file.
 * Several may work at a time, each with a pack of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tiers/pack/pack.h"

struct pack_piece; /* pack_reader.h */
struct pack_writer;

struct pack_writer_config {
	struct keyring *keys; /* borrowed */
	int fd;               /* of an empty file, open for writing; borrowed */
	const struct pack_dictionary *dictionary; /* borrowed; NULL: none. Written into the pack when the first
						   * small frame is */
	int level;            /* of zstd; 0: 3 */
	int small_level;      /* of frames that use the dictionary; 0: 3. 2 instead: 40 % faster, 9 % larger */
	uint64_t number;      /* the catalog's for this pack; nothing here depends on it */
	uint64_t lsn;         /* for the table: what was true at this LSN */
	uint64_t created_ns;  /* since 1970; 0: the clock's */
	uint32_t size_max;    /* bytes; 0: PACK_MAX */
};

/* -ENOMEM. */
int pack_writer_new(const struct pack_writer_config *config, struct pack_writer **ret_w);
struct pack_writer *pack_writer_free(struct pack_writer *w);
/* The pack's id, from the beginning. */
const struct seal_run_header *pack_writer_get_header(const struct pack_writer *w);
/* Bytes that the pack would have if it were finished now; an upper bound. */
uint32_t pack_writer_size(const struct pack_writer *w);

bool pack_writer_has_directory(const struct pack_writer *w, uint64_t ino);
/* Ends the file before it. `name_len` 0: the root. Nothing happens when it is there already. Its xattrs follow,
 * as those of a file. -EFBIG. -EINVAL: not a name. */
int pack_writer_add_directory(struct pack_writer *w, const struct pack_inode *i, uint64_t parent,
			      const char *name, size_t name_len);
/* Ends the file before it. Once a pack for each inode. -EFBIG. */
int pack_writer_begin_file(struct pack_writer *w, const struct pack_inode *i);
/* 1 to 255 bytes, any but '/' and NUL. -EFBIG. -EINVAL: not a name. */
int pack_writer_add_name(struct pack_writer *w, uint64_t parent, const char *name, size_t name_len);
/* Of the file or directory that came last. `name`: 1 to 255 bytes; `len`: at most 64 KiB. -EFBIG. -EINVAL. */
int pack_writer_add_xattr(struct pack_writer *w, const char *name, const void *value, size_t len);

/* Stores `len` bytes (1 to PACK_FRAME_MAX) that begin at `offset` of the file as one frame. It can be read
 * from the pack's file after pack_writer_finish(). -EFBIG. -EINVAL: length 0 or too large, or a range beyond
 * the largest file. */
int pack_writer_add_bytes(struct pack_writer *w, uint64_t offset, const void *data, size_t len,
			  struct pack_frame *ret_f);
/* Zeros that take no room. */
int pack_writer_add_hole(struct pack_writer *w, uint64_t offset, uint64_t len);
/* Bytes that another file, or another place of this one, shares: `len` bytes from byte `skip` of a frame that
 * is in this pack. -EINVAL: it has no such bytes. */
int pack_writer_add_piece(struct pack_writer *w, uint64_t offset, uint32_t frame, uint32_t skip, uint32_t len);

/* Stores a frame of another pack as it is, without compressing it again, and of it a piece of the file: where packs are
 * merged. `sealed`: its bytes, which are overwritten; `other_dictionary`: id of its pack's dictionary, or 0;
 * `piece`: offset and length in the file, and skip in the frame; its frame number is not looked at. More pieces of
 * it follow by pack_writer_add_piece().
 * -EXDEV: it needs another dictionary than this pack has; open it and add its bytes. -EBADMSG: it is not what
 * was sealed. Both change nothing. -EFBIG. -EINVAL: the frame has no such piece. */
int pack_writer_copy_frame(struct pack_writer *w, const struct pack_run *from, const struct pack_frame *f,
			   void *sealed, uint64_t other_dictionary, const struct pack_piece *piece,
			   struct pack_frame *ret_f);

/* Writes table and trailer and syncs the file's bytes (its name is the caller's). Once. */
int pack_writer_finish(struct pack_writer *w, struct pack_summary *ret_s);
