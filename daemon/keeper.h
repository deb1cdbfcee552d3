/* SPDX-License-Identifier: MIT */
/* The keeper: a tiny parent that outlives its server. It holds /dev/fuse, the volume lock, the keys and
 * the table of open handles; when the server dies it starts another, to which the kernel sends again
 * what was not answered, so programs see a pause and no error. */
#pragma once

#include <stdbool.h>

#include "crypto/keyring.h"
#include "daemon/options.h"

struct keeper_config {
	const char *volume;      /* resolved path */
	const char *mount_point; /* resolved path */
	const char *config_path; /* --config; may be NULL */
	const struct mount_options *options;
	const struct keyring *keys; /* borrowed */
	int volume_dirfd;
	int lock_fd;
	int report_fd; /* gets one message: empty when the mount answers, else why not; -1: none */
};

/* Serves until the volume is unmounted. Returns 0 after a clean end, or -errno. */
int keeper_run(const struct keeper_config *config);
