/* SPDX-License-Identifier: MIT */
/* What is left to do for a mount that nobody serves any more: its requests are answered, those as well
 * that the last server was at. Of itself the kernel does that when nobody has /dev/fuse open any more;
 * but who tells it something has, and may wait for a folder in which somebody waits for an answer.
 * Thread-safety: safe. */
#pragma once

/* Answers all requests with -ENOTCONN, until the mount has ended. -errno: it cannot. */
int farewell(int fuse_fd);
