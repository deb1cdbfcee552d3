/* SPDX-License-Identifier: MIT */
/* The operations of libfuse's table, one function each, and what they share. Each ends in exactly
 * one reply, here or on the thread that it hands the request to. Inodes with INO_VIRTUAL belong to
 * fs/virtual/. */
#pragma once

#include <errno.h>
#include <sys/statvfs.h>

#include "fs/fs_impl.h"

extern const struct fuse_lowlevel_ops ops_table;

static inline struct fs *ops_fs(fuse_req_t req)
{
	return fuse_req_userdata(req);
}
/* The kernel leaves it to us, because a directory's default ACL takes its place. */
static inline mode_t ops_umask(fuse_req_t req)
{
	return fuse_req_ctx(req)->umask;
}
static inline bool is_virtual(fuse_ino_t ino)
{
	return ino & INO_VIRTUAL;
}

/* ---- reply.c */

/* Who asks, and by what unique the answer is remembered. */
struct tree_request ops_request(fuse_req_t req);
/* True when this request was executed by a server before us: it is answered as it was then. To be
 * called first by everything that makes a batch. */
bool ops_replayed(fuse_req_t req);
/* The two halves of it. */
bool ops_find_reply(fuse_req_t req, struct reply_record *ret);
void ops_reply_record(fuse_req_t req, const struct reply_record *record);
void ops_reply_inode(fuse_req_t req, const struct inode *i);
void ops_reply_attr(fuse_req_t req, const struct inode *i);
/* To be asked after an inode was looked up: may the kernel keep its attributes (late_replies.h)? */
bool ops_may_keep(struct fs *fs, uint64_t ino);
/* Before a reply to whoever holds the inode: its attributes are shown, not kept. */
void ops_show_only(struct fs *fs, uint64_t ino);
/* The same, unless they may be kept. A SETATTR has the kernel's lock of the inode, as a write has that makes
 * it longer, and does not need it. */
void ops_show(struct fs *fs, uint64_t ino);
/* Of a request for an inode that the kernel knows: when that has lost its last name since the kernel looked
 * it up, the kernel is to look it up again (-ESTALE). So opening a file never fails while another is renamed
 * over it. */
static inline int ops_stale(int r)
{
	return r == -ENOENT ? -ESTALE : r;
}
/* 0 or -errno. */
void ops_reply_status(fuse_req_t req, int r);
/* Counts and reports what is no program's fault; returns what the kernel is told, 0 or -errno. */
int ops_note_trouble(struct fs *fs, int r);
void ops_fill_entry(const struct inode *i, struct fuse_entry_param *ret_e);
/* Opens a handle (or finds the one that the same request has made) and fills *fi. */
int ops_open_handle(struct fs *fs, uint64_t ino, enum handle_kind kind, struct fuse_file_info *fi);
/* Takes a handle back that the kernel does not hear of. */
void ops_forget_handle(struct fs *fs, uint64_t fh);
void ops_reply_open(fuse_req_t req, struct fuse_file_info *fi);
void ops_reply_create(fuse_req_t req, const struct inode *i, struct fuse_file_info *fi);
/* Answers getxattr and listxattr: the size when size is 0, -ERANGE when it is too small. */
void ops_reply_value(fuse_req_t req, const void *value, size_t len, size_t size);

/* After an inode lost a name: frees it when that was the last one and nobody has it open; what another file
 * `replaced` a little later. In a removed directory nothing can be read any more, whoever has it open. */
void ops_reclaim(struct fs *fs, const struct inode *i, bool replaced);

/* ---- privileges.c */
/* HANDLE_KILLPRIV_V2: setgid of a file that its group may not execute stays when a member of the group
 * changes the bytes. Sets rq->in_group when that matters; to be called before a change that drops suid and
 * setgid. */
void ops_ask_group(fuse_req_t req, struct tree_request *rq, uint64_t ino);
/* The kernel keeps the mode that it knows, and execve(2) would still honour suid: it is told before the
 * request that took suid away is answered. The request must hold the inode. */
