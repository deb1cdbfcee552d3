/* SPDX-License-Identifier: MIT */
/* Walks over the records whose keys begin alike, for whoever needs no cursor to keep: whoever goes on
 * later or behind damage has one (catalog.h).
 *
 * Thread-safety: as a cursor's: no lock is held while `visit` runs, and it sees changes made meanwhile. */
#pragma once

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "catalog/records.h"

DEFINE_CLEANUP(struct cursor *, cursor_close)
#define _cleanup_cursor_ _cleanup_(cursor_closep)

/* Borrowed until the next call. */
struct record {
	const uint8_t *key;
	size_t key_len;
	const void *value;
	size_t value_len;
};

/* A walk ends with the first result that is not 0, and returns it. */
typedef int (*record_visit_fn)(void *context, const struct record *record);

/* A cursor that gives the records of `prefix` from `from` on; the caller closes it. */
int cursor_open_at(struct catalog *c, const struct key *prefix, const struct key *from,
		   struct cursor **ret_cursor);
/* As cursor_next(). */
int cursor_next_record(struct cursor *cur, struct record *ret_record);

/* Calls `visit` for each record of `prefix`, in the order of keys. 0: it saw all. -EBADMSG: as
 * cursor_next(). */
int records_foreach(struct catalog *c, const struct key *prefix, record_visit_fn visit, void *context);
/* The first record of `prefix` at or after `from`. 1: *ret_key is its key, and the value is appended to
 * *ret_value, which may be NULL. 0: there is none. */
int record_first(struct catalog *c, const struct key *prefix, const struct key *from, struct key *ret_key,
		 struct buf *ret_value);
