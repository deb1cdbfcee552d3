/* SPDX-License-Identifier: MIT */
/* `brainy import`: copies trees in. A client of the mount like any other; the copying is daemon/copy/. */
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
#include "daemon/copy/census.h"
#include "daemon/copy/copier.h"
#include "daemon/copy/globs.h"
#include "daemon/copy/meter.h"
#include "daemon/copy/place.h"
#include "daemon/copy/report.h"

DEFINE_CLEANUP(struct copier *, copier_free)
DEFINE_CLEANUP(struct census *, census_stop)

struct import {
	char **sources;
	unsigned n;
	const char *to;
	bool json;
	struct copy_options options;
	struct globs ignored;
	struct census_source *counted; /* owned: path, and the name at the destination ("": its contents) */
	char **names;                  /* owned: those names */
	int to_fd;                     /* owned; -1: not there, in a dry run */
	struct meter meter;
	struct report report;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = 1;
}

/* ---- what the copier says */

static void tell(void *context, enum copy_news news, const char *path, uint64_t bytes)
{
	static const char *const words[] = { "copy", "share", "link", "folder", "keep", "remove" };
	struct import *im = context;

	if (!im->options.dry_run || im->json)
		return;
	printf("%s ", words[news]);
	report_name(stdout, path);
	putchar('\n');
}

static void fail(void *context, const char *path, const char *why)
{
	report_add(&((struct import *)context)->report, path, why);
}

static void step(void *context, const struct copy_counts *counts, uint64_t part)
{
	meter_step(&((struct import *)context)->meter, counts, part);
}

/* ---- the sources */

/* The name that it will have, "" when its contents are meant: as rsync(1) has it. */
static char *name_of(const char *source)
{
	size_t len = strlen(source);
	const char *slash;

	if (len == 0 || source[len - 1] == '/')
		return strdup("");
	slash = strrchr(source, '/');
	source = slash ? slash + 1 : source;
	return strdup(strcmp(source, ".") == 0 || strcmp(source, "..") == 0 ? "" : source);
}

static int check_place(const char *source, const char *name, const char *to)
{
	const char *overlap;
	struct stat st;

	if ((*name ? lstat(source, &st) : stat(source, &st)) < 0)
		return cli_fail_errno(errno, "import: %s", source);
	if (!*name && !S_ISDIR(st.st_mode))
		return cli_fail("import: %s: not a folder", source);
	overlap = S_ISDIR(st.st_mode) ? place_overlap(source, to) : NULL;
	return overlap ? cli_fail("import: %s: %s", source, overlap) : 0;
}

static int check_names(const struct import *im, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (*im->names[i] && strcmp(im->names[k], im->names[i]) == 0)
			return cli_fail(
				"import: %s and %s would have the same name; import them one after the "
				"other, or into two folders",
				im->sources[k], im->sources[i]);
	return 0;
}

static int prepare_sources(struct import *im)
{
	int r = 0;

	im->names = calloc(im->n, sizeof(*im->names));
	im->counted = calloc(im->n, sizeof(*im->counted));
	if (!im->names || !im->counted)
		return cli_fail_errno(ENOMEM, "import");
	for (unsigned i = 0; r == 0 && i < im->n; i++) {
		im->names[i] = name_of(im->sources[i]);
		if (!im->names[i])
			return cli_fail_errno(ENOMEM, "import");
		im->counted[i] = (struct census_source){ .path = im->sources[i], .as = im->names[i] };
		r = check_place(im->sources[i], im->names[i], im->to);
		if (r == 0)
			r = check_names(im, i);
	}
	return r;
}

/* ---- copying */

