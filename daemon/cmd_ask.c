/* SPDX-License-Identifier: MIT */
/* The commands that ask a mount: wait, status, name, find. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "daemon/cli.h"

/* A number of the status; `section` NULL: at its top. */
static uint64_t at(const json_t *v, const char *section, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(section ? json_object_get(v, section) : v, key));
}

/* ---- wait */

#define TRIES_MAX 10u
#define WAIT_STEP_MS 500

/* One question; 0: nothing is pending any more. On a mount that cannot be written to the figure must do. */
static int ask_pending(const char *mount_point, const char *what, uint64_t wait_ms, struct buf *ret_why)
{
	_cleanup_json_ json_t *status = NULL;
	char line[64];
	int r;

	(void) snprintf(line, sizeof(line), "wait %s %llu", what, (unsigned long long)wait_ms);
	r = control_ask(mount_point, line, ret_why);
	if (r == -EROFS) {
		r = status_read(mount_point, &status);
		if (r < 0)
			return r;
		if (at(status, "index", "pending") == 0)
			return 0;
		(void) usleep((useconds_t)wait_ms * 1000);
		r = buf_addf(ret_why, "error: %llu files are still to be indexed\n",
			     (unsigned long long)at(status, "index", "pending"));
	}
	if (r < 0 || !buf_cstr(ret_why))
		return r < 0 ? r : -ENOMEM;
	return strncmp((char *)ret_why->data, "ok", 2) == 0 ? 0 : 1;
}

/* The mount that an argument names, or, without one, that holds the current folder. Returns 0 or an exit
 * status, having complained. */
static int find_named(const char *path, char **ret_mount_point)
{
	int r = mount_find(path ? path : ".", ret_mount_point);

	if (r == -ENOTCONN || (r == -ENOENT && !path))
		return cli_fail("%s: no brainyfs is mounted there%s", path ? path : "this folder",
				path ? "" : "; name MNT");
	return r < 0 ? cli_fail_errno(r, "%s", path ? path : "this folder") : 0;
}

/* Asks again and again, so that a killed client leaves nothing waiting in the server. */
static int wait_for(const char *mount_point, const char *what, uint64_t timeout_ms)
{
	uint64_t end = clock_mono_ms() + timeout_ms;

	for (;;) {
		_cleanup_buf_ struct buf answer = BUF_INIT;
		uint64_t now = clock_mono_ms();
		int r = ask_pending(mount_point, what, now < end ? MIN(end - now, (uint64_t)WAIT_STEP_MS) : 0,
				    &answer);

		if (r == -ESTALE)
			continue; /* another server answers now */
		if (r < 0)
			return cli_fail_errno(r, "cannot ask %s", mount_point);
		if (r == 0)
			return CLI_OK;
		if (now >= end)
			return cli_fail("%s: %.*s", mount_point, (int)strcspn((char *)answer.data + 7, "\n"),
					(char *)answer.data + 7);
	}
}

static int wait_main(int argc, char **argv)
{
	static const struct option options[] = { { "for", required_argument, NULL, 'f' },
						 { "timeout", required_argument, NULL, 't' },
						 { 0 } };
	static const char *const all[] = { "index", "tiers", "durable" };
	_cleanup_free_ char *mount_point = NULL;
	const char *what = NULL;
	double timeout_s = 1e9;
	char *end = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'f')
			what = optarg;
		else if (option == 't')
			timeout_s = strtod(optarg, &end);
		else
			return cli_usage(&command_wait, "unknown option");
	}
	if (end && (*end || !(timeout_s >= 0 && timeout_s <= 1e9)))
		return cli_usage(&command_wait, "--timeout takes seconds");
	if (argc - optind > 1)
		return cli_usage(&command_wait, "one MNT is wanted");
	r = find_named(argv[optind], &mount_point);
	if (r != 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (what && strcmp(what, all[i]) != 0)
			continue;
		r = wait_for(mount_point, all[i], (uint64_t)(timeout_s * 1000));
		if (r != 0 || what)
			return r;
	}
	return what ? cli_usage(&command_wait, "--for %s: allowed are index, tiers, durable", what) : CLI_OK;
}

