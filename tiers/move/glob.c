/* SPDX-License-Identifier: MIT */
#include "tiers/move/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum token_kind { BYTE, ANY, SET, STAR, GLOBSTAR, FOLDERS };

struct token {
	uint8_t kind, byte;
	uint64_t set[4]; /* a bit for each byte */
};

struct glob {
	unsigned n;
	struct token tokens[];
};

/* State i: the tokens before i have matched. */
struct states {
	uint64_t bits[(GLOB_TOKENS_MAX + 64) / 64];
};

/* ---- reading a pattern */

static void set_add(struct token *t, unsigned byte)
{
	t->set[byte / 64] |= 1ull << (byte % 64);
}

static bool set_has(const struct token *t, uint8_t byte)
{
	return t->set[byte / 64] >> (byte % 64) & 1;
}

static int set_byte(struct reader *in, uint8_t *ret_byte)
{
	uint8_t byte = reader_u8(in);

	*ret_byte = byte == '\\' ? reader_u8(in) : byte;
	return in->bad ? -EINVAL : 0;
}

/* After the bracket; up to its end, which may be the first member. */
static int read_set(struct reader *in, struct token *t)
{
	bool negated = reader_left(in) > 0 && (*in->at == '!' || *in->at == '^');
	uint8_t low, high;

	*t = (struct token){ .kind = SET };
	in->at += negated;
	for (bool first = true; first || reader_left(in) == 0 || *in->at != ']'; first = false) {
		if (set_byte(in, &low) < 0)
			return -EINVAL;
		high = low;
		if (reader_left(in) > 1 && in->at[0] == '-' && in->at[1] != ']') {
			in->at++;
			if (set_byte(in, &high) < 0 || high < low)
				return -EINVAL;
		}
		for (unsigned b = low; b <= high; b++)
			set_add(t, b);
	}
	in->at++;
	for (size_t i = 0; negated && i < ARRAY_SIZE(t->set); i++)
		t->set[i] = ~t->set[i];
	t->set['/' / 64] &= ~(1ull << ('/' % 64));
	return 0;
}

static bool begins_component(const struct glob *g)
{
	const struct token *last = g->n ? &g->tokens[g->n - 1] : NULL;

	return !last || last->kind == FOLDERS || (last->kind == BYTE && last->byte == '/');
}

/* After the first asterisk. */
static void read_star(struct reader *in, const struct glob *g, struct token *t)
{
	*t = (struct token){ .kind = STAR };
	for (; reader_left(in) > 0 && *in->at == '*'; in->at++)
		t->kind = GLOBSTAR;
	if (t->kind == GLOBSTAR && reader_left(in) > 0 && *in->at == '/' && begins_component(g)) {
		t->kind = FOLDERS;
		in->at++;
	}
}

static int read_token(struct reader *in, const struct glob *g, struct token *t)
{
	*t = (struct token){ .kind = BYTE, .byte = reader_u8(in) };
	switch (t->byte) {
	case '\\':
		t->byte = reader_u8(in);
		return in->bad ? -EINVAL : 0;
	case '?':
		t->kind = ANY;
		return 0;
	case '[':
		return read_set(in, t);
	case '*':
		read_star(in, g, t);
		return 0;
	default:
		return 0;
	}
}

/* Makes of a pattern of paths one that has the whole path before it. */
static int complete_path(const char *text, size_t len, struct buf *ret_whole)
{
	bool rooted = len > 0 && text[0] == '/';
	bool anchored = rooted || (len > 1 && memchr(text, '/', len - 1));
	int r = anchored ? 0 : buf_add_str(ret_whole, "**/");

	text += rooted;
	len -= rooted;
	if (r >= 0)
		r = buf_add(ret_whole, text, len);
	if (r >= 0 && len > 0 && text[len - 1] == '/')
		r = buf_add_str(ret_whole, "**");
	return r < 0 ? r : len > 0 ? 0 : -EINVAL;
}

int glob_new(const char *text, size_t len, enum glob_kind kind, struct glob **ret_g)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;
	struct reader in;
	struct glob *g;
	int r = kind == GLOB_PATH ? complete_path(text, len, &whole) : buf_add(&whole, text, len);

	if (r < 0 || whole.len == 0)
		return r < 0 ? r : -EINVAL;
	g = calloc(1, sizeof(*g) + MIN(whole.len, (size_t)GLOB_TOKENS_MAX) * sizeof(g->tokens[0]));
	if (!g)
		return -ENOMEM;
	in = reader_over(whole.data, whole.len);
	for (r = 0; r == 0 && reader_left(&in) > 0; g->n += r == 0)
		r = g->n == GLOB_TOKENS_MAX ? -E2BIG : read_token(&in, g, &g->tokens[g->n]);
	if (r < 0) {
		free(g);
		return r;
	}
	*ret_g = g;
	return 0;
}

struct glob *glob_free(struct glob *g)
{
	free(g);
	return NULL;
}

/* ---- matching */

/* State i, and those that follow without a byte. `begins`: a component begins here. */
static void enter(const struct glob *g, struct states *s, unsigned i, bool begins, uint64_t *steps)
{
	for (; !(s->bits[i / 64] >> (i % 64) & 1); i++) {
		++*steps;
		s->bits[i / 64] |= 1ull << (i % 64);
		if (i == g->n || g->tokens[i].kind < STAR || (g->tokens[i].kind == FOLDERS && !begins))
			return;
	}
}

static bool takes(const struct token *t, uint8_t byte)
{
	switch (t->kind) {
	case BYTE:
		return byte == t->byte;
	case SET:
		return set_has(t, byte);
	case ANY:
	case STAR:
		return byte != '/';
	default:
		return true;
	}
}

/* All states after `byte`. False: there is none. */
static bool step(const struct glob *g, struct states *s, uint8_t byte, uint64_t *steps)
{
	struct states next = { 0 };
	uint64_t any = 0;

	for (size_t w = 0; w <= g->n / 64; w++) {
		for (uint64_t left = s->bits[w]; left; left &= left - 1) {
			unsigned i = (unsigned)(w * 64) + (unsigned)__builtin_ctzll(left);

			++*steps;
			if (i < g->n && takes(&g->tokens[i], byte))
				enter(g, &next, g->tokens[i].kind < STAR ? i + 1 : i, byte == '/', steps);
		}
	}
	*s = next;
	for (size_t w = 0; w <= g->n / 64; w++)
		any |= next.bits[w];
	return any != 0;
}

/* Plain bytes at the end of the pattern, against those of the text: most paths are not of the kind asked for. */
static bool ends_alike(const struct glob *g, const char *text, size_t len)
{
	unsigned i = g->n;

	while (i > 0 && len > 0 && g->tokens[i - 1].kind == BYTE && g->tokens[i - 1].byte == (uint8_t)text[len - 1]) {
		i--;
		len--;
	}
	return i == 0 || g->tokens[i - 1].kind != BYTE;
}

bool glob_matches(const struct glob *g, const char *text, size_t len, uint64_t *steps)
{
	struct states s = { 0 };
	uint64_t none = 0;
	bool alive = ends_alike(g, text, len);

	enter(g, &s, 0, true, steps ? steps : &none);
	for (size_t i = 0; i < len && alive; i++)
		alive = step(g, &s, (uint8_t)text[i], steps ? steps : &none);
	return alive && (s.bits[g->n / 64] >> (g->n % 64) & 1);
}
