/* SPDX-License-Identifier: MIT */
/* Makes a volume: for `brainy init`, which leaves it empty, and `brainy rebuild`, which does not. */
#pragma once

#include "daemon/cli.h"
#include "daemon/wire.h"

struct new_volume {
	const char *path;             /* a folder that does not exist, or is empty */
	enum cipher cipher;           /* 0: what the CPU does best */
	struct secret_options secret; /* its key */
	struct secret *known;         /* .. or this; borrowed; NULL: none */
	/* Puts something into it: below the root, with all layers running but the index. A negative return
	 * ends it, and leaves no volume. NULL: nothing. */
	int (*fill)(void *context, struct stack *stack);
	void *context;
};

/* Returns an exit status, having complained, or told of the volume and its key. volume.json comes last: what
 * was interrupted is no volume. */
int make_volume(const struct new_volume *n);
