/* SPDX-License-Identifier: MIT */
#include "index/extract/found.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "index/extract/result.h"
#include "index/extract/sink.h"

#define TAG_MAX    255 /* bytes; longer ones are none */
#define ROOM_FIRST 64  /* places, a power of two as all later ones */

void found_done(struct found *f)
{
	free(f->seen);
	*f = (struct found){ 0 };
}

static uint64_t *find_place(uint64_t *seen, size_t room, uint64_t fingerprint)
{
	size_t i = fingerprint & (room - 1);

	while (seen[i] && seen[i] != fingerprint)
		i = (i + 1) & (room - 1);
	return &seen[i];
}

static int make_room(struct found *f)
{
	size_t room = f->room ? f->room * 2 : ROOM_FIRST;
	uint64_t *seen;

	if (f->n_seen * 2 < f->room)
		return 0;
	seen = calloc(room, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < f->room; i++)
		if (f->seen[i])
			*find_place(seen, room, f->seen[i]) = f->seen[i];
	free(f->seen);
	f->seen = seen;
	f->room = room;
	return 0;
}

/* 1: it is new, 0: it is there already. */
static int note(struct found *f, char form, const char *verb, const char *target)
{
	uint64_t fingerprint = hash_bytes(verb, strlen(verb), (uint8_t)form), *place;
	int r = make_room(f);

	if (r < 0)
		return r;
	fingerprint = hash_bytes(target, strlen(target), fingerprint);
	fingerprint += fingerprint == 0;
	place = find_place(f->seen, f->room, fingerprint);
	if (*place)
		return 0;
	*place = fingerprint;
	f->n_seen++;
	return 1;
}

int found_tag(struct found *f, struct span tag)
{
	char clean[TAG_MAX + 1];
	int r;

	tag = span_trim(tag);
	while (tag.at < tag.end && *tag.at == '#')
		tag.at++;
	document_set(clean, sizeof(clean), tag.at, span_len(tag));
	if (!clean[0] || span_len(tag) >= sizeof(clean))
		return 0;
	r = note(f, '#', "", clean);
	return r <= 0 ? r : document_field(f->d, "tags", clean, strlen(clean));
}

int found_tags(struct found *f, struct span list, const char *separators)
{
	int r = 0;

	while (list.at < list.end && r >= 0) {
		struct span tag = { list.at, list.at };

		while (tag.end < list.end && (!*tag.end || !strchr(separators, *tag.end)))
			tag.end++;
		r = found_tag(f, tag);
		list.at = tag.end < list.end ? tag.end + 1 : list.end;
	}
	return r;
}

int found_field(struct found *f, const char *name, struct span value)
{
	char clean[1024];
	int r;

	document_set(clean, sizeof(clean), value.at, span_len(value));
	r = clean[0] ? note(f, '=', name, clean) : 0;
	return r <= 0 ? r : document_field(f->d, name, clean, strlen(clean));
}

static int add_link(struct found *f, char form, const char *verb, const char *target)
{
	struct buf *links = &f->d->links;
	size_t len = 1 + strlen(verb) + 1 + strlen(target) + 1;
	int r;

	if (links->len + len > RESULT_LINKS_MAX) {
		document_say(f->d, EXTRACT_PARTIAL, "links");
		return 0;
	}
	r = buf_reserve(links, len);
	if (r < 0)
		return r;
	(void)buf_add_u8(links, (uint8_t)form);
	(void) buf_add(links, verb, strlen(verb) + 1);
	return buf_add(links, target, strlen(target) + 1);
}

/* Copies what fits; what does not becomes too long to be taken. */
static void copy(char *to, size_t size, struct span from)
{
	size_t n = MIN(span_len(from), size - 1);

	if (n > 0)
		memcpy(to, from.at, n);
	to[n] = '\0';
}

int found_link(struct found *f, enum link_form form, struct span verb, struct span target)
{
	char a_verb[LINK_VERB_MAX + 2], a_target[LINK_TARGET_MAX + 2];
	int r;

	copy(a_verb, sizeof(a_verb), verb);
	for (char *c = a_verb; *c; c++)
		if (*c == ' ')
			*c = '-';
	copy(a_target, sizeof(a_target), target);
	if (!result_is_link((char)form, a_verb, "x") || memchr(verb.at, '\0', span_len(verb)))
		strcpy(a_verb, "links");
	if (!result_is_link((char)form, a_verb, a_target) || memchr(target.at, '\0', span_len(target)))
		return 0;
	r = note(f, (char)form, a_verb, a_target);
	return r <= 0 ? r : add_link(f, (char)form, a_verb, a_target);
}

static bool has_scheme(struct span url)
{
	const char *at = url.at;

	if (at == url.end || !isalpha((unsigned char)*at))
		return false;
	while (at < url.end && (isalnum((unsigned char)*at) || *at == '+' || *at == '-' || *at == '.'))
		at++;
	return at < url.end && *at == ':' && (at + 1 == url.end || !span_is_space(at[1]));
}

int found_wiki(struct found *f, struct span verb, struct span inside)
{
	struct span target = inside;

	target.end = span_find(target, '|');
	if (target.end < inside.end && target.end > target.at && target.end[-1] == '\\') /* within a table */
		target.end--;
	target.end = span_find(target, '#');
	target.end = span_find(target, '^');
	target = span_trim(target);
	if (memmem(target.at, span_len(target), "://", 3))
		return 0;
	return found_link(f, LINK_WIKI, verb, target);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef",
		   *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return found ? (int)(found - digits) : -1;
}

int found_decode(struct span from, struct buf *out)
{
	int r = 0;

	while (from.at < from.end && r >= 0) {
		int high = *from.at == '%' && span_len(from) > 2 ? hex_digit(from.at[1]) : -1,
		    low = high >= 0 ? hex_digit(from.at[2]) : -1;

		r = buf_add_u8(out, low >= 0 ? (uint8_t)(high << 4 | low) : (uint8_t)*from.at);
		from.at += low >= 0 ? 3 : 1;
	}
	return r;
}

int found_url(struct found *f, struct span verb, struct span url)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r;

	url = span_trim(url);
	if (has_scheme(url) || (span_len(url) >= 2 && memcmp(url.at, "//", 2) == 0))
		return 0;
	url.end = span_find(url, '#');
	url.end = span_find(url, '?');
	if (span_len(url) == 0 || span_len(url) > 3 * LINK_TARGET_MAX)
		return 0;
	r = found_decode(url, &path);
	if (r < 0)
		return r;
	return found_link(f, LINK_PATH, verb,
			  (struct span){ (char *)path.data, (char *)path.data + path.len });
}
