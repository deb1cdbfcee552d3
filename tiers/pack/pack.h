/* SPDX-License-Identifier: MIT */
/* Packs: immutable files of at most 32 MiB that hold the bytes of many files, compressed and sealed, and a
 * table that says whose they are. Warm packs lie in a folder, cold ones in a bucket, byte for byte the same;
 * with the volume key alone everything in one can be listed and read (pack_format.h).
 *
 * This header has what writers and readers share, and the hot path: from a frame's place in the catalog to
 * its plain bytes, without the table. pack_writer.h makes packs, pack_reader.h explains whole ones,
 * pack_dictionary.h has what makes small files small.
 *
 * What it is not: it knows neither the catalog nor where packs lie, and moves nothing.
 *
 * Thread-safety: a pack_run, a pack_opener and a pack_dictionary may be used by any number of threads. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/seal.h"

struct keyring;
struct pack_dictionary; /* pack_dictionary.h */

#define PACK_MAX (32u << 20)
/* Plain bytes of a frame, at most. */
#define PACK_FRAME_MAX (1u << 20)
/* What a frame takes in its pack, at most: method and tag beside the bytes. */
#define PACK_FRAME_STORED_MAX (PACK_FRAME_MAX + 1 + SEAL_TAG_SIZE)
/* Cut large files into frames of this: "Frames" in pack_format.h says why. */
/* Names and xattrs of a file, and of the folders above it, that always find room in a pack of their own. */
#define PACK_DESCRIPTION_MAX (15u << 20)
#define PACK_FRAME_TARGET (256u << 10)
/* Frames of fewer plain bytes use the pack's dictionary, if it has one. */
#define PACK_DICTIONARY_BELOW (16u << 10)

/* What stat(2) tells of a file or directory, and what a rebuilt catalog needs to choose between versions.
 * A file of any type: what is neither directory nor regular is described here and has no bytes, but for a
 * symlink, whose bytes are its target. */
struct pack_inode {
	uint64_t ino;
	uint32_t mode; /* with file type */
	uint32_t uid, gid;
	uint64_t rdev;
	uint64_t size;
	struct timespec atime, mtime, ctime, btime;
	uint64_t generation;
	uint64_t content_lsn; /* of the last change to its bytes */
};

/* One frame: where it lies and how large it is. What a catalog keeps of it; sealed bytes that are not these
 * do not open. */
struct pack_frame {
	uint32_t number;     /* from 0, in the order of the pack */
	uint32_t place;      /* of its first byte in the pack */
	uint32_t stored_len; /* sealed; at most PACK_FRAME_STORED_MAX */
	uint32_t plain_len;  /* 1 to PACK_FRAME_MAX */
};

/* What a pack is, in figures. */
struct pack_summary {
	struct seal_run_header run;    /* its id is the pack's id */
	uint64_t number, lsn;          /* as its writer was told */
	uint64_t created_ns;           /* since 1970 */
	int32_t first_day, last_day;   /* of mtime of the files, days since 1970; both 0 without files */
	uint32_t stored_size;          /* of the pack */
	uint64_t plain_bytes;          /* of all frames */
	uint32_t n_frames, n_files, n_directories;
	uint32_t table_stored, table_plain; /* bytes of the table */
	uint64_t dictionary_id;        /* 0: the pack has none */
	uint32_t dictionary_stored;    /* bytes that it takes in the pack */
};

/* The key of one pack, to be kept as long as frames of it are read: opening costs a microsecond. */
struct pack_run;

/* -EBADMSG: the volume has no key of that epoch, or no such cipher is known. -EOPNOTSUPP: the CPU lacks
 * AES. -ENOMEM. */
int pack_run_open(struct keyring *keys, const struct seal_run_header *h, struct pack_run **ret_run);
struct pack_run *pack_run_free(struct pack_run *run);
const struct seal_run_header *pack_run_get_header(const struct pack_run *run);

/* What opening frames needs besides: decompression contexts, as many as there are threads that use it at a
 * time. One for all packs. */
struct pack_opener;

/* -ENOMEM. */
int pack_opener_new(struct pack_opener **ret_o);
struct pack_opener *pack_opener_free(struct pack_opener *o);
/* Bytes that its idle contexts hold, and at most hold. */
void pack_opener_memory(struct pack_opener *o, uint64_t *ret_bytes, uint64_t *ret_bound);

/* Writes the frame's plain_len bytes to `ret_plain`. `sealed` has its stored_len bytes as they lie in the
 * pack, and is overwritten. `dictionary`: the pack's; NULL when it has none or when
 * pack_frame_wants_dictionary() is false.
 * -EBADMSG: altered, not of this frame or pack, or another dictionary; `ret_plain` is then undefined.
 * -ENOMEM: no context. */
int pack_frame_open(struct pack_opener *o, const struct pack_run *run, const struct pack_frame *f, void *sealed,
		    const struct pack_dictionary *dictionary, void *ret_plain);

static inline int pack_frame_wants_dictionary(const struct pack_frame *f)
{
	return f->plain_len < PACK_DICTIONARY_BELOW;
}
