/* SPDX-License-Identifier: MIT */
/* The commands of .brainy/control that give a running mount a bucket, or take it away. */
#pragma once

#include "daemon/server.h"

/* "cold attach URL", then, each behind a tab, `KEY=VALUE` of [cold] (VALUE empty: the default) and
 * `take-over`. In this order, so that nothing changed when something is wrong:
 *
 *   1  brainy.conf with these keys makes sense, and the bucket opens
 *   2  the prefix is ours, or free (tiers/move/owner.h)
 *   3  what is asked of a bucket works (tiers/s3/probe.h)
 *   4  the packs that are cold lie there
 *   5  brainy.conf is replaced, and read; the prefix is claimed
 *
 * The mover leaves the bucket alone meanwhile. The lines of the answer after the first tell what was found.
 */
int attach_bucket(struct server *s, const char *arguments, struct buf *ret_answer);
/* "cold detach": nothing may be cold. */
int detach_bucket(struct server *s, const char *arguments, struct buf *ret_answer);
