/* SPDX-License-Identifier: MIT */
/* The index: what the files mean. It takes files from the catalog's queue, has their text extracted
 * by brainy-extract, and keeps words and vectors in immutable sealed segments. A hit is given only if
 * it was made from the file's present content.
 *
 * Knows the catalog, not the tiers: file bytes come through a callback.
 *
 * Thread-safety: safe, except open and close. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "catalog/access.h"
#include "catalog/tree.h"

struct embed_model;
struct index;

/* What it would cost to have a file's bytes here; all 0 when they are. */
struct recall_price {
	uint64_t bytes, requests; /* of the bucket */
	uint64_t cost;            /* millionths of the currency's unit; 0 also when no prices are known */
	char currency[16];        /* may be empty */
	bool is_timed;            /* `ms` is known: how long it would take */
	uint64_t ms;
};

/* What may change while the index is open. */
struct index_settings {
	const char *exclude;       /* patterns, blank-separated; NULL: the default */
	const char *languages;     /* Snowball languages besides detection, blank-separated; may be NULL */
	uint64_t max_file;         /* bytes; 0: 256 MiB */
	uint64_t memory_segment;   /* bytes before it is sealed to disk; 0: 16 MiB */
};

struct index_config {
	struct catalog *catalog;   /* borrowed */
	struct keyring *keys;      /* borrowed */
	int volume_dirfd;          /* borrowed; holds index/ */
	bool read_only;
	bool load_later;           /* by a thread, from index_start() on, and not by index_open() */
	bool at_once;              /* programs wait for the mount: index_start() does not wait for the loading */
	const char *extract_path;  /* brainy-extract */
	const char *model_dir;     /* static256.safetensors and vocab.txt */
	struct embed_model *model; /* opened already, whatever model_dir says; the index owns it from index_open() on, also
	                            * when that fails; NULL: none */
	struct index_settings settings;
	uint32_t flat_vectors;     /* of a segment without lists (arrange.h), at most; 0: 200 000 */
	uint32_t waiting_window;   /* files of the queue that memory knows more of than that they wait (work.h); 0: 8192 */
	/* Reads bytes of a file, as file_read() does. */
	ssize_t (*read_file)(void *context, uint64_t ino, uint64_t offset, void *ret_data, size_t len);
	/* Is the file open for writing, and not idle for 10 s? Such files wait. */
	bool (*is_busy)(void *context, uint64_t ino);
	/* How many requests programs have made of the mount so far; NULL: nobody counts. */
	uint64_t (*requests)(void *context);
	/* What reading all of a file would cost, for results. Asks no bucket, reads no file; `all`: as if nothing of
	 * it had been fetched before. -errno: not known. NULL: there is nothing to pay. */
	int (*price)(void *context, const struct inode *i, bool all, struct recall_price *ret);
	void *context;
};

int index_open(const struct index_config *config, struct index **ret_x, char **ret_why);
/* Waits for what is loaded later, but not for long (at_once: not at all). */
int index_start(struct index *x);
/* Is it still being loaded? Until it is not, index_query() and index_get_attribute() return -EAGAIN, and
 * index_pending() is not 0. */
bool index_is_loading(struct index *x);
/* 0, or why it could not be loaded: then there are no answers. */
int index_failure(struct index *x);
/* Stops the threads, seals the memory segment and registers it (a clean stop). */
int index_stop(struct index *x);
struct index *index_close(struct index *x);
/* Changes the settings, as a change of them between two mounts would: returns at once; files whose
 * documents do not agree with them are queued in the background, and index_pending() is not 0 until then.
 * -EINVAL with *ret_why, which the caller frees; then nothing has changed. */
int index_set(struct index *x, const struct index_settings *settings, char **ret_why);

/* A set of enum extractor_missing: walls of the extractor's sandbox that this kernel does not have. */
int index_missing_walls(struct index *x);

/* The catalog's `committed` callback passes its events on; quick, takes no catalog lock. */
void index_notify(struct index *x, uint64_t lsn, const struct catalog_event *events, size_t n);
/* A handle that wrote to the file was closed: it may be indexed now. */
void index_file_closed(struct index *x, uint64_t ino);

/* Files whose present content is not in the index yet and that are not held back by an open writer. */
uint64_t index_pending(struct index *x);
/* Of those the ones that somebody sees (viewers.h); `who` NULL: all. Reads the catalog, and may wait for a query
 * of the same identity. */
uint64_t index_pending_of(struct index *x, const struct identity *who);
/* How often a file's place in the index was settled: an answer is as before while neither this nor the catalog's lsn has
 * changed. */
uint64_t index_rounds(struct index *x);
/* Does the file wait, so that answers leave it out, or have it for what it was? */
bool index_awaits(struct index *x, uint64_t ino);
/* Waits until everything that was closed before the call is indexed: 0, or -ETIMEDOUT. */
int index_wait(struct index *x, unsigned timeout_ms);

struct index_stats {
	uint64_t pending, indexed, skipped, failed, passages, segments;
	bool loading;      /* index_is_loading(): pending is the catalog's count, the others are 0 */
	const char *model; /* static storage or the index's */
};
void index_get_stats(struct index *x, struct index_stats *ret_stats);
void index_add_memory(struct index *x, struct memory_parts *m);
/* Appends text for .brainy/queue: one line a file, inode and why it waits. */
int index_describe_queue(struct index *x, struct buf *ret_text);

