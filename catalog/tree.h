/* SPDX-License-Identifier: MIT */
/* The namespace: directories, names, links, attributes and xattrs, with the rules of POSIX. Knows no
 * FUSE and no file bytes: what shrinks or frees a file is done by tiers/ through file.h, which the
 * caller above calls in addition.
 *
 * Functions that change something come with a `struct tree_request`: who asks, and the reply that
 * travels in the batch. They commit one batch each.
 *
 * Permission checks are the kernel's (default_permissions); what stands here are the rules that it
 * leaves to the filesystem: setgid inheritance, sticky bits are checked by it, nlink, times.
 *
 * Thread-safety: safe; a struct tree_dir belongs to one thread at a time. Not inside a batch, but for
 * what takes one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "catalog/catalog.h"
#include "catalog/inode.h"

#define TREE_NAME_MAX 255
#define TREE_LINK_MAX 65000
#define TREE_SYMLINK_MAX 4095

struct retag;

struct tree_request {
	uint32_t uid, gid;            /* of the caller */
	struct reply_record reply;    /* mount and unique filled in; zero unique: nothing to remember */
	uint64_t lsn;                 /* out: LSN of the batch */
	bool in_group;                /* of a change of bytes: the caller is in the file's group (or need not be asked) */
	bool killed;                  /* out, of the same: suid or sgid went */
	const struct retag *tags;     /* borrowed; of making and renaming: tags that the file gets and loses (tags.h). NULL: none */
	/* The rest of the reply (handle, opcode) is the caller's; status and ino are filled in. */
};

/* Makes the root directory of a new volume; 0 when it is there. */
int tree_make_root(struct catalog *c, uint32_t uid, uint32_t gid, mode_t mode);

/* -ENOENT. -ENAMETOOLONG. -ENOTDIR. -EBADMSG: the directory's set does not agree. */
int tree_lookup(struct catalog *c, uint64_t dir, const char *name, struct inode *ret_i);

struct tree_make {
	mode_t mode;        /* type and permissions */
	mode_t umask;       /* applied unless the directory has a default ACL; 0 when it was already */
	dev_t rdev;
	const char *target; /* of a symlink */
	bool unnamed;       /* O_TMPFILE: an orphan without a name */
};
/* create, mkdir, mknod, symlink. -EEXIST, -EDQUOT, -ENOSPC, -EMLINK, -ENAMETOOLONG. */
int tree_make(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name,
	      const struct tree_make *make, struct inode *ret_i);
/* Also the first name of what was made `unnamed`. -EEXIST, -EPERM (a directory), -EMLINK, -EXDEV (quota.h). */
int tree_link(struct catalog *c, struct tree_request *rq, uint64_t ino, uint64_t dir, const char *name,
	      struct inode *ret_i);
/* Is the inode open, or may it be soon? Asked with the writer lock held. NULL: none is. */
typedef bool (*tree_open_fn)(void *context, uint64_t ino);
/* A file that is open becomes an orphan when its last name goes. *ret_i is the inode afterwards. When it has INODE_ORPHAN
 * and is not open, the caller reclaims its bytes, and calls tree_forget_inode(); with nlink 0 and without INODE_ORPHAN
 * nothing is left of it. -EISDIR. */
int tree_unlink(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name, tree_open_fn open,
		void *context, struct inode *ret_i);
/* The same of a name of `ino`, behind the back of programs, if `may` says so, which is asked with the writer lock
 * held: what it reads of the catalog is how things are. -ESTALE: it does not, or the name is that of another by now.
 * */
int tree_unlink_if(struct catalog *c, uint64_t ino, uint64_t dir, const char *name,
		   bool (*may)(void *context, const struct inode *i), void *context, struct inode *ret_i);
/* -ENOTEMPTY, -ENOTDIR. As above when it has xattrs. */
int tree_rmdir(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name, struct inode *ret_i);

