/* SPDX-License-Identifier: MIT */
/* Tags: labels (labels.h) that the xattr user.xdg.tags gives to files, and those that were found in their content.
 *
 * The xattr is a list, separated by commas; blanks around a tag do not count, nor do empty ones and repeated ones. A
 * slash within a tag is a step in the tree of labels: "project/alpha" lies below "project", of which its files count as
 * files, too. Slashes at an end, or several in a row, are as one that is not there. Tags are compared byte by byte.
 *
 * What is stored (under the name XATTR_TAG_IDS) is the list with the number of each tag in the place of its name, so that
 * a tag that is renamed has its new name in all files at once, and all else is as it was written: pieces (pieces.h), of
 * which a number is a tag, and text is what is none: commas, blanks.
 *
 * Files have their tags here while they have a name; without one, the list is kept as text. Thread-safety: as tree.h. */
#pragma once

#include <stdint.h>

#include "catalog/labels.h"
#include "catalog/tree.h"

/* Deeper, the rest of a name is one step. */
#define TAG_DEPTH_MAX LABEL_DEPTH_MAX

/* The label of a whole name ("project/alpha"). -ENOENT. */
int tag_find(struct catalog *c, const char *name, size_t len, uint64_t *ret_id);
/* Appends the whole name. -ENOENT. */
int tag_name(struct catalog *c, uint64_t id, struct buf *ret_name);
/* Could this be a step of a tag's name, so that the list in an xattr still says what it said? */
bool tag_step_is_good(const char *name, size_t len);
/* Calls `file` for each file that has the tag or one below it, ascending, each once. A return that is not 0 ends it. */
int tag_foreach_file(struct catalog *c, uint64_t id, int (*file)(void *context, uint64_t ino), void *context);
/* How many those are. */
int tag_count_files(struct catalog *c, uint64_t id, uint64_t *ret_files);
/* Calls `tag` for each tag of a file, with why it has it (LABEL_*). */
int tree_foreach_tag(struct catalog *c, uint64_t ino, int (*tag)(void *context, uint64_t id, uint32_t why), void *context);

/* ---- changes, one batch each; xattr and labels agree afterwards */

/* Labels that a file loses, each with all below it, and then those that it gets. -ENODATA: it gets none, and had none
 * of those that it is to lose from a user. -ENOENT: a label is gone. -E2BIG: too many. */
struct retag {
	const uint64_t *without, *with; /* borrowed */
	size_t n_without, n_with;
};
int tree_retag(struct catalog *c, struct tree_request *rq, uint64_t ino, const struct retag *change);
/* An empty one, which stays until it is removed; the caller of the request owns it. -EEXIST, -EINVAL (its name). */
int tree_make_tag(struct catalog *c, struct tree_request *rq, uint64_t above, const char *name, uint64_t *ret_id);
/* -ENOTEMPTY. */
int tree_remove_tag(struct catalog *c, struct tree_request *rq, uint64_t id);
/* In the place of one of that name that has no files and none below it. -ENOTEMPTY, -EINVAL, -EEXIST (`may_replace`
 * false). */
int tree_rename_tag(struct catalog *c, struct tree_request *rq, uint64_t id, uint64_t above, const char *name,
		    bool may_replace);
