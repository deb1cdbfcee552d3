/* SPDX-License-Identifier: MIT */
/* What the files of the store share; nobody else includes it.
 *
 * Readers take a snapshot: the overlays of the moment and the LSN up to which they are seen. A freeze
 * makes a new view; an old one lives until its last reader is gone.
 *
 * Locks, in order: compaction (4, I/O), fold_lock (5), turn_lock (7), writer (10), checkpoint_lock (20), vetting
 * (22), view_lock (30), replies and counters (35), letters_lock (37, I/O), scans of the store (40), opened runs (50).
 * gate_lock (25) is held for waiting only. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "catalog/compaction.h"
#include "catalog/facts.h"
#include "catalog/lmdb_store.h"
#include "catalog/overlay.h"
#include "catalog/replies.h"
#include "catalog/sealed_value.h"
#include "catalog/value_cache.h"

#define COUNTERS 6
#define CHECKPOINT_MS 2000u

/* Owns one reference on each overlay. */
struct view {
	_Atomic unsigned refs;
	struct overlay *active;
	struct overlay *frozen; /* NULL: no checkpoint is being written */
};

/* Numbers below `limit` are reserved in the log. */
struct counter {
	uint64_t next, limit;
	bool provisional; /* the batch of this moment reserves up to `limit`; its abort takes that back */
	uint64_t fallback; /* `limit` before that batch */
};

/* One batch exists at a time; its memory is kept for the next. */
struct batch {
	struct catalog *c;
	struct buf record;
	size_t ops;
	uint32_t *index; /* open addressing by key: offset of the latest operation + 1 */
	size_t index_size, index_used;
	struct catalog_event *events;
	size_t events_len, events_cap;
	struct reply_record reply;
	bool has_reply;
	int error; /* first failure of a put, remove or note */
};

/* What a freeze leaves for the disk; kept for another attempt when one fails for want of space. */
struct checkpoint_job {
	bool pending;
	uint64_t lsn;
	struct buf replies; /* record operations */
};

/* Is the structure of the store known to be whole? See vetting.c. */
struct vetting {
	pthread_mutex_t lock; /* rank 22: guards all below */
	pthread_cond_t done;
	enum { VETTING_DONE, VETTING_DUE, VETTING_RUNNING } state;
	int result;           /* once it is done */
	int tid;              /* of the thread while its priority is low, or 0 */
	unsigned waiting;
	pthread_t thread;
	bool started;         /* by who starts and stops only */
	_Atomic bool stop;
};

/* A copy of the store that is to take its place; see compaction.c. */
struct compaction {
	pthread_mutex_t turn;  /* rank 4, I/O: one at a time; guards done and asked */
	bool asked;            /* somebody wants it small: see compaction_at_stop() */
	uint64_t done;         /* the checkpoint that the store was compacted after; 0: none */
	bool noting;           /* guarded by checkpoint_lock, as the next two: */
	bool lost;             /* memory was short for a note */
	struct buf changed;    /* keys that checkpoints have written meanwhile, each after its length (u8) */
	_Atomic bool stop;
	_Atomic bool running;  /* the thread; it is started and joined by the checkpointer's, or who has stopped that */
	bool started;
	uint64_t not_before_ms; /* the next thread */
	pthread_t thread;
};

enum letter_state { LETTER_UNKNOWN, LETTER_GOOD, LETTER_DAMAGED };

/* What a repair is making (repair_commit.c). */
#define NEW_LOG "wal.new"

struct catalog {
	struct catalog_config config; /* with defaults filled in; callbacks set until the first batch */
	int catalog_dirfd, wal_dirfd; /* owned */
	struct wal *wal;              /* owned */
	struct store *store;          /* owned */
	struct value_opener *opener;  /* owned */
	struct value_cache *values;   /* owned */
	struct replies *replies;      /* owned */
	struct set_checks *set_checks; /* owned; for set.c */
	struct facts_key facts_key;
	_Atomic uint8_t letters[256]; /* enum letter_state; see vetting.c */
	pthread_mutex_t letters_lock; /* rank 37, I/O: held while one is found out */
	struct vetting vetting;
	struct compaction compaction;
	uint64_t replayed;            /* records at the mount */
	uint64_t replay_ms;           /* and the time that took; then the checkpointer's, who takes it to 0 */
	uint64_t rehearsed_from;      /* the last LSN before a rehearsal */
	bool salvaged;                /* rehearsing: the store is damaged, what its pages held is in the overlay */
	bool facts_unsure;            /* rehearsing: those of an earlier checkpoint, or made up */
	bool log_damaged;             /* rehearsing: its records were replayed as far as they go */
	bool interrupted;             /* rehearsing: a repair was, before its log took the place of the old one */

	pthread_mutex_t writer;          /* rank 10; from catalog_begin() to commit or abort */
	atomic_uint waiting;             /* for it */
	_Atomic(pthread_t) writer_thread; /* 0: nobody */
	struct batch batch;              /* guarded by writer */
	_Atomic uint64_t visible_lsn;    /* batches up to here are applied */
	_Atomic int failed;              /* 0, or the error after which nothing is written */
	_Atomic bool no_space;           /* the last checkpoint found the disk full */

	pthread_mutex_t view_lock; /* rank 30 */
	struct view *view;         /* guarded by view_lock; owned */
	_Atomic uint64_t generation; /* of the view */
	struct overlay_pool *pool; /* of overlays */
	struct overlay *active;    /* in the view; changed by who holds writer and checkpoint_lock */

