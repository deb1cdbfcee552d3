/* SPDX-License-Identifier: MIT */
/* Mount options, as mount(8) and fstab(5) write them. */
#pragma once

#include <stdbool.h>

struct mount_options {
	unsigned long flags; /* MS_* */
	bool read_only, noatime, allow_other, remount;
	char *fsname;  /* owned; NULL: the volume's path */
	char *context; /* owned: "context=..,fscontext=.." for the kernel; NULL: none */
};

void mount_options_init(struct mount_options *o);
/* Takes one comma-separated list; may be called again. -EINVAL: *ret_unknown is the option that brainy
 * does not take; the caller frees. */
int mount_options_add(struct mount_options *o, const char *list, char **ret_unknown);
void mount_options_done(struct mount_options *o);
