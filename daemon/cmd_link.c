/* SPDX-License-Identifier: MIT */
/* `brainy link`: links between files, which are the xattrs user.brainy.link.VERB: paths from the top of the
 * mount, a line each, %-encoded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "catalog/links.h"
#include "daemon/cli.h"

#define PREFIX "user.brainy.link."
#define VALUE_MAX 65536
#define NAMES_MAX 65536

/* What the mount calls a file: its path from the top, encoded. */
static int name_target(const char *path, struct buf *ret_name)
{
	_cleanup_free_ char *mount_point = NULL, *real = realpath(path, NULL);
	size_t len;
	int r = real ? mount_find(real, &mount_point) : -errno;

	if (r < 0)
		return r;
	len = strlen(mount_point);
	if (strncmp(real, mount_point, len) != 0 || real[len] != '/')
		return -EXDEV;
	for (const char *at = real + len + 1; *at && r >= 0; at++)
		r = *at == '%' || *at == '\n' || *at == '\r'
			    ? buf_addf(ret_name, "%%%02X", (unsigned char)*at)
			    : buf_add_u8(ret_name, (uint8_t)*at);
	return r;
}

static int read_links(const char *path, const char *name, char ret_value[VALUE_MAX])
{
	ssize_t n = getxattr(path, name, ret_value, VALUE_MAX - 1);

	if (n < 0 && errno != ENODATA)
		return -errno;
	ret_value[n > 0 ? n : 0] = 0;
	return 0;
}

/* The lines without one; was it there? */
static bool remove_line(const char *lines, const char *line, struct buf *ret_rest)
{
	size_t len = strlen(line);
	bool found = false;

	while (*lines) {
		size_t n = strcspn(lines, "\n");

		if (n == len && memcmp(lines, line, n) == 0)
			found = true;
		else if (n)
			(void) buf_addf(ret_rest, "%.*s\n", (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
	return found;
}

static int store_links(const char *path, const char *name, const struct buf *value)
{
	int r = value->len ? setxattr(path, name, value->data, value->len, 0) : removexattr(path, name);

	return r < 0 && !(errno == ENODATA && !value->len) ? -errno : 0;
}

static int change_link(const char *verb, const char *path, const char *target, bool add)
{
	_cleanup_buf_ struct buf line = BUF_INIT, rest = BUF_INIT;
	static char value[VALUE_MAX];
	char name[256];
	int r = snprintf(name, sizeof(name), PREFIX "%s", verb) < (int)sizeof(name) ? 0 : -ENAMETOOLONG;

	if (r == 0)
		r = name_target(target, &line);
	if (r == -ENOTCONN || r == -EXDEV)
		return cli_fail("%s: is not in a mounted volume, or is the top of one", target);
	if (r < 0)
		return cli_fail_errno(r, "%s", target);
	r = read_links(path, name, value);
	if (r < 0 || !buf_cstr(&line))
		return cli_fail_errno(r < 0 ? r : -ENOMEM, "%s", path);
	if (!remove_line(value, buf_cstr(&line), &rest) && !add)
		return cli_fail(
			"%s: has no link '%s' to %s that was set (what is found in its text goes with the "
			"text)",
			path, verb, target);
	if (add)
		r = buf_addf(&rest, "%s\n", buf_cstr(&line));
	if (r >= 0)
		r = store_links(path, name, &rest);
	return r < 0 ? cli_fail_errno(r, "%s", path) : CLI_OK;
}

static void print_lines(const char *verb, const char *lines)
{
	while (*lines) {
		size_t n = strcspn(lines, "\n");

		if (n)
			printf("%s\t%.*s\n", verb, (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
}

static int list_links(const char *path)
{
	static char names[NAMES_MAX], value[VALUE_MAX];
	ssize_t n = listxattr(path, names, sizeof(names));

	if (n < 0)
		return cli_fail_errno(errno, "%s", path);
	for (char *at = names; at < names + n; at += strlen(at) + 1)
		if (strncmp(at, PREFIX, strlen(PREFIX)) == 0 && read_links(path, at, value) == 0)
			print_lines(at + strlen(PREFIX), value);
	if (read_links(path, "user.brainy.found-links", value) == 0)
		for (char *at = value, *end; *at; at = end + (*end == '\n')) {
			end = at + strcspn(at, "\n");
			printf("%.*s\tfound\n", (int)(end - at), at);
		}
	return CLI_OK;
}

static int link_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	bool add = strcmp(verb, "add") == 0;
	int status = CLI_OK;

	if (strcmp(verb, "ls") == 0) {
		if (argc < 3)
			return cli_usage(&command_link, "a FILE is wanted");
		for (int i = 2; i < argc; i++)
			status = MAX(status, list_links(argv[i]));
		return status;
	}
	if (!add && strcmp(verb, "rm") != 0)
		return cli_usage(&command_link, "add, rm or ls is wanted");
	if (argc < 5)
		return cli_usage(&command_link, "a VERB, a FILE and a TARGET are wanted");
	if (!link_verb_is_good(argv[2], strlen(argv[2])))
		return cli_usage(&command_link, "'%s' is no VERB: letters, digits, - and _ make one",
				 argv[2]);
	for (int i = 4; i < argc; i++) {
		int r = change_link(argv[2], argv[3], argv[i], add);

		status = MAX(status, r);
	}
	return status;
}

const struct command command_link = {
	"link", link_main, "add|rm VERB FILE TARGET.. | ls FILE..", "link files to others, list links",
	"VERB: any of letters, digits, - and _, as cites, partOf, dependsOn. A link is kept as it was said; queries\n"
	"find those of verbs that have an inverse (cites, citedBy) from either end: brainy(1). ls also shows links\n"
	"that were found in the text; a target after ? is not there yet.",
};
