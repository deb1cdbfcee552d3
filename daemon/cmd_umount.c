/* SPDX-License-Identifier: MIT */
/* `brainy umount` is umount(8) and the wait for what comes after it: 0 only when everything is durable. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/cli.h"
#include "daemon/lock.h"
#include "daemon/mount.h"

#define DRAIN_MS 60000
#define BUSY_TRIES 20

static bool link_points_below(const char *path, const char *top)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	size_t len = strlen(top);

	if (n < 0)
		return false;
	target[n] = '\0';
	return strncmp(target, top, len) == 0 && (target[len] == '/' || target[len] == '\0');
}

static bool process_uses(const char *pid, const char *mount_point)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	char path[512];
	bool uses = false;
	DIR *d;

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		(void) snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, links[i]);
		if (link_points_below(path, mount_point))
			return true;
	}
	(void) snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	for (struct dirent *e; d && !uses && (e = readdir(d)) != NULL;) {
		(void) snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, e->d_name);
		uses = link_points_below(path, mount_point);
	}
	if (d)
		(void) closedir(d);
	return uses;
}

/* "vim (1234)" for the first process that has something open there; false: there is none to be seen. */
static bool find_user(const char *mount_point, char *ret_text, size_t size)
{
	DIR *d = opendir("/proc");
	bool found = false;

	(void) snprintf(ret_text, size,
			"a process that cannot be seen (another user's, or in another namespace)");
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		_cleanup_buf_ struct buf comm = BUF_INIT;
		bool named;

		if (!isdigit((unsigned char)e->d_name[0]) || !process_uses(e->d_name, mount_point))
			continue;
		named = io_read_process_name(atoi(e->d_name), &comm) >= 0;
		(void) snprintf(ret_text, size, "%s (%.20s)", named ? buf_cstr(&comm) : "", e->d_name);
		found = true;
		break;
	}
	if (d)
		(void) closedir(d);
	return found;
}

/* What asks every filesystem for its size or name (df, lsof, a monitor) holds ours for an instant, and is
 * gone when one looks who it was. */
static int detach(const char *mount_point, bool lazy, char *ret_user, size_t size)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	int r;

	for (int i = 0; i <= BUSY_TRIES; i++) {
		r = mount_detach(mount_point, lazy);
		if (r != -EBUSY || find_user(mount_point, ret_user, size))
			break;
		(void) nanosleep(&pause, NULL);
	}
	return r;
}

/* The volume's folder, opened: asked of the server while it still answers. */
static int find_volume(const char *mount_point, int *ret_dirfd)
{
	_cleanup_json_ json_t *status = NULL;
	const char *path;
	int r = status_read(mount_point, &status);

	if (r < 0)
		return r;
	path = json_string_value(json_object_get(status, "volume"));
	*ret_dirfd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return *ret_dirfd < 0 ? -errno : 0;
}

static int wait_drained(int volume_dirfd, const char *mount_point)
{
	char state[32];
	int r = lock_wait_free(volume_dirfd, DRAIN_MS, state);

	if (r == -ETIMEDOUT)
		return cli_fail("%s is unmounted, but its data is still being written after %d s",
				mount_point, DRAIN_MS / 1000);
	if (r < 0)
		return cli_fail_errno(r, "%s is unmounted, but its end cannot be watched", mount_point);
	if (strcmp(state, "clean") != 0)
		return cli_fail(
			"%s is unmounted, but was not closed cleanly (see the log); the next mount recovers "
			"it",
			mount_point);
	return CLI_OK;
}

/* Its server is gone, so the mount point itself does not answer; the folder that it lies in does. */
static char *resolve_dead(const char *path)
{
	_cleanup_free_ char *copy = strdup(path), *folder = NULL;
	char *slash, *whole;
	size_t len = copy ? strlen(copy) : 0;

	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	slash = copy ? strrchr(copy, '/') : NULL;
	if (!copy || slash == copy)
		return steal_ptr(&copy);
	if (slash)
		*slash = '\0';
	folder = realpath(slash ? copy : ".", NULL);
	if (!folder || asprintf(&whole, "%s/%s", folder[1] ? folder : "", slash ? slash + 1 : copy) < 0)
		return NULL;
	return whole;
}

static int umount_main(int argc, char **argv)
{
	static const struct option options[] = { { "lazy", no_argument, NULL, 'l' }, { 0 } };
	_cleanup_free_ char *real = NULL;
	_cleanup_close_ int volume_dirfd = -1;
	bool lazy = false;
	char user[128];
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'l')
			return cli_usage(&command_umount, "unknown option");
		lazy = true;
	}
	if (argc - optind != 1)
		return cli_usage(&command_umount, "one MNT is wanted");
	real = realpath(argv[optind], NULL);
	if (!real && (errno == ENOTCONN || errno == EIO))
		real = resolve_dead(argv[optind]);
	if (!real || !mount_is_ours(real))
		return cli_fail("%s: no brainyfs is mounted there", argv[optind]);
	r = find_volume(real, &volume_dirfd);
	if (r < 0 && r != -ENOTCONN && !lazy)
		fprintf(stderr, "brainy: %s does not answer (%s); unmounting without waiting for it\n", real,
			strerrordesc_np(-r));
	r = detach(real, lazy, user, sizeof(user));
	if (r == -EBUSY)
		return cli_fail("cannot unmount %s: in use by %s", real, user);
	if (r < 0)
		return cli_fail_errno(r, "cannot unmount %s", real);
	return volume_dirfd >= 0 && !lazy ? wait_drained(volume_dirfd, real) : CLI_OK;
}

const struct command command_umount = {
	"umount", umount_main, "MNT [--lazy]", "unmount; returns 0 only when everything is durable", NULL,
};
