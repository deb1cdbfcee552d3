/* SPDX-License-Identifier: MIT */
/* The bytes of packs. The pack's id, 32 hex digits, is its file's name and later its object's.
 *
 * A pack is written once, front to back, and never changed; at most 32 MiB. Little-endian:
 *
 *   0    4   magic "BPK1"
 *   4    20  run header (crypto/seal.h): pack id, key epoch, cipher
 *   24   frames one after the other, and at most one dictionary, before the first frame that may use it
 *   ..   table
 *   ..   108 trailer
 *
 * Everything from byte 24 on is sealed with the pack's run (SEAL_PACK), with nothing in between: whoever has no
 * key sees noise. Each section is its ciphertext and then its tag (16). Associated data of a section:
 * object = pack id (16), kind (1), and for frames that may use the dictionary its id (le64); place = its first
 * byte's place in the pack. Kind and nonce:
 *
 *   'T' trailer      0
 *   'D' dictionary   1
 *   'F' frame k      2 + k
 *   'C' table        2 + number of frames
 *
 * So sections can be neither swapped nor moved nor taken over from another pack, and a frame opens only with
 * what the catalog knows of it, in one read.
 *
 * Frames. A frame is 1 byte to 1 MiB of one stretch of one file; sealed are a method byte and
 *   0  the bytes as they are (when zstd does not shrink them)
 *   1  a zstd frame
 *   2  a zstd frame that needs the pack's dictionary
 * zstd frames have no magic, no content size, no dictionary id and no checksum: length and dictionary are known
 * to the reader and the seal is the checksum. A frame of fewer than 16 KiB is bound to the dictionary by its
 * associated data if the pack has one, whatever its method: with another dictionary it would open to other bytes.
 *
 * Why a frame for each small file: eight or forty of them in one would save 5 % of what a dictionary leaves,
 * and every read would open eight or forty.
 *
 * Why large files are cut at 256 KiB (PACK_FRAME_TARGET) though a frame may have 1 MiB: a random read opens a
 * whole frame. English text (9 MB of abstracts, which shrink badly; level 3, on a busy 2-core virtual machine):
 *
 *   frame     ratio   opening one, p50
 *   128 KiB   0.354   0.24 ms
 *   256 KiB   0.341   0.48 ms
 *   512 KiB   0.332   1.0 ms
 *   1 MiB     0.326   2.0 ms
 *
 * Dictionary. zstd (flags as above) of the dictionary's bytes.
 *
 * Trailer, plain: all that is needed to find the rest, so that one read of a pack's last bytes explains it.
 *
 *   0   le32 format: 1                   4   le32 size of the pack
 *   8   le32 table: place                12  le32 stored length      16  le32 plain length
 *   20  le32 frames                      24  le32 files              28  le32 directories
 *   32  le64 plain bytes of all frames   40  le64 LSN                48  le64 created, ns since 1970
 *   56  le32 first, 60 le32 last day of mtime of the files, days since 1970, signed
 *   64  le64 dictionary: id              72  le32 place              76  le32 stored length
 *   80  le32 dictionary: plain length                                 (id 0: none, and then all are 0)
 *   84  le64 number under which its volume's catalog knows it, from which a lost record is made again
 *
 * Table. zstd (flags as above) of its columns, each with a varint length before it, in this order. Columns
 * because names beside names and times beside times shrink to half. Numbers are varints; "from x" is the zigzag
 * of the difference to x, modulo 2^64; "before" is the entry before, in the same column, 0 for the first.
 *
 *   of inodes (directories and files mixed, in the order in which they were added)
 *     ino, mode, uid, gid, rdev, generation, content_lsn   each from the one before
 *     size                      from the end of its last piece (0 without)
 *     mtime seconds             from before
 *     mtime nanoseconds         le32
 *     ctime, atime: seconds, nanoseconds (4 columns)       from mtime's
 *     btime: seconds, nanoseconds (2 columns)              from ctime's
 *     names, xattrs, pieces (3 columns)                    how many
 *   of names: parent            from the parent before
 *     length; bytes             (2 columns)
 *   of xattrs: length of name, length of value; bytes of names, bytes of values  (4 columns)
 *   of pieces: offset           from the end of the inode's piece before (0 for its first)
 *     frame                     0: a hole; else 1 + (from one more than the last frame that a piece named)
 *     skip, and length          from all the rest of the frame after skip; of a hole the length itself
 *   of frames: stored length; plain length
 *
 * A frame's place is the end of the frame before, or 24; the dictionary lies where the trailer says, and what
 * comes after it begins at its end. Frames fill the pack up to the table.
 *
 * Validity: every section opens, the columns end where they should, counts agree with the trailer, names are
 * names, nanoseconds are below 10^9, pieces lie in their frames and in files, all places and lengths add up to
 * the pack's size. Anything else is -EBADMSG. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tiers/pack/pack.h"

#define PACK_MAGIC "BPK1"
#define PACK_FORMAT 1u
#define PACK_HEADER_SIZE (4u + SEAL_RUN_HEADER_SIZE)
#define PACK_TRAILER_PLAIN 92u
#define PACK_TRAILER_SIZE (PACK_TRAILER_PLAIN + SEAL_TAG_SIZE)
/* Plain bytes of a table, so that reading one takes bounded memory. */
#define PACK_TABLE_MAX (16u << 20)
#define PACK_NAME_MAX 255u
#define PACK_XATTR_NAME_MAX 255u
#define PACK_XATTR_MAX (64u << 10)

