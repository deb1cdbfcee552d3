/* SPDX-License-Identifier: MIT */
/* The files of a tag and of all tags below it, as one set in the order of their inodes. Not thread-safe. */
#pragma once

#include "catalog/tags.h"

struct tag_walk {
	struct catalog *c;           /* borrowed */
	struct packed_walk *walks;   /* owned; of each label, when they are few */
	struct packed_member *heads; /* owned; where each is; n 0: it is to go on first */
	bool *ended;                 /* owned */
	size_t n;
	struct buf all;              /* when they are many: uint64_t, all files, ascending */
	size_t at;
	bool is_list;
};

/* -ENOENT, -ENOMEM, -EBADMSG. */
int tag_walk_open(struct catalog *c, uint64_t id, struct tag_walk *ret_w);
/* The next file is at or behind `ino`, which is not before where the walk is. */
void tag_walk_seek(struct tag_walk *w, uint64_t ino);
/* 1, 0 at the end, -errno. */
int tag_walk_next(struct tag_walk *w, uint64_t *ret_ino);
void tag_walk_done(struct tag_walk *w);
