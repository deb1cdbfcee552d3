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
static int spawn(char **argv, int socket, int fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r = -posix_spawn_file_actions_init(&actions);

	if (r < 0)
		return r;
	r = -posix_spawn_file_actions_adddup2(&actions, socket, socket);
	if (r == 0 && fd >= 0)
		r = -posix_spawn_file_actions_adddup2(&actions, fd, fd);
	if (r == 0)
		r = -posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, argv, environ);
	(void) posix_spawn_file_actions_destroy(&actions);
	return r;
}

int side_process_start(const char *command, int fd, int *ret_socket, pid_t *ret_pid)
{
	char numbers[2][16];
	char *argv[] = { (char *)"brainy", (char *)command, numbers[0], fd >= 0 ? numbers[1] : NULL, NULL };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	_cleanup_close_ int ours = pair[0], theirs = pair[1];
	(void) snprintf(numbers[0], sizeof(numbers[0]), "%d", theirs);
	(void) snprintf(numbers[1], sizeof(numbers[1]), "%d", fd);
	r = spawn(argv, theirs, fd, ret_pid);
	if (r == 0)
		*ret_socket = steal_fd(&ours);
	return r;
}

int side_process_number(int argc, char **argv, int n)
{
	return n < argc ? atoi(argv[n]) : -1;
}
