/* SPDX-License-Identifier: MIT */
/* The commands that ask a mount: wait, status, name. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "daemon/cli.h"

/* A number of the status; `section` NULL: at its top. */
static uint64_t at(const json_t *v, const char *section, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(section ? json_object_get(v, section) : v, key));
}

/* ---- wait */

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