static int open_destination(struct import *im)
{
	if (!im->options.dry_run && mkdir(im->to, 0777) < 0 && errno != EEXIST)
		return cli_fail_errno(errno, "import: cannot make %s", im->to);
	im->to_fd = open(im->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (im->to_fd < 0 && !(im->options.dry_run && errno == ENOENT))
		return cli_fail_errno(errno, "import: cannot open %s", im->to);
	return 0;
}

/* A source that cannot be opened is a failure like others. */
static int copy_source(struct import *im, struct copier *c, unsigned i, bool *ret_lost)
{
	const char *source = im->sources[i];
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	_cleanup_close_ int fd = *im->names[i] ? AT_FDCWD : open(source, flags);

	if (*im->names[i])
		return copier_copy(c, AT_FDCWD, source, im->names[i]);
	if (fd < 0) {
		report_add(&im->report, source, strerrordesc_np(errno));
		*ret_lost = true;
		return 0;
	}
	return copier_contents(c, fd);
}

static int conclude(struct import *im, struct copier *c, bool lost)
{
	const struct copy_counts *counts = copier_counts(c);
	_cleanup_json_ json_t *all = im->json ? report_json(&im->report, counts, copier_why(c)) : NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	meter_end(&im->meter);
	if (im->json) {
		if (!all || json_add_to(&text, all) < 0)
			return cli_fail_errno(ENOMEM, "import");
		printf("%s\n", buf_cstr(&text));
	} else {
		report_counts(counts, im->options.dry_run,
			      (double)(clock_mono_ms() - im->meter.start_ms) / 1000);
	}
	(void) fflush(stdout);
	report_print(&im->report, "import");
	if (copier_why(c))
		return cli_fail("import: %s", copier_why(c));
	if (counts->failed > 0 || lost)
		return cli_fail("import: not everything could be copied");
	return CLI_OK;
}

static int copy_all(struct import *im)
{
	_cleanup_(census_stopp) struct census *census = NULL;
	_cleanup_(copier_freep) struct copier *c = NULL;
	bool lost = false;
	int r = copier_new(im->to_fd, &im->options, &c);

	if (r < 0)
		return cli_fail_errno(r, "import");
	if (isatty(STDERR_FILENO))
		(void) census_start(im->counted, im->n, &im->ignored, &census);
	meter_start(&im->meter, census);
	for (unsigned i = 0; r == 0 && i < im->n; i++)
		r = copy_source(im, c, i, &lost);
	if (!im->options.dry_run && (r == 0 || r == -ECANCELED))
		(void) copier_flush(c);
	return conclude(im, c, lost);
}

static int run(struct import *im)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	int r = prepare_sources(im);

	if (r == 0)
		r = open_destination(im);
	if (r != 0)
		return r;
	/* The second one ends it at once. */
	(void) sigaction(SIGINT, &act, NULL);
	(void) sigaction(SIGTERM, &act, NULL);
	place_allow_depth();
	return copy_all(im);
}

/* ---- the command */

enum { OPTION_DRY_RUN = OPTION_COMMON_END, OPTION_EXCLUDE, OPTION_OVERWRITE, OPTION_NO_SHARE };

static int take_option(struct import *im, int option)
{
	switch (option) {
	case OPTION_DRY_RUN:
		im->options.dry_run = true;
		return 0;
	case OPTION_EXCLUDE:
		return globs_add(&im->ignored, optarg);
	case OPTION_OVERWRITE:
		im->options.replace = COPY_REPLACE_ALL;
		return 0;
	case OPTION_NO_SHARE:
		im->options.share = false;
		return 0;
	case OPTION_JSON:
		im->json = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_options(struct import *im, int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
						 { "exclude", required_argument, NULL, OPTION_EXCLUDE },
						 { "overwrite", no_argument, NULL, OPTION_OVERWRITE },
						 { "no-share", no_argument, NULL, OPTION_NO_SHARE },
						 { "json", no_argument, NULL, OPTION_JSON },
						 { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (take_option(im, option) < 0)
			return cli_usage(&command_import, "unknown option, or a pattern that is none");
	if (argc - optind < 2)
		return cli_usage(&command_import, "at least one SRC, and DIR, are wanted");
	im->sources = argv + optind;
	im->n = (unsigned)(argc - optind - 1);
	im->to = argv[argc - 1];
	return 0;
}

static void import_done(struct import *im)
{
	for (unsigned i = 0; im->names && i < im->n; i++)
		free(im->names[i]);
	free(im->names);
	free(im->counted);
	globs_done(&im->ignored);
	report_done(&im->report);
	closep(&im->to_fd);
}

static int import_main(int argc, char **argv)
{
	struct import im = { .to_fd = -1 };
	int r;

	im.options = (struct copy_options){ .share = true,
					    .ignored = &im.ignored,
					    .stop = &stop,
					    .tell = tell,
					    .fail = fail,
					    .step = step,
					    .context = &im };
	r = parse_options(&im, argc, argv);
	if (r == 0)
		r = run(&im);
	import_done(&im);
	return r;
}

const struct command command_import = {
	"import", import_main,
	"SRC.. DIR [--dry-run] [--exclude GLOB].. [--overwrite] [--no-share] [--json]",
	"copy trees into a folder, going on where an earlier run ended",
	"Copies each SRC, with all that belongs to it, to DIR/NAME; of 'SRC/' what is in it. What is there\n"
	"already with the same type, size and mtime is not copied again, so that after an interruption the\n"
	"same command goes on. A file that is newer in DIR is kept, unless there is --overwrite. Files with\n"
	"the same bytes share them, unless there is --no-share. What fails is listed at the end (exit 1).",
};
