/* SPDX-License-Identifier: MIT */
/* Walks the bytes of a note once. What hides its content (comments, math) is jumped over; the end of each is
 * looked for within bounds that keep the walk linear. */
#include <errno.h>

#include "base/cleanup.h"
#include "index/extract/html_links.h"
#include "index/extract/note.h"
#include "index/extract/note_tag.h"
#include "index/extract/sink.h"

#define WIKI_MAX 4096 /* bytes of "[[..]]" */

struct finder {
	const struct note *note; /* borrowed */
	struct found *found;     /* borrowed */
	size_t at, block_end;    /* block_end: where the paragraph, row .. ends in which we are */
	size_t next_reference;
	size_t math_close;                                   /* no formula ends between here and f->at */
	size_t tag_end;                                      /* of the last tag: another may follow at once */
	bool line_begun;                                     /* a word of this line was seen */
	struct span verb;                                    /* of the field whose value we are in */
	size_t verb_until;                                   /* 0: in none */
	bool no_html_close, no_comment_close, no_math_close; /* there is none in the rest of the note */
	struct buf html;                                     /* owned: all of it, piece by piece */
};

static char text_at(const struct finder *f, size_t at)
{
	return at < f->note->len ? f->note->text[at] : '\0';
}

static enum note_class class_at(const struct finder *f, size_t at)
{
	return f->note->classes[at] & ~NOTE_BLOCK;
}

static bool is_escaped(const struct finder *f, size_t at)
{
	return at > 0 && f->note->text[at - 1] == '\\' && class_at(f, at - 1) == NOTE_MARKUP;
}

/* Behind the next `mark` in [from, until); 0 when there is none. */
static size_t behind(const struct finder *f, size_t from, size_t until, const char *mark)
{
	const char *found =
		from < until ? memmem(f->note->text + from, until - from, mark, strlen(mark)) : NULL;

	return found ? (size_t)(found - f->note->text) + strlen(mark) : 0;
}

static size_t line_end(const struct finder *f, size_t at)
{
	struct span rest = { f->note->text + at, f->note->text + f->note->len };

	return (size_t)(span_find(rest, '\n') - f->note->text);
}

/* What begins its line reaches to the next `mark` anywhere, else within the paragraph. *none: a search to the
 * end of the note was in vain, and needs no repetition. */
static size_t skip_pair(struct finder *f, const char *mark, bool *none)
{
	size_t from = f->at + strlen(mark), end;

	if (f->line_begun)
		return behind(f, from, f->block_end, mark);
	end = *none ? 0 : behind(f, from, f->note->len, mark);
	*none |= end == 0;
	return end;
}

/* May a formula end with the dollar at `at`? As Pandoc has it: no blank before it, no digit behind it. */
static bool closes_math(const struct finder *f, size_t at)
{
	char next = text_at(f, at + 1);

	return f->note->text[at] == '$' && class_at(f, at) == NOTE_WORDS && !is_escaped(f, at) &&
	       !span_is_space(f->note->text[at - 1]) && !(next >= '0' && next <= '9');
}

static size_t skip_math(struct finder *f)
{
	if (span_is_space(text_at(f, f->at + 1)))
		return 0;
	f->math_close = MAX(f->math_close, f->at + 2);
	while (f->math_close < f->block_end && !closes_math(f, f->math_close))
		f->math_close++;
	return f->math_close < f->block_end ? f->math_close + 1 : 0;
}

/* The end of a comment or formula that begins here, or 0. */
static size_t skip_hidden(struct finder *f)
{
	char c = text_at(f, f->at), next = text_at(f, f->at + 1);
	size_t end;

	if (is_escaped(f, f->at))
		return 0;
	if (c == '%' && next == '%')
		return skip_pair(f, "%%", &f->no_comment_close);
	if (c == '$')
		return next == '$' ? skip_pair(f, "$$", &f->no_math_close) : skip_math(f);
	if (c != '<' || f->no_html_close || f->note->len - f->at < 4 ||
	    memcmp(f->note->text + f->at, "<!--", 4) != 0)
		return 0;
	end = behind(f, f->at + 4, f->note->len, "-->");
	f->no_html_close = end == 0;
	return end;
}

