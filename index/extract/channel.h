/* SPDX-License-Identifier: MIT */
/* Bytes to and from a worker before a deadline, whatever it does or does not do. Descriptors are
 * non-blocking. Deadlines are clock_mono_ms() times. */
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "index/extract/protocol.h"

/* Sends all pieces, which it uses up. -ETIMEDOUT, -EPIPE: the other end is gone. */
int channel_send(int fd, struct iovec *pieces, unsigned n, uint64_t deadline_ms);
/* Receives one document, with its length, into *ret. -ETIMEDOUT, -EPIPE: it ended before, -EBADMSG: more
 * than any document may have. */
int channel_receive(int fd, uint64_t deadline_ms, struct buf *ret);
/* How the processes of a request ended. -ETIMEDOUT, -EPIPE: the zygote is gone. */
int channel_done(int fd, uint64_t deadline_ms, struct extract_done *ret);
