/* SPDX-License-Identifier: MIT */
/* The bytes of the log and the argument why replay is right. Private to wal/. Little-endian.
 *
 * The folder holds files `segment-NNNNNNNN` of one size, written with zeros when they are made and
 * overwritten in place ever after, and, after a clean stop, the file `anchor`.
 *
 * Segment: the header, twice, then records from WAL_RECORDS_START to the end of the file.
 *
 *   header copy, at 0 and at 2048          record, at a multiple of 8
 *     0  magic "brainyW1"                    0  u32 length of the sealed bytes
 *     8  u32 format, u32 zero                4  u32 the same, all bits inverted
 *    16  incarnation (16 bytes)              8  u64 lsn
 *    32  u64 sequence                       16  u64 nonce
 *    40  run that seals headers (20)        24  sealed: 16 bytes of inner header, payload, tag
 *    60  u32 zero
 *    64  u64 nonce                        inner header: u64 synced, u8 kind, 3 zeros,
 *    72  sealed body and tag                u32 length of the payload before compression
 *
 *   body: 0 u64 generation  8 u64 first lsn  16 u64 synced  24 prior incarnation  40 u64 prior lsn
 *         48 u64 size of the segment  56 run that seals records (20)  76 u32 format
 *
 * The seal of a record binds incarnation and LSN, that of a header incarnation and sequence; lengths
 * are bound because a seal of other bytes does not open. So a record stands or falls as a whole: what
 * was half stored, is left from an earlier use of the segment, was swapped or altered does not verify.
 * `length` is stored last, so that a killed writer's half record is not even tried.
 *
 * An *incarnation* is what one wal_open() wrote: a random id, a run of its own, segments of sequence 0,
 * 1, 2... It is never continued after a reopen. `generation` counts incarnations; `prior` names what the
 * incarnation follows: another one up to an exact LSN, or the checkpoint that had everything. Whatever else
 * the prior incarnation may hold beyond that LSN was cut off. Going back over `prior` from the newest
 * generation gives the log; other segments are free.
 *
 * What is durable when (fdatasync at each `;`):
 *   open    segments that were replayed; header of the new incarnation; anchor removed; records
 *   switch  header of the next segment; records in it, and a NEXT record in the one before
 *   sync    data that records refer to; all segments with newer records, in order
 *   stop    all records; anchor; an END record in the log
 *   header  old state; first copy; the second copy follows without waiting
 * Hence
 *   H1  a segment with a record of an incarnation has a header of it: one copy is whole at any time, even
 *       if the disk tears sectors. Two copies that are neither zero nor whole are damage.
 *   H2  sequence n + 1 has a header only if n had one.
 *   H3  all records up to `prior` were durable, in the log or in the catalog, before the header naming it.
 *   H4  `synced` of a record or header was durable, in the log or (released) in the catalog, before that.
 *   H5  with an anchor in place no incarnation newer than the anchor's holds a record.
 *   H6  END is followed by an anchor or by a newer incarnation, NEXT by a segment.
 *
 * Replay goes from the checkpoint to the first record that does not verify, the hole. Pages reach the
 * disk in any order, so valid records beyond it are normal after a power cut and are cut off. It is damage
 *   - before the LSN that a newer incarnation names as `prior` (H3);
 *   - when a record or header beyond it verifies whose `synced` covers the hole (H4);
 *   - when a record of the incarnation lies in a segment without a header of it (H1);
 *   - when a segment is missing between others (H2) or after NEXT (H6).
 *   - when the file of a segment has another size than its header says.
 * After END without an anchor, something was put back from an older copy. An anchor that does not open is
 * no loss when END stands right after the checkpoint: single damage, and to put back an older log behind it
 * takes no less than to put back the older anchor as well. END and NEXT have no payload and
 * the LSN of the record that would follow.
 * Holes at or below the checkpoint do not matter: there `synced` must reach beyond the checkpoint to count.
 * Not told from a torn tail: damage to the last records of a log that was not stopped cleanly.
 *
 * Anchor: 0 magic "brainyA1", 8 u32 format, 12 u32 zero, 16 incarnation, 32 run (20), 52 u32 zero,
 * 56 u64 nonce, 64 sealed: u64 catalog transaction, u64 last LSN, u64 generation; tag. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/id.h"
#include "wal/wal.h"

#define WAL_FORMAT 1u
#define WAL_NUMBER_MAX (UINT64_MAX / 2) /* of LSNs and generations; nobody counts that far */
#define WAL_TAG_SIZE 16
#define WAL_HEADER_PLACES 2
#define WAL_HEADER_STRIDE 2048u
#define WAL_HEADER_BODY 80
#define WAL_HEADER_SIZE (72 + WAL_HEADER_BODY + WAL_TAG_SIZE)
#define WAL_RECORDS_START 4096u
#define WAL_RECORD_HEADER 24
#define WAL_RECORD_INNER 16
/* Bytes that a record takes beyond its payload, before rounding. */
#define WAL_RECORD_OVERHEAD (WAL_RECORD_HEADER + WAL_RECORD_INNER + WAL_TAG_SIZE)
#define WAL_MARK_SIZE (WAL_RECORD_OVERHEAD) /* END or NEXT; there is always room for NEXT */
#define WAL_ANCHOR_BODY 24
#define WAL_ANCHOR_SIZE (64 + WAL_ANCHOR_BODY + WAL_TAG_SIZE)
#define WAL_ANCHOR_NAME "anchor"

