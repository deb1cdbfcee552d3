/* SPDX-License-Identifier: MIT */
/* A volume whose catalog is lost becomes a new one, made of its packs: names, directories, attributes, xattrs, hard
 * links and bytes of all that was warm or cold, as it was when it was packed. What packs do not know of is not there: files
 * that were hot, empty files and directories without packed files; the index makes itself anew, quotas are to be set again.
 *
 *   Of a file that several packs describe, the one with the highest content_lsn wins, and of those the one with the highest
 *   LSN of the pack: packing describes a file with all its bytes, in as many packs as they fill. So its bytes come from
 *   all packs that describe this very content, and from no other: those of an older content would be other bytes.
 *
 *   Of two that had the same name, one after the other, the one that was packed later has it.
 *
 *   What does not find its place is put into lost+found under its old inode number and name: the older one of a name; a
 *   file of which bytes are missing, which are EXTENT_LOST there (EIO, never zeros); what lay in a directory that no pack
 *   describes. Each of them is told.
 *
 * A pack that is removed from the bucket after its period of grace, or by the next compaction, brings back what was
 * deleted not long ago.
 *
 * Thread-safety: one at a time, with nobody else in the new volume. */
#pragma once

#include <stdint.h>

#include "base/problem.h"
#include "crypto/keyring.h"
#include "tiers/s3/bucket.h"

struct files;

struct rebuild_config {
	struct files *files;   /* of the new volume, with a root and nothing in it; borrowed, as all below */
	struct keyring *keys;  /* of the volume that the packs are of */
	int warm_dirfd;        /* of the folder with packs; -1: none */
	struct bucket *bucket; /* all objects under packs/; NULL: none */
	/* What could not be saved, or not to its place, in a sentence of any length. */
	problem_fn problem;
	/* So many of the files are done. May be NULL. */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
};

struct rebuild_report {
	uint64_t packs;         /* that could be opened */
	uint64_t packs_damaged; /* that could not */
	uint64_t files, directories, bytes; /* that are in the new volume */
	uint64_t aside;         /* of those, in lost+found */
	uint64_t lost_bytes;    /* of files that are there */
	uint64_t problems;      /* told */
};

/* Errors of the new volume (-ENOSPC, -EIO) and -ENOMEM end it, with what was made until then. What is wrong with packs is
 * told and does not. */
int rebuild(const struct rebuild_config *config, struct rebuild_report *ret_report);
