/* SPDX-License-Identifier: MIT */
#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "daemon/cli.h"

#define LOCK_NAME "lock"
#define WAIT_MS 30000
#define STEP_US 20000

/* Copies the value of a `name value` line, or "". */
static void read_line(int fd, const char *name, char *ret_value, size_t size)
{
	char text[8192];
	ssize_t n = io_pread(fd, text, sizeof(text) - 1, 0);
	size_t len = strlen(name);

	ret_value[0] = '\0';
	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			(void) snprintf(ret_value, size, "%s", line + len + 1);
}

int lock_take(int volume_dirfd, int *ret_fd, char **ret_why)
{
	_cleanup_close_ int fd = openat(volume_dirfd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint64_t end = clock_mono_ms() + WAIT_MS;
	char mount[4096], pid[32], state[32];

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		read_line(fd, "mount", mount, sizeof(mount));
		read_line(fd, "pid", pid, sizeof(pid));
		read_line(fd, "state", state, sizeof(state));
		if (clock_mono_ms() > end || (strcmp(state, "serving") == 0 && mount_is_ours(mount))) {
			if (asprintf(ret_why, "in use by process %s%s%s", pid,
				     mount[0] ? ", mounted at " : "", mount) < 0)
				*ret_why = NULL;
			return -EBUSY;
		}
		(void) usleep(STEP_US);
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

int lock_describe(int fd, pid_t pid, const char *mount_point, const char *state)
{
	_cleanup_free_ char *text = NULL;
	int n = asprintf(&text, "pid %d\nmount %s\nstate %s\n", (int)pid, mount_point, state);

	if (n < 0)
		return -ENOMEM;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	return io_pwrite(fd, text, (size_t)n, 0);
}

int lock_wait_free(int volume_dirfd, unsigned timeout_ms, char ret_state[32])
{
	_cleanup_close_ int fd = openat(volume_dirfd, LOCK_NAME, O_RDONLY | O_CLOEXEC);
	uint64_t end = clock_mono_ms() + timeout_ms;

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (clock_mono_ms() > end)
			return -ETIMEDOUT;
		(void) usleep(STEP_US);
	}
	read_line(fd, "state", ret_state, 32);
	return 0;
}
