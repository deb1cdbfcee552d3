/* SPDX-License-Identifier: MIT */
/* A process beside the server, for what the server must not wait for itself: this program with a command of
 * its own, at the other end of a socket. It knows no keys. Not thread-safe. */
#pragma once

#include <sys/types.h>

/* Runs `brainy COMMAND SOCKET [FD]`, two numbers. The socket is SOCK_SEQPACKET and *ret_socket is the
 * caller's end of it; `fd` is borrowed, -1: none. */
int side_process_start(const char *command, int fd, int *ret_socket, pid_t *ret_pid);
/* What the process was told on its command line: the n-th number, or -1. Such commands are not for people. */
int side_process_number(int argc, char **argv, int n);