struct tree_renamed {
	struct inode moved;
	struct inode replaced; /* ino 0: nothing was replaced */
};
/* `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. For a replaced inode see tree_unlink(). Two names of one
 * file: nothing happens, 0. -EEXIST, -ENOTEMPTY, -EISDIR, -ENOTDIR, -EINVAL (below itself), -EMLINK,
 * -EXDEV (quota.h), -EBUSY (a directory that a quota is being set on). */
int tree_rename(struct catalog *c, struct tree_request *rq, uint64_t dir, const char *name, uint64_t new_dir,
		const char *new_name, unsigned flags, tree_open_fn open, void *context, struct tree_renamed *ret);

#define TREE_SET_MODE 1u
#define TREE_SET_UID 2u
#define TREE_SET_GID 4u
#define TREE_SET_ATIME 8u
#define TREE_SET_MTIME 16u
#define TREE_SET_CTIME 32u
#define TREE_KILL_SUIDGID 64u
/* All but the size, which is file_truncate()'s. ctime becomes now, unless it is set. A change of the
 * owner, and TREE_KILL_SUIDGID, clear S_ISUID, S_ISGID where the group may execute, and the file's
 * capabilities. A new mode also goes into the access ACL. */
int tree_setattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const struct stat *st,
		 unsigned what, struct inode *ret_i);
/* A program used the file at `now`: that becomes its atime or, when that is `hidden`, its used_s; ctime stays. Not when
 * its last use is known to be less than `step_s` before. 1: noted in *ret_i. 0. -ENOENT: it has no name. */
int tree_note_use(struct catalog *c, uint64_t ino, struct timespec now, int64_t step_s, bool hidden, struct inode *ret_i);
/* Appends the target. -EINVAL: no symlink. */
int tree_readlink(struct catalog *c, uint64_t ino, struct buf *ret_target);

/* Cookies stay valid over changes and restarts: hash << 7 | index, above TREE_COOKIE_FIRST. "." and
 * ".." have cookies 1 and 2 and are the caller's. */
#define TREE_COOKIE_FIRST 128
struct tree_entry {
	uint64_t ino;
	uint64_t cookie;
	uint32_t type;       /* S_IFMT bits */
	const char *name;    /* borrowed until the next call */
};
struct tree_dir;
/* Opening it the first time in a mount compares all entries with their set, a microsecond each. Is that still to come,
 * and are they thousands? */
bool tree_dir_is_slow(struct catalog *c, uint64_t dir);
int tree_dir_open(struct catalog *c, uint64_t dir, struct tree_dir **ret_d);
/* The next entry after `cookie` (0: the first). 1, 0 at the end, or -errno. Its inode may be gone by the
 * time the caller gets it. */
int tree_dir_next(struct tree_dir *d, uint64_t cookie, struct tree_entry *ret_e);
struct tree_dir *tree_dir_close(struct tree_dir *d);

#define XATTR_SIZE_MAX 65536
/* Appends the value. -ENODATA. */
int tree_getxattr(struct catalog *c, uint64_t ino, const char *name, struct buf *ret_value);
/* Clears S_ISGID: who sets this access ACL is not in the file's group. */
#define TREE_XATTR_KILL_SGID 0x100
/* `flags`: XATTR_CREATE, XATTR_REPLACE, TREE_XATTR_KILL_SGID. -EEXIST, -ENODATA, -E2BIG, -ERANGE (name). user.xdg.tags also
 * keeps the tag records, in the same batch; an access ACL changes the mode, and one that says no more
 * than the mode is not kept (-EINVAL: not an ACL). */
int tree_setxattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *name,
		  const void *value, size_t len, int flags);
int tree_removexattr(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *name);
/* Appends the names, each with its NUL. */
int tree_listxattr(struct catalog *c, uint64_t ino, struct buf *ret_names);

/* Called when the last user of an orphan is gone and its bytes are reclaimed: removes xattrs and inode,
 * in steps. 0 also when it is no orphan. -EBUSY: it still has extents. */
int tree_forget_inode(struct catalog *c, uint64_t ino);
/* The same within a batch, for an orphan as it is there of which nothing else is left. 1: gone. 0: it has extents
 * or xattrs, or is no orphan. */
