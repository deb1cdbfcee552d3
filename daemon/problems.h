/* SPDX-License-Identifier: MIT */
/* What is wrong with a mount right now: what, since when, and the way out. A thread looks for it when
 * somebody has noticed something, and as long as something is wrong; it logs each at most once a minute.
 * status.json shows the same list. */
#pragma once

#include "base/json.h"

struct server;
struct problems;

/* Starts looking; `s` is borrowed and outlives it. */
int problems_start(struct server *s, struct problems **ret_p);
struct problems *problems_stop(struct problems *p);
/* Something may be wrong: it is looked for within a second. Costs nothing when that is known. NULL is
 * allowed. */
void problems_notice(struct problems *p);
/* How many. */
unsigned problems_count(struct problems *p);
/* A list of {what, since, way_out}; `since` is RFC 3339, UTC. NULL without memory. */
json_t *problems_describe(struct problems *p);
