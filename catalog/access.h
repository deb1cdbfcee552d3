/* SPDX-License-Identifier: MIT */
/* What the kernel would let somebody do with an inode: for answers that tell of files which nobody opened.
 * Permissions of requests are the kernel's own business (default_permissions).
 *
 * Thread-safety: as catalog.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "catalog/inode.h"

#define ACCESS_SEARCH 1u
#define ACCESS_WRITE 2u
#define ACCESS_READ 4u

/* A user without privileges. */
struct identity {
	uint32_t uid;
	uint32_t n_groups;
	uint32_t *groups; /* owned; ascending, each once, the primary one among them */
};
/* Copies `n` groups in any order. -ENOMEM. */
int identity_init(struct identity *who, uint32_t uid, const uint32_t *groups, size_t n);
void identity_done(struct identity *who);
bool identity_is_same(const struct identity *a, const struct identity *b);
bool identity_has_group(const struct identity *who, uint32_t gid);

/* All of `want` on this inode, whatever stands above it, by its ACL if it has one? 1, 0, or -errno: -EBADMSG. */
int access_permits(struct catalog *c, const struct identity *who, const struct inode *i, unsigned want);
/* The directory of the inode's n-th name, from 0. -ENOENT: it has fewer names. */
int access_directory_of(struct catalog *c, const struct inode *i, unsigned nth, uint64_t *ret_dir);
/* As tree_walk(), and asks before it looks into a directory: 1, or 0 for -ENOENT, or -errno. */
int access_walk(struct catalog *c, uint64_t top, const char *path, int (*enters)(void *context, uint64_t dir),
		void *context, struct inode *ret_i);
