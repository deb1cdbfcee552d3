/* SPDX-License-Identifier: MIT */
/* `brainy watch`: a folder of a mount follows one outside. A client of the mount like any other; the
 * following is daemon/follow/. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/cli.h"
#include "daemon/copy/globs.h"
#include "daemon/copy/meter.h"
#include "daemon/copy/place.h"
#include "daemon/copy/report.h"
#include "daemon/follow/follow.h"

DEFINE_CLEANUP(struct follow *, follow_free)

/* A file that is dropped may be written in several turns. */
#define DROP_QUIET_MS 1000u

struct watch_command {
	const char *from, *to;
	bool once, json, verbose, all_names;
	struct follow_config config;
	struct globs ignored;
	struct meter meter;
	struct report report; /* of --json */
	struct follow *follow;
};

static volatile sig_atomic_t stop;

/* What editors, browsers and desktops make while they work. */
static const char *const usual[] = {
	"*~", ".*.sw?", ".*.swpx", "4913", ".#*", "#*#", "~$*", ".~lock.*#", "*.part", "*.partial", "*.crdownload",
	"*.download", "*.tmp", ".goutputstream-*", ".nfs*", ".fuse_hidden*", ".Trash-*/", ".DS_Store", "Thumbs.db",
	"desktop.ini", "/lost+found/",
};

static void on_signal(int number)
{
	stop = 1;
}

/* ---- what is said */

static void tell(void *context, enum copy_news news, const char *path, uint64_t bytes)
{
	static const char *const words[] = { "copy", "share", "link", "folder", "keep", "remove" };
	struct watch_command *w = context;

	if (!w->verbose)
		return;
	printf("%s ", words[news]);
	report_name(stdout, path);
	putchar('\n');
	(void) fflush(stdout);
}

static void fail(void *context, const char *path, const char *why)
{
	struct watch_command *w = context;

	meter_end(&w->meter);
	report_add(&w->report, path, why);
	if (!w->once)
		report_print(&w->report, "watch");
}

static void step(void *context, const struct copy_counts *counts, uint64_t part)
{
	meter_step(&((struct watch_command *)context)->meter, counts, part);
}

static void ready(void *context)
{
	struct watch_command *w = context;

	meter_end(&w->meter);
	w->meter.shows = false;
	printf("%s follows %s (%zu folders); so far ", w->to, w->from, follow_folders(w->follow));
	report_counts(follow_counts(w->follow), false, (double)(clock_mono_ms() - w->meter.start_ms) / 1000);
	(void) fflush(stdout);
}

/* ---- following */

static int conclude_once(struct watch_command *w)
{
	const struct copy_counts *counts = follow_counts(w->follow);
	_cleanup_json_ json_t *all = w->json ? report_json(&w->report, counts, follow_why(w->follow)) : NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (w->json) {
		if (!all || json_add_to(&text, all) < 0)
			return cli_fail_errno(ENOMEM, "watch");
		printf("%s\n", buf_cstr(&text));
	} else {
		report_counts(counts, false, (double)(clock_mono_ms() - w->meter.start_ms) / 1000);
	}
	(void) fflush(stdout);
	report_print(&w->report, "watch");
	return counts->failed > 0 ? CLI_FAILED : CLI_OK;
}

static int follow(struct watch_command *w)
{
	_cleanup_(follow_freep) struct follow *f = NULL;
	int r = follow_new(&w->config, &f), status = CLI_OK;

	if (r < 0)
		return cli_fail_errno(r, "watch");
	w->follow = f;
	meter_start(&w->meter, NULL);
	r = w->once ? follow_once(f) : follow_run(f, ready);
	meter_end(&w->meter);
	if (w->once)
		status = conclude_once(w);
	return r < 0 ? cli_fail("watch: %s", follow_why(f) ? follow_why(f) : strerrordesc_np(-r)) : status;
}

/* An empty source is more often one that was not mounted than one that was emptied. */
static int check_emptiness(const struct watch_command *w)
{
	int from = follow_is_empty(w->config.from_dirfd), to = follow_is_empty(w->config.to_dirfd);

	if (!w->config.options.prune || from <= 0 || to != 0)
		return 0;
	return cli_fail("watch: %s is empty and %s is not: --delete would remove all of it. Is it mounted? "
			"If it is meant so, remove what is there by hand", w->from, w->to);
}

