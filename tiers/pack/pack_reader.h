/* SPDX-License-Identifier: MIT */
/* Reads whole packs by their own table: for `brainy pack`, rebuilding, verifying, scrubbing and merging.
 * Whoever knows a frame's place from the catalog uses pack_frame_open() alone.
 *
 * A pack in memory takes about 300 bytes a file. Everything that is handed out is borrowed from it.
 *
 * Thread-safety: a pack belongs to one thread at a time. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "tiers/pack/pack.h"

struct pack;

/* Where a pack's bytes come from: a file, a bucket, memory. `read` gives as many of the `len` bytes at `from`
 * as there are (short only at the end), or -errno, which is then the result of what needed them. */
struct pack_source {
	ssize_t (*read)(void *context, uint64_t from, void *data, size_t len);
	void *context;
	uint64_t size; /* of the pack */
};
/* The descriptor is borrowed as long as the source is used. -errno of fstat(2). */
int pack_source_fd(int fd, struct pack_source *ret_source);

struct pack_name {
	uint64_t parent;
	const char *name; /* 1 to 255 bytes, any but '/' and NUL; a NUL follows */
	uint32_t len;
};
struct pack_xattr {
	const char *name; /* a NUL follows */
	const void *value;
	uint32_t len;
};
#define PACK_HOLE UINT32_MAX
struct pack_piece {
	uint64_t offset, len; /* in the file */
	uint32_t frame;       /* PACK_HOLE: zeros */
	uint32_t skip;        /* in the frame */
};
/* A file or directory. Pieces come in the order in which they were written; what none covers is not in this
 * pack. The root directory has no name; a file may have none. */
struct pack_entry {
	struct pack_inode inode;
	const struct pack_name *names;
	const struct pack_xattr *xattrs;
	const struct pack_piece *pieces;
	uint32_t n_names, n_xattrs, n_pieces;
};

/* Reads trailer and table in one read of the pack's end (two when the table is large) and verifies all of both.
 * `known`: its run header, when the catalog has it; NULL: read from the pack's beginning.
 * -EBADMSG: not a pack of this volume, cut, or altered. -EOPNOTSUPP, -ENOMEM, and errors of `read`. */
int pack_open(struct keyring *keys, const struct pack_source *source, const struct seal_run_header *known,
	      struct pack **ret_p);
struct pack *pack_close(struct pack *p);

void pack_get_summary(const struct pack *p, struct pack_summary *ret_s);
/* -ENOENT: it has not so many. */
int pack_get_frame(const struct pack *p, uint32_t number, struct pack_frame *ret_f);
/* The dictionary in the pack, borrowed; *ret_d is NULL when it has none. -EBADMSG. -ENOMEM. */
int pack_get_dictionary(struct pack *p, const struct pack_dictionary **ret_d);

/* In the order of the table; each directory comes before what was added after it, not always before what is in
 * it. A return other than 0 of `entry` ends it and is returned. */
int pack_foreach_directory(const struct pack *p, int (*entry)(void *context, const struct pack_entry *e),
			   void *context);
int pack_foreach_file(const struct pack *p, int (*entry)(void *context, const struct pack_entry *e),
		      void *context);
/* NULL: not in this pack. */
const struct pack_entry *pack_find(const struct pack *p, uint64_t ino);

/* Reads and opens one frame; `ret_plain` gets its plain_len bytes. -EBADMSG. */
int pack_read_frame(struct pack *p, uint32_t number, void *ret_plain);
/* Reads up to `len` bytes of a file; returns how many, less only at its end. Later pieces win over earlier
 * ones. -ENODATA: some of them are not in this pack. -EBADMSG. */
ssize_t pack_read(struct pack *p, const struct pack_entry *e, uint64_t offset, void *data, size_t len);

/* Reads header, dictionary and every frame and opens them. `frame` (may be NULL) is told of each, with 0 or what
 * is wrong with it; a return other than 0 ends it and is returned. `f` is NULL for header and dictionary.
 * 0: all is well. -EBADMSG: something is not. Errors of `read` end it. */
int pack_verify(struct pack *p, int (*frame)(void *context, const struct pack_frame *f, int error),
		void *context);
/* The same without decompressing: every byte is what was sealed, at the speed of the cipher. What a mover needs that
 * has just written it. */
int pack_verify_seals(struct pack *p, int (*frame)(void *context, const struct pack_frame *f, int error),
		      void *context);
