/* SPDX-License-Identifier: MIT */
/* What follow.c and news.c share: the one looks at paths, the other hears which. */
#pragma once

#include "base/buf.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/paths.h"
#include "daemon/follow/watches.h"

#define FOLLOW_MOVES_MAX 64u

/* The first half of a rename. */
struct follow_move {
	uint32_t cookie;
	bool is_folder;
	char *from; /* owned */
};

struct follow {
	struct follow_config config;
	struct copier *copier;   /* owned */
	struct watches *watches; /* owned; NULL: once */
	struct paths paths;
	struct follow_move moves[FOLLOW_MOVES_MAX];
	size_t n_moves;
	uint64_t rescan_ms;      /* all is to be looked at then; 0: news was lost; UINT64_MAX: no */
	bool scanning;
	const char *why;         /* borrowed: constant text; NULL: it goes on */
	int error;               /* with that */
	struct buf path;
};

/* Ends it; returns `error`. */
int follow_end(struct follow *f, const char *why, int error);
/* Has it looked at. NULL, and without memory: all is, anew. */
void follow_put(struct follow *f, const char *path, uint64_t wait_ms, bool deep);
/* Reads all the news that has come. */
int follow_read_news(struct follow *f);
void follow_forget_moves(struct follow *f);
