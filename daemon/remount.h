/* SPDX-License-Identifier: MIT */
/* `mount -o remount`: other flags for a mount that stays. The kernel keeps and obeys them; the server, which
 * is not asked, goes on as it was started. So whatever it obeys itself (it was started read-only, or without
 * atime) cannot be changed, which is said. */
#pragma once

#include "daemon/options.h"

/* Returns an exit status, having said what was wrong. With `ro`, everything written before is durable at
 * return. */
int remount(const char *mount_point, const struct mount_options *o);
