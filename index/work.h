/* SPDX-License-Identifier: MIT */
/* The files whose present content is not searchable yet, in memory; the catalog's queue is its durable
 * twin. A file is
 *
 *   READY    to be taken, first come first served
 *   RUNNING  with the worker
 *   HELD     open for writing: not taken until it is closed or has been idle
 *   LATER    not before a time: it failed, or is rewritten all the time
 *
 * A file's number is that of the last news of it, whatever its place, so that one can wait for all files of
 * which there was news before some moment. News about a file in any place but RUNNING only renews its number; about a RUNNING one sets `again`, and
 * it becomes READY when the worker is done with it.
 *
 * Not thread-safe: index.c's table lock guards it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "index/ino_map.h"

enum work_place { WORK_READY, WORK_RUNNING, WORK_HELD, WORK_LATER, WORK_PLACES };

struct work {
	uint64_t ino;
	uint64_t number;    /* ascending by the time of the last news */
	uint64_t due_ms;    /* LATER: monotonic */
	unsigned tries;
	enum work_place place;
	bool again;         /* RUNNING: there was news */
	bool stale;         /* RUNNING: and the content has changed */
	struct work *newer, *older;
};

struct work_set {
	struct ino_map files; /* ino -> struct work, owned */
	struct {
		struct work *newest, *oldest;
		uint64_t n;
	} lists[WORK_PLACES];
	uint64_t next_number;
};

void work_done(struct work_set *s);
struct work *work_find(const struct work_set *s, uint64_t ino);
/* There is news about a file. `content`: its bytes changed. -ENOMEM. */
int work_news(struct work_set *s, uint64_t ino, bool content);
/* The file is gone, or the worker is done with it and nothing has come up since. */
void work_drop(struct work_set *s, struct work *w);
/* The oldest READY file, now RUNNING; or NULL. */
struct work *work_take(struct work_set *s);
void work_move(struct work_set *s, struct work *w, enum work_place place);
/* Makes LATER files READY whose time has come. Returns when the next one's comes, UINT64_MAX: none. */
uint64_t work_wake_later(struct work_set *s, uint64_t now_ms);
/* Makes all HELD files READY, to be looked at again. */
void work_wake_held(struct work_set *s);
/* Is a file READY, RUNNING or LATER whose number is below? */
bool work_is_before(const struct work_set *s, uint64_t number);
/* READY, RUNNING and LATER. */
uint64_t work_pending(const struct work_set *s);
