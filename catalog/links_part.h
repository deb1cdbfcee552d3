/* SPDX-License-Identifier: MIT */
/* Private to catalog/: the links that were found in a file, in memory, and the records that hold them
 * (links.h), a part each.
 *
 * Thread-safety: as catalog.h; a struct part_links belongs to one thread. */
#pragma once

#include "catalog/links_impl.h"

struct part_link {
	uint64_t hash;    /* of form, verb and target */
	uint64_t bound;   /* 0: it waits */
	uint32_t verb;
	uint32_t at, len; /* of the target within `text` */
	char form;
	uint8_t part;
};

struct part_links {
	struct buf items; /* struct part_link */
	struct buf text;
};
void part_links_done(struct part_links *l);
#define _cleanup_part_links_ _cleanup_(part_links_done)

size_t part_links_count(const struct part_links *l);
struct part_link *part_link_at(const struct part_links *l, size_t k);
/* Borrows from `l`. */
struct found_link part_link_view(const struct part_links *l, const struct part_link *i);
uint64_t part_link_hash(struct catalog *c, const struct found_link *l);
int part_links_add(struct part_links *l, const struct found_link *link, uint64_t hash, uint8_t part);
int part_links_copy(const struct part_links *from, struct part_links *ret);
/* Do they say the same, whatever they are bound to? */
bool part_link_is(const struct part_links *x, const struct part_link *a, const struct part_links *y,
		  const struct part_link *b);

/* All parts, or, without hashes, the first from `from` on: *ret_part, -1: there is none. -EBADMSG. */
int part_links_load(struct catalog *c, uint64_t ino, struct part_links *ret_l);
int part_links_load_next(struct catalog *c, uint64_t ino, unsigned from, struct part_links *ret_l,
			 int *ret_part);
/* The value of a part; nothing when it has no link. */
int part_links_encode(const struct part_links *l, uint8_t part, struct buf *ret_value);
/* 1: the part is another in each. 0. */
int part_differs(uint8_t part, const struct part_links *old, const struct part_links *now);

/* ---- inside a batch; the caller puts `src` */

/* Into the sets, or out of them. */
int part_link_apply(struct batch *b, struct inode *src, const struct found_link *l, int sign);
/* The part and the sets become as `now` says. -EAGAIN: the part is not `old`, or a target has no name, any
 * more. */
int part_exchange(struct batch *b, struct inode *src, uint8_t part, const struct part_links *old,
		  const struct part_links *now);
