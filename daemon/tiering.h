/* SPDX-License-Identifier: MIT */
/* The commands of .brainy/control about tiers. */
#pragma once

#include "daemon/server.h"

/* "tier run [SECONDS] [dry]": the policy once, as if at that time (since 1970). With `dry` the moves, a line
 * each: from, to, bytes, why and path, with tabs between. */
int tiering_run(struct server *s, const char *arguments, struct buf *ret_answer);
/* What lies where, a line each. */
int tiering_describe(struct server *s, struct buf *ret_text);
/* "tier status": what .brainy/tiers says. */
int tiering_status(struct server *s, const char *arguments, struct buf *ret_answer);
/* "compact": takes away what no longer serves. */
int tiering_compact(struct server *s, const char *arguments, struct buf *ret_answer);
