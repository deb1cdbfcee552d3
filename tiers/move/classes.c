/* SPDX-License-Identifier: MIT */
#include "tiers/move/classes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/move/glob.h"

/* Globs or numbers, of which one must match; none: all do. */
struct globs {
	size_t n;
	struct glob **items; /* owned */
};

struct numbers {
	size_t n;
	uint32_t *items; /* owned */
};

struct class {
	struct globs paths, types;
	struct numbers owners, groups;
	char *tags; /* owned */
	uint64_t size_min, size_max;
};

struct classes {
	size_t n;
	struct class items[];
};

/* ---- lists */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool list_next(const char **at, const char *end, char separator, struct list_item *ret_item)
{
	while (*at < end) {
		const char *from = *at, *to = memchr(from, separator, (size_t)(end - from));

		to = to ? to : end;
		*at = to < end ? to + 1 : end;
		while (from < to && is_blank(*from))
			from++;
		while (to > from && is_blank(to[-1]))
			to--;
		if (to > from) {
			*ret_item = (struct list_item){ from, (size_t)(to - from) };
			return true;
		}
	}
	return false;
}

static bool list_has(const char *list, size_t len, const struct list_item *wanted)
{
	const char *at = list;
	struct list_item item;

	while (list_next(&at, list + len, ',', &item))
		if (item.len == wanted->len && memcmp(item.text, wanted->text, item.len) == 0)
			return true;
	return false;
}

bool list_meets(const char *a, size_t a_len, const char *b, size_t b_len)
{
	const char *at = a;
	struct list_item item;

	while (a && b && list_next(&at, a + a_len, ',', &item))
		if (list_has(b, b_len, &item))
			return true;
	return false;
}

static size_t count_items(const char *list, char separator)
{
	const char *at = list, *end = list ? list + strlen(list) : NULL;
	struct list_item item;
	size_t n = 0;

	while (list && list_next(&at, end, separator, &item))
		n++;
	return n;
}

static int complain(char **ret_why, const struct list_item *item, const char *what)
{
	if (asprintf(ret_why, "'%.*s' %s", (int)MIN(item->len, (size_t)60), item->text, what) < 0)
		*ret_why = NULL;
	return *ret_why ? -EINVAL : -ENOMEM;
}

/* ---- globs */

static void globs_done(struct globs *g)
{
	for (size_t i = 0; i < g->n; i++)
		(void) glob_free(g->items[i]);
	free(g->items);
	*g = (struct globs){ 0 };
}

static int add_glob(struct globs *g, const struct list_item *item, enum glob_kind kind, char **ret_why)
{
	int r = glob_new(item->text, item->len, kind, &g->items[g->n]);

	if (r == -E2BIG)
		return complain(ret_why, item, "is too long for a pattern");
	if (r == -EINVAL)
		return complain(ret_why, item, "is no pattern: a [set] needs an end and rising ranges, a \\ a sign after it");
	g->n += r == 0;
	return r;
}

static int globs_init(struct globs *g, const char *list, char separator, enum glob_kind kind, char **ret_why)
{
	size_t n = count_items(list, separator);
	const char *at = list, *end = list ? list + strlen(list) : NULL;
	struct list_item item;
	int r = 0;

	*g = (struct globs){ .items = n ? calloc(n, sizeof(struct glob *)) : NULL };
	if (n && !g->items)
		return -ENOMEM;
	while (r == 0 && list && list_next(&at, end, separator, &item))
		r = add_glob(g, &item, kind, ret_why);
	if (r < 0)
		globs_done(g);
	return r;
}

static bool globs_match(const struct globs *g, const char *text, size_t len)
{
	bool matches = g->n == 0;

	for (size_t i = 0; i < g->n && !matches && text; i++)
		matches = glob_matches(g->items[i], text, len, NULL);
	return matches;
}

/* ---- numbers */

static int parse_number(const struct list_item *item, uint32_t *ret_number)
{
	uint64_t n = 0;

	for (size_t i = 0; i < item->len; i++) {
		if (item->text[i] < '0' || item->text[i] > '9')
			return -EINVAL;
		n = 10 * n + (uint64_t)(item->text[i] - '0');
		if (n > UINT32_MAX)
			return -EINVAL;
	}
	*ret_number = (uint32_t)n;
	return 0;
}

static int numbers_init(struct numbers *s, const char *list, char **ret_why)
{
	size_t n = count_items(list, ',');
	const char *at = list, *end = list ? list + strlen(list) : NULL;
	struct list_item item;
	int r = 0;

	*s = (struct numbers){ .items = n ? calloc(n, sizeof(uint32_t)) : NULL };
	if (n && !s->items)
		return -ENOMEM;
	while (r == 0 && list && list_next(&at, end, ',', &item)) {
		r = parse_number(&item, &s->items[s->n++]);
		if (r < 0)
			r = complain(ret_why, &item, "is no number of a user or group, as id(1) prints it");
	}
	if (r < 0) {
		free(s->items);
		*s = (struct numbers){ 0 };
	}
	return r;
}