/* Those of CommonMark within what has another meaning. */
static void drop_references(struct finder *f, size_t until)
{
	while (f->next_reference < f->note->n_references && f->note->references[f->next_reference].at < until)
		f->next_reference++;
}

static struct span verb_here(const struct finder *f, bool embeds)
{
	if (f->verb_until > f->at)
		return f->verb;
	return span_of(embeds ? "embeds" : "links");
}

/* Where a wiki link that begins here has its "]]"; 0 when it is none. "[[a [b]]]" is one to "a [b]". */
static size_t wiki_end(const struct finder *f)
{
	const char *text = f->note->text;
	size_t until = MIN(f->note->len, f->at + WIKI_MAX), open = 0;

	if (text_at(f, f->at + 1) != '[' || is_escaped(f, f->at))
		return 0;
	for (size_t i = f->at + 2; i < until && text[i] != '\n'; i++) {
		if (class_at(f, i) == NOTE_CODE || (text[i] == '[' && text[i - 1] == '['))
			return 0;
		if (text[i] == ']' && text_at(f, i + 1) == ']')
			return i + (open > 0 && text_at(f, i + 2) == ']');
		open += text[i] == '[';
		open -= text[i] == ']' && open > 0;
	}
	return 0;
}

/* The length of the wiki link here in *ret_len, 0 without one. */
static int find_wiki(struct finder *f, size_t *ret_len)
{
	const char *text = f->note->text;
	size_t end = wiki_end(f), bang = f->at - 1;
	bool embeds =
		f->at > 0 && text[bang] == '!' && class_at(f, bang) == NOTE_WORDS && !is_escaped(f, bang);

	*ret_len = 0;
	if (end == 0)
		return 0;
	*ret_len = end + 2 - f->at;
	drop_references(f, end + 2);
	return found_wiki(f->found, verb_here(f, embeds), (struct span){ text + f->at + 2, text + end });
}

/* "# Heading { #place }" of Pandoc names a place. */
static bool is_place_name(const struct finder *f, size_t at)
{
	while (at > 0 && f->note->text[at - 1] == ' ')
		at--;
	return at > 0 && at < f->at && f->note->text[at - 1] == '{';
}

/* May a tag begin here: behind white space, behind markup as in "**#tag**" and "|#tag|", or behind a tag? */
static bool is_tag_place(const struct finder *f)
{
	const char *text = f->note->text;
	size_t at = f->at;

	if (at >= 2 && text[at - 1] == '=' && text[at - 2] == '=') /* ==highlighted== */
		at -= 2;
	if (at == 0 || at == f->tag_end || note_tag_follows(text, at))
		return !is_place_name(f, at);
	return text[at - 1] == '|' || (class_at(f, at - 1) == NOTE_MARKUP && strchr("*_~>", text[at - 1]));
}

static int find_tag(struct finder *f, size_t *ret_len)
{
	size_t from = f->at + 1, until = from;
	struct span tag;

	*ret_len = 0;
	while (until < f->block_end && class_at(f, until) == NOTE_WORDS)
		if (note_tag_next(f->note->text, f->note->len, &until) == 0)
			break;
	tag = note_tag((struct span){ f->note->text + from, f->note->text + until });
	if (!is_tag_place(f) || span_len(tag) == 0)
		return 0;
	*ret_len = until - f->at;
	f->tag_end = until;
	return found_tag(f->found, tag);
}

/* "key:: " from `at` on: where its value begins, and the key; 0 when there is none. */
static size_t field_value(const struct finder *f, size_t at, struct span *ret_key)
{
	const char *text = f->note->text;
	struct span key = { text + at, text + at };
	size_t until = MIN(f->note->len, at + LINK_VERB_MAX + 1);

	for (; at < until && (note_is_key(text[at]) || text[at] == ' '); at++)
		if (class_at(f, at) == NOTE_CODE)
			return 0;
	key.end = text + at;
	while (text_at(f, at) == '*' || text_at(f, at) == '_')
		at++;
	if (text_at(f, at) != ':' || text_at(f, at + 1) != ':')
		return 0;
	for (at += 2; text_at(f, at) == '*' || text_at(f, at) == '_'; at++)
		;
	key = span_trim(key);
	if (span_len(key) == 0 || !text_at(f, at) || !strchr(" \t\r\n[!(", text_at(f, at)))
		return 0;
	*ret_key = key;
	return at;
}

