/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/config_impl.h"

#define CONFIG_MAX (1u << 20)
#define CLASS_NAME_MAX 32u

struct parse {
	struct config *config;
	char section[16];                   /* empty: none yet */
	unsigned number;                    /* of this line */
	unsigned seen[CONFIG_FIELDS_MAX];   /* in which line; 0: not yet */
	char *why;                          /* owned: of the first error */
};

/* ---- sections */

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

/* "segment_size, segments_max": the keys of a section, or all sections when it is NULL. */
static void list_allowed(const char *section, char *ret_text, size_t size)
{
	const char *last = "";
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < config_fields_n && used < size; i++) {
		const struct config_field *f = &config_fields[i];
		const char *word = section ? f->key : f->section;

		if ((section && strcmp(f->section, section) != 0) || strcmp(word, last) == 0)
			continue;
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s%s", used ? ", " : "", word,
					 !section && strcmp(word, CONFIG_CLASS) == 0 ? " NAME" : "");
		last = word;
	}
}

static bool is_class_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
			return false;
	return len >= 1 && len <= CLASS_NAME_MAX;
}

static int check_class_name(struct parse *p, const char *name)
{
	const struct config *c = p->config;

	if (!is_class_name(name))
		return config_complain(
			&p->why,
			"'%.*s' is no name of a class; allowed are 1 to %u letters, digits, _ . and -",
			CONFIG_SHOWN_MAX, name, CLASS_NAME_MAX);
	for (size_t i = 0; i < c->n_classes; i++)
		if (strcmp(c->classes[i].name, name) == 0)
			return config_complain(&p->why, "[class %s] stands here a second time", name);
	return c->n_classes < CONFIG_CLASSES_MAX ? 0 :
		config_complain(&p->why, "there are too many classes; allowed are %u", CONFIG_CLASSES_MAX);
}

/* Its keys may stand in each class. */
static void forget_class_keys(struct parse *p)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (strcmp(config_fields[i].section, CONFIG_CLASS) == 0)
			p->seen[i] = 0;
}