static bool numbers_match(const struct numbers *s, uint32_t number)
{
	bool matches = s->n == 0;

	for (size_t i = 0; i < s->n && !matches; i++)
		matches = s->items[i] == number;
	return matches;
}

/* ---- classes */

static int class_init(struct class *c, const struct policy_class_config *config, char **ret_why)
{
	int r = globs_init(&c->paths, config->path, '\n', GLOB_PATH, ret_why);

	if (r == 0)
		r = globs_init(&c->types, config->type, ',', GLOB_PLAIN, ret_why);
	if (r == 0)
		r = numbers_init(&c->owners, config->owner, ret_why);
	if (r == 0)
		r = numbers_init(&c->groups, config->group, ret_why);
	if (r == 0 && config->tag && !(c->tags = strdup(config->tag)))
		r = -ENOMEM;
	c->size_min = config->size_min;
	c->size_max = config->size_max ? config->size_max : UINT64_MAX;
	return r;
}

static void class_done(struct class *c)
{
	globs_done(&c->paths);
	globs_done(&c->types);
	free(c->owners.items);
	free(c->groups.items);
	free(c->tags);
}

int classes_new(const struct policy_class_config *configs, size_t n, struct classes **ret_c, char **ret_why)
{
	struct classes *c = calloc(1, sizeof(*c) + n * sizeof(c->items[0]));
	int r = c ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++, c->n++)
		r = class_init(&c->items[i], &configs[i], ret_why);
	if (r < 0)
		c = classes_free(c);
	else
		*ret_c = c;
	return r;
}

struct classes *classes_free(struct classes *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		class_done(&c->items[i]);
	free(c);
	return NULL;
}

/* A type may have parameters: "text/plain; charset=utf-8". */
static size_t type_len(const char *type)
{
	size_t len = type ? strcspn(type, ";") : 0;

	while (len > 0 && is_blank(type[len - 1]))
		len--;
	return len;
}

static bool class_matches(const struct class *c, const struct policy_file *f)
{
	const char *path = f->path ? f->path : "";
	size_t rooted = f->path_len > 0 && path[0] == '/';

	return f->size_bytes >= c->size_min && f->size_bytes <= c->size_max && numbers_match(&c->owners, f->uid) &&
	       numbers_match(&c->groups, f->gid) &&
	       (!c->tags || list_meets(c->tags, strlen(c->tags), f->tags, f->tags_len)) &&
	       globs_match(&c->types, f->type, type_len(f->type)) &&
	       globs_match(&c->paths, path + rooted, f->path_len - rooted);
}

ssize_t classes_match(const struct classes *c, const struct policy_file *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (class_matches(&c->items[i], f))
			return (ssize_t)i;
	return -1;
}

unsigned classes_needs(const struct classes *c)
{
	unsigned needs = 0;

	for (size_t i = 0; i < c->n; i++)
		needs |= (c->items[i].paths.n ? POLICY_NEEDS_PATH : 0) | (c->items[i].types.n ? POLICY_NEEDS_TYPE : 0) |
			 (c->items[i].tags ? POLICY_NEEDS_TAGS : 0);
	return needs;
}

/* ---- for the configuration */

/* A list of nothing would match everything. */
static int check_filled(const char *list, char separator, char **ret_why)
{
	if (count_items(list, separator) > 0)
		return 0;
	*ret_why = strdup("nothing stands there, which is not allowed: leave the key out to match everything");
	return *ret_why ? -EINVAL : -ENOMEM;
}

static int check_globs(const char *list, char separator, enum glob_kind kind, char **ret_why)
{
	struct globs g = { 0 };
	int r = check_filled(list, separator, ret_why);

	if (r == 0)
		r = globs_init(&g, list, separator, kind, ret_why);
	globs_done(&g);
	return r;
}

int classes_check_paths(const char *globs, char **ret_why)
{
	return check_globs(globs, '\n', GLOB_PATH, ret_why);
}

int classes_check_types(const char *globs, char **ret_why)
{
	return check_globs(globs, ',', GLOB_PLAIN, ret_why);
}

int classes_check_numbers(const char *numbers, char **ret_why)
{
	struct numbers s = { 0 };
	int r = check_filled(numbers, ',', ret_why);

	if (r == 0)
		r = numbers_init(&s, numbers, ret_why);
	free(s.items);
	return r;
}