int tree_forget_in(struct batch *b, const struct inode *i);
/* security.capability goes when the bytes change. The caller puts `i`. */
int tree_drop_capability_in(struct batch *b, struct inode *i);
int tree_foreach_orphan(struct catalog *c, int (*orphan)(void *context, uint64_t ino), void *context);

/* Appends the path of the inode's first name below `top` ("a/b", no leading slash), NUL not counted.
 * `names`: 0 the first name, otherwise the n-th further one. -ENOENT: not below `top`, or no such name. */
int tree_path(struct catalog *c, uint64_t ino, uint64_t top, unsigned nth, struct buf *ret_path);
/* The directory of that name, and the name itself (appended, no NUL). The root has none: -ENOENT. -EBADMSG, also when it
 * was renamed meanwhile. */
int tree_name(struct catalog *c, const struct inode *i, unsigned nth, uint64_t *ret_dir, struct buf *ret_name);
/* Calls `name` for each name of an inode, the first one first, those of one directory side by side, until it returns other
 * than 0, and returns that. For files with thousands: tree_name() counts to the n-th. Names that come or go meanwhile
 * may be missed. */
int tree_foreach_name(struct catalog *c, const struct inode *i,
		      int (*name)(void *context, uint64_t dir, uint64_t cookie), void *context);
/* Appends the name that tree_foreach_name() told of. -EBADMSG: it is `ino`'s no more. */
int tree_name_at(struct catalog *c, uint64_t dir, uint64_t cookie, uint64_t ino, struct buf *ret_name);
/* Walks up: is `ino` (by any of its names) at or below `top`? 1, 0 or -errno. */
int tree_is_below(struct catalog *c, uint64_t ino, uint64_t top);
/* Follows "a/b/c" below `top`; ".." does not lead above it. Symlinks are not followed. */
int tree_walk(struct catalog *c, uint64_t top, const char *path, struct inode *ret_i);

/* ---- the index queue: an entry for each file whose present content or name is not indexed, and for each directory
 * that was renamed (EVENT_BELOW), until the index has looked at what lies below. Tags, links and other fields lie in the
 * catalog and are found there: they queue nothing */
struct queue_entry {
	uint64_t ino;
	uint64_t lsn;      /* of the last change of its bytes or names */
	uint32_t attempts; /* extractions that failed, of what it is at this lsn */
	uint32_t why;      /* EVENT_* bits */
};
/* Inside a batch that changes `i` (which the caller puts): queues it for `why`, when it has a name
 * and is a regular file or `why` is EVENT_BELOW. EVENT_CONTENT also sets content_lsn. Costs nothing more for further
 * changes of the bytes of a queued file. */
int queue_add(struct batch *b, struct inode *i, uint32_t why);
/* Take the entry before reading path and bytes: what changes afterwards has a higher lsn. */
int queue_get(struct catalog *c, uint64_t ino, struct queue_entry *ret_e);
/* Removes the entry if its lsn is still `lsn`, in the batch that registers the result. 1: removed.
 * The batch must not hold another change of this inode that is not put yet. */
int queue_remove_in(struct batch *b, uint64_t ino, uint64_t lsn);
/* Counts a failed attempt; returns how many there were for this lsn, 0 when the entry has changed. */
int queue_attempt_in(struct batch *b, uint64_t ino, uint64_t lsn);
/* The queued inodes and why they wait, in the order of their numbers; much quicker than queue_foreach(). */
int queue_walk(struct catalog *c, int (*entry)(void *context, uint64_t ino, uint32_t why), void *context);
int queue_foreach(struct catalog *c, int (*entry)(void *context, const struct queue_entry *e), void *context);
uint64_t queue_count(struct catalog *c);

struct tree_stats {
	uint64_t files, directories, others; /* with a name; the root is a directory */
	uint64_t bytes;                      /* of all extents that count in st_blocks */
};
/* Kept by each batch; O(1). -ENOMEM, -EBADMSG: *ret_stats is zeros. */
int tree_get_stats(struct catalog *c, struct tree_stats *ret_stats);
