/* SPDX-License-Identifier: MIT */
/* The users of the mount, its owner left out, as they were when they last looked at their saved searches: who
 * follows these for them shows what they may see. They are remembered where the next server finds them (fs/shared.h),
 * SHARED_USERS of them, and of each as many groups as there is room for: with fewer groups one sees less.
 * Thread-safety: safe. */
#pragma once

#include "fs/shared.h"
#include "fs/virtual/caller.h"

struct users;

/* `slots`: SHARED_USERS of them, borrowed, with those that a server before has met. */
int users_new(struct shared_user *slots, struct users **ret_u);
/* Takes NULL, returns NULL. */
struct users *users_free(struct users *u);
/* True: it was not known, or was another: it has come to other groups. */
bool users_note(struct users *u, const struct caller *c);
/* -ENOENT: it has not been heard of. The copy is the caller's. */
int users_get(struct users *u, uint32_t uid, struct caller *ret_c);
