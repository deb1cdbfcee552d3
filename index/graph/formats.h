/* SPDX-License-Identifier: MIT */
/* Graphs as text, for other programs. Nodes first, then links; a node's id is its inode number everywhere.
 *
 * Dot is Graphviz's language. GraphML is that of graphml.graphdrawing.org, which Gephi, yEd and networkx
 * read. JSON is an object of "nodes" and "edges" as networkx has it (node_link_graph(..., edges="edges")),
 * with ids that are strings, since the numbers of other languages end at 2^53.
 *
 * Labels may be any bytes: what is not UTF-8 becomes U+FFFD, and so do, but for JSON, which has a way to
 * write them, control characters other than tab and newline, U+FFFE and U+FFFF, which XML cannot contain.
 *
 * Not thread-safe. Functions return -ENOMEM; what they wrote before stays in the buffer. */
#pragma once

#include "base/buf.h"
#include "index/graph/whole.h"

enum graph_format { GRAPH_DOT, GRAPH_GRAPHML, GRAPH_JSON };

/* What is told of nodes beside their label; any of them together. */
enum graph_field {
	GRAPH_FIELD_PAGERANK = 1,
	GRAPH_FIELD_COMPONENT = 2,
	GRAPH_FIELD_COMMUNITY = 4,
	GRAPH_FIELD_DEGREE = 8,
};

struct graph_node {
	uint64_t ino;
	const void *label; /* borrowed; NULL: none */
	size_t label_len;
	double pagerank;
	uint32_t component, community;
	struct graph_degree degree;
};

/* ---- piece by piece: for results, and whatever is no graph_csr */

struct graph_writer {
	struct buf *out;      /* borrowed */
	const struct graph_format_ops *ops;
	unsigned fields;      /* graph_field */
	bool edges, any;      /* links have begun; one of what is written now was written */
};

/* *w is the caller's; nothing of it needs to be released. */
int graph_write_begin(struct graph_writer *w, struct buf *out, enum graph_format format, unsigned fields);
/* Of the node's figures those that `fields` names. */
int graph_write_node(struct graph_writer *w, const struct graph_node *node);
/* After all nodes. `verb`: its name, of any bytes; NULL: none. */
int graph_write_edge(struct graph_writer *w, const struct graph_edge *edge, const void *verb,
		     size_t verb_len);
int graph_write_end(struct graph_writer *w);

/* ---- a whole graph */

#define GRAPH_BYTES_MAX (256u << 20)

struct graph_picture {
	const struct graph_csr *g;          /* borrowed, as all of these; with verbs, or links have none */
	const double *pageranks;            /* by node; NULL, as those below: left out */
	const uint32_t *components;         /* by node: graph_groups.of */
	const uint32_t *communities;
	const struct graph_degree *degrees;
	/* Appends the label of a node. NULL: no labels. */
	int (*label)(void *context, uint64_t ino, struct buf *label);
	/* Appends the name of a verb. NULL: no names. */
	int (*verb)(void *context, uint32_t verb, struct buf *name);
	void *context;
	size_t bytes_max;                   /* 0: GRAPH_BYTES_MAX */
};

/* Appends to `out`. -EFBIG: more than bytes_max. What a callback returns below 0. */
int graph_write(struct buf *out, enum graph_format format, const struct graph_picture *p);
