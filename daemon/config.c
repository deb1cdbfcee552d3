/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/io.h"

#define CONFIG_MAX (1u << 20)

enum kind { BOOL, SIZE, NUMBER, TEXT };

/* One row a key: where its value goes and what is allowed. */
static const struct field {
	const char *section, *key;
	enum kind kind;
	size_t offset;
	uint64_t min, max;
} fields[] = {
	{ "mount", "show_virtual", BOOL, offsetof(struct config, mount.show_virtual), 0, 1 },
	{ "mount", "timezone", TEXT, offsetof(struct config, mount.timezone), 0, 0 },
	{ "wal", "segment_size", SIZE, offsetof(struct config, wal.segment_size), 4 << 20, 1 << 30 },
	{ "wal", "segments_max", NUMBER, offsetof(struct config, wal.segments_max), 4, 1024 },
	{ "wal", "checkpoint_ms", NUMBER, offsetof(struct config, wal.checkpoint_ms), 10, 600000 },
	{ "wal", "no_mmap", BOOL, offsetof(struct config, wal.no_mmap), 0, 1 },
	{ "index", "exclude", TEXT, offsetof(struct config, index.exclude), 0, 0 },
	{ "index", "languages", TEXT, offsetof(struct config, index.languages), 0, 0 },
	{ "index", "model", TEXT, offsetof(struct config, index.model), 0, 0 },
	{ "index", "max_file", SIZE, offsetof(struct config, index.max_file), 1, 1ull << 40 },
	{ "index", "memory_segment", SIZE, offsetof(struct config, index.memory_segment), 1 << 20, 1 << 30 },
	{ "tiers", "segment_size", SIZE, offsetof(struct config, tiers.segment_size), 4 << 20, 1 << 30 },
	{ "tiers", "inline_below", SIZE, offsetof(struct config, tiers.inline_below), 1, 64 << 10 },
	{ "tiers", "reserve", SIZE, offsetof(struct config, tiers.reserve), 1 << 20, 1ull << 40 },
	{ "tiers", "ignore", TEXT, offsetof(struct config, tiers.ignore), 0, 0 },
};

struct parse {
	struct config *config;
	char *why; /* owned: of the first error */
};

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

	if (p->why)
		return 0;
	va_start(args, format);
	if (vasprintf(&p->why, format, args) < 0)
		p->why = NULL;
	va_end(args);
	return 0; /* which inih takes as an error in this line */
}

/* "show_virtual, timezone": the keys of a section, or all sections when it is unknown. */
static void list_allowed(const char *section, char *ret_text, size_t size)
{
	const char *last = "";
	bool known = false;
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		known |= strcmp(fields[i].section, section) == 0;
	ret_text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields) && used < size; i++) {
		const char *word = known ? fields[i].key : fields[i].section;

		if ((known && strcmp(fields[i].section, section) != 0) || strcmp(word, last) == 0)
			continue;
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used ? ", " : "", word);
		last = word;
	}
}

static int store(struct parse *p, const struct field *f, const char *value)
{
	char *place = (char *)p->config + f->offset;
	uint64_t number;

	if (f->kind == BOOL)
		return parse_bool(value, (bool *)place) == 0 ||
		       complain(p, "%s is '%s'; allowed are yes and no", f->key, value);
	if (f->kind == TEXT) {
		char *copy = strdup(value);

		if (!copy)
			return complain(p, "out of memory");
		free(*(char **)place);
		*(char **)place = copy;
		return 1;
	}
	if (parse_size(value, &number) < 0 || number < f->min || number > f->max)
		return complain(p, "%s is '%s'; allowed is a number from %llu to %llu%s", f->key, value,
				(unsigned long long)f->min, (unsigned long long)f->max,
				f->kind == SIZE ? " (K, M, G, T after it multiply)" : "");
	*(uint64_t *)place = number;
	return 1;
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;
	char allowed[512];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].section, section) == 0 && strcmp(fields[i].key, name) == 0)
			return store(p, &fields[i], value);
	list_allowed(section, allowed, sizeof(allowed));
	return complain(p, "unknown key '%s' in section [%s]; allowed are %s", name, section, allowed);
}

int config_load(int dirfd, const char *path, struct config *ret_c, char **ret_why)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct parse p = { .config = ret_c };
	int r, line;

	*ret_c = (struct config){ 0 };
	r = io_read_file_at(path ? AT_FDCWD : dirfd, path ? path : "brainy.conf", CONFIG_MAX, &text);
	if (r == -ENOENT && !path)
		return 0;
	if (r < 0) {
		if (asprintf(ret_why, "%s: %s", path ? path : "brainy.conf", strerrordesc_np(-r)) < 0)
			*ret_why = NULL;
		return r;
	}
	if (!buf_cstr(&text))
		return -ENOMEM;
	line = ini_parse_string((const char *)text.data, handle, &p);
	if (line == 0)
		return 0;
	if (asprintf(ret_why, "%s:%d: %s", path ? path : "brainy.conf", line, p.why ? p.why : "not 'key = value'") < 0)
		*ret_why = NULL;
	free(p.why);
	config_done(ret_c);
	return -EINVAL;
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].kind == TEXT)
			free(*(char **)((char *)c + fields[i].offset));
	*c = (struct config){ 0 };
}
