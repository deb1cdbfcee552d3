/* SPDX-License-Identifier: MIT */
#include "daemon/side_process.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"

extern char **environ;

/* The same numbers there, without close-on-exec. */
static int spawn(char **argv, const int *fds, size_t n_fds, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r = -posix_spawn_file_actions_init(&actions);

	if (r < 0)
		return r;
	for (size_t k = 0; k < n_fds && r == 0; k++)
		r = -posix_spawn_file_actions_adddup2(&actions, fds[k], fds[k]);
	if (r == 0)
		r = -posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, argv, environ);
	(void) posix_spawn_file_actions_destroy(&actions);
	return r;
}

int side_process_start(const char *command, const int *fds, size_t n_fds, int *ret_socket, pid_t *ret_pid)
{
	char *argv[SIDE_PROCESS_FDS + 4] = { (char *)"brainy", (char *)command };
	char numbers[SIDE_PROCESS_FDS + 1][16];
	int given[SIDE_PROCESS_FDS + 1], pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	_cleanup_close_ int ours = pair[0], theirs = pair[1];
	for (size_t k = 0; k <= n_fds; k++) {
		given[k] = k ? fds[k - 1] : theirs;
		(void) snprintf(numbers[k], sizeof(numbers[k]), "%d", given[k]);
		argv[2 + k] = numbers[k];
	}
	r = spawn(argv, given, n_fds + 1, ret_pid);
	if (r == 0)
		*ret_socket = steal_fd(&ours);
	return r;
}

int side_process_number(int argc, char **argv, int n)
{
	return n < argc ? atoi(argv[n]) : -1;
}
