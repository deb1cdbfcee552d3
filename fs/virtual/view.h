/* SPDX-License-Identifier: MIT */
/* Views: directories that show files by what they are. .tags, .dates and .by list the files themselves, under
 * names that are theirs or, where two would be the same, have their inode's number; .find, .related-to,
 * .similar-to and .links list symlinks.
 *
 * What a class of views is made of stands in a table (view_kinds.h). A view is a node of kind VIRTUAL_VIEW, whose number says
 * which, so that it means the same to every server; what does not fit into a number (several tags, the words of a search) has
 * a hash there, and is looked up again by its name when a server does not know it: nothing of a view is kept by the kernel.
 *
 *   59..52 class   51..0 what it shows
 *
 * Requests for views are served by workers: they may wait for the disk, and for a query of the same user. */
#pragma once

#include "catalog/file_sets.h"
#include "catalog/tag_walk.h"
#include "fs/virtual/virtual.h"
#include "index/viewers.h"

enum view_class {
	VIEW_TAGS,     /* .tags */
	VIEW_TAG,      /* .tags/a/b: 51..46 how deep, 45..0 the label */
	VIEW_TAG_SET,  /* .tags/a,b,-c: a hash */
	VIEW_DATES,    /* .dates */
	VIEW_DATE,     /* .dates/2026/11/21: year << 9 | month << 5 | day; 0: not that far down */
	VIEW_BY,       /* .by */
	VIEW_FIELD,    /* .by/author: the label of the field */
	VIEW_VALUE,    /* .by/author/Smith: the label of the value */
	VIEW_FIND,     /* .find */
	VIEW_RESULTS,  /* .find/WORDS: a hash */
	VIEW_SAVED_ROOT, /* .find/saved */
	VIEW_SAVED,    /* .find/saved/NAME: as VIEW_TAG */
	VIEW_CONTROL,  /* a file there, .q: 51..46 which, 45..0 the label */
	VIEW_COMPUTED, /* .by/type, .by/lang, .by/tier: which */
	VIEW_COMPUTED_VALUE, /* .by/type/pdf: a hash */
	VIEW_CONCEPTS, /* .by/concept */
	VIEW_RELATED_FOLDER, /* .related-to, and what there is a folder of the mount: 51..46 how deep, 45..0 the inode. What has
			      * no room there is a hash behind VIEW_DEPTH_ELSEWHERE */
	VIEW_RELATED_FILE, /* the same of a file */
	VIEW_RELATED,  /* .related-to/a.md/depth-2: a hash */
	VIEW_SIMILAR_FOLDER, /* .similar-to: as above */
	VIEW_SIMILAR_FILE,
	VIEW_SIMILAR,
	VIEW_LINKS_FOLDER, /* .links: as above */
	VIEW_LINKS_FILE,
	VIEW_VERB,     /* .links/a.md/cites: a hash */
	VIEW_CLASSES
};

#define VIEW_CLASS_SHIFT 52
#define VIEW_PAYLOAD_MASK ((1ull << VIEW_CLASS_SHIFT) - 1)
#define VIEW_DEPTH_SHIFT 46 /* LABEL_DEPTH_MAX and the folders above fit */
#define VIEW_DEPTH_ELSEWHERE 63u
#define VIEW_TERMS_MAX 16u
/* So long the index is waited for, where no query says how long. */
#define VIEW_WAIT_MS 1000u
/* Waits for what was written just now. Not while very many files wait and somebody has waited in vain within the last second:
 * "ls -l" asks for each name. Longer waits are what somebody asked for. */
void view_wait(struct fs *fs, unsigned timeout_ms);

struct view_term {
	uint64_t id;
	bool negate;
};

struct view {
	enum view_class class;
	uint64_t id;                  /* VIEW_TAG, VIEW_FIELD, VIEW_VALUE, VIEW_SAVED, VIEW_CONTROL: a label; VIEW_COMPUTED:
	                               * which. Of what is remembered: the hash */
	unsigned depth;               /* of its path below the root that the mount has. VIEW_CONTROL: which */
	struct view_term terms[VIEW_TERMS_MAX]; /* VIEW_TAG, VIEW_TAG_SET */
	unsigned n_terms;
	int year, month, day;         /* VIEW_DATE */
	uint64_t file;                /* of views that a path leads to: the inode there */
};

/* ---- lookers.c */

/* Somebody who looks at views; from one request to its end. */
struct looker {
	struct fs *fs;                /* borrowed */
	struct caller caller;         /* owned */
	struct viewer *viewer;        /* owned; NULL: nothing was asked of it yet, or `caller` sees every file */
};
int looker_begin(fuse_req_t req, struct looker *ret_l);
/* Takes the caller over, also on error. */
int looker_begin_as(struct fs *fs, struct caller *caller, struct looker *ret_l);
void looker_done(struct looker *l);
/* Lets others of the same identity go on: to be called before the index is asked anything, which may wait for them. */
void looker_rest(struct looker *l);
/* 1, 0 or -errno. */
int looker_sees(struct looker *l, uint64_t ino);
/* May it search this folder, and all above it? 1, 0 or -errno. */
int looker_enters(struct looker *l, uint64_t dir);
/* May it know that something has this path, which it may be the first to ask for: can it look there by
 * itself? 1, 0 or -errno. */
