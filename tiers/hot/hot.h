/* SPDX-License-Identifier: MIT */
/* The hot tier: extent objects in data segments on this machine (segment_format.h has the bytes).
 * Writes, reads and moves objects; which of them are alive is the catalog's business.
 *
 * Thread-safety: safe, except open, hot_set_catalog() and free. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/memory_parts.h"
#include "catalog/extent.h"
#include "tiers/hot/segment_format.h"
#include "tiers/hot/segments.h"
#include "tiers/tier.h"

struct hot;

struct hot_config {
	struct keyring *keys;  /* borrowed */
	int dirfd;             /* of hot/; borrowed */
	uint64_t segment_size;
	bool read_only;
};

int hot_open(const struct hot_config *config, struct hot **ret_h);
/* Numbers of new segments come from there; needed before the first write. */
void hot_set_catalog(struct hot *h, struct catalog *c);
/* The same object; tier_free() closes it. */
struct tier *hot_tier(struct hot *h);
struct segments *hot_segments(struct hot *h);
void hot_add_memory(struct hot *h, struct memory_parts *m);

/* An object that was written, or is about to be. Until hot_release() its segment is not deleted. */
struct hot_object {
	struct seal_run_header run;
	uint64_t place;
	uint32_t object_len;
	struct segment *segment;
};

/* Seals `len` bytes (1 to OBJECT_MAX) as one object and writes it; `parts` describe it. On success
 * the caller calls hot_release() when its batch is done, whether it failed or not. -ENOSPC. -EIO. */
int hot_write(struct hot *h, const void *data, uint32_t len, const struct object_part *parts, size_t n,
	      struct hot_object *ret_o);
/* Copies the ciphertext of the object of which `e` is part. The source is not verified: what was
 * damaged stays damaged. Errors as tier_read(). */
int hot_copy(struct hot *h, const struct extent *e, struct hot_object *ret_o);
void hot_release(struct hot *h, struct hot_object *o);

/* Makes an extent of the bytes [skip, skip + len) of the object. */
struct extent hot_extent(const struct hot_object *o, uint64_t offset, uint64_t len, uint32_t skip);

/* Calls `object` for each object whose head can be read in a segment, with an extent (offset 0) that
 * spans the whole object, until it returns other than 0. */
int hot_foreach_object(struct hot *h, uint64_t segment, int (*object)(void *context, const struct extent *e),
		       void *context);

/* Calls `described` for each stretch of a file that the object's description names, with the extent that it would be.
 * `object` as hot_foreach_object() gives it. -EBADMSG: it does not open. */
typedef int (*hot_described_fn)(void *context, uint64_t ino, const struct extent *e);
int hot_foreach_part(struct hot *h, const struct extent *object, hot_described_fn described, void *context);
