/* SPDX-License-Identifier: MIT */
/* `brainy fsck`: reads everything of an unmounted volume, opens every seal, compares every count. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/quota.h"
#include "daemon/cli.h"
#include "daemon/lock.h"
#include "daemon/program.h"
#include "daemon/wire.h"

static void count_problem(void *context, const char *text)
{
	(*(uint64_t *)context)++;
	printf("problem: %s\n", text);
}

struct check {
	const char *what;
	int64_t found; /* negative: errno */
};

static int report(const char *path, const struct check *checks, size_t n, uint64_t problems)
{
	int status = CLI_OK;

	for (size_t i = 0; i < n; i++) {
		if (checks[i].found < 0) {
			printf("problem: %s cannot be checked: %s\n", checks[i].what, strerrordesc_np((int)-checks[i].found));
			problems++;
		} else {
			printf("%lld %s checked\n", (long long)checks[i].found, checks[i].what);
		}
	}
	if (problems) {
		status = cli_fail("fsck %s: %llu problems; nothing was changed", path, (unsigned long long)problems);
	} else {
		printf("%s is clean\n", path);
	}
	return status;
}

static int check_volume(const char *path, int dirfd, struct keyring *keys)
{
	struct config config = { 0 };
	struct stack stack = { .volume_dirfd = dirfd, .keys = keys };
	_cleanup_free_ char *why = NULL, *program_dir = NULL;
	struct stack_options o = { .read_only = true, .index = true };
	struct check checks[4];
	uint64_t problems = 0;
	int r = program_directory(0, &program_dir);

	o.program_dir = program_dir ? program_dir : "";
	if (r == 0 || r == -ENOENT)
		r = config_load(dirfd, NULL, &config, &why);
	if (r == 0)
		r = stack_open(&stack, &config, &o, &why);
	if (r < 0) {
		r = cli_fail("fsck %s: %s", path, why ? why : strerrordesc_np(-r));
		config_done(&config);
		return r;
	}
	if (stack.replay.anchor_damaged)
		count_problem(&problems, "wal/anchor does not open; that the log is complete is known from its end");
	checks[0] = (struct check){ "records", catalog_verify(stack.catalog, count_problem, &problems) };
	checks[1] = (struct check){ "data blocks", files_verify(stack.files, count_problem, &problems) };
	checks[2] = (struct check){ "index blocks", index_verify(stack.index, count_problem, &problems) };
	checks[3] = (struct check){ "quotas", quota_verify(stack.catalog, count_problem, &problems) };
	stack_close(&stack);
	config_done(&config);
	return report(path, checks, ARRAY_SIZE(checks), problems);
}

static int fsck_main(int argc, char **argv)
{
	static const struct option options[] = { SECRET_LONG_OPTIONS, { 0 } };
	struct secret_options secret = SECRET_OPTIONS_INIT;
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	_cleanup_close_ int dirfd = -1, lock_fd = -1;
	_cleanup_free_ char *why = NULL;
	bool read_only;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (!secret_option(&secret, option, optarg))
			return cli_usage(&command_fsck, "unknown option");
	if (argc - optind != 1)
		return cli_usage(&command_fsck, "one VOLUME is wanted");
	r = cli_open_volume(argv[optind], &secret, &dirfd, &v, &keys, &read_only);
	if (r != 0)
		return r;
	r = lock_take(dirfd, &lock_fd, &why);
	if (r < 0)
		return cli_fail("fsck %s: %s", argv[optind], why ? why : strerrordesc_np(-r));
	return check_volume(argv[optind], dirfd, keys);
}

const struct command command_fsck = {
	"fsck", fsck_main, "VOLUME [--key-file F | --passphrase-fd N]",
	"verify every seal, reference and count of an unmounted volume", NULL,
};
