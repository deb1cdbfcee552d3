/* SPDX-License-Identifier: MIT */
/* Commands of .brainy/control about recalls (tiers/move/recall.h), and waiting for all moves. Each appends
 * its answer. */
#pragma once

#include "daemon/server.h"

/* "recall start INODE": `ok ID`. */
int recalling_start(struct server *s, const char *arguments, struct buf *ret_answer);
/* "recall get ID": `ok STATE FILES_DONE FILES BYTES_DONE BYTES ELAPSED_MS LEFT_MS FAILED CHANGED MISSING
 * ERRNO`, then, in the same line, what the bucket said, if it was the bucket. STATE is looking, running or
 * over; LEFT_MS is - when it is not known. */
int recalling_get(struct server *s, const char *arguments, struct buf *ret_answer);
/* "recall stop INODE": those of this file or directory. */
int recalling_stop(struct server *s, const char *arguments, struct buf *ret_answer);
/* "wait tiers MS": until nothing moves and nothing is due, at most so long; what is due is begun. */
int recalling_wait(struct server *s, const char *arguments, struct buf *ret_answer);

/* Lines of .brainy/tiers: recalls, and reads that wait. */
int recalling_describe(struct server *s, struct buf *ret_text);
