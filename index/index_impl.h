/* SPDX-License-Identifier: MIT */
/* Inside index/: what its files share. Nobody else includes this.
 *
 * Locks, by rank:
 *   segments_lock (10)  the list of segments and what the memory segment holds. Queries read under it
 *                       from beginning to end; the worker adds a document, the sealer exchanges segments
 *                       under the write side. Catalog calls are made under the read side only.
 *   viewers (15)        each belongs to one query at a time, see viewers.h.
 *   table_lock (20)     which document is a file's present one, and which files wait. index_notify(), which
 *                       runs under the catalog's writer lock, takes this one only, so nobody calls the
 *                       catalog while holding it.
 *   census_lock, and the cache's, are leaves. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "index/embed/embed.h"
#include "index/extract/extract.h"
#include "index/index.h"
#include "index/ino_map.h"
#include "index/segment.h"
#include "index/segment_disk.h"
#include "index/segment_write.h"
#include "index/words/stem.h"
#include "index/work.h"

#define SEGMENTS_MAX 256u
#define MEMORY_SEGMENT_DEFAULT (16ull << 20)

struct rules;

/* rules_walk.c: where it is below a renamed directory. The worker's, but for `top`. */
struct below_walk {
	uint64_t top;           /* the directory, 0: none; written by the worker, with table_lock */
	uint64_t lsn;           /* of its queue entry */
	bool begun;             /* all below is set */
	struct buf directories; /* uint64_t: those found so far, top first */
	size_t at;              /* the one to be read */
	uint64_t cookie;        /* in it */
};

struct index {
	struct index_config config;   /* its strings are the caller's, gone after opening */
	int dirfd;                    /* index/ */
	struct embed_model *model;    /* owned */
	struct extractor *extractor;  /* owned; NULL until started */
	struct block_cache *cache;    /* owned */
	struct viewers *viewers;      /* owned */
	char *extract_path;           /* owned */
	size_t stride;                /* elements of a vector */

	bool unrecorded;              /* rules.c: the catalog does not know yet what is in doubt; the worker's */
	uint64_t next_doubtful;       /* rules_walk.c: the inode where the walk goes on; the worker's */
	struct below_walk below;

	pthread_rwlock_t segments_lock;         /* rank 10 */
	struct rules *rules;                    /* owned; exchanged by the worker, with both locks */
	struct segment *segments[SEGMENTS_MAX]; /* owned; guarded by segments_lock */
	unsigned n_segments;                    /* guarded by segments_lock */
	pthread_mutex_t census_lock;            /* guards `census` of segments */
	struct segment *memory;                 /* the one that grows; in the list */
	struct segment *frozen;                 /* the one being sealed; in the list; or NULL */
	struct buf memory_queue, frozen_queue;  /* uint64_t a document: LSN of its queue entry, 0: none */
	struct buf late_queue;                  /* pairs of uint64_t, inode and LSN: entries of frozen documents that
	                                         * were found unchanged while they were being sealed */

	_Atomic bool ready;           /* loaded; set with table_lock. Before, all below and above is the loader's */
	_Atomic int load_error;       /* 0, or why it will never be ready */
	_Atomic uint64_t rounds;      /* of the worker: files that it was at */
	pthread_t loader;
	bool loader_started;
	struct buf early;             /* struct catalog_event: news that came before; guarded by table_lock */
	bool early_lost;              /* some found no memory; guarded by table_lock */

	pthread_mutex_t table_lock;   /* rank 20 */
	struct ino_map places;        /* inode -> living document; guarded by table_lock, as all below */
	struct rules *next_rules;     /* owned; to be adopted by the worker, or NULL */
	bool adopting;                /* the worker is at it */
	struct buf renamed;           /* uint64_t: directories to look below */
	unsigned doubt;               /* enum rules_doubt; written by the worker */
	uint64_t memory_segment;      /* bytes before it is sealed */
	struct work_set work;
	struct buf slow;              /* uint64_t: inodes to be tried with a long time limit */
	uint64_t last_added_ms;
	uint64_t first_unsealed_ms;   /* 0: the memory segment is empty */
	bool sealer_news;             /* documents were added or have died since the sealer looked */
	bool sealer_sleeps;           /* until there is news */
	unsigned waiting;             /* calls of index_wait() */
	uint64_t hurried_ms;          /* when the last of them ended */
	pthread_cond_t work_there;    /* for the worker */
	pthread_cond_t sealer_wake;   /* for the sealer: a segment is full, or stop */
	pthread_cond_t work_finished; /* for index_wait() */
	bool stop;

	pthread_t worker, sealer;
	bool started;
	int worker_tid;
	bool may_lower_priority;      /* and raise it again */
};

/* Whoever waits hurries the worker; it comes back to the background by itself. Call with table_lock. */
void index_hurry(struct index *x);

/* ---- index_load.c */
/* Loads segments and the queue, and makes the index ready; *ret_why as index_open(). -ECANCELED: stop. */
int index_load(struct index *x, char **ret_why);
/* The same by a thread. */
int index_start_loading(struct index *x);
/* After `stop` was set. */
void index_stop_loading(struct index *x);
/* The worker's and the sealer's first wait. False: stop. */
bool index_await(struct index *x);

/* ---- index_news.c */
/* Call with table_lock, or before the index is ready. */
void index_take_events(struct index *x, const struct catalog_event *events, size_t n);

/* A document has become a file's present one; kills the one before. Call with both locks, segments_lock
 * for writing. */
int index_place_document(struct index *x, struct segment *s, uint32_t doc);
/* Documents were added or have died. Call with table_lock. */
void index_tell_sealer(struct index *x);

/* ---- segments*.c: the list, and its durable twin, the catalog's 'M' records */

/* Opens all registered segments; what is damaged is dropped, its files are found missing later. */
int segments_load(struct index *x, bool *ret_lost);
void segments_done(struct index *x);
/* Takes a damaged segment out, so that its files wait to be indexed again. */
void segments_drop(struct index *x, struct segment *damaged);
/* Makes the memory segment the frozen one. Does nothing when it is empty. */
int segments_freeze(struct index *x);
/* Removes the queue entry of a file that needs no document, if its LSN is still `lsn`; 0: there is none. */
int queue_clear_entry(struct index *x, uint64_t ino, uint64_t lsn);
/* Writes and registers the frozen segment and clears its files from the queue. */
int segments_seal(struct index *x);
/* Merges what should be merged, at most one group. 1: there was one. */
int segments_merge(struct index *x);

/* ---- queue_worker.c */
void *queue_worker_main(void *index);

/* ---- sealer.c */
void *sealer_main(void *index);
