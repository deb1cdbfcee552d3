/* SPDX-License-Identifier: MIT */
/* The command that asks a query. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/cli.h"

#define TRIES_MAX 10u

struct find_call {
	const char *limit, *in, *format, *mode;
	struct buf text; /* the query's words, joined */
};

/* Only what a query name cannot carry as it is. */
static int add_encoded(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		int r = c < 0x20 || c == 0x7f || strchr("%/&=+#", c) ? buf_addf(out, "%%%02X", c)
								     : buf_add_u8(out, c);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_key(struct buf *out, const char *key, const char *value)
{
	int r = value ? buf_addf(out, "&%s=", key) : 0;

	return r < 0 || !value ? r : add_encoded(out, value, strlen(value));
}

/* On a read-only mount nothing can be written to: the query's name must do, short enough or not. */
static int read_query_file(const char *dir, const struct buf *name, struct buf *ret_answer)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/.query/%.*s", dir, (int)name->len - 1, (const char *)name->data) < 0)
		return -ENOMEM;
	return io_read_file_at(AT_FDCWD, path, 1u << 30, ret_answer);
}

/* Writes the query's name to .query/ask in the folder and copies the answer out. */
static int ask(const char *dir, const struct buf *name, struct buf *ret_answer)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/.query/ask", dir) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EROFS)
		return read_query_file(dir, name, ret_answer);
	if (fd < 0)
		return -errno;
	r = io_write(fd, name->data, name->len);
	return r < 0 ? r : io_read_all(fd, 1u << 30, ret_answer);
}

/* What was asked of a server that has ended since is asked of the next one. */
static int ask_until_answered(const char *dir, const struct buf *name, struct buf *ret_answer)
{
	int r = ask(dir, name, ret_answer);

	for (unsigned i = 1; r == -ESTALE && i < TRIES_MAX; i++) {
		buf_reset(ret_answer);
		r = ask(dir, name, ret_answer);
	}
	return r;
}

static int complain_of_query(const char *dir, int error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf reason = BUF_INIT;

	if (error == -EINVAL && asprintf(&path, "%s/.query/last-error", dir) >= 0 &&
	    io_read_file_at(AT_FDCWD, path, 1 << 16, &reason) == 0 && reason.len > 0)
		return cli_fail("find: %.*s", (int)strcspn(buf_cstr(&reason), "\n"), (char *)reason.data);
	if (error == -ENOENT || error == -ENOTCONN)
		return cli_fail("find: %s is not in a mounted volume", dir);
	return cli_fail_errno(error, "find");
}

/* Paths come relative to DIR; like find(1) we print DIR before them, unless it is the default. */
static void print_paths(const char *dir, const struct buf *answer, char end)
{
	const char *at = (const char *)answer->data, *stop = at + answer->len;

	while (at < stop) {
		const char *next = memchr(at, end, (size_t)(stop - at));

		if (!next)
			break;
		if (dir)
			printf("%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/");
		(void) fwrite(at, 1, (size_t)(next - at) + 1, stdout);
		at = next + 1;
	}
}

/* Nothing was found: is a name before a colon mistyped? What explains the query has a line for each that is not known. */
static void tell_unknown(const char *dir, const struct buf *text)
{
	static const char begin[] = "\nunknown\t";
	_cleanup_buf_ struct buf name = BUF_INIT, lines = BUF_INIT;
	int r = buf_add_str(&name, "explain?limit=1&q=");
	const char *at, *why;

	if (r == 0)
		r = add_encoded(&name, (const char *)text->data, text->len);
	if (r == 0)
		r = buf_add_u8(&name, '\n');
	if (r == 0)
		r = ask_until_answered(dir, &name, &lines);
	at = r < 0 ? NULL : buf_cstr(&lines);
	while (at && (at = strstr(at, begin)) != NULL) {
		at += strlen(begin);
		why = at + strcspn(at, "\t");
		why += *why == '\t';
		(void) cli_fail("find: %.*s: %.*s", (int)strcspn(at, "\t"), at, (int)strcspn(why, "\n"), why);
	}
}

static int run_find(struct find_call *call)
{
	_cleanup_buf_ struct buf name = BUF_INIT, answer = BUF_INIT;
	const char *dir = call->in ? call->in : ".", *format = call->format ? call->format : "paths";
	int r = buf_add_str(&name, "find?q=");

	if (r == 0)
		r = add_encoded(&name, (const char *)call->text.data, call->text.len);
	if (r == 0)
		r = add_key(&name, "limit", call->limit);
	if (r == 0)
		r = add_key(&name, "mode", call->mode);
	if (r == 0)
		r = add_key(&name, "format", format);
	if (r == 0)
		r = buf_add_u8(&name, '\n');
	if (r == 0)
		r = ask_until_answered(dir, &name, &answer);
	if (r < 0)
		return complain_of_query(dir, r);
	if (answer.len == 0)
		tell_unknown(dir, &call->text);
	if (strcmp(format, "paths") == 0 || strcmp(format, "paths0") == 0)
		print_paths(call->in, &answer, strcmp(format, "paths") == 0 ? '\n' : '\0');
	else
		(void) fwrite(answer.data, 1, answer.len, stdout);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static int find_main(int argc, char **argv)
{
	static const struct option options[] = { { "in", required_argument, NULL, 'i' },
						 { "format", required_argument, NULL, 'f' },
						 { "mode", required_argument, NULL, 'm' },
						 { "json", no_argument, NULL, OPTION_JSON },
						 { 0 } };
	struct find_call call = { 0 };
	int option, r = 0;

	while ((option = getopt_long(argc, argv, "+n:", options, NULL)) >= 0) {
		if (option == 'n')
			call.limit = optarg;
		else if (option == 'i')
			call.in = optarg;
		else if (option == 'f')
			call.format = optarg;
		else if (option == 'm')
			call.mode = optarg;
		else if (option == OPTION_JSON)
			call.format = "json";
		else
			return cli_usage(&command_find, "unknown option");
	}
	if (optind == argc)
		return cli_usage(&command_find, "a QUERY is wanted");
	for (int i = optind; i < argc && r == 0; i++)
		r = buf_addf(&call.text, "%s%s", i > optind ? " " : "", argv[i]);
	r = r < 0 ? cli_fail_errno(r, "find") : run_find(&call);
	buf_done(&call.text);
	return r;
}

const struct command command_find = {
	"find",
	find_main,
	"[-n N] [--in DIR] [--format paths|paths0|tsv|json|jsonl|md] [--mode hybrid|text|vector] QUERY..",
	"ask below DIR (default: here); prints paths",
	"QUERY: plain words rank; \"phrases\" and tag: type: name: path: lang: size: before: after: filter; "
	"- excludes.",
};
