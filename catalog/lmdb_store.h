/* SPDX-License-Identifier: MIT */
/* The file below the overlay: LMDB with one unnamed database. Keys and values are bytes to it; what
 * comes out of it may have been altered and is checked above. The only home of the LMDB library:
 * its errors do not leave this module, and faults inside it are -EBADMSG.
 *
 * Errors that any function may return: -EBADMSG (damaged), -ENOSPC (disk or map full), -EIO,
 * -ENOMEM. After a fault in a change all further ones return -EBADMSG.
 *
 * Thread-safety: safe, except open and close; a scan and a change belong to one thread. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define STORE_FILE "data.mdb"
#define STORE_NEW "new" /* a folder with a copy that was not finished */
#define STORE_KEY_MAX 64

struct store;
struct store_scan;
struct store_change;

/* 1 when the folder holds a store of any state, 0 when not. */
int store_exists(int dirfd);
struct store_config {
	int dirfd;       /* of catalog/; borrowed for the life of the store */
	bool read_only;
	size_t map_size; /* address space to take; less is tried when there is not so much */
	/* The structure of the file is checked whole, and each record shown on the way. `start` may come
	 * again: then only the records after it count. */
	void (*start)(void *context);
	void (*record)(void *context, const void *key, size_t key_len, const void *value, size_t len);
	void *context;
	bool later;      /* store_open() looks at the outside only, if that is whole; before the first change
	                  * store_check() does the rest */
	const _Atomic bool *stop; /* of store_check(); may be NULL */
};

/* 1: store_check() is still to come. On failure *ret_why may be set; the caller frees. */
int store_open(const struct store_config *config, struct store **ret_s, char **ret_why);
/* Checks and shows the newest state of an open store, which nobody changes meanwhile. -ECANCELED: *stop. */
int store_check(const struct store_config *config, char **ret_why);
/* What is still to be checked is known to be whole: scans need no longer see to it that look-ups find what they walk
 * over. */
void store_trust(struct store *s);
/* One without a file and without records, to be read only. */
int store_new_empty(struct store **ret_s);
struct store *store_close(struct store *s);

struct store_usage {
	uint64_t bytes; /* of the file */
	uint64_t used;  /* of those, in pages that are not free */
};
/* -ENOENT: it has no file. */
int store_get_usage(struct store *s, struct store_usage *ret_usage);

/* ---- reading one state of the store */
int store_scan_begin(struct store *s, struct store_scan **ret_scan);
void store_scan_end(struct store_scan *scan);
/* Appends the value. -ENOENT. */
int store_scan_get(struct store_scan *scan, const void *key, size_t key_len, struct buf *ret_value);
/* Goes to the first key at or (`after`) behind `key`. 1: found, 0: no such key. */
int store_scan_seek(struct store_scan *scan, const void *key, size_t key_len, bool after);
int store_scan_next(struct store_scan *scan);
/* The key found, valid until the next call. */
const void *store_scan_key(const struct store_scan *scan, size_t *ret_len);
/* Appends the value at the key found. */
int store_scan_value(struct store_scan *scan, struct buf *ret_value);

/* ---- one atomic change; one at a time */
int store_change_begin(struct store *s, struct store_change **ret_change);
/* Both replace *ret_before by the value that was there, and return 1 if there was one. */
int store_change_put(struct store_change *change, const void *key, size_t key_len, const void *value,
		     size_t value_len, struct buf *ret_before);
int store_change_remove(struct store_change *change, const void *key, size_t key_len, struct buf *ret_before);
/* The first record at or behind `key`, as it is now. 1: *ret_key, which has room for STORE_KEY_MAX bytes, is its key, and
 * *ret_value is replaced by its value. 0: there is none. */
int store_change_first(struct store_change *change, const void *key, size_t key_len, uint8_t *ret_key, size_t *ret_len,
		       struct buf *ret_value);
/* A key behind all others, into pages that get full. -EBADMSG: it is not behind them. */
int store_change_append(struct store_change *change, const void *key, size_t key_len, const void *value,
			size_t value_len);
/* Durable when it returns 0; otherwise nothing happened. Frees. */
int store_change_commit(struct store_change *change);
struct store_change *store_change_abort(struct store_change *change);

/* ---- another file in the place of this one
 *
 * The copy begins empty, as a store of its own in STORE_NEW, and is filled by changes that are durable with
 * store_copy_sync() only. */
int store_copy_begin(struct store *s, size_t map_size, struct store **ret_copy);
int store_copy_sync(struct store *copy);
/* Makes the copy durable and puts its file and its records in the place of those of `s`; to be called only while nobody
 * changes either. The name is durable when the folder has been synced: no change before. Scans that have begun read on
 * in the old file, which goes with the last of them. Frees `copy` unless it fails: then all is as it was. */
int store_copy_install(struct store *s, struct store *copy);
/* Takes NULL, too. */
struct store *store_copy_discard(struct store *copy);
/* What a stop left of a copy. */
void store_remove_unfinished(int dirfd);
