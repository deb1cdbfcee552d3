/* SPDX-License-Identifier: MIT */
/* Inside fs/virtual/: what live.c, which knows when to look, and live_look.c share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "fs/virtual/live.h"
#include "fs/virtual/results.h"
#include "fs/virtual/users.h"

/* What a search showed when it was last looked at: names of what has gone since. */
struct shown {
	uint64_t id;
	const struct results *results; /* owned */
};

struct live {
	struct fs *fs;	     /* borrowed */
	struct shown *shown; /* owned; the thread's, as the next two */
	size_t n_shown;
	const struct caller *as; /* borrowed; whose searches are looked at; NULL: the owner's. The thread's */
	pthread_mutex_t lock;	 /* rank 60 */
	pthread_cond_t wake;
	bool stop, asked;   /* guarded by lock */
	atomic_bool poked;  /* a request has changed something */
	atomic_bool met;    /* somebody whose searches were not followed */
	atomic_bool sleeps; /* until it is poked */
	pthread_t thread;
	struct moment moment; /* when it looked last; the thread's, as the next */
	unsigned rounds;      /* quick ones that are left */
};

/* A look at one search. */
struct look {
	struct live *live;
	struct fs *fs;
	uint64_t id;
	const char *name;
	unsigned depth;	   /* 0: of those that lie below no other */
	struct buf before; /* uint64_t: inodes, ascending */
	bool undecided;    /* some of them are neither found now nor left: the index is not done with them */
	const struct results *results;
	struct buf now; /* the same of what it finds, in the order of ranks */
	struct buf events; /* the journal, once it is needed */
};
/* Finds what it finds now, and tells what is another than before. */
int live_look_at(struct look *k);
void live_look_done(struct look *k);
/* What the search showed; NULL: nothing yet. */
struct shown *live_shown(struct live *l, uint64_t id);
/* Appends what the file is called there, or was when it was shown. -ENOENT: nobody knows, or may. */
int live_add_name(struct look *k, uint64_t ino, bool enters, struct buf *name);
