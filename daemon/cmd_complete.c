/* SPDX-License-Identifier: MIT */
/* `brainy complete`: what a command line may go on with, for the shells (examples/completions). Its words are
 * those after `brainy`, the last one unfinished. The first line of the answer says what else may come,
 * `words`: nothing, `files` or `folders`; then come candidates, one a line, some with a tab and a remark.
 * With --path its word is a path on the command line of any program, maybe one of a query. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/cli.h"
#include "daemon/usage.h"
#include "index/index.h"

#define COUNTS_MAX 10000
#define ANSWER_MAX (1u << 22)

struct completion {
	const char *word; /* what is there of it */
	const char *top;  /* the mount it is about; NULL: none */
	const char *before; /* what candidates of a usage have before them; NULL: nothing */
	bool files, folders;
	struct buf lines; /* owned */
};

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int offer(struct completion *c, const char *text, const char *remark)
{
	if (!has_prefix(text, c->word) || strpbrk(text, "\t\n"))
		return 0;
	return buf_addf(&c->lines, remark ? "%s\t%s\n" : "%s\n", text, remark);
}

static int offer_between(struct completion *c, const char *before, const char *text, const char *after)
{
	_cleanup_free_ char *all = NULL;

	return asprintf(&all, "%s%s%s", before, text, after) < 0 ? -ENOMEM : offer(c, all, NULL);
}

static int offer_all(struct completion *c, const char *before, const char *const texts[], const char *after)
{
	int r = 0;

	while (*texts && r >= 0)
		r = offer_between(c, before, *texts++, after);
	return r;
}

static bool is_among(const char *const texts[], const char *text)
{
	while (*texts && strcmp(*texts, text) != 0)
		texts++;
	return *texts;
}

/* ---- what a mount knows */

/* "COUNT<tab>VALUE" lines of a count; what cannot be counted has no values. */
static int read_counts(const struct completion *c, const char *by, struct buf *ret_lines)
{
	_cleanup_free_ char *path = NULL;

	if (!c->top || by[strcspn(by, "/%&?=")])
		return -ENOENT;
	if (asprintf(&path, "%s/.query/count?by=%s&limit=%d&wait=0", c->top, by, COUNTS_MAX) < 0)
		return -ENOMEM;
	return io_read_file_at(AT_FDCWD, path, ANSWER_MAX, ret_lines);
}

static int offer_counted(struct completion *c, const char *before, const char *value, const char *count)
{
	bool quoted = *before && value[strcspn(value, " \"")];
	_cleanup_free_ char *text = NULL, *remark = NULL;

	if (asprintf(&text, quoted ? "%s\"%s\"" : "%s%s", before, value) < 0)
		return -ENOMEM;
	if (asprintf(&remark, strcmp(count, "1") == 0 ? "%s file" : "%s files", count) < 0)
		return -ENOMEM;
	return offer(c, text, remark);
}

/* All values of a tag or field that files have, with `before` before each. */
static int offer_values(struct completion *c, const char *before, const char *by)
{
	_cleanup_buf_ struct buf lines = BUF_INIT;
	char *rest, *line;
	int r = read_counts(c, by, &lines);

	rest = r < 0 ? NULL : buf_cstr(&lines);
	r = 0;
	while (r >= 0 && (line = strsep(&rest, "\n"))) {
		char *value = strchr(line, '\t');

		if (!value)
			continue;
		*value++ = 0;
		r = offer_counted(c, before, value, line);
	}
	return r;
}

/* Entries of a folder at the top of the mount, with something around them; `except`: but those, unless NULL.
 */
static int offer_entries(struct completion *c, const char *folder, bool (*except)(const char *name),
			 const char *before, const char *after)
{
	_cleanup_free_ char *path = NULL;
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (!c->top)
		return 0;
	if (asprintf(&path, "%s/%s", c->top, folder) < 0)
		return -ENOMEM;
	d = opendir(path);
	while (d && r >= 0 && (e = readdir(d)))
		if (e->d_name[0] != '.' && !strchr(e->d_name, '%') && !(except && except(e->d_name)))
			r = offer_between(c, before, e->d_name, after);
	if (d)
		(void) closedir(d);
	return r;
}

/* ---- what a value may be */

