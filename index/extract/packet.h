/* SPDX-License-Identifier: MIT */
/* Packets with descriptors, over a SOCK_SEQPACKET socket. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define PACKET_FDS_MAX 3

/* The `n` descriptors, at most PACKET_FDS_MAX, stay the caller's. -errno: nothing was sent. */
int packet_send(int socket, const void *data, size_t len, const int *fds, unsigned n);
/* Receives a packet of at most `len` bytes without waiting; longer ones are cut. Returns its length, 0 when
 * the other end is gone, -errno. Descriptors that came along become the caller's (closed on exec); *n_fds is
 * room for them in `ret_fds`, then their number. */
ssize_t packet_receive(int socket, void *ret, size_t len, int *ret_fds, unsigned *n_fds);