static int add_class(struct parse *p, const char *name)
{
	struct config *c = p->config;
	struct config_class *more;
	int r = check_class_name(p, name);

	if (r < 0)
		return r;
	more = reallocarray(c->classes, c->n_classes + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->classes = more;
	more[c->n_classes] = (struct config_class){ .name = strdup(name) };
	if (!more[c->n_classes].name)
		return -ENOMEM;
	c->n_classes++;
	forget_class_keys(p);
	strcpy(p->section, CONFIG_CLASS);
	return 0;
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (strcmp(config_fields[i].section, name) == 0)
			return strcmp(name, CONFIG_CLASS) != 0;
	return false;
}

static int handle_section(struct parse *p, char *line)
{
	size_t len = strlen(line), word = strlen(CONFIG_CLASS);
	char allowed[128];

	if (line[len - 1] != ']')
		return config_complain(&p->why, "'%.*s' has no ']' at its end", CONFIG_SHOWN_MAX, line);
	line[len - 1] = '\0';
	line++;
	if (strncmp(line, CONFIG_CLASS, word) == 0 && isspace((unsigned char)line[word]))
		return add_class(p, trim(line + word));
	if (is_section(line)) {
		strcpy(p->section, line);
		return 0;
	}
	list_allowed(NULL, allowed, sizeof(allowed));
	return config_complain(&p->why, "unknown section '%.*s'; allowed are %s", CONFIG_SHOWN_MAX, line,
			       allowed);
}

/* ---- lines */

/* Where the values of this section go. */
static void *base_of(struct parse *p)
{
	struct config *c = p->config;

	return strcmp(p->section, CONFIG_CLASS) == 0 ? (void *)&c->classes[c->n_classes - 1] : c;
}

static int unknown_key(struct parse *p, const char *key)
{
	char allowed[1024];

	if (config_is_secret(key))
		return config_complain(
			&p->why,
			"'%.*s' does not belong here: no credential stands in this file, they are "
			"read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or from the AWS profile "
			"file",
			CONFIG_SHOWN_MAX, key);
	if (!p->section[0])
		return config_complain(&p->why, "'%.*s' stands before the first [section]", CONFIG_SHOWN_MAX,
				       key);
	list_allowed(p->section, allowed, sizeof(allowed));
	return config_complain(&p->why, "unknown key '%.*s' in section [%s]; allowed are %s",
			       CONFIG_SHOWN_MAX, key, p->section, allowed);
}

static int handle_key(struct parse *p, const char *key, const char *value)
{
	for (size_t i = 0; i < config_fields_n; i++) {
		const struct config_field *f = &config_fields[i];

		if (strcmp(f->section, p->section) != 0 || strcmp(f->key, key) != 0)
			continue;
		if (p->seen[i] && f->kind != CONFIG_LIST)
			return config_complain(&p->why, "%s stands here a second time", key);
		p->seen[i] = p->number;
		return config_store(base_of(p), f, value, &p->why);
	}
	return unknown_key(p, key);
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
	if (!equals && config_is_secret(line))
		return config_complain(&p->why,
				       "this line, with what may be a credential, is not 'key = value'");
	if (!equals)
		return config_complain(&p->why, "'%.*s' is not 'key = value'", CONFIG_SHOWN_MAX, line);
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

static int parse_lines(struct parse *p, char *text, size_t len)
{
	char *line;
	int r = 0;

	p->number = 1;
	if (strlen(text) < len)
		return config_complain(&p->why, "this is no text");
	for (p->number = 0; r == 0 && (line = strsep(&text, "\n")) != NULL;) {
		p->number++;
		r = handle_line(p, line);
	}
	return r;
}

/* A value that does not fit another one is an error of its line. */
static int check_whole(struct parse *p)
{
	const struct config_field *f = config_check_whole(p->config, &p->why);

	if (!f)
		return 0;
	p->number = p->seen[f - config_fields];
	return -EINVAL;
}

int config_parse(const char *name, const void *text, size_t len, struct config *ret_c, char **ret_why)
{
	_cleanup_free_ char *copy = strndup(text ? text : "", len);
	struct config c = { 0 };
	struct parse p = { .config = &c };
	int r = copy ? parse_lines(&p, copy, len) : -ENOMEM;

	if (r == 0)
		r = check_whole(&p);
	if (r == 0) {
		*ret_c = c;
		return 0;
	}
	if (!p.why || asprintf(ret_why, "%s:%u: %s", name, p.number, p.why) < 0)
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

static bool is_of_class(const struct config_field *f)
{
	return strcmp(f->section, CONFIG_CLASS) == 0;
}

static void free_texts(void *base, bool of_class)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (is_of_class(&config_fields[i]) == of_class && config_text(base, &config_fields[i]))
			free(*config_text(base, &config_fields[i]));
}

void config_done(struct config *c)
{
	free_texts(c, false);
	for (size_t i = 0; i < c->n_classes; i++) {
		free_texts(&c->classes[i], true);
		free(c->classes[i].name);
	}
	free(c->classes);
	*c = (struct config){ 0 };
}

/* ---- changes */

static bool same_class(const struct config_class *a, const struct config_class *b)
{
	bool same = strcmp(a->name, b->name) == 0;

	for (size_t i = 0; i < config_fields_n && same; i++)
		same = !is_of_class(&config_fields[i]) || config_same(a, b, &config_fields[i]);
	return same;
}

static bool same_classes(const struct config *a, const struct config *b)
{
	bool same = a->n_classes == b->n_classes;

	for (size_t i = 0; i < a->n_classes && same; i++)
		same = same_class(&a->classes[i], &b->classes[i]);
	return same;
}

static int adopt_classes(struct config *running, struct config *fresh, struct buf *ret_changed)
{
	struct config_class *classes = running->classes;
	size_t n = running->n_classes;
	int r = same_classes(running, fresh)
			? 0
			: buf_addf(ret_changed, "%s[class]", ret_changed->len ? ", " : "");

	if (r < 0 || same_classes(running, fresh))
		return r;
	running->classes = fresh->classes;
	running->n_classes = fresh->n_classes;
	fresh->classes = classes;
	fresh->n_classes = n;
	return 0;
}

int config_adopt(struct config *running, struct config *fresh, struct buf *ret_changed,
		 struct buf *ret_waiting)
{
	int r = 0;

	for (size_t i = 0; i < config_fields_n && r >= 0; i++) {
		const struct config_field *f = &config_fields[i];
		struct buf *list = f->live ? ret_changed : ret_waiting;

		if (is_of_class(f) || config_same(running, fresh, f))
			continue;
		r = buf_addf(list, "%s[%s] %s", list->len ? ", " : "", f->section, f->key);
		if (r >= 0 && f->live)
			config_exchange(running, fresh, f);
	}
	if (r >= 0)
		r = adopt_classes(running, fresh, ret_changed);
	return r < 0 ? r : 0;
}

/* ---- [cold] by itself */

static bool is_cold(const struct config_field *f)
{
	return strcmp(f->section, "cold") == 0;
}

int config_copy_cold(const struct config *from, struct config *ret_c)
{
	struct config c = { .cold = from->cold, .limits = from->limits };
	int r = 0;

	for (size_t i = 0; i < config_fields_n; i++) {
		char **text = is_cold(&config_fields[i]) ? config_text(&c, &config_fields[i]) : NULL;

		if (!text || !*text)
			continue;
		*text = strdup(*text);
		r = *text ? r : -ENOMEM;
	}
	if (r < 0)
		config_done(&c);
	else
		*ret_c = c;
	return r;
}

bool config_same_cold(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (config_fields[i].opens_bucket && !config_same(a, b, &config_fields[i]))
			return false;
	return true;
}
