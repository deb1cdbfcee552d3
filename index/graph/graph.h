/* SPDX-License-Identifier: MIT */
/* Questions about typed links between files: what lies near a file, and how two are connected. What concerns
 * a graph as a whole stands in whole.h, how one is written in formats.h.
 *
 * Nothing here knows how links are stored, what their verbs mean, or who asks: all three are callbacks of a
 * graph_source, which only have to agree with each other as long as one call lasts. Nothing is kept after it.
 *
 * Order: among equals the smallest inode comes first, then the smallest verb, then the link that stands in
 * the file that one comes from. Answers are therefore the same each time.
 *
 * What `sees` denies is as if it were not there: it is neither named nor gone through, and its own neighbours
 * are never asked for. It counts for the budget, however, since it takes memory.
 *
 * Thread-safety: functions share nothing; they are as safe as the source is. All return -ENOMEM, and what a
 * callback returns below 0, which is also the way to cancel one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nodes that one call visits, unless it is asked for other. A million took 28 MB for a path, 84 MB for one
 * with weights, and 55 to 78 MB, results included, for what is near. */
#define GRAPH_BUDGET 1000000u

/* As seen from one file: the links that stand in it, those that name it, or both. */
enum graph_direction {
	GRAPH_OUT = 1,
	GRAPH_IN = 2,
	GRAPH_BOTH = 3,
};

/* As it is stored: it stands in `from` and names `to`. */
struct graph_edge {
	uint64_t from, to;
	uint32_t verb;
};

/* `way` is GRAPH_OUT or GRAPH_IN. Other than 0: no more, please. */
typedef int (*graph_visit_neighbour)(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way);
typedef int (*graph_visit_edge)(void *visitor, uint64_t from, uint64_t to, uint32_t verb);

/* No callback is called while another one runs, but for the visits. Inode numbers are never 0. */
struct graph_source {
	void *context; /* borrowed; given to each */
	/* Visits each link of the file, ascending by other end, verb, and way (out before in): links from one
	 * file to another differ in their verbs. Returns 0, -errno, or what a visit returned other than 0. */
	int (*neighbours)(void *context, uint64_t ino, enum graph_direction direction,
			  graph_visit_neighbour visit, void *visitor);
	/* Visits all links, each once, ascending by `from`; for whole.h only. Returns as above. */
	int (*edges)(void *context, graph_visit_edge visit, void *visitor);
	/* May the asker know of this file? 1, 0, -errno. Asked once a call for each one met. NULL: yes. */
	int (*sees)(void *context, uint64_t ino);
};

/* Which links count. */
struct graph_filter {
	const uint32_t *verbs; /* borrowed; any order */
	size_t n_verbs;        /* 0: all */
	enum graph_direction direction;
};

/* ---- what lies near */

struct graph_near {
	const uint64_t *starts; /* borrowed; any order. Those that are not seen are left out. */
	size_t n_starts;
	struct graph_filter filter;
	uint32_t depth;  /* links from a start to a result; 0: 1 */
	uint32_t budget; /* nodes; 0: GRAPH_BUDGET */
	size_t limit;    /* results; 0: all */
};

struct graph_relative {
	uint64_t ino;
	uint32_t distance;    /* from the nearest start, in links, from 1 */
	uint32_t links;       /* from files that are nearer by one to this one */
	struct graph_edge by; /* one of them: that of the smallest inode */
};

struct graph_relatives {
	struct graph_relative *items; /* owned */
	size_t n;
	bool more; /* `limit` left some out */
	bool cut;  /* the budget was used up: of the last distance on there may be others, and more links */
};

#define _cleanup_graph_relatives_ _cleanup_(graph_relatives_done)
void graph_relatives_done(struct graph_relatives *r);
/* Breadth first. Results ascend by distance, then descend by `links`, then ascend by inode; no start is one.
 * -EINVAL: no direction, or an inode 0. */
int graph_related(const struct graph_source *source, const struct graph_near *near,
		  struct graph_relatives *ret_r);

/* ---- how two are connected */

struct graph_way {
	uint64_t from, to;
	struct graph_filter filter; /* of a direction out, all links of the path point to `to` */
	uint32_t budget;            /* nodes; 0: GRAPH_BUDGET */
	/* What a link of this verb costs; 0: it is not taken. NULL: all cost 1. */
	uint32_t (*weight)(void *context, uint32_t verb);
	void *context; /* borrowed; of `weight` */
};

struct graph_step {
	uint64_t ino;
	struct graph_edge by; /* from the step before; of the first one, zeros */
};

struct graph_path {
	struct graph_step *steps; /* owned; from `from` to `to`, both included */
	size_t n;
	uint64_t weight;          /* of all links together */
};

#define _cleanup_graph_path_ _cleanup_(graph_path_done)
void graph_path_done(struct graph_path *p);
/* A path of least weight; of several, the one whose inodes are first in lexical order, and of several links
 * between two of its files, the one of the smallest verb that costs as little. From both ends at once:
 * breadth first, the smaller frontier first (Pohl, Bi-directional search, 1971); with weights by Dijkstra's
 * algorithm, until what both sides have settled proves the best meeting (Nicholson 1966).
 *
 * 1: found; a path from a file to itself is one step long. 0: there is none, or an end is not seen.
 * -E2BIG: the budget is used up, and there may be one. -EINVAL: no direction, or an inode 0.
 * -EAGAIN: the source did not agree with itself. */
int graph_path(const struct graph_source *source, const struct graph_way *way, struct graph_path *ret_p);