/* What is counted has files; a tag that was just made has none. */
static int offer_tags(struct completion *c)
{
	size_t len = c->lines.len;
	int r = offer_values(c, "", "tag");

	return r < 0 || c->lines.len > len ? r : offer_entries(c, ".tags", NULL, "", "");
}

static bool is_filter(const char *name)
{
	const char *known;

	for (unsigned n = 0; (known = query_filter_name(n)); n++)
		if (strcmp(known, name) == 0)
			return true;
	return false;
}

static int offer_filters(struct completion *c, const char *dash)
{
	const char *name;
	int r = 0;

	for (unsigned n = 0; r >= 0 && (name = query_filter_name(n)); n++)
		r = offer_between(c, dash, name, ":");
	return r < 0 ? r : offer_entries(c, ".by", is_filter, dash, ":");
}

/* Filters, and their values after the colon; with the dash that excludes, if there is one. */
static int offer_query(struct completion *c)
{
	const char *dash = *c->word == '-' ? "-" : "", *word = c->word + strlen(dash),
		   *colon = strchr(word, ':');
	_cleanup_free_ char *field = NULL, *before = NULL;

	if (!colon)
		return offer_filters(c, dash);
	field = strndup(word, (size_t)(colon - word));
	before = strndup(c->word, (size_t)(colon + 1 - c->word));
	if (!field || !before)
		return -ENOMEM;
	if (strcmp(field, "before") == 0 || strcmp(field, "after") == 0)
		return offer_values(c, before, "month");
	return offer_values(c, before, field);
}

static int offer_mount(const char *mount_point, void *context)
{
	return offer(context, mount_point, NULL);
}

static int offer_value(struct completion *c, const char *wanted)
{
	static const char *const files[] = { "FILE", "TARGET", "PATH", "PACK", "F", "SRC", NULL };
	static const char *const folders[] = { "DIR", "VOLUME", "NEWVOLUME", "MNT", NULL };
	static const char *const options[] = {"ro",	 "nosuid",	"nodev",   "noexec",
					      "noatime", "allow_other", "fsname=", NULL};
	static const char *const verbs[] = {"cites",	   "partOf",	 "precedes", "dependsOn",
					    "contradicts", "supersedes", NULL};
	static const char *const urls[] = { "s3://", "file:///", NULL };

	c->files |= is_among(files, wanted);
	c->folders |= is_among(folders, wanted);
	if (strcmp(wanted, "MNT") == 0)
		return mount_foreach(offer_mount, c);
	if (strcmp(wanted, "TAG") == 0)
		return offer_tags(c);
	if (strcmp(wanted, "QUERY") == 0)
		return offer_query(c);
	if (has_prefix(wanted, "OPT"))
		return offer_all(c, "", options, "");
	if (strcmp(wanted, "VERB") == 0)
		return offer_all(c, "", verbs, "");
	return strcmp(wanted, "URL") == 0 ? offer_all(c, "", urls, "") : 0;
}

static int offer_next(void *context, enum usage_kind kind, const char *text, size_t len)
{
	_cleanup_free_ char *name = strndup(text, len);
	struct completion *c = context;

	if (!name)
		return -ENOMEM;
	if (kind == USAGE_VALUE)
		return offer_value(c, name);
	if (kind == USAGE_OPTION && *c->word != '-')
		return 0;
	return offer_between(c, c->before ? c->before : "", name, "");
}

/* ---- names of queries */

static int offer_verbs(struct completion *c, const char *before)
{
	static const char *const others[] = { "ask", "last-error", NULL };
	const char *name, *key;
	int r = 0;

	for (unsigned v = 0; r >= 0 && (name = query_verb_name(v, &key)); v++) {
		_cleanup_free_ char *all = NULL;

		if (asprintf(&all, key ? "%s?%s=" : "%s", name, key) < 0)
			return -ENOMEM;
		r = offer_between(c, before, all, "");
	}
	return r < 0 ? r : offer_all(c, before, others, "");
}

static int offer_keys(struct completion *c, const char *verb, const char *before)
{
	const char *name, *needed;
	unsigned v = 0;
	int r = 0;

	while ((name = query_verb_name(v, &needed)) &&
	       (strncmp(name, verb, strlen(name)) != 0 || verb[strlen(name)] != '?'))
		v++;
	for (unsigned n = 0; name && r >= 0 && (name = query_key_name(v, n)); n++)
		r = offer_between(c, before, name, "=");
	return r;
}

