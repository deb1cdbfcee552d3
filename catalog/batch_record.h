/* SPDX-License-Identifier: MIT */
/* The plain bytes of one batch, which are one record of the WAL:
 *
 *   version (1), then operations, each a byte that says which and
 *     1 put       key (varint length, bytes), value (varint length, bytes)
 *     2 remove    key
 *     3 reply     mount (16) unique (le64) opcode (le32) status (le32) ino (le64) handle (le64) size (le32)
 *
 * Operations are absolute: applied twice they give what they give once. */
#pragma once

#include "base/buf.h"
#include "catalog/catalog.h"

#define RECORD_VERSION 1u
#define REPLY_SIZE 52

enum record_op_kind { RECORD_PUT = 1, RECORD_REMOVE = 2, RECORD_REPLY = 3 };

/* Keys and values are borrowed from the record. */
struct record_op {
	enum record_op_kind kind;
	const uint8_t *key, *value;
	size_t key_len, value_len;
	struct reply_record reply;
};

int record_add_put(struct buf *record, const void *key, size_t key_len, const void *value, size_t value_len);
int record_add_remove(struct buf *record, const void *key, size_t key_len);
int record_add_reply(struct buf *record, const struct reply_record *reply);

/* Checks the version and returns a reader over the operations in *ret_ops. -EBADMSG. */
int record_start(const void *data, size_t len, struct reader *ret_ops);
/* 1, 0 at the end, -EBADMSG. */
int record_next(struct reader *ops, struct record_op *ret_op);

void reply_store(const struct reply_record *reply, uint8_t ret_bytes[REPLY_SIZE]);
void reply_load(const uint8_t bytes[REPLY_SIZE], struct reply_record *ret_reply);
