/* SPDX-License-Identifier: MIT */
/* A double-array trie (Aoe 1989): the child of node s by byte c is node base[s] + c, if that node's
 * parent is s. One load a byte, no comparison of strings, and the whole vocabulary in a megabyte.
 *
 * Two roots share the array: pieces that begin a word, and pieces that continue one ("##").
 *
 * Building takes the tokens sorted, so that the children of a node are runs of the range of its tokens.
 * The array is 256 nodes longer than the highest base, so that no byte leads out of it. */
#include "index/embed/wordpiece.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ROOT_FIRST 1   /* begins a word */
#define ROOT_NEXT  2   /* continues one */
#define FIRST_NODE 256 /* of all others: a base of 0, which leaves have, leads to none of them */
#define NO_PARENT  UINT32_MAX

struct node {
	uint32_t base : 31;
	uint32_t token : 1; /* one ends here: ids[node] */
	uint32_t parent;    /* 0: free */
};

struct wordpiece {
	struct node *nodes; /* owned */
	uint32_t *ids;      /* owned; as many; apart, so that a walk touches little memory */
	size_t n_nodes;
	uint32_t size;
};

struct token {
	const char *text; /* borrowed, without "##" */
	uint16_t len;
	bool next; /* continues a word */
	uint32_t id;
};

struct builder {
	struct wordpiece *w;
	const struct token *tokens; /* sorted */
	size_t first_free;          /* no free node below */
};

static int compare_tokens(const void *a, const void *b)
{
	const struct token *x = a, *y = b;
	int r;

	if (x->next != y->next)
		return x->next ? 1 : -1;
	r = memcmp(x->text, y->text, MIN(x->len, y->len));
	return r ? r : (int)x->len - (int)y->len;
}

