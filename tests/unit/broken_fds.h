/* SPDX-License-Identifier: MIT */
/* A disk that fails: fdatasync(2) on files that the process has open. */
#pragma once

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/check.h"

/* Puts a pipe in the place of every descriptor of a file below `folder` whose name has `part` in it:
 * fdatasync(2) fails on it. Returns how many there were. */
static inline unsigned break_descriptors(const char *folder, const char *part)
{
	int pipe_fds[2];
	unsigned broken = 0;

	CHECK_EQ(pipe(pipe_fds), 0);
	for (int fd = 3; fd < 256; fd++) {
		char link[64], target[256];
		ssize_t n;

		(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (strncmp(target, folder, strlen(folder)) == 0 && strstr(target, part))
			broken += dup2(pipe_fds[0], fd) == fd;
	}
	(void) close(pipe_fds[0]);
	(void) close(pipe_fds[1]);
	return broken;
}
