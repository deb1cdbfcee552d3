/* SPDX-License-Identifier: MIT */
/* Which files have bytes in some packs. Nothing in the catalog lists them by pack, because hardly anybody asks: whoever
 * packs anew does, for many packs at once, and one walk over the extents of all files answers that. Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog.h"

struct pack_user {
	uint32_t pack; /* index in the array that was asked for */
	uint64_t ino;
};

struct pack_users {
	struct pack_user *items; /* owned; by pack, then inode */
	size_t n, cap;
};

/* A file that several of the packs hold bytes of stands once, with the first of them. A file that gets bytes in one
 * meanwhile may be missing: the pack's account says that it is not dead. Packs are given by number, in any order.
 * -EBADMSG, -ENOMEM, -E2BIG. */
int pack_users_list(struct catalog *c, const uint64_t *packs, size_t n, struct pack_users *ret_users);
void pack_users_done(struct pack_users *u);
