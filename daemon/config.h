/* SPDX-License-Identifier: MIT */
/* VOLUME/brainy.conf: sections and keys that brainy knows; anything else is an error that says file,
 * line and what is allowed. Zero means default everywhere; docs/brainy.1 says what that is. What it means to
 * the modules below is config_policy.h's and wire.c's.
 *
 * Lines are `[section]`, `key = value`, or comments after # or ;. A list may be given in several lines, each
 * with its key; any other key stands once. `[class NAME]` makes a class of files; the order of classes
 * counts.
 *
 * Credentials never stand here: a key that looks like one is an error that says where they belong. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Of days and counts that take `never`. */
#define CONFIG_NEVER UINT64_MAX
#define CONFIG_CLASSES_MAX 100u

/* A choice is the number of its word, from 1 on. */
enum config_retention { CONFIG_KEEP = 1, CONFIG_DELETE };
enum config_tier { CONFIG_HOT = 1, CONFIG_WARM, CONFIG_COLD };
enum config_addressing { CONFIG_PATH = 1, CONFIG_VIRTUAL };
enum config_cold_read { CONFIG_WAIT = 1, CONFIG_FAIL };

struct config_class {
	char *name;              /* owned */
	char *path;              /* owned: globs, one a line */
	char *type, *tag;        /* owned: separated by commas */
	char *owner, *group;     /* owned: numbers, separated by commas */
	uint64_t size_min, size_max; /* bytes, both inclusive; size_max 0: any */
	uint64_t tier;           /* enum config_tier */
	uint64_t hot_days, warm_days, retention_days; /* or CONFIG_NEVER */
	uint64_t retention;      /* enum config_retention */
};

struct config {
	struct {
		char *timezone;        /* owned: of days; NULL: UTC */
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
		uint64_t clean_below; /* percent */
		uint64_t clean_ms;
		uint64_t hot_days, warm_days, retention_days; /* or CONFIG_NEVER */
		uint64_t retention;                           /* enum config_retention */
		char *hold_tags;                              /* owned: separated by commas */
		char *ignore; /* owned: names of programs, separated by commas */
		uint64_t settle_s;
		uint64_t promote_uses;                        /* or CONFIG_NEVER */
		uint64_t promote_gap_ms, promote_days;
		uint64_t capacity_high, capacity_low;         /* percent of the disk */
		uint64_t capacity_idle_s;
		char *window;                                 /* owned: tiers/move/window.h */
		char *window_timezone;                        /* owned: local, UTC or an offset */
		uint64_t run_every_s;
		uint64_t move_rate;                           /* bytes a second */
		uint64_t scrub_days;                          /* or CONFIG_NEVER */
		uint64_t pack_size;                           /* bytes, stored */
		uint64_t pack_clean_below, pack_merge_below;  /* percent */
	} tiers;
	struct {
		char *url; /* owned: s3://bucket/prefix or file:///folder; NULL: no cold tier */
		char *endpoint, *region;    /* owned */
		uint64_t addressing;        /* enum config_addressing */
		char *profile, *ca_file, *proxy; /* owned */
		uint64_t connections_min, connections_max;
		uint64_t idle_timeout_s, connect_timeout_ms, request_timeout_ms, total_timeout_ms;
		uint64_t upload_rate, download_rate; /* bytes a second */
		uint64_t request_rate;               /* requests a second */
		uint64_t cold_read;                  /* enum config_cold_read */
		uint64_t cold_read_timeout_s;
		uint64_t cache_size;        /* bytes */
		uint64_t grace_hours;
		uint64_t clean_below;       /* percent */
		uint64_t scrub_days;        /* or CONFIG_NEVER */
		bool dated_keys;
	} cold;
	struct {
		uint64_t requests_per_day, bytes_per_day;
	} limits;
	struct {
		uint64_t put, get, list, remove;  /* millionths, for a thousand requests */
		uint64_t out_gb, stored_gb_month; /* millionths */
		char *currency;                   /* owned */
	} prices;
	struct config_class *classes; /* owned, n_classes of them */
	size_t n_classes;
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
int config_adopt(struct config *running, struct config *fresh, struct buf *ret_changed,
		 struct buf *ret_waiting);

/* Copies [cold] and [limits], and nothing else; config_done() ends it. -ENOMEM. */
int config_copy_cold(const struct config *from, struct config *ret_c);
/* Are all keys of [cold] the same? */
bool config_same_cold(const struct config *a, const struct config *b);
