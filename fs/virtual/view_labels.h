/* SPDX-License-Identifier: MIT */
/* Labels (catalog/labels.h) as folders. */
#pragma once

#include "fs/virtual/view.h"

/* Is there a file with the label that the looker sees? An empty one is seen by who made it, and by the owner. */
int view_label_is_seen(struct looker *l, uint64_t id);
/* The label that a folder of this name stands for. -ENOENT: there is none that is seen. */
int view_label_below(struct looker *l, uint64_t above, const char *name, size_t len, uint64_t *ret_id);

struct view_label_listing {
	int (*sees)(struct looker *l, uint64_t id);
	const char *signs; /* that are encoded in names */
	bool raw;          /* nothing is */
};
/* The next label below `above` that is seen; its cookie is its id. 1, 0 or -errno. */
int view_label_next(struct looker *l, uint64_t above, const struct view_label_listing *kind, uint64_t cookie, struct buf *ret_name,
	       uint64_t *ret_cookie);
