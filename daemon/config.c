/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "index/words/stem.h"

#define CONFIG_MAX (1u << 20)
/* Of a wrong value, so much is repeated. */
#define SHOWN_MAX 60

enum kind { BOOL, SIZE, NUMBER, TEXT, LIST, LANGUAGES_LIST };

/* One row a key: where its value goes and what is allowed. */
static const struct field {
	const char *section, *key;
	enum kind kind;
	bool live; /* may change under a mount */
	size_t offset;
	uint64_t min, max;
} fields[] = {
	{ "wal", "segment_size", SIZE, false, offsetof(struct config, wal.segment_size), 4 << 20, 1 << 30 },
	{ "wal", "segments_max", NUMBER, false, offsetof(struct config, wal.segments_max), 4, 1024 },
	{ "wal", "checkpoint_ms", NUMBER, true, offsetof(struct config, wal.checkpoint_ms), 10, 600000 },
	{ "wal", "no_mmap", BOOL, false, offsetof(struct config, wal.no_mmap), 0, 1 },
	{ "index", "exclude", LIST, true, offsetof(struct config, index.exclude), 0, 0 },
	{ "index", "languages", LANGUAGES_LIST, true, offsetof(struct config, index.languages), 0, 0 },
	{ "index", "model", TEXT, false, offsetof(struct config, index.model), 0, 0 },
	{ "index", "max_file", SIZE, true, offsetof(struct config, index.max_file), 1, 1ull << 40 },
	{ "index", "memory_segment", SIZE, true, offsetof(struct config, index.memory_segment), 1 << 20, 1 << 30 },
	{ "tiers", "segment_size", SIZE, false, offsetof(struct config, tiers.segment_size), 4 << 20, 1 << 30 },
	{ "tiers", "inline_below", SIZE, false, offsetof(struct config, tiers.inline_below), 1, 64 << 10 },
	{ "tiers", "reserve", SIZE, false, offsetof(struct config, tiers.reserve), 1 << 20, 1ull << 40 },
	{ "tiers", "clean_below", NUMBER, false, offsetof(struct config, tiers.clean_below), 1, 80 },
	{ "tiers", "clean_ms", NUMBER, false, offsetof(struct config, tiers.clean_ms), 10, 600000 },
};

struct parse {
	struct config *config;
	char section[16];                /* empty: none yet */
	bool seen[ARRAY_SIZE(fields)];
	char *why;                       /* owned: of the first error */
};

/* ---- values */

/* "256M": a number with K, M, G or T for powers of 1024. */
static int parse_size(const char *text, uint64_t *ret_value)
{
	static const char units[] = "KMGT";
	char *end;
	const char *unit;
	uint64_t v;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	for (const char *u = units; unit && u <= unit; u++)
		if (__builtin_mul_overflow(v, 1024, &v))
			return -EINVAL;
	*ret_value = v;
	return 0;
}

static int parse_bool(const char *text, bool *ret_value)
{
	static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*ret_value = strcasecmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int complain(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int complain(struct parse *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(&p->why, format, args) < 0)
		p->why = NULL;
	va_end(args);
	return p->why ? -EINVAL : -ENOMEM;
}

/* "segment_size, segments_max": the keys of a section, or all sections when it is NULL. */
static void list_allowed(const char *section, char *ret_text, size_t size)
{
	const char *last = "";
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields) && used < size; i++) {
		const char *word = section ? fields[i].key : fields[i].section;

		if ((section && strcmp(fields[i].section, section) != 0) || strcmp(word, last) == 0)
			continue;
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used ? ", " : "", word);
		last = word;
	}
}

static char **text_of(const struct config *c, const struct field *f)
{
	return f->kind >= TEXT ? (char **)((char *)(uintptr_t)c + f->offset) : NULL;
}

/* A further line of a list is added to it. */
static int store_text(struct parse *p, const struct field *f, const char *value)
{
	char **place = text_of(p->config, f), *whole = NULL;

	if (asprintf(&whole, "%s%s%s", *place ? *place : "", *place ? " " : "", value) < 0)
		return -ENOMEM;
	free(*place);
	*place = whole;
	return 0;
}

static int check_languages(struct parse *p, const char *value)
{
	struct languages *l = NULL;
	int r = languages_new(value, &l, &p->why);

	languages_free(l);
	return r;
}

static int store(struct parse *p, const struct field *f, const char *value)
{
	char *place = (char *)p->config + f->offset;
	uint64_t number;
	int r = 0;

	if (f->kind == LANGUAGES_LIST)
		r = check_languages(p, value);
	if (f->kind >= TEXT)
		return r < 0 ? r : store_text(p, f, value);
	if (f->kind == BOOL)
		return parse_bool(value, (bool *)place) == 0 ? 0 :
			complain(p, "%s is '%.*s'; allowed are yes and no", f->key, SHOWN_MAX, value);
	if (parse_size(value, &number) < 0 || number < f->min || number > f->max)
		return complain(p, "%s is '%.*s'; allowed is a number from %llu to %llu%s", f->key, SHOWN_MAX, value,
				(unsigned long long)f->min, (unsigned long long)f->max,
				f->kind == SIZE ? " (K, M, G, T after it multiply)" : "");
	*(uint64_t *)place = number;
	return 0;
}

/* ---- lines */