static int grow(struct wordpiece *w, size_t need)
{
	size_t n = w->n_nodes;
	struct node *nodes;
	uint32_t *ids;

	if (need <= n)
		return 0;
	while (n < need)
		n += n / 2 + 4096;
	if (n > INT32_MAX)
		return -EBADMSG;
	nodes = reallocarray(w->nodes, n, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	w->nodes = nodes;
	ids = reallocarray(w->ids, n, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	w->ids = ids;
	memset(nodes + w->n_nodes, 0, (n - w->n_nodes) * sizeof(*nodes));
	w->n_nodes = n;
	return 0;
}

static bool fits(const struct wordpiece *w, size_t base, const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (w->nodes[base + bytes[i]].parent)
			return false;
	return true;
}

/* Finds a base from which all of `bytes` lead to free nodes. */
static int place(struct builder *b, const uint8_t *bytes, unsigned n, uint32_t *ret_base)
{
	for (size_t at = b->first_free;; at++) {
		int r = grow(b->w, at + 2 * 256);

		if (r < 0)
			return r;
		if (b->w->nodes[at].parent) {
			b->first_free += at == b->first_free;
			continue;
		}
		if (fits(b->w, at - bytes[0], bytes, n)) {
			*ret_base = (uint32_t)(at - bytes[0]);
			return 0;
		}
	}
}

/* The distinct bytes at `depth` of tokens [from, to), ascending. */
static unsigned child_bytes(const struct token *tokens, size_t from, size_t to, unsigned depth, uint8_t *ret)
{
	unsigned n = 0;

	for (size_t i = from; i < to; i++) {
		uint8_t c = (uint8_t)tokens[i].text[depth];

		if (n == 0 || ret[n - 1] != c)
			ret[n++] = c;
	}
	return n;
}

/* Adds the subtree of tokens [from, to), which share their first `depth` bytes. As deep as a token is long.
 */
static int add_children(struct builder *b, uint32_t node, size_t from, size_t to, unsigned depth)
{
	const struct token *t = b->tokens;
	uint8_t bytes[256];
	uint32_t base;
	unsigned n;
	int r;

	if (from < to && t[from].len == depth) {
		b->w->nodes[node].token = 1;
		b->w->ids[node] = t[from++].id;
		if (from < to && t[from].len == depth)
			return -EBADMSG;
	}
	if (from == to)
		return 0;
	n = child_bytes(t, from, to, depth, bytes);
	r = place(b, bytes, n, &base);
	if (r < 0)
		return r;
	b->w->nodes[node].base = base & INT32_MAX;
	for (unsigned i = 0; i < n; i++)
		b->w->nodes[base + bytes[i]].parent = node;
	for (unsigned i = 0; i < n; i++) {
		size_t end = from;

		while (end < to && (uint8_t)t[end].text[depth] == bytes[i])
			end++;
		r = add_children(b, base + bytes[i], from, end, depth + 1);
		if (r < 0)
			return r;
		from = end;
	}
	return 0;
}

static int build(struct wordpiece *w, struct token *tokens)
{
	struct builder b = { .w = w, .tokens = tokens, .first_free = FIRST_NODE };
	size_t first = 0;
	int r;

	qsort(tokens, w->size, sizeof(*tokens), compare_tokens);
	while (first < w->size && !tokens[first].next)
		first++;
	r = grow(w, 4 * 256);
	if (r < 0)
		return r;
	w->nodes[0].parent = w->nodes[ROOT_FIRST].parent = w->nodes[ROOT_NEXT].parent = NO_PARENT;
	r = add_children(&b, ROOT_FIRST, 0, first, 0);
	return r < 0 ? r : add_children(&b, ROOT_NEXT, first, w->size, 0);
}

static int parse_line(const char *line, size_t len, uint32_t id, struct token *ret)
{
	bool next = len > 2 && line[0] == '#' && line[1] == '#';

	if (len == 0 || len > WORDPIECE_TOKEN_MAX)
		return -EBADMSG;
	*ret = (struct token){
		.text = line + 2 * next, .len = (uint16_t)(len - 2 * next), .next = next, .id = id
	};
	return 0;
}

static int parse(struct wordpiece *w, const char *text, size_t len, struct token *tokens)
{
	for (const char *end; len > 0; len -= (size_t)(end + 1 - text), text = end + 1) {
		int r;

		end = memchr(text, '\n', len);
		if (!end)
			return -EBADMSG;
		r = parse_line(text, (size_t)(end - text), w->size, &tokens[w->size]);
		if (r < 0)
			return r;
		w->size++;
	}
	return w->size ? build(w, tokens) : -EBADMSG;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

int wordpiece_new(const char *text, size_t len, struct wordpiece **ret_w)
{
	_cleanup_free_ struct token *tokens = calloc(count_lines(text, len) + 1, sizeof(*tokens));
	struct wordpiece *w = calloc(1, sizeof(*w));
	int r;

	if (!w || !tokens) {
		free(w);
		return -ENOMEM;
	}
	r = len < UINT32_MAX ? parse(w, text, len, tokens) : -EBADMSG;
	if (r < 0) {
		(void) wordpiece_free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

struct wordpiece *wordpiece_free(struct wordpiece *w)
{
	if (!w)
		return NULL;
	free(w->nodes);
	free(w->ids);
	free(w);
	return NULL;
}

uint32_t wordpiece_size(const struct wordpiece *w)
{
	return w->size;
}

/* The node where the longest token ends that `p` begins with, 0 for none, and where that token ends. */
static uint32_t longest(const struct wordpiece *w, uint32_t node, const uint8_t *p, const uint8_t *end,
			const uint8_t **ret_end)
{
	uint32_t best = 0;

	while (p < end) {
		uint32_t child = w->nodes[node].base + *p++;

		if (w->nodes[child].parent != node)
			break;
		node = child;
		if (w->nodes[node].token) {
			best = node;
			*ret_end = p;
		}
	}
	return best;
}

size_t wordpiece_cut(const struct wordpiece *w, const uint8_t *word, size_t len, uint32_t *ret_ids)
{
	const uint8_t *end = word + len;
	uint32_t root = ROOT_FIRST;
	size_t n = 0;

	while (word < end) {
		uint32_t node = longest(w, root, word, end, &word);

		if (!node)
			return 0;
		ret_ids[n++] = w->ids[node];
		root = ROOT_NEXT;
	}
	return n;
}
