/* SPDX-License-Identifier: MIT */
/* What saved searches find, followed: a line in the journal of events for each file that enters or leaves one, in the batch that
 * remembers that it did. So every change is told once, also over restarts.
 *
 *   'a' label, ino, 0   the file was found by the saved search when it was last looked at (packed_set.h)
 *
 * A thread looks at all searches when something has changed, at each as its user sees files. The journal has
 * those of the owner of the mount; of others only inotify tells, from the time on when they have looked at
 * their searches under this mount. */
#pragma once

#include "fs/virtual/virtual.h"

struct live;

int live_start(struct fs *fs, struct live **ret_l);
struct live *live_stop(struct live *l);
/* There is a search that was not there. NULL is allowed. */
void live_notice(struct live *l);
/* Somebody looks at searches who is not the owner. NULL is allowed. */
void live_met(struct live *l, const struct caller *who);
/* A request is about to change something. Quick; NULL is allowed. */
void live_poke(struct live *l);

/* What searches cannot see any more once a request has changed it again is waited for, if looking at it is quick, so
 * that it is told, too. Does this one wait? Quick; NULL is allowed. */
bool live_delays(struct live *l, const struct fuse_in_header *in);
/* Each request before it is executed; it may have to wait. NULL is allowed. */
void live_will_change(struct live *l, const struct fuse_in_header *in, bool may_wait);
/* What was committed, in this order. Quick; NULL is allowed. */
void live_note(struct live *l, const struct catalog_event *events, size_t n);

/* ---- events.c: .brainy/events, the journal as a file that grows, and events?since=N */
/* `name`: "events" or "events?..", of .brainy. */
bool events_has(const char *name);
void events_lookup(fuse_req_t req, const char *name);
void events_stat(struct fs *fs, struct stat *ret_st);
void events_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi);
void events_read(fuse_req_t req, size_t size, uint64_t offset);
