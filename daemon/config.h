/* SPDX-License-Identifier: MIT */
/* VOLUME/brainy.conf: sections and keys that brainy knows; anything else is an error that says file,
 * line and what is allowed. Zero means default everywhere.
 *
 * Lines are `[section]`, `key = value`, or comments after # or ;. A list may be given in several lines, each
 * with its key; any other key stands once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct config {
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
		uint64_t clean_below; /* percent */
		uint64_t clean_ms;
	} tiers;
};

/* Appends the text of brainy.conf in `dirfd`, or of PATH when not NULL. No brainy.conf: no text. Negative
 * with *ret_why, which the caller frees. */
int config_read(int dirfd, const char *path, struct buf *ret_text, char **ret_why);
/* `name` is what messages call the file. -EINVAL with *ret_why ("brainy.conf:3: ..."), which the caller
 * frees. */
int config_parse(const char *name, const void *text, size_t len, struct config *ret_c, char **ret_why);
/* Both. */
int config_load(int dirfd, const char *path, struct config *ret_c, char **ret_why);
void config_done(struct config *c);

/* Moves what can change under a mount from `fresh` to `running`. Appends "[index] exclude, .." to
 * *ret_changed, and likewise to *ret_waiting what differs and holds from the next mount on only. */
int config_adopt(struct config *running, struct config *fresh, struct buf *ret_changed, struct buf *ret_waiting);
