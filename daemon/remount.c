/* SPDX-License-Identifier: MIT */
#include "daemon/remount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/cli.h"

/* Whether the server would do what the flags say. */
static int check_server(const char *mount_point, const struct mount_options *o)
{
	_cleanup_json_ json_t *status = NULL;
	int r = status_read(mount_point, &status);

	if (r < 0)
		return cli_fail_errno(r, "cannot mount %s again", mount_point);
	if (!o->read_only && json_is_true(json_object_get(status, "read_only")))
		return cli_fail("cannot mount %s again: it was mounted read-only; unmount it first",
				mount_point);
	if (o->noatime != json_is_true(json_object_get(status, "noatime")))
		return cli_fail(
			"cannot mount %s again: 'noatime' was %sgiven when it was mounted; unmount it first",
			mount_point, o->noatime ? "not " : "");
	return CLI_OK;
}

/* Any fsync makes all of the volume durable. */
static int sync_all(const char *mount_point)
{
	_cleanup_close_ int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int remount(const char *mount_point, const struct mount_options *o)
{
	_cleanup_free_ char *real = realpath(mount_point, NULL);
	int r;

	if (!real || !mount_is_ours(real))
		return cli_fail("%s: no brainyfs is mounted there", mount_point);
	r = check_server(real, o);
	if (r != CLI_OK)
		return r;
	if (mount(NULL, real, NULL, MS_REMOUNT | o->flags, NULL) < 0)
		return cli_fail_errno(-errno, "cannot mount %s again", real);
	r = o->read_only ? sync_all(real) : 0;
	return r < 0 ? cli_fail_errno(r, "%s is read-only now, but not all of it is durable", real) : CLI_OK;
}
