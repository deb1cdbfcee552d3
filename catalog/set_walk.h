/* SPDX-License-Identifier: MIT */
/* Sums up the sets of many inodes whose numbers ascend: one cursor a kind, and not a search for each inode.
 * Begins as { .c = catalog }; belongs to one thread. Private to catalog/. */
#pragma once

#include "catalog/set.h"
#include "catalog/walk.h"

struct set_walk {
	struct catalog *c;            /* borrowed */
	struct {
		struct cursor *cur;   /* owned */
		struct record record; /* where it stands; borrowed from it */
		bool stands;
	} kinds[SET_KINDS];
};

/* As set_sum(). */
int set_walk_sum(struct set_walk *w, uint64_t ino, enum inode_set kind, struct set_summary *ret_s);
void set_walk_done(struct set_walk *w);
