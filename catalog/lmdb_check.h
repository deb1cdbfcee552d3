/* SPDX-License-Identifier: MIT */
/* Checks the whole structure of LMDB's file before the library changes it, and gives out every record on
 * the way. Private to the store.
 *
 * Thread-safety: safe. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called for each record in order of keys; key and value lie in the map. */
typedef void (*store_record_fn)(void *context, const void *key, size_t key_len, const void *value, size_t len);

enum lmdb_check_depth {
	LMDB_CHECK_WHOLE,   /* also the state before, where the newest is damaged */
	LMDB_CHECK_OUTSIDE, /* the meta pages only, unless one is damaged: then as WHOLE */
	LMDB_CHECK_NEWEST,  /* of a file that is open: the newest state, and nothing is mended */
};

struct lmdb_check {
	enum lmdb_check_depth depth;
	int fd;              /* borrowed */
	bool mend;           /* a damaged meta page is replaced by the other one, if that is good */
	uint64_t pages_max;  /* of the map */
	void (*start)(void *context); /* records given so far do not count; may be NULL */
	store_record_fn record;       /* may be NULL */
	void *context;
	const _Atomic bool *stop;     /* -ECANCELED once it is set; may be NULL */
};

/* 1: only the outside was looked at. -EBADMSG: *ret_why says what is damaged; the caller frees. */
int lmdb_check(const struct lmdb_check *check, char **ret_why);
