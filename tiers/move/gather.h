/* SPDX-License-Identifier: MIT */
/* What the policy wants of a volume: a walk over all inodes, each with what holds for it (its own settings, or those of
 * the nearest directory above it that has some), gives a list of moves. Moves nothing.
 *
 * Not thread-safe. */
#pragma once

#include "base/buf.h"
#include "tiers/move/policy.h"

struct capacity_candidate;
struct files;
struct inode;

/* A file that is to move. */
struct gathered {
	uint64_t ino;
	int64_t day;          /* of its mtime, since 1970 */
	uint64_t home;        /* the pack that it lies in; 0: none, or only some of it */
	struct policy_move move;
};

struct gathering {
	struct files *files;         /* borrowed, as all below */
	const struct policy *policy;
	struct policy_moment when;
	/* Its MIME type, or nothing; may be NULL. */
	void (*get_type)(void *context, uint64_t ino, struct buf *ret_type);
	void *context;
	size_t max;                  /* items, of which the oldest are kept */
	bool wants_candidates;       /* for capacity.h: what stays and could go down */
	/* A file that should go down and fits no pack (POLICY_UNFIT): it is no item. May be NULL. */
	void (*tell_unfit)(void *context, const struct gathered *item);
	void *telling;

	struct gathered *items;      /* owned by the caller, who frees them */
	size_t n, cap;
	bool more;                   /* there were more than `max` */
	uint64_t unfit;              /* files that were told, or would have been */
	struct capacity_candidate *candidates; /* owned by the caller, who frees them; at most `max` */
	size_t n_candidates, cap_candidates;
};

/* Fills items. */
int gather_all(struct gathering *g);
/* Adds one move of a file, for what it is now. */
int gather_add(struct gathering *g, uint64_t ino, const struct policy_move *move);
/* What holds for one file as it is in *ret_i, and what the policy says to it. -ENOENT. */
int gather_one(struct gathering *g, uint64_t ino, struct inode *ret_i, struct policy_move *ret_move);
/* Must it stay whatever its age, because it is open, or because it or a directory above one of its names has a
 * setting? Asks nobody but the catalog and files_world.is_open. True without memory. */
bool gather_spares(struct gathering *g, const struct inode *i);
