/* SPDX-License-Identifier: MIT */
/* .find: searches as folders of symlinks, and those that are kept in .find/saved. */
#pragma once

#include "fs/virtual/results.h"
#include "fs/virtual/view.h"

/* The saved searches that `l` may see are the owner's, who sees all, and one's own. */
int view_sees_saved(struct looker *l, uint64_t id);
/* The label that searches in this view lie below. -ENOENT: the looker has none yet. */
int view_saved_above(struct looker *l, const struct view *v, uint64_t *ret_id);
/* Appends what may be the value of a key in the name of a query. */
int view_add_escaped(struct buf *out, const char *text);
/* The folder with what a query finds, "find?q=..", so deep below the top of the mount. 1; -EINVAL, and why is in .query/last-error. */
int view_search(struct looker *l, struct buf *spec, unsigned depth, struct view *ret_v);
/* Runs it. */
int view_run(struct looker *l, struct buf *spec, bool waits, const struct results **ret_r);
/* What a result is called in a view: with its number, where a folder is called so. */
int view_result_name(struct looker *l, const struct view *v, const struct result *item, struct buf *ret_name);
/* The result of that name; NULL: there is none. */
const struct result *view_find_result(const struct results *r, const char *name);
/* Checks what is asked. -EINVAL, and why is in .query/last-error. */
int view_check_query(struct looker *l, struct buf *spec);
/* Where a symlink in the view leads that stands for this file, or for this result. */
int view_result_target(struct fs *fs, const struct view *v, const struct result *item,
		       struct buf *ret_target);
int view_target(struct fs *fs, const struct view *v, uint64_t ino, struct buf *ret_target);

/* ---- view_control.c: .q, .limit, .mode, .sort of a saved search */
extern const char *const view_control_names[]; /* by enum saved_setting; NULL behind the last */
bool view_is_control(uint64_t ino);
/* Mode and size. */
int view_control_stat(struct fs *fs, const struct view *v, struct stat *ret_st);
void view_control_open(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi);
void view_control_read(fuse_req_t req, uint64_t ino, size_t size, uint64_t offset);
void view_control_write(fuse_req_t req, uint64_t ino, const char *data, size_t size, uint64_t fh);
/* It was truncated. By its path, it is the default again at once, else when it is closed and nothing was
 * written: who writes to a file truncates it first, and what is refused changes nothing. 0 or -errno. */
int view_control_empty(fuse_req_t req, uint64_t ino, const struct fuse_file_info *fi);
/* The handle is about to go. */
void view_control_close(struct fs *fs, uint64_t ino, uint64_t fh);
