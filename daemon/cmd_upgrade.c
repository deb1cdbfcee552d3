/* SPDX-License-Identifier: MIT */
/* `brainy upgrade`: the program that is run here takes over a mount. The old server checks it, the keeper
 * starts a server of it, and what was under way is sent to that one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/cli.h"

#define PATIENCE_MS 60000u
#define LOOK_US 50000

struct counts {
	json_int_t upgrades, refused;
};

/* *ret_refusal, which may be NULL, is freed by the caller. */
static int read_counts(const char *mount_point, struct counts *ret_c, char **ret_refusal)
{
	_cleanup_json_ json_t *status = NULL;
	json_t *server;
	int r = status_read(mount_point, &status);

	if (r < 0)
		return r;
	server = json_object_get(status, "server");
	if (!json_is_object(server))
		return -EOPNOTSUPP;
	ret_c->upgrades = json_integer_value(json_object_get(server, "upgrades"));
	ret_c->refused = json_integer_value(json_object_get(server, "refused"));
	if (ret_refusal)
		*ret_refusal = strdup(json_string_value(json_object_get(server, "refusal")) ?: "");
	return 0;
}

/* A server that is killed while it is asked for its status gives an error, and the next one the answer. */
static int wait_for_it(const char *mount_point, const struct counts *before)
{
	uint64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	while (clock_mono_ms() < end_ms) {
		_cleanup_free_ char *refusal = NULL;
		struct counts now;
		int r = read_counts(mount_point, &now, &refusal);

		if (r == 0 && now.upgrades > before->upgrades)
			return CLI_OK;
		if (r == 0 && now.refused > before->refused)
			return cli_fail("cannot upgrade %s: the old program goes on: %s", mount_point,
					refusal ? refusal : "");
		(void) usleep(LOOK_US);
	}
	return cli_fail("cannot upgrade %s: nothing has changed after %u s; see the log", mount_point,
			PATIENCE_MS / 1000);
}

static int ask(const char *mount_point, const char *program)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	char line[PATH_MAX + 16];
	int r;

	(void) snprintf(line, sizeof(line), "upgrade %s", program);
	r = control_ask(mount_point, line, &answer);
	if (r < 0 || !buf_cstr(&answer))
		return cli_fail_errno(r < 0 ? r : -ENOMEM, "cannot ask %s", mount_point);
	if (strncmp((char *)answer.data, "ok\n", 3) == 0)
		return CLI_OK;
	return cli_fail("cannot upgrade %s: %.*s", mount_point, (int)strcspn((char *)answer.data + 7, "\n"),
			(char *)answer.data + 7);
}

static int upgrade_main(int argc, char **argv)
{
	_cleanup_free_ char *mount_point = NULL, *program = NULL;
	struct counts before;
	int r;

	if (argc != 2)
		return cli_usage(&command_upgrade, "one MNT is wanted");
	mount_point = realpath(argv[1], NULL);
	program = realpath("/proc/self/exe", NULL);
	if (!mount_point || !mount_is_ours(mount_point))
		return cli_fail("%s: no brainyfs is mounted there", argv[1]);
	if (!program)
		return cli_fail("this program is no longer where it was started from");
	r = read_counts(mount_point, &before, NULL);
	if (r == -EOPNOTSUPP)
		return cli_fail(
			"cannot upgrade %s: it is served by a program that cannot hand over; unmount and "
			"mount again",
			mount_point);
	if (r < 0)
		return cli_fail_errno(r, "cannot ask %s", mount_point);
	r = ask(mount_point, program);
	return r == CLI_OK ? wait_for_it(mount_point, &before) : r;
}

const struct command command_upgrade = {
	"upgrade", upgrade_main, "MNT", "have this program take over a mount; its users notice nothing", NULL,
};
