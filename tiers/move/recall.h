/* SPDX-License-Identifier: MIT */
/* Recalls: a file, or all files below a directory, brought back to the hot tier because somebody asked, now and not
 * when the policy runs. Each recall has a thread that looks for the files, then some that bring them, pack by pack:
 * what lies side by side in a pack comes in one request (packs_bring()), and several requests are under way. It goes
 * on as long as user.brainy.tier of what it was asked for is `hot`; below a directory, files and directories whose
 * own user.brainy.tier says something else are left out, as the policy would take them away again.
 *
 * Room is looked at before it begins and again and again: it ends rather than fill the disk beyond the watermark at
 * which the policy begins to move files away. Killed at any moment nothing is lost; what was brought back stays.
 *
 * Thread-safety: safe, except new and free. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tiers/move/capacity.h"

struct files;
struct recalls;

/* Under way at once; and those that have ended and are remembered. */
#define RECALLS_MAX 8u
#define RECALLS_TOLD 16u

int recalls_new(struct files *f, struct recalls **ret_rs);
/* Watermarks, and bytes a second that each recall moves at most (0: no limit), of those to come. */
void recalls_set(struct recalls *rs, const struct capacity_config *capacity, uint64_t rate);
/* All end soon, and none begins any more. NULL: nothing. */
void recalls_interrupt(struct recalls *rs);
/* Interrupts them, and waits. */
struct recalls *recalls_free(struct recalls *rs);

struct recall_status {
	uint64_t id, ino;
	bool looking;             /* for the files: the sums are not known yet */
	bool over;
	int error;                /* when it is over: 0; -ECANCELED: stopped; -ENOSPC: .. */
	uint64_t missing;         /* .. so many bytes of room are missing; -EIO: the bucket, or damage; others */
	uint64_t files, files_done, bytes, bytes_done; /* bytes: plain, those that lay in packs */
	uint64_t failed, changed; /* files that could not be read, or were written meanwhile: they stay where they are */
	uint64_t elapsed_ms;
	bool has_left;            /* left_ms is known */
	uint64_t left_ms;
};

/* Begins one; *ret_id. -EBUSY: too many are under way. -ECANCELED. -ENOMEM. What else may go wrong its status says. */
int recall_begin(struct recalls *rs, uint64_t ino, uint64_t *ret_id);
/* -ENOENT: there was none, or it ended long ago. */
int recall_get(struct recalls *rs, uint64_t id, struct recall_status *ret);
/* Those of a file or directory end soon. */
void recall_stop(struct recalls *rs, uint64_t ino);
/* Those under way; returns how many there are. */
unsigned recalls_list(struct recalls *rs, struct recall_status ret[RECALLS_MAX]);