/* Those that `brainy find` has, too. */
static int offer_key_values(struct completion *c, const char *key)
{
	_cleanup_free_ char *option = NULL;
	char *words[1];

	if (asprintf(&option, "--%.*s", (int)strcspn(key, "="), key) < 0)
		return -ENOMEM;
	words[0] = option;
	return usage_foreach_next(command_find.usage, words, 1, offer_next, c);
}

static bool is_of_find(const char *key)
{
	return has_prefix(key, "format=") || has_prefix(key, "mode=");
}

/* Where the last key of a query begins, or its verb. */
static const char *last_part(const char *name)
{
	const char *key = strrchr(name, '&');

	if (!key)
		key = strchr(name, '?');
	return key ? key + 1 : name;
}

static int complete_path(struct completion *c)
{
	const char *at = strstr(c->word, ".query/"), *part, *end;
	_cleanup_free_ char *before = NULL;

	if (!at || (at > c->word && at[-1] != '/'))
		return 0;
	at += strlen(".query/");
	part = last_part(at);
	end = is_of_find(part) ? strchr(part, '=') + 1 : part;
	before = strndup(c->word, (size_t)(end - c->word));
	if (!before)
		return -ENOMEM;
	c->before = before;
	if (part == at)
		return offer_verbs(c, before);
	if (end > part)
		return offer_key_values(c, part);
	return strchr(part, '=') ? 0 : offer_keys(c, at, before);
}

/* ---- the command */

static int keep_only(const char *mount_point, void *context)
{
	char **only = context;

	if (*only) {
		free(*only);
		*only = NULL;
		return 1;
	}
	*only = strdup(mount_point);
	return *only ? 0 : -ENOMEM;
}

/* The mount that --in names, or where one stands, or the only one. */
static char *find_top(char *const words[], size_t n)
{
	char *top = NULL;

	for (size_t i = 0; i + 1 < n; i++)
		if (strcmp(words[i], "--in") == 0 && mount_find(words[i + 1], &top) == 0)
			return top;
	if (mount_find(".", &top) < 0)
		(void) mount_foreach(keep_only, &top);
	return top;
}

/* What an option takes may come after an equals sign, too; `words` has room for it. */
static int complete_arguments(struct completion *c, const struct command *command, char *words[], size_t n)
{
	const char *equals = has_prefix(c->word, "--") ? strchr(c->word, '=') : NULL;
	_cleanup_free_ char *before = NULL, *option = NULL;

	if (!equals)
		return usage_foreach_next(command->usage, words, n, offer_next, c);
	before = strndup(c->word, (size_t)(equals + 1 - c->word));
	option = strndup(c->word, (size_t)(equals - c->word));
	if (!before || !option)
		return -ENOMEM;
	c->before = before;
	words[n] = option;
	return usage_foreach_next(command->usage, words, n + 1, offer_next, c);
}

static int complete(struct completion *c, char *words[], size_t n)
{
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct command *command = cli_commands[i];
		int r = 0;

		if (n == 0 && command->summary)
			r = offer(c, command->name, command->summary);
		else if (n > 0 && strcmp(words[0], command->name) == 0)
			return complete_arguments(c, command, words + 1, n - 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int complete_main(int argc, char **argv)
{
	bool path = argc == 3 && strcmp(argv[1], "--path") == 0;
	int first = argc > 1 && (path || strcmp(argv[1], "--") == 0) ? 2 : 1, r;
	_cleanup_free_ char *top = NULL;
	struct completion c = { 0 };

	if (argc <= first)
		return cli_usage(&command_complete, "words are wanted");
	top = find_top(argv + first, (size_t)(argc - first));
	c.top = top;
	c.word = argv[argc - 1];
	r = path ? complete_path(&c) : complete(&c, argv + first, (size_t)(argc - first - 1));
	if (r >= 0) {
		puts(c.files ? "files" : c.folders ? "folders" : "words");
		(void) fwrite(c.lines.data, 1, c.lines.len, stdout);
	}
	buf_done(&c.lines);
	return r < 0 ? cli_fail_errno(r, "complete") : CLI_OK;
}

const struct command command_complete = { "complete", complete_main, "-- WORD.. | --path PATH", NULL, NULL };
