/* SPDX-License-Identifier: MIT */
/* Versions of records that do not count, or that nobody can tell whether they do: LMDB copies what it changes, so
 * former leaves lie in free pages; segments of the log keep their records until they are used again. Where a
 * record is lost, one of them may be it: hashes tell (facts.h, set.c).
 *
 * Of inodes, entries, xattrs, extents and quotas. Private to catalog/; for repair. Not thread-safe. */
#pragma once

#include "catalog/catalog.h"
#include "catalog/extent.h"
#include "catalog/overlay.h"

struct spares;

/* Reads the store's file and the log's segments. `c` is opened with `rehearse`. */
int spares_gather(struct catalog *c, struct spares **ret_s);
/* One more, which a data segment speaks of. */
int spares_add_extent(struct spares *s, uint64_t ino, const struct extent *e);
struct spares *spares_free(struct spares *s);

/* Versions (and removals) of records, newest first as far as one can tell: what the log has, then what the store's free
 * pages have. Where the catalog has what is the only version, it is left out. Borrowed. */
const struct overlay *spares_versions(const struct spares *s);

/* Calls `found` for records that are lost from the store, of versions that the facts of its last checkpoint prove to be
 * those that count. */
int spares_foreach_proved(struct spares *s, int (*found)(void *context, const void *key, size_t key_len,
							  const void *value, size_t len), void *context);
