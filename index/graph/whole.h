/* SPDX-License-Identifier: MIT */
/* Questions about a graph as a whole, or about the part of it that some files span: they are answered over a
 * copy of its links in memory, in compressed sparse rows.
 *
 * Memory, for N files and M links: while the copy is made 30 to 45 N + 4 to 6 M bytes, then 12 N + 4 M; each
 * further figure says what its question takes beside that. bench/graph.c measures it: of a million files and
 * five million links the copying took 66 MB, PageRank then 57 MB in all, and communities 145 to 210 MB.
 *
 * Several links between two files, by several verbs or in both directions, count as many times. What they are
 * for their files, not in which order they were found, decides what comes out.
 *
 * Thread-safety: a copy may be read by many. All functions that return int return -ENOMEM; those that may take
 * seconds also -ECANCELED, soon after `stop` has become true. */
#pragma once

#include "index/graph/graph.h"

#define GRAPH_EDGES_MAX (1u << 30)

/* ---- the copy */

struct graph_part {
	const uint32_t *verbs; /* borrowed; any order */
	size_t n_verbs;        /* 0: all */
	/* The files, and the links between them; a file that nothing links to one of them is a node all the
	 * same. NULL: all files that have a link, to another or to itself. */
	const uint64_t *inos;  /* borrowed; any order */
	size_t n_inos;
	/* Is this file one of them, and of `inos`? 1, 0, -errno. Called like those of a source. NULL: yes. */
	int (*has)(void *context, uint64_t ino);
	void *context;         /* borrowed; of `has` */
	uint32_t nodes_max;    /* met, also if they are not seen; 0: 2^31 */
	uint32_t edges_max;    /* links that count, also if they are not seen; 0 and most: GRAPH_EDGES_MAX */
	bool with_verbs;       /* 4 M bytes more */
	const bool *stop;      /* borrowed, by the copy too; another thread may set it. NULL: never */
};

/* Its nodes are numbered by ascending inode. */
struct graph_csr {
	uint64_t *inos;    /* owned; n */
	uint32_t *starts;  /* owned; n + 1: node k has the links from starts[k] on, before starts[k + 1] */
	uint32_t *targets; /* owned; starts[n]; ascending within a node */
	uint32_t *verbs;   /* owned; of each link, ascending within a target; NULL unless asked for */
	uint32_t n;
	const bool *stop;  /* borrowed; as in graph_part */
};

static inline uint32_t graph_csr_edges(const struct graph_csr *g)
{
	return g->n > 0 ? g->starts[g->n] : 0;
}

static inline bool graph_stopped(const bool *stop)
{
	return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

#define _cleanup_graph_csr_ _cleanup_(graph_csr_done)
void graph_csr_done(struct graph_csr *g);
/* One walk through edges(), then sees() and has() once for each file. Links to what is not seen are left out;
 * with them those files that have no others, unless `inos` names them.
 * -E2BIG: more nodes or links than allowed. -EBADMSG: the source's order is wrong. -EINVAL: an inode 0. */
int graph_csr_build(const struct graph_source *source, const struct graph_part *part,
		    struct graph_csr *ret_g);

/* ---- groups of nodes */

/* Numbered by size, the largest first; of those that are as large, by the least inode in them. */
struct graph_groups {
	uint32_t *of;    /* owned; by node */
	uint32_t *sizes; /* owned; by group */
	uint32_t n;      /* groups */
};

#define _cleanup_graph_groups_ _cleanup_(graph_groups_done)
void graph_groups_done(struct graph_groups *s);
/* Connected by links in any direction. Union-find with path halving (Tarjan, van Leeuwen 1984). 4 N. */
int graph_components_weak(const struct graph_csr *g, struct graph_groups *ret_s);
/* Those in which each reaches each along links (Tarjan 1972), without recursion. 24 N. */
int graph_components_strong(const struct graph_csr *g, struct graph_groups *ret_s);

/* Communities: groups with more links among them than chance would give files of as many links; the
 * modularity of Newman and Girvan 2004 says how many more, at most 1. By the method of Blondel et al. 2008
 * (Louvain): nodes move to where that grows most, then groups become nodes, until nothing moves. Nodes are
 * taken in order, and again when a neighbour has left (Ozaki et al. 2016); of moves as good the least group
 * wins. Links have no direction here, those of a file to itself do not count. 8 M + 28 N, and up to
 * 16 M + 24 N while groups become nodes.
 *
 * Groups below the resolution of modularity, some sqrt(2 M) links, come as parts of larger ones (Fortunato
 * and Barthelemy 2007), and one may consist of parts that are not connected. */
int graph_communities(const struct graph_csr *g, struct graph_groups *ret_s, double *ret_modularity);

/* ---- figures of nodes */

#define GRAPH_PAGERANK_DAMPING 0.85
#define GRAPH_PAGERANK_DELTA   1e-9 /* sum of all changes in a round, after which there is no other */
#define GRAPH_PAGERANK_ROUNDS  100u

/* How likely one is to be at a file who follows links at random and, at times, begins anew anywhere; all
 * together 1 (Page et al. 1999). From a file without links one begins anew. Returns the rounds it took. 16 N.
 * ret_ranks: by node, the caller's to free(). */
int graph_pagerank(const struct graph_csr *g, double **ret_ranks);

struct graph_degree {
	uint32_t out, in; /* links */
};

/* ret_degrees: by node, the caller's to free(). 8 N. */
int graph_degrees(const struct graph_csr *g, struct graph_degree **ret_degrees);
