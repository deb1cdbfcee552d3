/* SPDX-License-Identifier: MIT */
/* Private to tiers/rebuild/. */
#pragma once

#include "tiers/file_impl.h"
#include "tiers/pack/ino_places.h"
#include "tiers/rebuild/rebuild.h"
#include "tiers/rebuild/shelf.h"

/* A file as one pack describes it. */
struct version {
	uint64_t ino, content_lsn;
	uint64_t lsn;  /* of the pack */
	uint32_t pack; /* on the shelf */
};

/* A directory as the latest pack describes it. */
struct folder {
	struct pack_inode inode;
	uint64_t parent;    /* of old numbers; 0: it is the root */
	char *name;         /* owned */
	struct buf xattrs;  /* owned; of each: name and value, buf_add_bytes() */
	uint64_t lsn;       /* of the pack */
	uint64_t made;      /* its new number; 0: not yet */
	bool making;        /* its parents are being made */
};

struct rebuilding {
	struct rebuild_config config;
	struct rebuild_report *report;
	struct shelf shelf;
	struct version *versions;  /* owned; sorted: those of an inode together, the best first */
	size_t n_versions, cap_versions;
	struct folder *folders;    /* owned */
	size_t n_folders, cap_folders;
	struct ino_places places;  /* of folders, by old number */
	uint64_t lost_found;       /* the new folder; 0: not made yet */
	const char *lost_found_name;
	uint64_t n_inodes, done;   /* files */
};

/* Counts and tells. */
void rebuild_tell(struct rebuilding *rb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* rebuild_gather.c: all that the packs describe. */
int rebuild_gather(struct rebuilding *rb);
void rebuild_forget(struct rebuilding *rb);
/* The versions of a file, the best first; NULL: it has none. */
const struct version *rebuild_find(const struct rebuilding *rb, uint64_t ino, size_t *ret_n);

/* rebuild_folders.c: all folders, without xattrs and attributes. */
int rebuild_make_folders(struct rebuilding *rb);
/* When nothing more is made in them: the rest. */
int rebuild_finish_folders(struct rebuilding *rb);
/* By its old number, which may be any. NULL: no pack describes it. */
struct folder *rebuild_find_folder(const struct rebuilding *rb, uint64_t ino);
/* Appends the path that packs say. */
int rebuild_path(const struct rebuilding *rb, uint64_t parent, const char *name, struct buf *ret_path);
/* Gives something a name in rb->lost_found; -EEXIST, and another name is tried. */
typedef int (*rebuild_put_fn)(struct rebuilding *rb, const char *name, void *context);
/* Into lost+found. Appends the path there. */
int rebuild_put_aside(struct rebuilding *rb, uint64_t old_ino, const char *name, rebuild_put_fn put, void *context,
		      struct buf *ret_where);

/* rebuild_names.c: gives the new inode `ino`, which has no name yet, those that a pack of this LSN describes. `aside`: only
 * one, in lost+found. Appends where it is. */
int rebuild_place(struct rebuilding *rb, const struct pack_entry *e, uint64_t lsn, uint64_t ino, bool aside,
		  struct buf *ret_where);
/* Exactly these; the rest stays. */
int rebuild_set_attributes(struct rebuilding *rb, uint64_t ino, const struct pack_inode *from);
/* Tells when it cannot be kept; `path` is for that. */
int rebuild_set_xattr(struct rebuilding *rb, uint64_t ino, const char *path, const char *name, const void *value,
		      size_t len);

/* rebuild_bytes.c: writes what there is of the file's bytes, and says of the rest that it is lost: *ret_lost bytes, whose
 * first is *ret_first, because of *ret_error (-ENODATA: no pack has them). */
int rebuild_write(struct rebuilding *rb, uint64_t ino, uint64_t size, const struct version *versions, size_t n,
		  uint64_t *ret_lost, uint64_t *ret_first, int *ret_error);