int looker_may_try(struct looker *l, const char *path, size_t len);
/* Does it see the file, or enter the folder? 1, 0 or -errno. */
int looker_knows(struct looker *l, const struct inode *i);

/* ---- view_nodes.c */
struct view_table;
int view_table_new(struct view_table **ret_t);
struct view_table *view_table_free(struct view_table *t);
/* -ESTALE: it was made by another server. */
int view_of(struct fs *fs, uint64_t ino, struct view *ret_v);
uint64_t view_ino(struct fs *fs, const struct view *v);
/* Remembers a view whose number is a hash, which becomes its id, and a text that belongs to it (may be NULL). */
void view_remember(struct fs *fs, struct view *v, const char *text);
/* Somebody removes the files of this folder: for a minute, what was listed beside them is to be found as what
 * it was. */
void view_note_removal(struct fs *fs, uint64_t dir);
bool view_has_removals(struct fs *fs, uint64_t dir);
/* Gives a view its number that a path leads to. */
void view_place(struct fs *fs, struct view *v);
/* Appends that text. -ESTALE as above. */
int view_text(struct fs *fs, const struct view *v, struct buf *ret_text);
bool view_is(uint64_t ino);
void view_stat(struct looker *l, const struct view *v, struct stat *ret_st);
/* A name with %XX for what a file cannot be called by, or what means something here. */
int view_encode(const char *text, size_t len, const char *special, struct buf *ret_name);
int view_decode(const char *name, size_t len, struct buf *ret_text);

/* ---- view_set.c: the files of a view */
/* 1: it is one of them. 0. -errno. */
int view_has(struct looker *l, const struct view *v, uint64_t ino);
struct view_walk {
	struct looker *l;           /* borrowed */
	const struct view *v;       /* borrowed */
	struct tag_walk tags[VIEW_TERMS_MAX]; /* owned */
	unsigned n;
	struct packed_walk set;     /* owned; VIEW_VALUE */
	struct file_times times;    /* owned; VIEW_DATE */
	uint64_t low, high;         /* VIEW_DATE: quarters, the last one included */
	struct buf page;            /* VIEW_COMPUTED_VALUE: uint64_t, inodes; `low` is the first of the next page */
	size_t at;                  /* in it */
};
/* Files that the looker sees, in the order of cookies. */
int view_walk_open(struct looker *l, const struct view *v, uint64_t cookie, struct view_walk *ret_w);
/* 1, 0 at the end, -errno. *ret_cookie: to go on behind it. */
int view_walk_next(struct view_walk *w, uint64_t *ret_ino, uint64_t *ret_cookie);
void view_walk_done(struct view_walk *w);

/* ---- view_names.c */
/* Appends what the file is called in the view. -ENOENT: it is gone. */
int view_name(struct looker *l, const struct view *v, const struct inode *i, struct buf *ret_name);
/* The file that has this name. -ENOENT. */
int view_find(struct looker *l, const struct view *v, const char *name, struct inode *ret_i);

/* ---- view_kinds.c: what views lie below a view */
/* The view that `name` leads to. 1; 2: it is a symlink to *ret_target. -ENOENT. */
int view_below(struct looker *l, const struct view *v, const char *name, struct view *ret_below, struct buf *ret_target);
/* The folder behind `cookie` (0: the first), in the order of cookies. 1, 0 or -errno; `ret_type`: S_IFDIR or S_IFLNK. */
int view_next_folder(struct looker *l, const struct view *v, uint64_t cookie, struct buf *ret_name, uint64_t *ret_cookie);
/* The tags that some of a tag's files have, and not all, each by its whole name: appends their ids (uint64_t), ascending. Of
 * very many files, the first ones tell. */
int view_narrowing(struct looker *l, const struct view *v, struct buf *ret_ids);
/* What such a tag is called there. */
int view_narrowing_name(struct looker *l, uint64_t id, struct buf *ret_name);
/* Could it be the name of a folder in this view, so that no file is called so? */
bool view_takes_name(struct looker *l, const struct view *v, const char *name, size_t len);

/* ---- view_ops.c, view_list.c: requests */
void view_lookup(fuse_req_t req, uint64_t dir, const char *name);
void view_getattr(fuse_req_t req, uint64_t ino);
/* Takes the caller over, also on error. */
int view_attributes(struct fs *fs, struct caller *caller, uint64_t ino, struct stat *ret_st);
void view_readdir(fuse_req_t req, uint64_t ino, size_t size, off_t cookie, bool plus);

/* ---- view_tagging.c, view_linking.c, view_folder_changes.c, view_rename.c, view_create.c: requests that
 * change something by way of a view. False: neither place is one, nothing was done. */
bool view_link(fuse_req_t req, uint64_t ino, uint64_t dir, const char *name);
bool view_symlink(fuse_req_t req, const char *target, uint64_t dir, const char *name);
bool view_unlink(fuse_req_t req, uint64_t dir, const char *name);
bool view_mkdir(fuse_req_t req, uint64_t dir, const char *name);
bool view_rmdir(fuse_req_t req, uint64_t dir, const char *name);
bool view_rename(fuse_req_t req, uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags);
bool view_create(fuse_req_t req, uint64_t dir, const char *name, mode_t mode, struct fuse_file_info *fi);
