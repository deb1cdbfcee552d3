/* SPDX-License-Identifier: MIT */
/* Puts the layers of an opened volume together. Used by the server, by fsck and by tests. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "catalog/catalog.h"
#include "daemon/config.h"
#include "index/index.h"
#include "tiers/file.h"
#include "tiers/move/mover.h"
#include "tiers/move/recall.h"
#include "tiers/move/schedule.h"

struct retired {
	struct bucket *bucket; /* owned */
	struct retired *next;
};

struct stack {
	int volume_dirfd;        /* borrowed */
	struct keyring *keys;    /* borrowed */
	struct catalog *catalog; /* owned, as all below */
	struct files *files;
	struct index *index;
	struct mover *mover;
	struct scrub *scrub;
	struct schedule *schedule; /* NULL until it runs */
	/* The cold tier, by its own copy of [cold]; under the mover's turn. Buckets that were in use before
	 * may still be read from. */
	struct bucket *bucket; /* NULL until it is opened */
	_Atomic(struct retired *) retired; /* owned; grows at its head, so that who walks it needs no lock */
	struct config cold, next_cold; /* next_cold: what cold is about to be */
	struct retired *next_retired;  /* owned: for the bucket that is about to go */
	struct recalls *recalls; /* NULL: the volume is only read */
	pthread_mutex_t prices_lock; /* rank 60 */
	struct prices prices;  /* guarded by it, as the next */
	char currency[16];
	char *extract_path, *model_dir; /* owned; the index borrows them */
	struct embed_model *model; /* owned until the index is opened; read by stack_prepare(), or NULL */
	struct wal_report replay;
	bool read_only;
	unsigned files_ms, catalog_ms, index_ms; /* what opening them has taken */
	/* Set by the server when it runs; index and mover ask through them. */
	bool (*is_busy)(void *context, uint64_t ino);
	bool (*is_open)(void *context, uint64_t ino);
	int (*need_packs)(void *context); /* see files_set_world() */
	int (*need_labels)(void *context); /* before a volume of an older version is changed so that that
					      cannot read it */
	uint64_t (*requests)(void *context);
	void (*note_uses)(void *context);
	void (*changed)(void *context, const struct catalog_event *events, size_t n); /* was committed, in this order */
	void (*unlinked)(void *context, uint64_t dir, const char *name, const struct inode *i);
	bool (*in_flight)(void *context, uint64_t unique); /* see catalog_config.in_flight */
	void (*found_whole)(void *context); /* see catalog_config.found_whole */
	void *context;
};

struct stack_options {
	bool read_only;
	bool rehearse;   /* see catalog_config.rehearse */
	bool accept_older; /* with rehearse: see wal_config.accept_older */
	bool warm;       /* see catalog_config.warm */
	bool whole;      /* see catalog_config.whole */
	bool index;      /* open the index too */
	bool answer_first; /* what takes long and can wait is done in the background, after stack_start() */
	const char *program_dir; /* where brainy-extract lies */
};

/* Reads what takes time and is the same for most volumes, long before stack_open() if possible. What fails
 * now is tried again then. */
void stack_prepare(struct stack *stack);
/* Opens all layers, lowest first. On failure everything is closed and *ret_why is a sentence, which the
 * caller frees. `stack` must not move afterwards; `config` stays as long as it. */
int stack_open(struct stack *stack, const struct config *config, const struct stack_options *options,
	       char **ret_why);
/* Changes, while it runs, what can change then; the rest of `config` is not looked at. On failure nothing
 * has changed, and *ret_why may say why; the caller frees. */
int stack_set(struct stack *stack, const struct config *config, char **ret_why);
/* Starts the background threads: checkpointer, cleaning, indexing. */
int stack_start(struct stack *stack);
/* And the one that moves files between tiers. */
int stack_start_moves(struct stack *stack, const struct config *config);
/* Moves end soon, and nobody waits for the bucket any more. */
void stack_interrupt(struct stack *stack);
/* Stops them, drains the log into the catalog and leaves the clean anchor. */
int stack_stop(struct stack *stack);
/* Closes all layers; without stack_stop() as if the process had been killed. */
void stack_close(struct stack *stack);