enum pack_kind { PACK_TRAILER = 'T', PACK_DICTIONARY = 'D', PACK_FRAME = 'F', PACK_TABLE = 'C' };

enum { PACK_NONCE_TRAILER = 0, PACK_NONCE_DICTIONARY = 1, PACK_NONCE_FRAMES = 2 };

enum pack_method { PACK_RAW = 0, PACK_ZSTD = 1, PACK_ZSTD_DICTIONARY = 2 };

enum pack_column {
	COLUMN_INO,
	COLUMN_MODE,
	COLUMN_UID,
	COLUMN_GID,
	COLUMN_RDEV,
	COLUMN_GENERATION,
	COLUMN_CONTENT_LSN,
	COLUMN_SIZE,
	COLUMN_MTIME_SEC,
	COLUMN_MTIME_NSEC,
	COLUMN_CTIME_SEC,
	COLUMN_CTIME_NSEC,
	COLUMN_ATIME_SEC,
	COLUMN_ATIME_NSEC,
	COLUMN_BTIME_SEC,
	COLUMN_BTIME_NSEC,
	COLUMN_N_NAMES,
	COLUMN_N_XATTRS,
	COLUMN_N_PIECES,
	COLUMN_NAME_PARENT,
	COLUMN_NAME_LEN,
	COLUMN_NAME_BYTES,
	COLUMN_XATTR_NAME_LEN,
	COLUMN_XATTR_LEN,
	COLUMN_XATTR_NAME_BYTES,
	COLUMN_XATTR_BYTES,
	COLUMN_PIECE_OFFSET,
	COLUMN_PIECE_FRAME,
	COLUMN_PIECE_SKIP,
	COLUMN_PIECE_LEN,
	COLUMN_FRAME_STORED,
	COLUMN_FRAME_PLAIN,
	PACK_COLUMNS,
};

struct pack_section {
	uint32_t place, stored_len, plain_len;
};

struct pack_trailer {
	uint32_t size;
	struct pack_section table, dictionary;
	uint64_t dictionary_id;
	uint32_t n_frames, n_files, n_directories;
	uint64_t plain_bytes, lsn, created_ns, number;
	int32_t first_day, last_day;
};

void pack_header_store(const struct seal_run_header *h, uint8_t ret_bytes[PACK_HEADER_SIZE]);
/* -EBADMSG. */
int pack_header_load(const uint8_t bytes[PACK_HEADER_SIZE], struct seal_run_header *ret_h);
void pack_trailer_store(const struct pack_trailer *t, uint8_t ret_bytes[PACK_TRAILER_PLAIN]);
/* -EBADMSG: not of this format, or of impossible sizes for a pack of `size` bytes. */
int pack_trailer_load(const uint8_t bytes[PACK_TRAILER_PLAIN], uint64_t size, struct pack_trailer *ret_t);

void pack_summarize(const struct pack_trailer *t, const struct seal_run_header *h, struct pack_summary *ret_s);

/* Associated data of a section. `dictionary_id` 0: it is bound to none. */
struct pack_bound {
	uint8_t object[16 + 1 + 8];
	struct seal_place at;
};
void pack_bind(struct id128 pack, enum pack_kind kind, uint64_t dictionary_id, uint32_t place,
	       struct pack_bound *ret_b);
/* The id that a frame of so many plain bytes is bound to in a pack with this dictionary. */
uint64_t pack_frame_binding(uint32_t plain_len, uint64_t dictionary_id);

/* Is it one that a pack's table may have? */
bool pack_name_is_valid(const char *name, size_t len);

static inline uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}
static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}
