/* SPDX-License-Identifier: MIT */
/* Paths that are to be looked at, each once, and when. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is it that folder, or something below it? */
bool path_is_below(const char *path, const char *folder);
/* What it is called after `from`, in which it lies, became `to`. NULL without memory; the caller frees. */
char *path_moved(const char *path, const char *from, const char *to);

struct path {
	char *name;      /* owned */
	uint64_t due_ms; /* clock_mono_ms() */
	bool deep;       /* with all below it; otherwise the folder's own attributes only */
};

struct paths {
	void *tree; /* owned; of tsearch(3) */
	size_t n;
};

/* Copies. One that is there keeps its earlier time, and becomes deep when either is. -ENOMEM. */
int paths_put(struct paths *p, const char *name, uint64_t due_ms, bool deep);
/* A file or a folder was renamed. -ENOMEM: some are lost. */
int paths_move(struct paths *p, const char *from, const char *to);
/* Takes out what is due, sorted. The caller frees by paths_free_list(). */
int paths_take(struct paths *p, uint64_t now_ms, struct path **ret_list, size_t *ret_n);
void paths_free_list(struct path *list, size_t n);
/* When the next one is due; UINT64_MAX: there is none. */
uint64_t paths_next_ms(const struct paths *p);
void paths_done(struct paths *p);
