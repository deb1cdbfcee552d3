/* SPDX-License-Identifier: MIT */
/* The file of an index segment: a run of sealed blocks, written once from beginning to end and then
 * only read, at any place, through the block cache. Does not know what the plain bytes mean.
 *
 * Thread-safety: a sink belongs to its user; a file may be read by several threads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "index/block_cache.h"

#define SEGMENT_BLOCK 32768u

/* What the catalog registers of a segment (record 'M'): whatever else lies under its name, an older copy
 * too, does not open. */
struct segment_record {
	struct seal_run_header run;
	uint64_t plain_len;
};
int segment_record_encode(const struct segment_record *r, struct buf *ret_value);
/* -EBADMSG. */
int segment_record_decode(const void *value, size_t len, struct segment_record *ret_r);

#define SEGMENT_NAME_SIZE 32
/* "0017.idx" */
const char *segment_file_name(uint64_t number, char ret_name[SEGMENT_NAME_SIZE]);

struct segment_sink;
/* Makes the file in the folder `dirfd`, replacing one that was left behind. */
int segment_sink_new(struct keyring *keys, int dirfd, uint64_t number, struct segment_sink **ret_s);
int segment_sink_write(struct segment_sink *s, const void *data, size_t len);
/* Plain bytes written so far. */
uint64_t segment_sink_at(const struct segment_sink *s);
/* Fills up to the next block with zeros. */
int segment_sink_align(struct segment_sink *s);
/* Writes what is left and makes file and folder durable. */
int segment_sink_finish(struct segment_sink *s, struct segment_record *ret_record);
/* Removes the file unless it was finished. */
struct segment_sink *segment_sink_free(struct segment_sink *s);

struct segment_file;
/* -EBADMSG: not the file that was registered. -ENOENT. */
int segment_file_open(struct keyring *keys, int dirfd, uint64_t number, const struct segment_record *record,
		      struct block_cache *cache, struct segment_file **ret_f);
struct segment_file *segment_file_close(struct segment_file *f);
/* -EBADMSG: the seal of a block does not open, or the place is outside. */
int segment_file_read(struct segment_file *f, uint64_t at, size_t len, void *ret_data);
/* A whole block; block_unref() it. */
int segment_file_block(struct segment_file *f, uint64_t number, struct block **ret_b);
/* Opens every block, past the cache. */
int segment_file_verify(struct segment_file *f);
