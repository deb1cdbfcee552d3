/* SPDX-License-Identifier: MIT */
/* VOLUME/brainy.conf: sections and keys that brainy knows; anything else is an error that says file,
 * line and what is allowed. Zero means default everywhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct config {
	struct {
		bool show_virtual;
		char *timezone; /* owned */
	} mount;
	struct {
		uint64_t segment_size; /* bytes */
		uint64_t segments_max;
		uint64_t checkpoint_ms;
		bool no_mmap;
	} wal;
	struct {
		char *exclude;   /* owned */
		char *languages; /* owned */
		char *model;     /* owned: folder */
		uint64_t max_file;
		uint64_t memory_segment;
	} index;
	struct {
		uint64_t segment_size;
		uint64_t inline_below;
		uint64_t reserve;
		char *ignore; /* owned */
	} tiers;
};

/* Reads brainy.conf in `dirfd`, or PATH when not NULL. No file: all defaults. -EINVAL with *ret_why
 * ("brainy.conf:3: ..."), which the caller frees. */
int config_load(int dirfd, const char *path, struct config *ret_c, char **ret_why);
void config_done(struct config *c);