	pthread_mutex_t fold_lock;       /* rank 5: one before_freeze at a time */
	_Atomic(pthread_t) fold_thread;  /* runs before_freeze: its batches never wait for room */
	pthread_mutex_t turn_lock;       /* rank 7: one checkpoint_freeze_and_write() at a time */
	pthread_mutex_t checkpoint_lock; /* rank 20: guards job, facts, released_lsn, twinned */
	struct checkpoint_job job;
	struct facts facts;              /* of the last checkpoint */
	uint64_t released_lsn;           /* the LSN of the checkpoint before the last */
	bool twinned;                    /* the last two states of the store say the same */
	_Atomic uint64_t checkpoints;
	_Atomic bool freezing;           /* a frozen overlay is being written */

	pthread_mutex_t gate_lock; /* rank 25; for the conditions */
	pthread_cond_t room;       /* a freeze or a checkpoint ended */
	pthread_cond_t work;       /* the checkpointer has something to do */
	bool stop;                 /* guarded by gate_lock */
	_Atomic bool freeze_wanted;
	_Atomic bool dirty;        /* there is something to checkpoint */
	_Atomic unsigned fullness; /* of the active overlay, in 256ths */
	pthread_t checkpointer;
	_Atomic bool started;

	pthread_mutex_t counters_lock; /* rank 35 */
	struct counter counters[COUNTERS]; /* by enum catalog_counter */
};

/* ---- catalog.c */
/* Memory and locks; nothing is opened. */
int catalog_new(const struct catalog_config *config, struct catalog **ret_c);

/* ---- snapshot.c */
struct snapshot {
	struct view *view;
	struct store_scan *scan; /* NULL: not asked for */
	uint64_t lsn;
};
/* `scan`: also a state of the store that belongs to these overlays. */
int snapshot_begin(struct catalog *c, bool scan, struct snapshot *ret_s);
void snapshot_end(struct snapshot *s);
/* Puts new overlays in place; takes over the references, also when it fails. */
int view_replace(struct catalog *c, struct overlay *active, struct overlay *frozen);
struct view *view_unref(struct view *v);

/* ---- batch.c */
bool catalog_owns_writer(struct catalog *c);
void batch_done(struct batch *b);
/* Applies one record of the log that has just been appended or replayed. */
int batch_apply_record(struct catalog *c, uint64_t lsn, const void *data, size_t len);
/* Makes the store read-only; returns the error that callers see from now on. */
int catalog_fail(struct catalog *c, int error);

/* ---- salvage.c */
/* Instead of a store that cannot be opened: facts and overlay as far as its pages give them. -EBADMSG: they
 * give nothing. */
int salvage_store(struct catalog *c);

/* ---- checkpoint.c */
int checkpoint_first(struct catalog *c);
/* With checkpoint_lock: one attempt to write what was frozen, if anything was. All of it is in the store, durable, or none;
 * then c->facts are *facts. */
int checkpoint_write(struct catalog *c, const struct facts *facts, const struct overlay *frozen, const struct buf *replies);
/* What a rehearsal changed, in one durable change of a store opened for it; then the same state once more. */
int checkpoint_rehearsed(struct catalog *c);
/* With the writer lock held, which it keeps: everything up to now goes to the disk, twice if `twin`,
 * so that the log can be recycled. */
int checkpoint_with_writer(struct catalog *c, bool twin);
/* One freeze and what is to be written after it; lets the writers go on meanwhile. */
int checkpoint_freeze_and_write(struct catalog *c);
/* Folds, then checkpoints everything up to now. */
int checkpoint_run(struct catalog *c);

/* ---- checkpointer.c */
void checkpoint_announce_room(struct catalog *c);
/* Waits, in catalog_begin(), while the overlays are full. */
int checkpoint_wait_for_room(struct catalog *c, bool reserve);
/* After each batch, with the writer lock: wakes the checkpointer when there is work. */
void checkpoint_notice(struct catalog *c);
void checkpoint_stop_thread(struct catalog *c);

/* ---- vetting.c */
/* Opens the store, at once or in part, and calls `load` before it judges; returns what that does. */
int vetting_open_store(struct catalog *c, int (*load)(struct catalog *c, char **ret_why), char **ret_why);
/* Starts the thread that finishes what the opening left. */
int vetting_start(struct catalog *c);
/* 0: the structure is whole, and what is known of the letters does not change any more. -EBADMSG, -ENOMEM. */
int vetting_wait(struct catalog *c);
bool vetting_is_running(struct catalog *c);
void vetting_stop(struct catalog *c);
/* The next opening will look at all of the store before it answers. */
void vetting_note_suspect(struct catalog *c);
/* -EBADMSG: of the records of this letter some are missing or altered. -ENOMEM, -EAGAIN. */
int vetting_check_letter(struct catalog *c, uint8_t letter);

/* ---- compaction.c */
/* With checkpoint_lock, after records of these keys were written. */
void compaction_note(struct catalog *c, const void *key, size_t key_len);
/* By the checkpointer, after a checkpoint: starts one in the background when it is time. */
void compaction_consider(struct catalog *c);
/* Ends one that is running; there will be no other. */
void compaction_stop(struct catalog *c);
/* After that and the last checkpoint of a clean stop, in which nobody else has the catalog. */
int compaction_at_stop(struct catalog *c);

/* ---- counters.c */
int counters_load(struct catalog *c);
/* Before and after a batch's record is in the log. */
void counters_settle(struct catalog *c, bool committed);
/* Gives back what was reserved and not used, at a clean stop. */
int counters_give_back(struct catalog *c);