const struct command command_wait = {
	"wait", wait_main, "[MNT] [--for index|tiers|durable] [--timeout S]", "wait until nothing is pending",
	NULL,
};

/* ---- status */

/* "356 bytes", "1.4 MB" */
static const char *size_text(uint64_t bytes, char *ret_text, size_t size)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 999.95; value /= 1000)
		unit++;
	(void) snprintf(ret_text, size, "%.*f %s", unit ? 1 : 0, value, units[unit]);
	return ret_text;
}

static void print_problem(const json_t *p)
{
	const json_t *files = json_object_get(p, "files"), *f;
	size_t i;

	printf("problem since %s: %s; way out: %s\n", json_string_value(json_object_get(p, "since")),
	       json_string_value(json_object_get(p, "what")),
	       json_string_value(json_object_get(p, "way_out")));
	json_array_foreach(files, i, f)
		printf("  %s\n", json_string_value(f));
}

static void print_status(const char *mount_point, const json_t *v)
{
	const json_t *problems = json_object_get(v, "problems"), *p;
	char bytes[32], memory[32];
	size_t i;

	printf("%s: %llu files, %llu directories, %s\n", mount_point,
	       (unsigned long long)at(v, NULL, "files"), (unsigned long long)at(v, NULL, "directories"),
	       size_text(at(v, NULL, "bytes"), bytes, sizeof(bytes)));
	printf("index: %llu indexed, %llu pending, %llu skipped, %llu failed (model %s)\n",
	       (unsigned long long)at(v, "index", "indexed"), (unsigned long long)at(v, "index", "pending"),
	       (unsigned long long)at(v, "index", "skipped"), (unsigned long long)at(v, "index", "failed"),
	       json_string_value(json_object_get(json_object_get(v, "index"), "model")));
	printf("memory: %s; up %llu s\n", size_text(at(v, "memory", "rss_bytes"), memory, sizeof(memory)),
	       (unsigned long long)at(v, NULL, "uptime_s"));
	json_array_foreach(problems, i, p)
		print_problem(p);
}

static int status_main(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, OPTION_JSON }, { 0 } };
	_cleanup_free_ char *mount_point = NULL;
	_cleanup_json_ json_t *v = NULL;
	bool raw = false;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != OPTION_JSON)
			return cli_usage(&command_status, "unknown option");
		raw = true;
	}
	if (argc - optind > 1)
		return cli_usage(&command_status, "one MNT is wanted");
	r = find_named(argv[optind], &mount_point);
	if (r != 0)
		return r;
	r = status_read(mount_point, &v);
	if (r < 0)
		return cli_fail_errno(r, "cannot ask %s", mount_point);
	if (raw)
		return json_dumpf(v, stdout, JSON_COMPACT) == 0 && putchar('\n') == '\n' ? CLI_OK
											 : CLI_FAILED;
	print_status(mount_point, v);
	return CLI_OK;
}

const struct command command_status = { "status", status_main, "[MNT] [--json]",
					"what the mount holds and does", NULL };

/* ---- name */

static int name_main(int argc, char **argv)
{
	_cleanup_free_ char *mount_point = NULL;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	char line[64];
	int r;

	if ((argc != 2 && argc != 3) || !*argv[1] || argv[1][strspn(argv[1], "0123456789")])
		return cli_usage(&command_name, "the number of an inode is wanted");
	r = find_named(argc == 3 ? argv[2] : NULL, &mount_point);
	if (r != 0)
		return r;
	(void) snprintf(line, sizeof(line), "name %.40s", argv[1]);
	r = control_ask(mount_point, line, &answer);
	if (r < 0 || !buf_cstr(&answer))
		return cli_fail_errno(r, "cannot ask %s", mount_point);
	if (strncmp((char *)answer.data, "ok\n", 3) != 0)
		return cli_fail("%.*s", (int)strcspn((char *)answer.data + 7, "\n"), (char *)answer.data + 7);
	printf("%s/%s", mount_point, (char *)answer.data + 3);
	return CLI_OK;
}

const struct command command_name = { "name", name_main, "INODE [MNT]", "the path of an inode", NULL };

/* ---- find */

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
