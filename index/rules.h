/* SPDX-License-Identifier: MIT */
/* What is indexed and how: the settings that may change while there are documents, and what their change
 * means for those.
 *
 * The catalog holds the rules by which the documents were made, and `doubt`: of which rules that is not
 * sure. Under key 'V' u8 2: u8 version 1, varint doubt, varint max_file, bytes exclude, bytes languages
 * (varint length before each). No record: the default rules, no doubt.
 *
 *   the rules change      one batch records the new ones and adds what differs to `doubt`; from then on
 *                         documents are made by them
 *   while there is doubt  the worker walks all inodes and queues the files whose documents break the rules,
 *                         for EVENT_RULES, which has them read again
 *   the walk is done      one batch takes `doubt` away
 *
 * So a stop at any point leaves a doubt, and the next mount walks again; a configuration that was changed
 * between two mounts is found out the same way. Changes are made by the worker's thread, between two
 * documents: whoever holds segments_lock sees the rules stay as they are. */
#pragma once

#include "index/index_impl.h"
#include "index/prepare.h"

/* What documents may not agree with. Numbers are on disk. */
enum rules_doubt { DOUBT_EXCLUDE = 1, DOUBT_LANGUAGES = 2, DOUBT_SIZE = 4 };

struct rules {
	char *exclude, *language_names; /* owned */
	struct languages *languages;    /* owned */
	uint64_t max_file;
};

/* Copies. -EINVAL with *ret_why for an unknown language. */
int rules_new(const struct index_settings *settings, struct rules **ret_rules, char **ret_why);
struct rules *rules_free(struct rules *rules);
/* Is the file of this path, relative to the top, not to be indexed? */
bool rules_exclude(const struct rules *rules, const char *path, size_t len);

/* At opening: x->rules are what the configuration says; finds out what is in doubt. Who cannot make
 * documents again goes on with the rules by which they were made. */
int rules_load(struct index *x);
/* The worker, between two documents: adopts changed rules, or goes on with a walk (rules_walk.h). 1: there
 * may be more to do. *preparer is made anew when the languages change. */
int rules_step(struct index *x, struct preparer **preparer);
/* Is there something for it that may have come since its last call? Call with table_lock, as below. */
bool rules_have_news(const struct index *x);
/* Is it unknown which files break the rules? */
bool rules_in_doubt(const struct index *x);
