/* SPDX-License-Identifier: MIT */
/* Which files were changed since saved searches were looked at last, and in which order: a look sees what files are and
 * not what they have been. Whoever tells of several changes tells of them in this order; a request that changes once
 * more what was not looked at yet waits for the look.
 *
 * A look begins with everything that was committed before. The next server knows what none has looked at (fs/shared.h).
 * Thread-safety: safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/shared.h"

struct catalog_event;
struct recent;

/* `log`: borrowed; begins with what a server before has left there. */
int recent_new(struct shared_recent *log, struct recent **ret_r);
/* Takes NULL, returns NULL. */
struct recent *recent_free(struct recent *r);

/* After `follow` is false nothing is noted, and nobody waits. */
void recent_follow(struct recent *r, bool follow);
bool recent_is_followed(struct recent *r);
/* What was committed, in that order. */
void recent_note(struct recent *r, const struct catalog_event *events, size_t n);
/* A request is about to change this attribute. */
void recent_will_change(struct recent *r, uint64_t ino, const char *attribute);

/* Between these two the looker may ask for the order. One look at a time. */
void recent_begin_look(struct recent *r);
void recent_end_look(struct recent *r);
/* When was the file changed, among those that were before the look? 0: not since the look before. False: after the look
 * began. */
bool recent_order(struct recent *r, uint64_t ino, uint32_t *ret_order);
/* Was any attribute changed since a look began? */
bool recent_has_news(struct recent *r);

/* Was this attribute of the file changed, and no look has ended that began afterwards? `attribute` NULL: any of them;
 * `ino` 0: of any file. Before the first look has ended nobody knows what the server before has changed: all of them. */
bool recent_is_unseen(struct recent *r, uint64_t ino, const char *attribute);
/* Has a look ended? */
bool recent_has_looked(struct recent *r);
/* Waits until it is not, or for so long. */
void recent_await(struct recent *r, uint64_t ino, const char *attribute, unsigned timeout_ms);
