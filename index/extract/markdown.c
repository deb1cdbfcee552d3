/* SPDX-License-Identifier: MIT */
/* Markdown to its words, by md4c: markup goes, the text of links, code and tables stays. md4c's pieces lie in
 * the source, which gives line numbers. */
#include <errno.h>
#include <md4c.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "index/extract/decode.h"
#include "index/extract/entities.h"
#include "index/extract/formats.h"
#include "index/extract/frontmatter.h"
#include "index/extract/note.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"

#define MARK_EVERY 200 /* bytes, as in plain text */

struct walk {
	struct sink sink;
	const char *source, *end; /* borrowed */
	const char *counted;      /* lines up to here are in `line` */
	uint32_t line;
	size_t marked;    /* bytes of text at the last mark */
	bool mark_due;    /* a block has begun */
	unsigned heading; /* level of the one we are in, 0 for none */
	struct buf title; /* owned: of the first heading */
	bool titled;
	int error;
};

static int enter_block(MD_BLOCKTYPE type, void *detail, void *data)
{
	struct walk *w = data;

	if (type == MD_BLOCK_TD || type == MD_BLOCK_TH)
		sink_space(&w->sink);
	else if (type == MD_BLOCK_P || type == MD_BLOCK_H || type == MD_BLOCK_CODE || type == MD_BLOCK_TABLE)
		sink_break(&w->sink, 2);
	else
		sink_break(&w->sink, 1);
	if (type == MD_BLOCK_H)
		w->heading = ((MD_BLOCK_H_DETAIL *)detail)->level;
	w->mark_due = type != MD_BLOCK_TD && type != MD_BLOCK_TH;
	return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *data)
{
	struct walk *w = data;

	if (type == MD_BLOCK_H) {
		w->titled |= w->title.len > 0;
		w->heading = 0;
	}
	if (type != MD_BLOCK_TD && type != MD_BLOCK_TH)
		sink_break(&w->sink, 1);
	return 0;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *data)
{
	return 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *data)
{
	return 0;
}

/* The line of a piece of the source; pieces that md4c made up have the line of those before. */
static int mark_line(struct walk *w, const char *at)
{
	int r;

	if (at >= w->source && at < w->end)
		for (; w->counted < at; w->counted++)
			w->line += *w->counted == '\n';
	if (!w->mark_due)
		return 0;
	w->mark_due = false;
	r = sink_settle(&w->sink);
	w->marked = w->sink.d->text.len;
	return r < 0 ? r : document_mark(w->sink.d, 'l', w->line);
}

static int add_words(struct walk *w, const char *text, size_t len)
{
	int r = mark_line(w, text);

	if (r >= 0 && w->heading && !w->titled)
		r = buf_add(&w->title, text, len);
	return r < 0 ? r : sink_flow(&w->sink, text, len);
}

static int add_entity(struct walk *w, const char *text, size_t len)
{
	char plain[ENTITY_BYTES];
	size_t n = entity_decode(text, len, plain);

	return n ? add_words(w, plain, n) : add_words(w, text, len);
}

/* A line of the source ends: long blocks have marks within them too. */
static void end_line(struct walk *w)
{
	w->mark_due |= w->sink.d->text.len - w->marked >= MARK_EVERY;
}

/* Code keeps its lines. */
static int add_code(struct walk *w, const char *text, size_t len)
{
	int r = mark_line(w, text);

	if (r >= 0)
		r = sink_settle(&w->sink);
	if (len && text[len - 1] == '\n')
		end_line(w);
	return r < 0 ? r : sink_raw(&w->sink, text, len);
}

static int add_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE len, void *data)
{
	struct walk *w = data;

	switch (type) {
	case MD_TEXT_NULLCHAR:
	case MD_TEXT_HTML:
		sink_space(&w->sink);
		break;
	case MD_TEXT_BR:
	case MD_TEXT_SOFTBR:
		sink_break(&w->sink, 1);
		end_line(w);
		break;
	case MD_TEXT_ENTITY:
		w->error = add_entity(w, text, len);
		break;
	case MD_TEXT_CODE:
		w->error = add_code(w, text, len);
		break;
	default:
		w->error = add_words(w, text, len);
	}
	return w->error < 0 || w->sink.full;
}

static int parse(struct walk *w, const char *text, size_t len)
{
	static const MD_PARSER parser = {
		.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS | MD_FLAG_WIKILINKS |
			 MD_FLAG_PERMISSIVEAUTOLINKS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = add_text,
	};
	int r = md_parse(text, (MD_SIZE)len, &parser, w);

	if (w->error < 0)
		return w->error;
	return r < 0 ? -ENOMEM : 0; /* md4c has no other failure */
}

/* Tags and links, and those of front matter, which is *ret_head bytes long. Their memory is free again before
 * the text is read, which is worth more than they. */
static int find_links(const struct buf *text, struct document *d, size_t *ret_head)
{
	struct found f = { .d = d };
	int r = frontmatter_read((char *)text->data, text->len, &f, ret_head);

	if (r >= 0)
		r = note_find((char *)text->data + *ret_head, text->len - *ret_head, &f);
	if (r == -ENOMEM)
		document_say(d, EXTRACT_PARTIAL, "links");
	found_done(&f);
	return r == -ENOMEM ? 0 : r;
}

static int walk_markdown(struct walk *w, const struct buf *text)
{
	struct document *d = w->sink.d;
	size_t head;
	int r = find_links(text, d, &head);

	if (r < 0)
		return r;
	w->source = w->counted = (char *)text->data;
	w->end = w->source + text->len;
	r = parse(w, w->source + head, text->len - head);
	if (!d->title[0])
		document_set(d->title, sizeof(d->title), (char *)w->title.data, w->title.len);
	return r;
}

int format_markdown(const struct input *in, struct document *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct walk w = { .sink = { .d = d }, .line = 1 };
	int r;

	if (decode_is_binary(in->data, in->len)) {
		document_is_binary(d);
		return 0;
	}
	r = decode_text(in->data, in->len, NULL, RESULT_TEXT_MAX + 1, &text);
	if (r >= 0 && text.len)
		r = walk_markdown(&w, &text);
	buf_done(&w.title);
	return r;
}
