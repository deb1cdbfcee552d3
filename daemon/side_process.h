/* SPDX-License-Identifier: MIT */
/* A process beside the server, for what the server must not wait for itself: this program with a
 * command of its own, at the other end of a socket. It knows no keys. Not thread-safe. */
#pragma once

#include <sys/types.h>

/* Runs `brainy COMMAND SOCKET FD..`, all of them numbers. The socket is SOCK_SEQPACKET, and *ret_socket
 * the caller's end of it; `fds` are borrowed, SIDE_PROCESS_FDS at most. */
#define SIDE_PROCESS_FDS 2
int side_process_start(const char *command, const int *fds, size_t n_fds, int *ret_socket, pid_t *ret_pid);
/* What the process was told on its command line: the n-th number, or -1. Such commands are not for people. */
int side_process_number(int argc, char **argv, int n);
