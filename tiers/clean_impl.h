/* SPDX-License-Identifier: MIT */
/* Private to the files about cleaning. */
#pragma once

#include "tiers/file_impl.h"

/* A place in a file that refers to an object. */
struct object_user {
	uint64_t ino;
	struct extent e;
};

/* The next user of an object at this very place: its copy elsewhere has the same id. Start with a user of
 * zeros. 1, 0: there is no more. */
int object_next_user(struct files *f, const struct extent *object, struct object_user *user);
/* Moves what is alive in a segment to the current one. */
int clean_segment(struct files *f, uint64_t segment);
