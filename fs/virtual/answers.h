/* SPDX-License-Identifier: MIT */
/* The answers that query files and the texts of .brainy hold: immutable bytes under a virtual inode
 * number, least recently used ones dropped. What is open stays. Knows nothing of queries.
 *
 * Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"

struct answers;

/* Whose answer to what. */
struct answer_key {
	uint64_t dir;     /* directory that was asked below */
	uint32_t uid;
	const char *name; /* borrowed */
};

struct answer_node {
	uint64_t ino;
	uint32_t uid, gid;
	uint64_t size;    /* bytes */
	uint64_t pending; /* files that it does not know yet */
	bool is_link;     /* a symlink, and the bytes are its target */
	struct timespec made;
};

/* `first_ino`: numbers count up from here, so that no server gives those of the one before. */
int answers_new(size_t max_bytes, uint64_t first_ino, struct answers **ret_a);
struct answers *answers_free(struct answers *a);
/* Bytes; more than `max_bytes` only while they are open, and by the newest. */
size_t answers_memory(struct answers *a);

/* An answer that still holds: nothing was pending, no change since (`lsn`), at most `max_age_ms` old.
 * -ENOENT. */
int answers_find(struct answers *a, const struct answer_key *key, uint64_t lsn, unsigned max_age_ms,
		 struct answer_node *ret_node);
/* Takes `bytes` over. When the last answer to this key is the same, byte for byte, it is used again. */
int answers_add(struct answers *a, const struct answer_key *key, uint32_t gid, uint64_t lsn, uint64_t pending,
		struct buf *bytes, struct answer_node *ret_node);
/* The same of a symlink. */
int answers_add_link(struct answers *a, const struct answer_key *key, uint32_t gid, struct buf *target,
		     struct answer_node *ret_node);
/* -ESTALE: dropped, or made by an earlier server. */
int answers_get(struct answers *a, uint64_t ino, struct answer_node *ret_node);
/* Returns the number of bytes copied. -ESTALE. */
ssize_t answers_read(struct answers *a, uint64_t ino, uint64_t offset, void *ret_data, size_t len);
/* An open one is not dropped. 1: it is the first to open it, 0: others have it open. -ESTALE. */
int answers_open(struct answers *a, uint64_t ino);
void answers_close(struct answers *a, uint64_t ino);