/* `what` of the sealer. */
enum { WAL_SEAL_RECORD = 0, WAL_SEAL_HEADER = 1, WAL_SEAL_ANCHOR = 2 };

/* Bits of a record's kind. */
enum { WAL_KIND_ZSTD = 1 << 0, WAL_KIND_END = 1 << 1, WAL_KIND_NEXT = 1 << 2, WAL_KIND_ALL = 7 };

struct wal_header {
	struct id128 incarnation;
	uint64_t sequence, generation, first_lsn, synced, size;
	struct wal_position prior;
	uint8_t record_run[WAL_RUN_HEADER_SIZE];
};

/* What a record's 24 bytes in clear say, unverified. */
struct wal_frame {
	uint32_t length; /* sealed bytes, 32 at least */
	uint64_t lsn, nonce;
};

struct wal_inner {
	uint64_t synced;
	uint8_t kind;
	uint32_t plain_length;
};

struct wal_anchor_body {
	uint64_t catalog_txn, last_lsn, generation;
};

static inline uint64_t wal_record_size(uint64_t sealed_length)
{
	return (WAL_RECORD_HEADER + sealed_length + 7) & ~7ull;
}

/* Seals the header with the run whose own header is `run_header`. */
int wal_header_seal(const struct wal_sealer *s, void *run, const uint8_t run_header[WAL_RUN_HEADER_SIZE],
		    const struct wal_header *h, uint8_t ret_bytes[WAL_HEADER_SIZE]);
/* -EBADMSG: not a header, or altered. */
int wal_header_open(const struct wal_sealer *s, const uint8_t bytes[WAL_HEADER_SIZE],
		    struct wal_header *ret_h);

/* False when the bytes cannot be a record's beginning. */
bool wal_frame_load(const uint8_t bytes[WAL_RECORD_HEADER], struct wal_frame *ret_frame);
/* Seals inner header and payload, which lie at `plain` (the first 16 bytes are filled in here), into the
 * record at `ret_record`; the length comes last, in release order. */
int wal_record_seal(const struct wal_sealer *s, void *run, struct id128 incarnation, uint64_t lsn,
		    const struct wal_inner *inner, uint8_t *plain, size_t payload_len, uint8_t *ret_record);
/* Opens the record whose 24 bytes were loaded into `f`; `sealed` are the f->length bytes behind them.
 * `ret_plain` (f->length bytes) gets inner header and payload. */
int wal_record_open(const struct wal_sealer *s, void *run, struct id128 incarnation,
		    const struct wal_frame *f, const uint8_t *sealed, uint8_t *ret_plain, struct wal_inner *ret_inner);

int wal_anchor_seal(const struct wal_sealer *s, struct id128 incarnation, const struct wal_anchor_body *a,
		    uint8_t ret_bytes[WAL_ANCHOR_SIZE]);
int wal_anchor_open(const struct wal_sealer *s, const void *bytes, size_t len, struct wal_anchor_body *ret_a);
