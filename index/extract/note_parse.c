/* SPDX-License-Identifier: MIT */
/* md4c does not say where its pieces lie, but they point into its input. What no piece covers is markup.
 *
 * Footnotes, which md4c does not know, would be taken for definitions of links ("[^1]: x"), and their further
 * paragraphs, indented by four, for code; and a table's cells end at the "|" of "[[note|alias]]". Therefore
 * it reads a copy in which footnotes begin as items of a list ("-   ]: x") and wiki links have no "|". */
#include <errno.h>
#include <md4c.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "index/extract/entities.h"
#include "index/extract/note.h"

#define REFERENCES_MAX (1u << 20)

struct parse {
	struct note *note; /* borrowed */
	const char *copy;  /* borrowed: what md4c reads, as long as note->text */
	size_t covered;    /* end of the last piece */
	size_t pending;    /* references from this one on wait for a piece that says where they are */
	bool block_due;
	const char *own_url; /* target of the link we are in, to see whether it is its label too */
	int error;
};

void note_done(struct note *n)
{
	free(n->classes);
	free(n->references);
	buf_done(&n->targets);
	*n = (struct note){ 0 };
}

/* The length of "[^label]:" at the beginning of `line`, after quote marks; 0 when there is none. */
static size_t footnote_label(struct span line, char **ret_at)
{
	const char *at = line.at, *close;

	while (at < line.end && (*at == '>' || *at == ' '))
		at++;
	if (line.end - at < 5 || at[0] != '[' || at[1] != '^')
		return 0;
	close = span_find((struct span){ at, line.end }, ']');
	if (line.end - close < 2 || close[1] != ':' || close - at < 3)
		return 0;
	*ret_at = (char *)at;
	return (size_t)(close + 2 - at);
}

static void mask_footnote(struct span line)
{
	char *at;
	size_t label = footnote_label(line, &at);

	if (label == 0)
		return;
	memcpy(at, "-   ", 4);
	memset(at + 4, 'x', label - 4);
}

static void mask_pipes(struct span line)
{
	char *open = NULL;

	for (char *at = (char *)line.at; at + 1 < line.end; at++) {
		if (at[0] == '[' && at[1] == '[')
			open = at;
		if (!open || at[0] != ']' || at[1] != ']')
			continue;
		for (; open < at; open++)
			if (*open == '|')
				*open = 'x';
		open = NULL;
	}
}

static void mask(char *copy, size_t len)
{
	struct span rest = { copy, copy + len };

	while (rest.at < rest.end) {
		struct span line = span_line(&rest);

		mask_footnote(line);
		mask_pipes(line);
	}
}

static int resolve_pending(struct parse *p, size_t at)
{
	for (; p->pending < p->note->n_references; p->pending++)
		p->note->references[p->pending].at = at;
	return 0;
}

static int grow_references(struct note *n)
{
	struct note_reference *grown;

	if (n->n_references & (n->n_references - 1)) /* doubles at powers of two */
		return 0;
	grown = reallocarray(n->references, MAX(16ul, n->n_references * 2), sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	n->references = grown;
	return 0;
}

static int add_target(struct buf *targets, const MD_ATTRIBUTE *a)
{
	char plain[ENTITY_BYTES];
	int r = 0;

	for (unsigned i = 0; a->size && a->substr_offsets[i] < a->size && r >= 0; i++) {
		const char *at = a->text + a->substr_offsets[i];
		size_t len = a->substr_offsets[i + 1] - a->substr_offsets[i],
		       n = a->substr_types[i] == MD_TEXT_ENTITY ? entity_decode(at, len, plain) : 0;

		r = n ? buf_add(targets, plain, n) : buf_add(targets, at, len);
	}
	return r;
}

static int add_reference(struct parse *p, const MD_ATTRIBUTE *target, bool embeds)
{
	struct note *n = p->note;
	size_t start = n->targets.len;
	int r = grow_references(n);

	if (r >= 0)
		r = add_target(&n->targets, target);
	if (r < 0)
		return r;
	n->references[n->n_references++] = (struct note_reference){ .target = start,
								    .target_len = n->targets.len - start,
								    .embeds = embeds };
	return 0;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *data)
{
	struct parse *p = data;
	const MD_ATTRIBUTE *target;

	if (type != MD_SPAN_A && type != MD_SPAN_IMG)
		return 0;
	target = type == MD_SPAN_A ? &((MD_SPAN_A_DETAIL *)detail)->href
				   : &((MD_SPAN_IMG_DETAIL *)detail)->src;
	p->note->cut = p->note->n_references == REFERENCES_MAX;
	if (!p->note->cut)
		p->error = add_reference(p, target, type == MD_SPAN_IMG);
	p->own_url = target->text;
	return p->error < 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *data)
{
	struct parse *p = data;

	if (type == MD_SPAN_A || type == MD_SPAN_IMG)
		p->own_url = NULL;
	return resolve_pending(p, p->covered);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *data)
{
	struct parse *p = data;

	p->block_due |= type != MD_BLOCK_TD && type != MD_BLOCK_TH;
	return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *data)
{
	return 0;
}

static enum note_class class_of(const struct parse *p, MD_TEXTTYPE type, const char *text)
{
	if (type == MD_TEXT_CODE || (p->own_url && p->own_url == text))
		return NOTE_CODE;
	return type == MD_TEXT_HTML ? NOTE_HTML : NOTE_WORDS;
}

static int add_piece(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len, void *data)
{
	struct parse *p = data;
	struct note *n = p->note;
	size_t at;

	if (text < p->copy || text >= p->copy + n->len || len == 0)
		return 0; /* of md4c's own: a blank, a line end */
	at = (size_t)(text - p->copy);
	memset(n->classes + at, class_of(p, type, text), MIN((size_t)len, n->len - at));
	if (p->block_due)
		n->classes[at] |= NOTE_BLOCK;
	p->block_due = false;
	p->covered = at + len;
	return resolve_pending(p, at);
}

static int parse(struct note *n, const char *copy)
{
	static const MD_PARSER parser = {
		.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |
			 MD_FLAG_PERMISSIVEURLAUTOLINKS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = add_piece,
	};
	struct parse p = { .note = n, .copy = copy };

	return md_parse(copy, (MD_SIZE)n->len, &parser, &p) == 0 ? 0 : -ENOMEM;
}

int note_parse(const char *text, size_t len, struct note *ret_note)
{
	_cleanup_(note_done) struct note n = { .text = text, .len = len, .classes = calloc(1, len + 1) };
	_cleanup_free_ char *copy = malloc(len + 1);
	int r;

	if (!copy || !n.classes)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	mask(copy, len);
	r = parse(&n, copy);
	if (r < 0)
		return r;
	*ret_note = n;
	n = (struct note){ 0 };
	return 0;
}
