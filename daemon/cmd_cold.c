/* SPDX-License-Identifier: MIT */
/* `brainy cold`: gives a mount a bucket, moves it to another, takes it away. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/cli.h"

static int find_mount(const char *path, char **ret_mount_point)
{
	int r = mount_find(path, ret_mount_point);

	if (r == -ENOTCONN)
		return cli_fail("%s: no brainyfs is mounted there", path);
	return r < 0 ? cli_fail_errno(r, "%s", path) : 0;
}

/* What was found goes to stdout, also when it is why nothing was done. */
static int print_answer(const char *mount_point, struct buf *answer)
{
	char *text = buf_cstr(answer), *end;

	if (!text)
		return cli_fail_errno(-ENOMEM, "cold");
	end = text + strcspn(text, "\n");
	if (*end)
		*end++ = '\0';
	if (strncmp(text, "ok", 2) == 0) {
		printf("%s%s\n", end, text + 3);
		return CLI_OK;
	}
	printf("%s", end);
	return cli_fail("%s: %s", mount_point, strncmp(text, "error: ", 7) == 0 ? text + 7 : text);
}

static int ask(const char *path, const struct buf *line)
{
	_cleanup_free_ char *mount_point = NULL;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int r = find_mount(path, &mount_point);

	if (r != 0)
		return r;
	r = control_ask(mount_point, (const char *)line->data, &answer);
	return r < 0 ? cli_fail_errno(r, "cannot ask %s", mount_point) : print_answer(mount_point, &answer);
}

/* Tabs and ends of lines separate what is asked for. */
static bool is_one_word(const char *text)
{
	return !strpbrk(text, "\t\n\r");
}

static int attach_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "endpoint", required_argument, NULL, 'k' }, { "region", required_argument, NULL, 'k' },
		{ "addressing", required_argument, NULL, 'k' }, { "profile", required_argument, NULL, 'k' },
		{ "ca-file", required_argument, NULL, 'k' }, { "proxy", required_argument, NULL, 'k' },
		{ "take-over", no_argument, NULL, 't' }, { 0 }
	};
	_cleanup_buf_ struct buf line = BUF_INIT, more = BUF_INIT;
	int option, index = 0, r = 0;

	while ((option = getopt_long(argc, argv, "", options, &index)) >= 0) {
		if (option == 't')
			r = r < 0 ? r : buf_add_str(&more, "\ttake-over");
		else if (option != 'k' || !is_one_word(optarg))
			return cli_usage(&command_cold, "unknown option, or no value for it");
		else if (r >= 0)
			r = buf_addf(&more, "\t%s=%s", index == 4 ? "ca_file" : options[index].name, optarg);
	}
	if (argc - optind < 1 || argc - optind > 2 || !is_one_word(argv[optind]))
		return cli_usage(&command_cold,
				 "a URL is wanted, s3://bucket/prefix or file:///folder, and perhaps MNT");
	if (r >= 0)
		r = buf_addf(&line, "cold attach %s%s", argv[optind],
			     more.len && buf_cstr(&more) ? (char *)more.data : "");
	if (r < 0 || !buf_cstr(&line))
		return cli_fail_errno(-ENOMEM, "cold attach");
	return ask(argc - optind == 2 ? argv[optind + 1] : ".", &line);
}

static int detach_main(int argc, char **argv)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	if (argc > 2)
		return cli_usage(&command_cold, "one MNT is wanted");
	if (buf_add_str(&line, "cold detach") < 0 || !buf_cstr(&line))
		return cli_fail_errno(-ENOMEM, "cold detach");
	return ask(argc == 2 ? argv[1] : ".", &line);
}

static int cold_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "attach") == 0)
		return attach_main(argc - 1, argv + 1);
	if (strcmp(verb, "detach") == 0)
		return detach_main(argc - 1, argv + 1);
	return cli_usage(&command_cold, "attach or detach is wanted");
}

const struct command command_cold = {
	"cold", cold_main,
	"attach [--endpoint URL] [--region R] [--addressing path|virtual] [--profile P] [--ca-file F] "
	"[--proxy URL] [--take-over] URL [MNT] | detach [MNT]",
	"give a mount a bucket, or take it away",
	"attach tries out what is needed of the bucket, claims the prefix for the volume, and writes [cold]\n"
	"of brainy.conf. Files that are cold must lie there already: so a volume follows its bucket to\n"
	"another place. Credentials come from the environment of the mount or the AWS profile file.\n"
	"--take-over: go on with this copy of the volume, whoever has another.",
};
