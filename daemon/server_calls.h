/* SPDX-License-Identifier: MIT */
/* What the layers below call in a server: callbacks of its stack and of its file system. Each says in its
 * layer's header from which thread it is called. */
#pragma once

#include "daemon/link.h"
#include "daemon/server.h"

/* Before the stack is opened. */
void server_calls_of_stack(struct server *s);
/* Once it is; `fuse_fd` is mounted. */
struct fs_config server_fs_config(struct server *s, const struct link_message *hello, int handles_fd,
				  int fuse_fd);
