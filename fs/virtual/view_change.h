/* SPDX-License-Identifier: MIT */
/* Inside fs/virtual/: what requests share that change something by way of a view. Their files are the files themselves: linking
 * one into a folder of tags tags it, removing it there untags it, and moving it there does not move it. Other views cannot
 * be changed.
 *
 * Each request is one batch, but for the inbox, which is made before what comes into it. Those that were executed before a
 * crash are answered from their replies. Each belongs to one thread. */
#pragma once

#include "catalog/tags.h"
#include "fs/ops/ops.h"
#include "fs/virtual/view.h"

/* A request under way. */
struct viewing {
	fuse_req_t req;
	struct looker l;
	struct tree_request rq;
	struct catalog *c;
};

int viewing_begin(fuse_req_t req, struct viewing *ret_x);
void viewing_end(struct viewing *x);
/* A whole request: calls `remove`, unless a server before us has, and replies with the status. */
void viewing_remove(fuse_req_t req, uint64_t dir, const char *name,
		    int (*remove)(struct viewing *x, uint64_t dir, const char *name));
/* Was it executed by a server before us? Then what is in its batch need not be done again. */
bool viewing_was_done(fuse_req_t req, int *ret_status);

bool view_has_tags(const struct view *v);
bool view_is_saved(const struct view *v);
/* The tag that a file loses which is taken out of the view: the last one that its folder names. */
uint64_t view_last_tag(const struct view *v);
/* A view whose tags files can be given; -EPERM elsewhere. */
int viewing_tags_at(struct viewing *x, uint64_t dir, struct view *ret_v);

/* May the caller write to it? 0, -EACCES. */
int viewing_may_write(struct viewing *x, const struct inode *i);
/* The same, and -EPERM where there can be no xattr user.xdg.tags: tagging is setting it. */
int viewing_may_tag(struct viewing *x, const struct inode *i);
/* Is the caller the owner of the mount? 0, -EPERM. */
int viewing_may_rule(const struct viewing *x);

/* Giving a file all tags of a view, and taking `without` (0: none) and those from it that the view leaves out. */
struct view_tags {
	uint64_t with[VIEW_TERMS_MAX], without[VIEW_TERMS_MAX + 1];
	struct retag change; /* borrows from the above */
};
void view_tags_of(const struct view *v, uint64_t without, struct view_tags *ret_t);
int viewing_tag_as(struct viewing *x, uint64_t ino, const struct view *v, uint64_t without);
/* The same, if the caller may; *ret_i is the file afterwards. */
int viewing_tag(struct viewing *x, uint64_t ino, const struct view *v, struct inode *ret_i);
/* -EPERM: the file's content says the tag. */
int viewing_untag(struct viewing *x, uint64_t ino, const struct view *v);

/* What the kernel believes of a name is not so any more: that it is there, or that it is not. So has the
 * folder changed. Said before the change, too, as below: see invalidator.h. */
void viewing_forget_name(struct viewing *x, uint64_t dir, const char *name);
/* The same of an inode. */
void viewing_changed(struct viewing *x, uint64_t ino);
/* Both: the file has a name more, or less. */
void viewing_tell(struct viewing *x, uint64_t dir, const char *name, uint64_t ino);
void viewing_reply_file(fuse_req_t req, const struct inode *i);

/* From the target of a symlink in the view, which was written as from its folder, as from the top of the
 * mount, or with the path of the mount before it, to the path below the mount. -EXDEV: it leads elsewhere. */
int viewing_path_of(struct viewing *x, const struct view *v, const char **target);
/* The file or folder there, as far as the caller may know. -ENOENT. */
int viewing_walk(struct viewing *x, const char *path, struct inode *ret_i);

/* ---- view_folder_changes.c */
/* The label that folders made in this view lie below. -EPERM. */
int viewing_label_of(const struct view *v, uint64_t *ret_id);
/* The text of a name; NUL-terminated. */
int viewing_decode(const char *name, struct buf *ret_text);
/* A tag or a saved search, as a folder. -ENOTDIR: it is a symlink, or a file. */
int viewing_find_folder(struct viewing *x, uint64_t dir, const char *name, struct view *ret_v);

/* ---- view_linking.c: .links */
/* Is it the folder of a verb, in which links are made and removed? One reply each. */
bool view_takes_links(uint64_t dir);
void view_link_to(fuse_req_t req, uint64_t ino, uint64_t dir);
void view_link_to_path(fuse_req_t req, const char *target, uint64_t dir, const char *name);
void view_link_remove(fuse_req_t req, uint64_t dir, const char *name);
void view_link_move(fuse_req_t req, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name);
/* Do folders of verbs lie in it? */
bool view_has_verbs(uint64_t dir);
void view_verb_rmdir(fuse_req_t req, uint64_t dir, const char *name);
