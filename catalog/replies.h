/* SPDX-License-Identifier: MIT */
/* The last REPLIES_KEPT replies, in a ring with an index by request. Each reply has a number, counted
 * over the life of the volume; its slot is number % REPLIES_KEPT.
 *
 * In the store a record holds the REPLIES_GROUP slots of a group, in a few bytes each: a record of its own would take
 * more for its key and its seal than the reply has to say. Key: 'R' u8 group. Value, of each slot that is in use:
 *
 *   u8      slot in its group; 128 more when the mount follows, else it is that of the slot before
 *   16      mount
 *   varint  number, unique, opcode, -status, inode, handle, size
 *
 * Records of a slot each, of earlier programs ('R' be16 slot -> le64 number, reply), are read, and removed when their
 * group is written.
 *
 * One whose request is still unanswered when its slot is needed again (a write of O_SYNC on a slow disk, a thread that
 * did not run) is held beside the ring, in memory and under the slots from REPLIES_KEPT on, until it is answered. A
 * held one in the store is not removed, only replaced: nobody asks for it twice.
 *
 * Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "catalog/records.h"

#define REPLIES_KEPT 4096u
#define REPLIES_HELD 1024u
#define REPLIES_GROUP 64u

struct replies;

int replies_new(struct replies **ret_r);
/* Says which requests are unanswered, with the lock of the replies held. */
void replies_ask(struct replies *r, bool (*in_flight)(void *context, uint64_t unique), void *context);
struct replies *replies_free(struct replies *r);
/* Bytes, always the same. */
size_t replies_memory(void);
void replies_add(struct replies *r, const struct reply_record *reply);
/* -ENOENT. */
int replies_find(struct replies *r, struct id128 mount, uint64_t unique, struct reply_record *ret_reply);

/* Puts back what replies_store() made; out of order is fine. -EBADMSG. */
int replies_load(struct replies *r, const void *key, size_t key_len, const void *value, size_t len);
/* Appends, as record operations, what the store must hold of the groups that have changed since the last call. */
int replies_store(struct replies *r, struct buf *ret_record);
