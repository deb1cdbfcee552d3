/* SPDX-License-Identifier: MIT */
/* `brainy follow`: a line of JSON for each file that enters or leaves what a query finds. It is a saved search for as
 * long as it runs, and reads the events of that one. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "daemon/cli.h"

#define STEP_US 100000u
#define NAME_PREFIX "follow-"
#define LINE_MAX_BYTES (1u << 20)

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = 1;
}

struct following {
	char *folder;       /* owned: of the saved search */
	const char *name;   /* within it */
	char *events;       /* owned: path */
	off_t at;
	struct buf rest;    /* of a line that has not ended */
};

static int write_setting(const struct following *f, const char *which, const char *text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (!text)
		return 0;
	if (asprintf(&path, "%s/%s", f->folder, which) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : io_write(fd, text, strlen(text));
}

static int begin(struct following *f, const char *mount_point, const char *query, const char *mode,
		 const char *limit)
{
	struct stat st;
	int r;

	if (asprintf(&f->folder, "%s/.find/saved/" NAME_PREFIX "%d", mount_point, (int)getpid()) < 0 ||
	    asprintf(&f->events, "%s/.brainy/events", mount_point) < 0)
		return -ENOMEM;
	f->name = strrchr(f->folder, '/') + 1;
	if (stat(f->events, &st) < 0)
		return -errno;
	f->at = st.st_size;
	if (mkdir(f->folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = write_setting(f, ".limit", limit ? limit : "10000");
	if (r >= 0)
		r = write_setting(f, ".mode", mode ? mode : "text");
	return r < 0 ? r : write_setting(f, ".q", query);
}

static void finish(struct following *f)
{
	if (f->folder)
		(void) rmdir(f->folder);
	free(f->folder);
	free(f->events);
	buf_done(&f->rest);
}

/* Lines of other searches are not ours. */
static void print_line(const struct following *f, const char *line, size_t len)
{
	_cleanup_json_ json_t *o = json_loadb(line, len, 0, NULL);
	const char *search = json_string_value(json_object_get(o, "search"));

	if (!search || strcmp(search, f->name) != 0)
		return;
	(void) json_object_del(o, "search");
	if (json_dumpf(o, stdout, JSON_COMPACT) == 0)
		(void) putchar('\n');
	(void) fflush(stdout);
}

static int take(struct following *f, const char *data, size_t len)
{
	int r = f->rest.len + len > LINE_MAX_BYTES ? -EFBIG : buf_add(&f->rest, data, len);
	size_t done = 0;

	while (r >= 0) {
		const char *at = (const char *)f->rest.data + done,
			   *end = memchr(at, '\n', f->rest.len - done);

		if (!end)
			break;
		print_line(f, at, (size_t)(end - at));
		done = (size_t)(end + 1 - (const char *)f->rest.data);
	}
	memmove(f->rest.data, f->rest.data + done, f->rest.len - done);
	f->rest.len -= done;
	return r;
}

/* What was added since. A server that begins anew has the same file. */
static int read_more(struct following *f)
{
	_cleanup_close_ int fd = open(f->events, O_RDONLY | O_CLOEXEC);
	char chunk[16384];
	ssize_t n = 0;
	int r = fd < 0 ? -errno : 0;

	while (r >= 0 && (n = pread(fd, chunk, sizeof(chunk), f->at)) > 0) {
		f->at += n;
		r = take(f, chunk, (size_t)n);
	}
	return n < 0 ? -errno : r;
}

static int follow(struct following *f)
{
	int r = 0;

	while (!stopped && r >= 0) {
		r = read_more(f);
		if (r == -ESTALE || r == -EINTR)
			r = 0; /* another server answers now */
		if (!stopped && r >= 0)
			(void) usleep(STEP_US);
	}
	return r;
}

/* A query that cannot be asked says why where all of them do. */
static int complain(const char *mount_point, int error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf reason = BUF_INIT;

	if (error == -EINVAL && asprintf(&path, "%s/.query/last-error", mount_point) >= 0 &&
	    io_read_file_at(AT_FDCWD, path, 1 << 16, &reason) == 0 && reason.len > 0)
		return cli_fail("follow: %.*s", (int)strcspn(buf_cstr(&reason), "\n"), (char *)reason.data);
	return cli_fail_errno(error, "follow");
}

static int run(const char *dir, const char *query, const char *mode, const char *limit)
{
	const struct sigaction action = { .sa_handler = stop };
	_cleanup_free_ char *mount_point = NULL;
	struct following f = { 0 };
	int r = mount_find(dir, &mount_point), status = CLI_OK;

	if (r < 0)
		return cli_fail("follow: %s is not in a mounted volume", dir);
	(void) sigaction(SIGINT, &action, NULL);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGHUP, &action, NULL);
	r = begin(&f, mount_point, query, mode, limit);
	if (r >= 0)
		r = follow(&f);
	if (r < 0)
		status = complain(mount_point, r);
	finish(&f);
	return status;
}

static int follow_main(int argc, char **argv)
{
	static const struct option options[] = { { "in", required_argument, NULL, 'i' },
						 { "mode", required_argument, NULL, 'm' },
						 { 0 } };
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *dir = ".", *mode = NULL, *limit = NULL;
	int option, r = 0;

	while ((option = getopt_long(argc, argv, "+n:", options, NULL)) >= 0) {
		if (option == 'n')
			limit = optarg;
		else if (option == 'i')
			dir = optarg;
		else if (option == 'm')
			mode = optarg;
		else
			return cli_usage(&command_follow, "unknown option");
	}
	if (optind == argc)
		return cli_usage(&command_follow, "a QUERY is wanted");
	for (int i = optind; i < argc && r == 0; i++)
		r = buf_addf(&text, "%s%s", i > optind ? " " : "", argv[i]);
	if (r < 0 || !buf_cstr(&text))
		return cli_fail_errno(-ENOMEM, "follow");
	return run(dir, buf_cstr(&text), mode, limit);
}

const struct command command_follow = {
	"follow", follow_main, "[-n N] [--in DIR] [--mode text|hybrid|vector] QUERY..",
	"print a line of JSON for each file that enters or leaves",
	"DIR: a folder of the mount (default: here). N: of the first so many (10000). Without --mode: text.\n"
	"What the query finds already is told first. Ends with a signal.",
};
