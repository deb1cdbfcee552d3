/* SPDX-License-Identifier: MIT */
/* The links of the catalog (catalog/links.h) as a graph. Verbs are those of link_verb_find(). What has no
 * name is not seen; who may see what else is for the caller to add.
 *
 * Thread-safety: as the catalog's; links that change while a question runs are seen or not. */
#pragma once

#include "index/graph/graph.h"

struct catalog;

/* Borrows the catalog. */
struct graph_source graph_source_of(struct catalog *c);