static int handle_key(struct parse *p, const char *key, const char *value)
{
	char allowed[512];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];

		if (strcmp(f->section, p->section) != 0 || strcmp(f->key, key) != 0)
			continue;
		if (p->seen[i] && f->kind < LIST)
			return complain(p, "%s stands here a second time", key);
		p->seen[i] = true;
		return store(p, f, value);
	}
	if (!p->section[0])
		return complain(p, "'%.*s' stands before the first [section]", SHOWN_MAX, key);
	list_allowed(p->section, allowed, sizeof(allowed));
	return complain(p, "unknown key '%.*s' in section [%s]; allowed are %s", SHOWN_MAX, key, p->section, allowed);
}

static int handle_section(struct parse *p, char *line)
{
	size_t len = strlen(line);
	char allowed[128];

	if (line[len - 1] != ']')
		return complain(p, "'%.*s' has no ']' at its end", SHOWN_MAX, line);
	line[len - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].section, line + 1) == 0) {
			strcpy(p->section, fields[i].section);
			return 0;
		}
	list_allowed(NULL, allowed, sizeof(allowed));
	return complain(p, "unknown section '%.*s'; allowed are %s", SHOWN_MAX, line + 1, allowed);
}

/* Takes the blanks off both ends. */
static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* A comment begins the line, or comes after a value, a blank and a semicolon; # may begin a pattern. */
static void cut_comment(char *line)
{
	for (char *at = line; (at = strchr(at, ';')) != NULL; at++)
		if (at == line || isspace((unsigned char)at[-1])) {
			*at = '\0';
			return;
		}
}

static int handle_line(struct parse *p, char *line)
{
	char *equals;

	line = trim(line);
	cut_comment(line);
	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	if (*line == '[')
		return handle_section(p, line);
	equals = strchr(line, '=');
	if (!equals)
		return complain(p, "'%.*s' is not 'key = value'", SHOWN_MAX, line);
	*equals = '\0';
	return handle_key(p, trim(line), trim(equals + 1));
}

/* ---- files */

int config_read(int dirfd, const char *path, struct buf *ret_text, char **ret_why)
{
	int r = io_read_file_at(path ? AT_FDCWD : dirfd, path ? path : "brainy.conf", CONFIG_MAX, ret_text);

	if (r == -ENOENT && !path)
		return 0;
	if (r < 0 && asprintf(ret_why, "%s: %s", path ? path : "brainy.conf", strerrordesc_np(-r)) < 0)
		*ret_why = NULL;
	return r < 0 ? r : 0;
}

int config_parse(const char *name, const void *text, size_t len, struct config *ret_c, char **ret_why)
{
	_cleanup_free_ char *copy = strndup(text ? text : "", len);
	struct config c = { 0 };
	struct parse p = { .config = &c };
	char *rest = copy, *line;
	unsigned number = 0;
	int r = copy ? 0 : -ENOMEM;

	if (copy && strlen(copy) < len) {
		number = 1;
		r = complain(&p, "this is no text");
	}
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL) {
		number++;
		r = handle_line(&p, line);
	}
	if (r == 0) {
		*ret_c = c;
		return 0;
	}
	if (!p.why || asprintf(ret_why, "%s:%u: %s", name, number, p.why) < 0)
		*ret_why = NULL;
	free(p.why);
	config_done(&c);
	return r;
}

int config_load(int dirfd, const char *path, struct config *ret_c, char **ret_why)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = config_read(dirfd, path, &text, ret_why);

	*ret_c = (struct config){ 0 };
	return r < 0 ? r : config_parse(path ? path : "brainy.conf", text.data, text.len, ret_c, ret_why);
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (text_of(c, &fields[i]))
			free(*text_of(c, &fields[i]));
	*c = (struct config){ 0 };
}

/* ---- changes */

static bool same(const struct config *a, const struct config *b, const struct field *f)
{
	const char *at_a = (const char *)a + f->offset, *at_b = (const char *)b + f->offset;

	if (f->kind == BOOL)
		return *(const bool *)at_a == *(const bool *)at_b;
	if (f->kind < TEXT)
		return *(const uint64_t *)at_a == *(const uint64_t *)at_b;
	if (!*text_of(a, f) || !*text_of(b, f))
		return *text_of(a, f) == *text_of(b, f);
	return strcmp(*text_of(a, f), *text_of(b, f)) == 0;
}

static void exchange(struct config *a, struct config *b, const struct field *f)
{
	size_t size = f->kind == BOOL ? sizeof(bool) : sizeof(uint64_t);
	char *at_a = (char *)a + f->offset, *at_b = (char *)b + f->offset, kept[sizeof(uint64_t)];

	_Static_assert(sizeof(char *) <= sizeof(uint64_t), "a field fits");
	size = f->kind >= TEXT ? sizeof(char *) : size;
	memcpy(kept, at_a, size);
	memcpy(at_a, at_b, size);
	memcpy(at_b, kept, size);
}

int config_adopt(struct config *running, struct config *fresh, struct buf *ret_changed, struct buf *ret_waiting)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++) {
		const struct field *f = &fields[i];
		struct buf *list = f->live ? ret_changed : ret_waiting;

		if (same(running, fresh, f))
			continue;
		r = buf_addf(list, "%s[%s] %s", list->len ? ", " : "", f->section, f->key);
		if (r >= 0 && f->live)
			exchange(running, fresh, f);
	}
	return r < 0 ? r : 0;
}