/* Appends text for .brainy/coverage: of each type of document, how many files have which state. */
int index_describe_coverage(struct index *x, struct buf *ret_text);

/* Computed attributes: name is "state", "mime", "title", "lang", "passages", "model", "indexed-at".
 * Appends the value. -ENODATA. */
int index_get_attribute(struct index *x, uint64_t ino, const char *name, struct buf *ret_value);

/* ---- queries */

enum query_mode { QUERY_HYBRID, QUERY_TEXT, QUERY_VECTOR };
/* FORMAT_INODES: uint64_t each, for who goes on with them; no name asks for it. */
enum query_format { FORMAT_TSV, FORMAT_PATHS, FORMAT_PATHS0, FORMAT_JSON, FORMAT_JSONL, FORMAT_MD, FORMAT_INODES,
		    FORMAT_DOT, FORMAT_GRAPHML };

enum query_verb { QUERY_FIND, QUERY_EXPLAIN, QUERY_SIMILAR, QUERY_COUNT, QUERY_RELATED, QUERY_PATH, QUERY_GRAPH,
		  QUERY_DUPLICATES, QUERY_VERBS };
enum query_graph_op { GRAPH_OP_NONE, GRAPH_OP_COMPONENTS, GRAPH_OP_PAGERANK, GRAPH_OP_DEGREE, GRAPH_OP_COMMUNITIES };
enum query_duplicates { DUPLICATES_SAME, DUPLICATES_NEAR, DUPLICATES_ALL };

/* A parsed query name, `find?q=..&limit=..`. */
struct query {
	enum query_verb verb;
	char *text;               /* owned; q, decoded; NULL where it is not asked for */
	char *to;                 /* owned, as all texts; paths, each with a NUL; NULL: none */
	size_t to_len;
	char *like;               /* similar: a text, key `text` */
	double threshold;         /* similar: the least cosine; duplicates: the least resemblance; negative: the default */
	enum query_duplicates kind;
	char *by;                 /* count: tag, type, month .. or a field */
	char *from;               /* path: where it begins, and in `to` where it ends */
	char *verbs;              /* of links that are followed, separated by commas; NULL: all */
	char *weights;            /* path: VERB:N,.. ; NULL: all are 1 */
	unsigned direction;       /* enum graph_direction */
	uint32_t depth;           /* related, and filters by links: steps; 0: the default */
	enum query_graph_op op;
	char *in;                 /* owned; may be NULL */
	uint32_t limit, offset;
	enum query_format format;
	enum query_mode mode;
	double alpha;             /* weight of the vector side; negative: the default */
	char *sort;               /* owned; NULL: by score */
	bool literal;
	bool absolute;
	unsigned wait_ms;
};
/* Decodes the name of a query file, "find?q=..". -ENOENT: it begins with no verb of ours. -EINVAL with *ret_why: a sentence
 * with what and where, which the caller frees. */
int query_parse(const char *name, struct query *ret_q, char **ret_why);
/* Does it begin with one? */
bool query_has_verb(const char *name);
/* For completion: the name of the n-th verb, with the key that it cannot do without, if there is one, and of the n-th key
 * that it takes; NULL: there are not so many. */
const char *query_verb_name(unsigned n, const char **ret_key);
const char *query_key_name(unsigned verb, unsigned n);
/* And of the n-th filter that is no field of files. */
const char *query_filter_name(unsigned n);
/* The same of what follows "find?". */
int query_parse_name(const char *name, struct query *ret_q, char **ret_why);
void query_done(struct query *q);
/* Can its text be parsed? Without an index. -EINVAL with *ret_why as above. */
int index_check_query(const struct query *q, char **ret_why);

struct query_scope {
	uint64_t top;           /* directory that holds .query */
	const char *mount_point; /* for paths=absolute and for the md format */
	/* Who asks, and sees what viewers.h says: the answer is the one that there would be if there were no other
	 * files. Scores are ranks then, and took_us is 0. NULL: whoever asks may see every file. */
	const struct identity *who;
};

struct answer {
	struct buf bytes;      /* as the format says */
	uint64_t pending;      /* files that the answer does not know yet */
	bool knows_waiting;    /* it is right of those as well: the catalog alone knows what was asked */
	uint64_t total;
	uint64_t took_us;
};
/* Runs a query on what is indexed now, without waiting. -EINVAL with *ret_why as above. */
int index_query(struct index *x, const struct query *q, const struct query_scope *scope,
		struct answer *ret_answer, char **ret_why);
void answer_done(struct answer *a);

/* Files by what is known of them, for those who show files without a query: the ones that a query of this one filter
 * ("type", "lang" or "tier", and a value) finds, whoever may see them. */
struct index_files {
	const char *field, *value; /* borrowed */
};
/* Those with inodes from `from` on, ascending, `max` at most: appends a uint64_t each. Fewer: there are no more. */
int index_list(struct index *x, const struct index_files *what, uint64_t from, size_t max, struct buf *ret_inos);
/* Is it one of them? 1, 0 or -errno. */
int index_lists(struct index *x, const struct index_files *what, uint64_t ino);

struct viewers;
/* Who sees which files (viewers.h), for those who show files without a query. Borrowed. */
struct viewers *index_viewers(struct index *x);

/* fsck: opens every block of every registered segment. Returns their number. */
int64_t index_verify(struct index *x, void (*problem)(void *context, const char *text), void *context);
