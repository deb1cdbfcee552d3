/* SPDX-License-Identifier: MIT */
/* Shared by the files of tiers/ that give files their meaning. */
#pragma once

#include <stdatomic.h>

#include "tiers/clean.h"
#include "tiers/file.h"
#include "tiers/fold.h"
#include "tiers/hot/hot.h"
#include "tiers/move/used.h"
#include "tiers/packs.h"
#include "tiers/readings.h"
#include "tiers/space.h"
#include "tiers/verified.h"

struct files {
	struct files_config config;
	struct catalog *catalog;     /* borrowed; NULL until files_attach() */
	int hot_dirfd, warm_dirfd, cache_dirfd; /* owned */
	struct hot *hot;             /* owned */
	struct packs *packs;         /* owned */
	struct used *used;           /* owned */
	_Atomic int64_t promote_gap_ms; /* as it was set last */
	struct files_world world;
	struct readings readings;
	struct space *space;         /* owned */
	struct fold *fold;           /* owned */
	struct cleaner *cleaner;     /* owned */
	uint64_t stuck[CLEAN_STUCK_MAX]; /* segments that cleaning could not empty; its thread's */
	size_t n_stuck;
	struct verified verified;    /* objects that replay found sound; emptied by files_attach() */
};

#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)

/* Of an extent that has an object. */
static inline struct tier *files_tier_of(const struct files *f, const struct extent *e)
{
	return e->kind == EXTENT_PACK ? packs_tier(f->packs) : hot_tier(f->hot);
}

/* Nobody is about to read or write it: it may move. */
static inline bool files_is_open(const struct files *f, uint64_t ino)
{
	return f->world.is_open && f->world.is_open(f->world.context, ino);
}

/* Finishes truncations that a crash interrupted. */
int file_cut_all_remains(struct files *f);
/* For the cleaning thread. True: the reserve is what it should be. */
bool files_refill_reserve(struct files *f);
/* Before an ordinary write. `probe`: asks only. Folds first when that may help. -ENOSPC. */
int files_take_space(struct files *f, uint64_t bytes, bool probe);
