/* SPDX-License-Identifier: MIT */
/* The files whose present content is not searchable yet, in memory; the catalog's queue is its durable
 * twin. A file is
 *
 *   READY    to be taken
 *   RUNNING  with the worker
 *   HELD     open for writing: not taken until it is closed or has been idle
 *   LATER    not before a time: it failed, or is rewritten all the time
 *   BACKLOG  one of very many: the set knows its number and nothing else
 *
 * A file's number is that of the last news of it, whatever its place, so that one can wait for all files of
 * which there was news before some moment. News about a file in any place but RUNNING only renews its number; about a
 * RUNNING one sets `again`, and it becomes READY when the worker is done with it.
 *
 * Files of the backlog are older than READY ones: it is what a mount finds waiting, and takes in the oldest when more
 * than `window` files are READY, or LATER. So memory is bounded but for the files that are open for writing and a bit
 * or two bytes a file of the backlog. Every second file that is taken is the newest one, so that what was closed just
 * now does not wait for a million others; the rest are the oldest, so that these do not wait for ever.
 *
 * The backlog is two sets: one that only shrinks, and one that takes in, until they change places. Each remembers
 * below which number its files had no news; so whoever waits for a moment waits for what was there, however much comes.
 *
 * Not thread-safe: index.c's table lock guards it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "index/ino_map.h"
#include "index/ino_set.h"

#define WORK_WINDOW 8192u

enum work_place { WORK_READY, WORK_RUNNING, WORK_HELD, WORK_LATER, WORK_PLACES };

struct work {
	uint64_t ino;
	uint64_t number;    /* ascending by the time of the last news */
	uint64_t due_ms;    /* LATER: monotonic */
	unsigned tries;
	enum work_place place;
	bool again;         /* RUNNING: there was news */
	bool stale;         /* RUNNING: and the content has changed */
	bool changed;       /* RUNNING: what else its inode says may have changed, mode and names, say */
	struct work *newer, *older;
};

struct work_backlog {
	struct ino_set files;
	uint64_t first; /* no file of it had its last news before this number */
};

struct work_set {
	uint32_t window;      /* 0: WORK_WINDOW */
	struct ino_map files; /* ino -> struct work, owned; all but the backlog */
	struct {
		struct work *newest, *oldest;
		uint64_t n;
	} lists[WORK_PLACES];
	struct work_backlog shrinking, growing; /* no file is in both, nor in `files` */
	uint64_t next_number;
	uint64_t taken;
};

void work_done(struct work_set *s);
/* NULL: it does not wait, or is in the backlog. */
struct work *work_find(const struct work_set *s, uint64_t ino);
/* Is it anywhere? */
bool work_has(const struct work_set *s, uint64_t ino);
/* There is news about a file. `content`: its bytes changed. -ENOMEM. */
int work_news(struct work_set *s, uint64_t ino, bool content);
/* A file that has been waiting for long, or must be looked at again without haste: it goes to the backlog, unless it
 * is somewhere. -ENOMEM. */
int work_old_news(struct work_set *s, uint64_t ino);
/* A file was closed: if it is HELD or in the backlog it is READY. */
void work_closed(struct work_set *s, uint64_t ino);
/* The file is gone; a RUNNING one is the worker's until it is done with it. */
void work_gone(struct work_set *s, uint64_t ino);
/* The worker is done with it and nothing has come up since. */
void work_drop(struct work_set *s, struct work *w);
/* The next file, now RUNNING; or NULL: there is none, or no memory for it. */
struct work *work_take(struct work_set *s);
/* To a place that is not LATER. */
void work_move(struct work_set *s, struct work *w, enum work_place place);
/* Not before `due_ms`; with very many of them in the backlog, until those are fewer. */
void work_postpone(struct work_set *s, struct work *w, uint64_t due_ms);
/* Makes LATER files READY whose time has come. Returns when the next one's comes, UINT64_MAX: none. */
uint64_t work_wake_later(struct work_set *s, uint64_t now_ms);
/* Makes all HELD files READY, to be looked at again. */
void work_wake_held(struct work_set *s);
/* Is there a file of the backlog that work_take() would give? */
bool work_has_backlog(const struct work_set *s);
/* Is a file in any place but HELD whose number is below? */
bool work_is_before(const struct work_set *s, uint64_t number);
/* In all places but HELD. */
uint64_t work_pending(const struct work_set *s);
/* In all places. */
uint64_t work_count(const struct work_set *s);
/* Adds all; `held`: the HELD ones, too. -ENOMEM. */
int work_list(const struct work_set *s, bool held, struct ino_set *ret_inos);
size_t work_bytes(const struct work_set *s);
