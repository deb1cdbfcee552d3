/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what the steps of a repair share. */
#pragma once

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/extent_impl.h"
#include "catalog/overlay.h"
#include "catalog/repair.h"
#include "catalog/set_walk.h"
#include "catalog/spares.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

/* An inode: what its record says, or what was made up in its place, and what the others say of it. */
struct node {
	struct inode i;
	bool made;          /* its record is gone */
	bool found;         /* a former one stands in its place */
	bool doubtful;      /* its extents may be of different times */
	bool xattrs_lost;   /* some, an access list among them perhaps */
	bool first_found;   /* its first name is there */
	bool severed;       /* a directory of a circle, whose name goes */
	bool adopted;       /* it had no name, and has one in lost+found */
	uint64_t walked;    /* the last walk upwards that came here */
	uint32_t names, subdirs;
	uint64_t dir, cookie; /* the first name found */
	uint64_t end, bytes;  /* of its extents */
	uint64_t packed, pack; /* bytes of them in packs; the last of those packs */
};

struct repair {
	struct catalog *c;
	const struct repair_config *config; /* borrowed */
	struct batch *b;          /* NULL: none is open */
	struct node *nodes;       /* owned; by inode number */
	size_t n, cap;
	bool lost[256];           /* by letter: some records did not open or are not those of the checkpoint */
	struct spares *spares;    /* owned; NULL: nobody asked yet */
	bool described;           /* they know what data segments say */
	struct buf broken;        /* owned; of struct inode: those whose sets did not agree */
	uint64_t whole_lsn;       /* 0, or after it the sets of all inodes agreed with what there is */
	uint64_t restored;
	struct overlay *want;     /* owned: records that follow from others, as they must be */
	uint64_t queued;
};

#define repair_say(r, ...) problem_say((r)->config->problem, (r)->config->context, __VA_ARGS__)

/* Changes, in the batch at hand. They are seen by reads after repair_flush(). */
int repair_put(struct repair *r, const struct key *key, const void *value, size_t len);
int repair_remove(struct repair *r, const void *key, size_t key_len);
int repair_flush(struct repair *r);
/* The batch at hand, for functions that want one. */
int repair_batch(struct repair *r, struct batch **ret_b);

/* NULL: there is none. */
struct node *repair_find(struct repair *r, uint64_t ino);
/* Behind all others; the caller sorts. */
int repair_add_node(struct repair *r, const struct node *n);
void repair_sort(struct repair *r);

/* Fills r->spares once. */
int repair_need_spares(struct repair *r);
/* A former version of the inode that fits what is there, which it changes so that it fits. 1, 0: none. */
int repair_find_inode(struct repair *r, uint64_t ino, struct inode *ret_i);

/* Was this inode found to agree with its sets, and nothing changed since? */
bool repair_sets_are_whole(const struct repair *r, const struct node *n);

/* The steps, in order. */
int repair_sets(struct repair *r);
int repair_nodes(struct repair *r);
int repair_extents(struct repair *r);
int repair_names(struct repair *r);
int repair_inodes(struct repair *r);
int repair_quotas(struct repair *r);
int repair_derived(struct repair *r);
