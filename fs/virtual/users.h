/* SPDX-License-Identifier: MIT */
/* The users of the mount, its owner left out, as they were when they last looked at their saved searches: who
 * follows these for them shows what they may see. The ones heard of last are remembered, and none by the next
 * server. Thread-safety: safe. */
#pragma once

#include "fs/virtual/caller.h"

struct users;

int users_new(struct users **ret_u);
/* Takes NULL, returns NULL. */
struct users *users_free(struct users *u);
/* Copies it. 1: it was not known, or was another: it has come to other groups. 0. -ENOMEM. */
int users_note(struct users *u, const struct caller *c);
/* -ENOENT: it has not been heard of. The copy is the caller's. */
int users_get(struct users *u, uint32_t uid, struct caller *ret_c);
