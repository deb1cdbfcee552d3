/* SPDX-License-Identifier: MIT */
/* Packs into the bucket, and out of it. Order of a sending:
 *   1  the record says that an object of that name may be there, durably
 *   2  PUT, with the checksum signed
 *   3  HEAD: the size; ranged GETs: the table at its end, which opens and is that of the file here
 *   4  the record says that the pack is there and no longer here, durably
 *   5  the file here goes
 * A stop anywhere leaves a pack that is here, or there, or both; an object that is not whole gets replaced by the next
 * sending, or removed with its pack.
 *
 * Order of a removal: the record goes, and a note of the object with the time when it may go comes, in one batch; when the
 * time has come the object is removed, then the note. */
#pragma once

#include <stdbool.h>

#include "catalog/pack_record.h"
#include "tiers/s3/bucket.h"

struct files;

/* The bucket of a volume; NULL in its place: there is none. */
struct sending {
	struct files *files;    /* borrowed */
	struct bucket *bucket;  /* borrowed */
	bool dated_keys;
	int64_t grace_s;        /* before a removal */
};

/* *ret_error says what the bucket said, when it was the bucket: its error is returned. -EBADMSG: what lies there is
 * not what was sent. */
int pack_send(const struct sending *s, uint64_t number, struct bucket_error *ret_error);

/* In the batch that removes a record: notes that its object is to be removed at `due_s`, if there may be one. */
void pack_note_removal(struct batch *b, const struct pack_record *record, int64_t due_s);
/* 1: there may be objects that nothing names: some wait for their removal, or were being sent. 0: there are none. */
int pack_may_be_left(struct catalog *c);
/* Removes the objects whose time has come; *ret_n of them. */
int pack_remove_due(const struct sending *s, int64_t now_s, uint64_t *ret_n, struct bucket_error *ret_error);