/* A field of Dataview: "key:: value" is a line, "(key:: value)" and "[key:: value]" are within one. */
static void find_field(struct finder *f)
{
	char open = text_at(f, f->at), close = open == '(' ? ')' : ']';
	bool within = open == '(' || open == '[';
	size_t depth = 1, until, at;

	if (!within && f->line_begun)
		return;
	at = field_value(f, f->at + within, &f->verb);
	if (at == 0)
		return;
	f->verb_until = until = line_end(f, at);
	for (; within && at < until && depth > 0; at++) {
		depth += (f->note->text[at] == open) - (f->note->text[at] == close);
		f->verb_until = at + 1;
	}
}

/* What the words at f->at are: *ret_len bytes of them are done with. */
static int find_in_words(struct finder *f, size_t *ret_len)
{
	size_t hidden = skip_hidden(f);

	*ret_len = hidden ? hidden - f->at : 0;
	drop_references(f, hidden);
	if (hidden)
		return 0;
	if (f->verb_until <= f->at)
		find_field(f);
	if (text_at(f, f->at) == '[')
		return find_wiki(f, ret_len);
	return text_at(f, f->at) == '#' && !is_escaped(f, f->at) ? find_tag(f, ret_len) : 0;
}

/* Links of CommonMark up to here. */
static int take_references(struct finder *f)
{
	const struct note *n = f->note;
	int r = 0;

	while (f->next_reference < n->n_references && n->references[f->next_reference].at <= f->at &&
	       r >= 0) {
		const struct note_reference *ref = &n->references[f->next_reference++];
		const char *target = (char *)n->targets.data + ref->target;

		if (ref->target_len)
			r = found_url(f->found, verb_here(f, ref->embeds),
				      (struct span){ target, target + ref->target_len });
	}
	return r;
}

/* Pieces of HTML are read together at the end: an element may have several. */
static int keep_html(struct finder *f, size_t *ret_len)
{
	size_t end = f->at;
	int r;

	while (end < f->note->len && class_at(f, end) == NOTE_HTML)
		end++;
	*ret_len = end - f->at;
	r = buf_add(&f->html, f->note->text + f->at, *ret_len);
	return r < 0 ? r : buf_add_u8(&f->html, '\n');
}

static void begin_block(struct finder *f)
{
	size_t end = f->at + 1;

	while (end < f->note->len && !(f->note->classes[end] & NOTE_BLOCK))
		end++;
	f->block_end = end;
}

static int step(struct finder *f)
{
	enum note_class class = class_at(f, f->at);
	size_t len = 0;
	int r = 0;

	if (f->note->classes[f->at] & NOTE_BLOCK)
		begin_block(f);
	if (class == NOTE_WORDS)
		r = find_in_words(f, &len);
	else if (class == NOTE_HTML)
		r = keep_html(f, &len);
	if (r >= 0)
		r = take_references(f);
	f->at += MAX(len, (size_t)1);
	f->line_begun = (f->line_begun || class != NOTE_MARKUP) && f->note->text[f->at - 1] != '\n';
	return r;
}

static int walk(struct finder *f)
{
	int r = 0;

	while (f->at < f->note->len && r >= 0)
		r = step(f);
	if (r >= 0)
		r = take_references(f);
	return r < 0 || f->html.len == 0 ? r : html_links_read((char *)f->html.data, f->html.len, f->found);
}

int note_find(const char *text, size_t len, struct found *found)
{
	_cleanup_(note_done) struct note n = { 0 };
	struct finder f = { .note = &n, .found = found };
	int r = note_parse(text, len, &n);

	f.block_end = n.len;
	if (r >= 0)
		r = walk(&f);
	if (n.cut)
		document_say(found->d, EXTRACT_PARTIAL, "links");
	buf_done(&f.html);
	return r;
}