void ops_tell_killed(fuse_req_t req, const struct tree_request *rq, uint64_t ino);

/* ---- names.c */
void ops_lookup(fuse_req_t req, fuse_ino_t dir, const char *name);
void ops_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t rdev);
void ops_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode);
void ops_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name);
void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name);
void ops_unlink(fuse_req_t req, fuse_ino_t dir, const char *name);
void ops_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name);
void ops_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t new_dir, const char *new_name,
		unsigned flags);
/* -EEXIST for names that exist in this directory without being listed, -EACCES below virtual ones. */
int names_check_new(uint64_t dir, const char *name);
/* tree_make(), once more when that found a quota full and there was something to free. */
int names_make(struct fs *fs, struct tree_request *rq, uint64_t dir, const char *name,
	       const struct tree_make *what, struct inode *ret_i);

/* ---- attr.c */
/* Also of an inode that is gone, for whoever still stands in it. */
int attr_get(struct fs *fs, uint64_t ino, struct inode *ret_i);
void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what, struct fuse_file_info *fi);
void ops_readlink(fuse_req_t req, fuse_ino_t ino);
void ops_statfs(fuse_req_t req, fuse_ino_t ino);

/* ---- statx.c */
/* FUSE_STATX, which libfuse 3.14 does not know: attributes with the time of birth. */
void statx_answer(struct fs *fs, const struct fuse_in_header *in, size_t len);

/* ---- open.c */
void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, struct fuse_file_info *fi);
void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* ---- data.c */
void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void ops_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len,
		   struct fuse_file_info *fi);
void ops_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi);
void ops_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset, struct fuse_file_info *from_fi,
			 fuse_ino_t to, off_t to_offset, struct fuse_file_info *to_fi, size_t len, int flags);

/* ---- write.c */
void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
	       struct fuse_file_info *fi);

/* ---- list.c */

/* A part of a directory's listing, as one request asks for it. */
struct list_page {
	fuse_req_t req;
	char *data;        /* borrowed: the thread's space; NULL: there is no memory for it */
	size_t size, used;
	bool plus;         /* with attributes */
};
struct list_page list_page_of(fuse_req_t req, size_t size, bool plus);
/* 1: added. 0: it does not fit any more. -ENOMEM. */
int list_page_add(struct list_page *p, const char *name, const struct fuse_entry_param *e, uint64_t cookie);
/* The same without attributes: the kernel takes none where e->ino is 0. */
int list_page_add_bare(struct list_page *p, const char *name, uint64_t ino, mode_t type, uint64_t cookie);
/* Replies. `r`: how adding ended; an error is told where nothing stands before it. */
void list_page_reply(const struct list_page *p, int r);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie, struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t cookie, struct fuse_file_info *fi);

/* ---- quota.c: the quota of a directory, as xattrs of it. None is listed, so that cp -a and rsync -X copy
 * none. */
bool quota_is_xattr(const char *ours);
/* A limit; `value` NULL takes it away. Replies. -EPERM: neither root nor the owner of the mount. */
void quota_set_xattr(fuse_req_t req, fuse_ino_t ino, const char *ours, const char *value, size_t size);
/* -ENODATA: it has none, or the caller may not know. */
int quota_get_xattr(fuse_req_t req, uint64_t ino, const char *ours, struct buf *ret_value);
/* After `r`, the result of a change: it is to be tried again, because a quota is less full now. */
bool quota_made_room(struct fs *fs, int64_t r);
/* Makes of the volume's figures those of a place in it. */
void quota_limit_statfs(struct fs *fs, uint64_t ino, struct statvfs *v);

/* ---- xattr_found.c: "found-tags" or "found-links" of a file. -ENODATA. */
int xattr_get_found(fuse_req_t req, uint64_t ino, const char *what, struct buf *ret_value);

/* ---- xattr.c */
void ops_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		  int flags);
/* What the index computes is asked for while it is being loaded: ops_getxattr() is called again, by a worker,
 * when it no longer is. 1, or -errno. */
int ops_getxattr_later(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void ops_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);
