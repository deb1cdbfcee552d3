/* SPDX-License-Identifier: MIT */
/* Inside fs/virtual/: what live.c, which knows when to look, and those share that do it: live_look.c sees what is
 * another than before, live_round.c tells it, live_names.c knows what files are called. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "fs/virtual/live.h"
#include "fs/virtual/recent.h"
#include "fs/virtual/results.h"
#include "fs/virtual/users.h"

/* What a search showed when it was last looked at: names of what has gone since. */
struct shown {
	uint64_t id;
	const struct results *results; /* owned */
};

struct live {
	struct fs *fs;	       /* borrowed */
	struct recent *recent; /* owned */
	struct shown *shown;   /* owned; the thread's, as the next two */
	size_t n_shown;
	struct buf events;     /* the journal, once a round needs it */
	pthread_mutex_t lock;  /* rank 60 */
	pthread_cond_t wake;
	bool stop, asked, hurried; /* guarded by lock */
	atomic_bool poked;     /* a request has changed something */
	atomic_bool met;       /* somebody whose searches were not followed */
	atomic_bool sleeps;    /* until it is poked */
	atomic_bool is_slow;   /* nobody should wait for it */
	pthread_t thread;
	struct moment moment;  /* when it looked last; the thread's, as the next */
	unsigned rounds;       /* quick ones that are left */
	unsigned look_ms;      /* what the last one took, of a processor */
};

/* ---- live_look.c: one search */
struct look {
	uint64_t id;
	char *name;	   /* owned */
	unsigned depth;	   /* 0: of those that lie below no other */
	struct caller as;  /* owned: who sees what it finds */
	struct buf before; /* uint64_t: inodes, ascending */
	struct buf now;    /* the same of what it finds, in the order of ranks */
	struct buf sorted; /* the same, ascending, with what is undecided */
	bool undecided;    /* some are neither found now nor left */
	const struct results *results; /* owned */
};
/* Finds what it finds now. */
int look_take(struct live *l, struct look *k);
bool look_has_changed(const struct look *k);
bool look_has(const struct buf *sorted, uint64_t ino);
/* What it finds is what it has shown. */
int look_keep(struct live *l, struct look *k);
void look_done(struct look *k);

/* ---- live_round.c: all searches */
struct round {
	struct live *live;
	struct look *looks; /* owned: those that have changed */
	size_t n_looks;
	unsigned searches;
};
int round_look(struct round *r);
/* Tells what has changed, all of it in one batch, in the order in which the files were. */
int round_tell(struct round *r);
void round_done(struct round *r);

/* ---- live_names.c */
/* What the search showed; NULL: nothing yet. */
struct shown *live_shown(struct live *l, uint64_t id);
/* Appends what the file is called there, or was when it was shown. -ENOENT: nobody knows, or may. */
int live_add_name(struct live *l, const struct look *k, uint64_t ino, bool enters, struct buf *name);
