/* SPDX-License-Identifier: MIT */
/* Makes a file's document: names, rules, text, words and vectors. Knows nothing of the queue, nor of where
 * documents are kept, but for the stored text of a file that only has another name.
 *
 * One thread's. It lowers its thread's priority while it computes and nobody waits. */
#pragma once

#include "index/index_impl.h"
#include "index/prepare.h"

/* An extractor that fails is tried so often; then the file is said to have failed. */
#define MAKER_TRIES 2u

struct maker {
	struct index *x;           /* borrowed */
	struct preparer *preparer; /* owned; exchanged when the languages change */
	struct prepared prepared;  /* what was made last, without inode, LSN and parent */
	struct buf names, path;    /* of that file */
	struct id128 content;      /* fingerprint.h */
};

struct making {
	unsigned tries; /* failed ones before */
	bool slow;      /* with the long time limit */
	bool again;     /* what is known of the file does not count */
};

int maker_init(struct maker *m, struct index *x);
void maker_done(struct maker *m);
/* 1: m->prepared is the file's document. 0: the one there is says all of it. -ENOENT: the file has no name.
 * -errno: to be tried again. */
int maker_make(struct maker *m, const struct inode *i, const struct making *how);
