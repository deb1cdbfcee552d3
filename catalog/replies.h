/* SPDX-License-Identifier: MIT */
/* The last REPLIES_KEPT replies, in a ring with an index by request. Each reply has a number, counted
 * over the life of the volume; its slot is number % REPLIES_KEPT, in memory and in the store ('R' be16
 * slot -> le64 number, reply).
 *
 * Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "catalog/records.h"

#define REPLIES_KEPT 4096u

struct replies;

int replies_new(struct replies **ret_r);
struct replies *replies_free(struct replies *r);
/* Bytes, always the same. */
size_t replies_memory(void);
void replies_add(struct replies *r, const struct reply_record *reply);
/* -ENOENT. */
int replies_find(struct replies *r, struct id128 mount, uint64_t unique, struct reply_record *ret_reply);

/* Puts back what replies_store() made; out of order is fine. -EBADMSG. */
int replies_load(struct replies *r, const void *value, size_t len);
/* Appends key and value of each reply that came since the last call, as record operations. */
int replies_store(struct replies *r, struct buf *ret_record);
