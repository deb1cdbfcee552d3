/* SPDX-License-Identifier: MIT */
/* `brainy tier`: where files lie, and the policy run by hand. `brainy pin` and `unpin`: what stays hot. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/cli.h"
#include "daemon/come_back.h"

#define TIER_XATTR "user.brainy.tier"
#define NOW_XATTR "user.brainy.tier-now"
#define PIN_XATTR "user.brainy.pin"

static int fail_to_find(int error, const char *path)
{
	return error == -ENOTCONN ? cli_fail("%s: no brainyfs is mounted there", path)
				  : cli_fail_errno(error, "%s", path);
}

/* ---- run */

/* A server that dies while it runs the policy leaves the run to the next one: every move is there whole or
 * not at all. */
static int ask(const char *mount_point, const char *line, struct buf *ret_answer)
{
	int r = control_ask(mount_point, line, ret_answer);

	for (unsigned n = 0; n < 10 && r == -ESTALE; n++) {
		buf_reset(ret_answer);
		r = control_ask(mount_point, line, ret_answer);
	}
	return r;
}

static int print_answer(const char *mount_point, struct buf *answer, bool dry_run)
{
	char *text = buf_cstr(answer), *line_end;

	if (!text)
		return cli_fail_errno(-ENOMEM, "tier run");
	line_end = text + strcspn(text, "\n");
	if (strncmp(text, "ok", 2) != 0)
		return cli_fail("%s: %.*s", mount_point, (int)(line_end - text) - 7, text + 7);
	printf("%s", dry_run ? line_end + 1 : text + 3);
	return CLI_OK;
}

static int run_main(int argc, char **argv)
{
	static const struct option options[] = { { "now", required_argument, NULL, 'n' },
						 { "dry-run", no_argument, NULL, 'd' },
						 { 0 } };
	_cleanup_free_ char *mount_point = NULL;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int64_t now_s = (int64_t)(clock_real_ns() / 1000000000u);
	bool dry_run = false;
	char line[64];
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'd')
			dry_run = true;
		else if (option != 'n')
			return cli_usage(&command_tier, "unknown option");
		else if (calendar_parse_now(optarg, now_s, &now_s) < 0)
			return cli_usage(&command_tier, "--now takes YYYY-MM-DD, or +Nd for in N days");
	}
	if (argc - optind != 1)
		return cli_usage(&command_tier, "one MNT is wanted");
	r = mount_find(argv[optind], &mount_point);
	if (r < 0)
		return fail_to_find(r, argv[optind]);
	(void) snprintf(line, sizeof(line), "tier run %lld%s", (long long)now_s, dry_run ? " dry" : "");
	r = ask(mount_point, line, &answer);
	return r < 0 ? cli_fail_errno(r, "cannot ask %s", mount_point)
		     : print_answer(mount_point, &answer, dry_run);
}

/* "tier status", "compact", "scrub": a line to the mount, its answer to the user. */
static int plain_main(const struct command *c, const char *line, int argc, char **argv)
{
	_cleanup_free_ char *mount_point = NULL;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int r;

	if (argc != 2)
		return cli_usage(c, "one MNT is wanted");
	r = mount_find(argv[1], &mount_point);
	if (r < 0)
		return fail_to_find(r, argv[1]);
	r = ask(mount_point, line, &answer);
	return r < 0 ? cli_fail_errno(r, "cannot ask %s", mount_point) :
		       print_answer(mount_point, &answer, strcmp(line, "tier status") == 0);
}

static int compact_main(int argc, char **argv)
{
	return plain_main(&command_compact, "compact", argc, argv);
}

const struct command command_compact = { "compact", compact_main, "MNT", "take away what no longer serves",
					 NULL };

static int scrub_main(int argc, char **argv)
{
	return plain_main(&command_scrub, "scrub", argc, argv);
}

const struct command command_scrub = { "scrub", scrub_main, "MNT", "read all that is stored, to find damage",
				       NULL };

/* ---- one file */

static int read_text(const char *path, const char *name, char *ret_text, size_t size)
{
	ssize_t n = getxattr(path, name, ret_text, size - 1);

	if (n < 0 && errno != ENODATA)
		return -errno;
	ret_text[n > 0 ? n : 0] = '\0';
	return 0;
}

static int show(const char *path)
{
	char wanted[16], now[16], pin[16];
	int r = read_text(path, TIER_XATTR, wanted, sizeof(wanted));

	if (r >= 0)
		r = read_text(path, NOW_XATTR, now, sizeof(now));
	if (r >= 0)
		r = read_text(path, PIN_XATTR, pin, sizeof(pin));
	if (r < 0)
		return cli_fail_errno(r, "%s", path);
	printf("%s\t%s%s%s\n", *now ? now : "-", *wanted ? wanted : "auto",
	       *pin && strcmp(pin, "0") != 0 ? ", pinned\t" : "\t", path);
	return CLI_OK;
}

static int set(const char *path, const char *tier)
{
	static const char *const tiers[] = { "auto", "hot", "warm", "cold" };

	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
		if (strcmp(tier, tiers[i]) != 0)
			continue;
		if (strcmp(tier, "hot") == 0)
			return come_back(path);
		if (setxattr(path, TIER_XATTR, tier, strlen(tier), 0) < 0)
			return cli_fail_errno(-errno, "%s", path);
		stay_away(path);
		return CLI_OK;
	}
	return cli_usage(&command_tier, "auto, hot, warm or cold is wanted");
}

static int tier_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "run") == 0)
		return run_main(argc - 1, argv + 1);
	if (strcmp(verb, "status") == 0)
		return plain_main(&command_tier, "tier status", argc - 1, argv + 1);
	if (argc == 2)
		return show(argv[1]);
	if (argc == 3)
		return set(argv[1], argv[2]);
	return cli_usage(&command_tier, "PATH, or run MNT or status MNT, is wanted");
}

const struct command command_tier = {
	"tier", tier_main, "PATH [auto|hot|warm|cold] | run MNT [--now DATE] [--dry-run] | status MNT",
	"where files lie; run the policy",
	"PATH hot brings a file, or all files below a directory, back now; others move when the policy runs.",
};

/* ---- pins */

static int change_pins(const struct command *c, int argc, char **argv, bool pin)
{
	int status = CLI_OK;

	if (argc < 2)
		return cli_usage(c, "a FILE or DIR is wanted");
	for (int i = 1; i < argc; i++) {
		int r = pin ? setxattr(argv[i], PIN_XATTR, "1", 1, 0) : removexattr(argv[i], PIN_XATTR);

		if (r < 0 && !(errno == ENODATA && !pin))
			status = cli_fail_errno(-errno, "%s", argv[i]);
	}
	return status;
}

static int pin_main(int argc, char **argv)
{
	return change_pins(&command_pin, argc, argv, true);
}

static int unpin_main(int argc, char **argv)
{
	return change_pins(&command_unpin, argc, argv, false);
}

const struct command command_pin = { "pin", pin_main, "FILE|DIR..", "keep hot, whatever its age", NULL };
const struct command command_unpin = { "unpin", unpin_main, "FILE|DIR..", "leave it to the policy again",
				       NULL };