static int run(struct watch_command *w)
{
	const char *overlap = place_overlap(w->from, w->to);
	struct sigaction act = { .sa_handler = on_signal };
	_cleanup_close_ int from = open(w->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = -1;
	int r;

	if (from < 0)
		return cli_fail_errno(errno, "watch: cannot open %s", w->from);
	if (overlap)
		return cli_fail("watch: %s: %s", w->from, overlap);
	if (mkdir(w->to, 0777) < 0 && errno != EEXIST)
		return cli_fail_errno(errno, "watch: cannot make %s", w->to);
	to = open(w->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return cli_fail_errno(errno, "watch: cannot open %s", w->to);
	w->config.from_dirfd = from;
	w->config.to_dirfd = to;
	r = check_emptiness(w);
	if (r != 0)
		return r;
	(void) sigaction(SIGINT, &act, NULL);
	(void) sigaction(SIGTERM, &act, NULL);
	(void) signal(SIGIO, SIG_IGN);
	place_allow_depth();
	return follow(w);
}

/* ---- the command */

enum {
	OPTION_DELETE = OPTION_COMMON_END,
	OPTION_DROP,
	OPTION_ONCE,
	OPTION_IGNORE,
	OPTION_ALL_NAMES,
	OPTION_VERBOSE
};

static int take_option(struct watch_command *w, int option)
{
	switch (option) {
	case OPTION_DELETE:
		w->config.options.prune = true;
		return 0;
	case OPTION_DROP:
		w->config.options.take = true;
		w->config.options.replace = COPY_REPLACE_NONE;
		w->config.options.quiet_ms = DROP_QUIET_MS;
		return 0;
	case OPTION_ONCE:
		w->once = true;
		return 0;
	case OPTION_IGNORE:
		return globs_add(&w->ignored, optarg);
	case OPTION_ALL_NAMES:
		w->all_names = true;
		return 0;
	case OPTION_VERBOSE:
		w->verbose = true;
		return 0;
	case OPTION_JSON:
		w->json = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_options(struct watch_command *w, int argc, char **argv)
{
	static const struct option options[] = { { "delete", no_argument, NULL, OPTION_DELETE },
						 { "drop", no_argument, NULL, OPTION_DROP },
						 { "once", no_argument, NULL, OPTION_ONCE },
						 { "ignore", required_argument, NULL, OPTION_IGNORE },
						 { "all-names", no_argument, NULL, OPTION_ALL_NAMES },
						 { "verbose", no_argument, NULL, OPTION_VERBOSE },
						 { "json", no_argument, NULL, OPTION_JSON },
						 { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (take_option(w, option) < 0)
			return cli_usage(&command_watch, "unknown option, or a pattern that is none");
	if (argc - optind != 2)
		return cli_usage(&command_watch, "SRC and DIR are wanted");
	if (w->config.options.take && w->config.options.prune)
		return cli_usage(&command_watch, "--drop and --delete do not go together");
	if (w->json && !w->once)
		return cli_usage(&command_watch, "--json goes with --once");
	w->from = argv[optind];
	w->to = argv[optind + 1];
	return 0;
}

static int ignore_usual(struct watch_command *w)
{
	for (size_t i = 0; !w->all_names && i < ARRAY_SIZE(usual); i++)
		if (globs_add(&w->ignored, usual[i]) < 0)
			return cli_fail_errno(ENOMEM, "watch");
	return 0;
}

static int watch_main(int argc, char **argv)
{
	struct watch_command w = { 0 };
	int r;

	w.config.stop = &stop;
	w.config.options = (struct copy_options){ .replace = COPY_REPLACE_ALL,
						  .share = true,
						  .ignored = &w.ignored,
						  .tell = tell,
						  .fail = fail,
						  .step = step,
						  .context = &w };
	r = parse_options(&w, argc, argv);
	if (r == 0)
		r = ignore_usual(&w);
	if (r == 0)
		r = run(&w);
	globs_done(&w.ignored);
	report_done(&w.report);
	return r;
}

const struct command command_watch = {
	"watch", watch_main,
	"SRC DIR [--delete|--drop] [--ignore GLOB].. [--all-names] [--verbose] [--once [--json]]",
	"have DIR follow a folder outside",
	"Makes DIR what SRC is, and keeps it so until SIGINT or SIGTERM. What is changed in SRC is changed\n"
	"in DIR, whatever is there; what is deleted in SRC is deleted in DIR only with --delete. With\n"
	"--drop files are moved: removed from SRC when they are in DIR, durably; nothing in DIR is replaced\n"
	"then. Names of unfinished and temporary files are ignored, unless there is --all-names. --once\n"
	"does it once and ends.",
};
