/* SPDX-License-Identifier: MIT */
#include "daemon/usage.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define ELEMENTS_MAX 32u

struct span {
	const char *text;
	size_t len;
};

struct element {
	struct span names; /* with | between them */
	struct span value; /* of an option that takes one */
	bool several, used;
};

/* Options and others of one form, in their order. */
struct form {
	struct element options[ELEMENTS_MAX], others[ELEMENTS_MAX];
	size_t n_options, n_others;
};

/* ---- reading a form */

static bool is_word(char c)
{
	return c && !strchr(" []\n", c);
}

static struct span next_word(const char *at, const char *end)
{
	struct span s = { at, 0 };

	while (at + s.len < end && is_word(at[s.len]))
		s.len++;
	return s;
}

static bool is_named(const struct span *names, const char *word, size_t len)
{
	for (const char *at = names->text, *end = at + names->len; at <= end;) {
		const char *bar = memchr(at, '|', (size_t)(end - at));
		size_t n = (size_t)((bar ? bar : end) - at);

		if (n == len && memcmp(at, word, len) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

static bool take_dots(struct span *word)
{
	if (word->len < 2 || memcmp(word->text + word->len - 2, "..", 2) != 0)
		return false;
	word->len -= 2;
	return true;
}

/* Returns where to go on. */
static const char *read_option(struct form *f, struct span word, const char *end)
{
	struct element *e = &f->options[f->n_options++];
	const char *at = word.text + word.len;
	struct span value = next_word(at + (*at == ' '), end);

	*e = (struct element){ .names = word };
	if (*at != ' ' || !value.len || strchr("-|", *value.text))
		return at;
	e->value = value;
	return value.text + value.len;
}

/* Dots by themselves belong to the brackets before them. */
static void read_dots(struct form *f, const char *at, const char *begin)
{
	while (at > begin && at[-1] != '[')
		at--;
	if (*at == '-' && f->n_options)
		f->options[f->n_options - 1].several = true;
	else if (f->n_others)
		f->others[f->n_others - 1].several = true;
}

static void read_form(struct form *f, const char *begin, const char *end)
{
	*f = (struct form){ 0 };
	for (const char *at = begin; at < end && f->n_options < ELEMENTS_MAX && f->n_others < ELEMENTS_MAX;) {
		struct span word = next_word(at, end);
		bool several = take_dots(&word);

		at = word.text + word.len + 2 * several;
		if (several && !word.len)
			read_dots(f, word.text, begin);
		else if (word.len && *word.text == '-')
			at = read_option(f, word, end);
		else if (word.len && *word.text != '|')
			f->others[f->n_others++] = (struct element){ .names = word, .several = several };
		else if (!word.len)
			at++;
	}
}

/* ---- what was typed */

static bool is_typed_as_it_is(const struct element *e)
{
	return islower((unsigned char)*e->names.text);
}

static struct element *find_option(struct form *f, const char *word)
{
	for (size_t i = 0; i < f->n_options; i++)
		if (is_named(&f->options[i].names, word, strcspn(word, "=")))
			return &f->options[i];
	return NULL;
}

/* Where a command line has come to. */
struct place {
	size_t other;                 /* of f->others; n_others: nothing is wanted any more */
	const struct element *option; /* whose value comes next */
	bool options_end;
};

static void step_option(struct form *f, struct place *p, const char *word)
{
	struct element *e = find_option(f, word);

	p->options_end = strcmp(word, "--") == 0;
	if (!e)
		return;
	e->used = true;
	if (e->value.len && !strchr(word, '='))
		p->option = e;
}

/* False: the form is not this one. */
static bool step(struct form *f, struct place *p, const char *word)
{
	struct element *e = &f->others[p->other];

	if (p->option) {
		p->option = NULL;
		return true;
	}
	if (!p->options_end && word[0] == '-' && word[1]) {
		step_option(f, p, word);
		return true;
	}
	if (p->other == f->n_others || (is_typed_as_it_is(e) && !is_named(&e->names, word, strlen(word))))
		return false;
	e->used = true;
	p->other += !e->several;
	return true;
}

/* ---- what may follow */

struct caller {
	int (*each)(void *context, enum usage_kind kind, const char *text, size_t len);
	void *context;
};

/* Names with | between them, each by itself. */
static int call_each(const struct caller *c, enum usage_kind kind, struct span names)
{
	int r = 0;

	for (const char *at = names.text, *end = at + names.len; at < end && r == 0;) {
		const char *bar = memchr(at, '|', (size_t)(end - at));
		size_t n = (size_t)((bar ? bar : end) - at);

		r = c->each(c->context, kind, at, n);
		at += n + 1;
	}
	return r;
}

static int call_wanted(const struct caller *c, struct span names)
{
	return call_each(c, islower((unsigned char)*names.text) ? USAGE_WORD : USAGE_VALUE, names);
}

/* A form that begins with a word as it is has its options after that; and the words of a question may begin
 * with a dash. */
static bool takes_options(const struct form *f, const struct place *p)
{
	const struct element *e = &f->others[p->other];

	if (p->options_end || (f->n_others && is_typed_as_it_is(&f->others[0]) && !f->others[0].used))
		return false;
	return !(p->other < f->n_others && e->used && is_named(&e->names, "QUERY", 5));
}

static int call_all(struct form *f, const struct place *p, const struct caller *c)
{
	int r = 0;

	if (p->option)
		return call_wanted(c, p->option->value);
	for (size_t i = p->other; i < f->n_others && r == 0; i++) {
		r = call_wanted(c, f->others[i].names);
		if (!f->others[i].used)
			break;
	}
	for (size_t i = 0; takes_options(f, p) && i < f->n_options && r == 0; i++)
		if (!f->options[i].used || f->options[i].several)
			r = call_each(c, USAGE_OPTION, f->options[i].names);
	return r;
}

/* A form that begins with a word as it is goes before those that begin with anything. */
static bool is_called_by_name(const struct form *f)
{
	return f->n_others && is_typed_as_it_is(&f->others[0]) && f->others[0].used;
}

static const char *form_end(const char *at)
{
	for (int depth = 0; *at; at++) {
		depth += (*at == '[') - (*at == ']');
		if (depth == 0 && strncmp(at, " | ", 3) == 0)
			break;
	}
	return at;
}

static int call_forms(const char *usage, char *const words[], size_t n_words, bool by_name, bool *ret_any,
		      const struct caller *c)
{
	int r = 0;

	for (const char *at = usage, *end; *at && r == 0; at = *end ? end + 3 : end) {
		struct place p = { 0 };
		struct form f;
		size_t i = 0;

		end = form_end(at);
		read_form(&f, at, end);
		while (i < n_words && step(&f, &p, words[i]))
			i++;
		if (i < n_words || (by_name && !is_called_by_name(&f)))
			continue;
		*ret_any = true;
		r = call_all(&f, &p, c);
	}
	return r;
}

int usage_foreach_next(const char *usage, char *const words[], size_t n_words,
		       int (*each)(void *context, enum usage_kind kind, const char *text, size_t len),
		       void *context)
{
	const struct caller c = { each, context };
	bool any = false;
	int r = call_forms(usage, words, n_words, true, &any, &c);

	return any || r != 0 ? r : call_forms(usage, words, n_words, false, &any, &c);
}
