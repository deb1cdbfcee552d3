/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/ops/ops.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/view.h"

/* Names of views, which hide no file: none can be made that is called so. */
static bool is_reserved(uint64_t dir, const char *name)
{
	return name[0] == '.' && (strcmp(name, ".query") == 0 || (dir == ROOT_INO && virtual_has_root(name)));
}

int names_check_new(uint64_t dir, const char *name)
{
	if (is_virtual(dir))
		return -EACCES;
	return is_reserved(dir, name) ? -EEXIST : 0;
}

static int check_old(uint64_t dir, const char *name)
{
	return is_virtual(dir) || is_reserved(dir, name) ? -EACCES : 0;
}

/* "." and ".." are looked up for handles of an NFS server and open_by_handle_at(2), when the kernel does not
 * know the inode: nobody has it open then, and one without a name is about to be freed. */
static int lookup(struct catalog *c, uint64_t dir, const char *name, struct inode *ret_i)
{
	int r;

	if (strcmp(name, ".") == 0) {
		r = inode_get(c, dir, ret_i);
		return r == 0 && !ret_i->nlink ? -ENOENT : r;
	}
	if (strcmp(name, "..") != 0)
		return tree_lookup(c, dir, name, ret_i);
	r = inode_get(c, dir, ret_i);
	if (r == 0 && ret_i->parent)
		r = inode_get(c, ret_i->parent, ret_i);
	return r;
}

void ops_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct fuse_entry_param absent = { .entry_timeout = FS_TIMEOUT_S };
	struct inode i;
	int r;

	if (announcing_lookup(req, dir, name))
		return;
	if (is_virtual(dir) || is_reserved(dir, name)) {
		virtual_lookup(req, dir, name);
		return;
	}
	r = lookup(ops_fs(req)->config.catalog, dir, name, &i);
	if (r == 0)
		ops_reply_inode(req, &i);
	else if (r == -ENOENT)
		(void) fuse_reply_entry(req, &absent);
	else
		ops_reply_status(req, r);
}

int names_make(struct fs *fs, struct tree_request *rq, uint64_t dir, const char *name,
	       const struct tree_make *what, struct inode *ret_i)
{
	int r;

	do
		r = tree_make(fs->config.catalog, rq, dir, name, what, ret_i);
	while (quota_made_room(fs, r));
	return r;
}

static void make(fuse_req_t req, fuse_ino_t dir, const char *name, const struct tree_make *what)
{
	struct tree_request rq = ops_request(req);
	struct inode i;
	int r = names_check_new(dir, name);

	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0)
		r = names_make(ops_fs(req), &rq, dir, name, what, &i);
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_inode(req, &i);
}

void ops_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, dev_t rdev)
{
	const struct tree_make what = { .mode = mode & S_IFMT ? mode : mode | S_IFREG, .rdev = rdev,
					.umask = ops_umask(req) };

	make(req, dir, name, &what);
}

void ops_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	const struct tree_make what = { .mode = (mode & 07777) | S_IFDIR, .umask = ops_umask(req) };

	if (!view_mkdir(req, dir, name))
		make(req, dir, name, &what);
}

void ops_symlink(fuse_req_t req, const char *target, fuse_ino_t dir, const char *name)
{
	const struct tree_make what = { .mode = S_IFLNK | 0777, .target = target };

	if (!announcing_symlink(req, target, dir, name) && !view_symlink(req, target, dir, name))
		make(req, dir, name, &what);
}

void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name)
{
	struct tree_request rq = ops_request(req);
	struct inode i;
	int r;

	if (view_link(req, ino, dir, name))
		return;
	r = is_virtual(ino) ? -EXDEV : names_check_new(dir, name);
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0)
		r = tree_link(ops_fs(req)->config.catalog, &rq, ino, dir, name, &i);
	if (r < 0)
		ops_reply_status(req, r);
	else
		ops_reply_inode(req, &i);
}

static bool is_open(void *context, uint64_t ino)
{
	return handles_is_open(context, ino);
}

/* Whether it is open is asked once more for the reclaim: it may have been closed in between. */
static int unlink_name(struct fs *fs, struct tree_request *rq, uint64_t dir, const char *name)
{
	struct inode i;
	int r = tree_unlink(fs->config.catalog, rq, dir, name, is_open, fs->handles, &i);

	if (r == 0)
		ops_reclaim(fs, &i, false);
	return r;
}

void ops_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct tree_request rq = ops_request(req);
	int r;

	if (announcing_unlink(req, dir, name) || view_unlink(req, dir, name))
		return;
	r = check_old(dir, name);
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0)
		r = unlink_name(ops_fs(req), &rq, dir, name);
	ops_reply_status(req, r);
}

void ops_rmdir(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct tree_request rq = ops_request(req);
	struct inode i;
	int r;

	if (view_rmdir(req, dir, name))
		return;
	r = check_old(dir, name);
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0)
		r = tree_rmdir(ops_fs(req)->config.catalog, &rq, dir, name, &i);
	if (r == 0)
		ops_reclaim(ops_fs(req), &i, false);
	ops_reply_status(req, r);
}

/* Whoever looked its name up may be about to open it. */
static bool may_be_opened(void *context, uint64_t ino)
{
	return true;
}

void ops_rename(fuse_req_t req, fuse_ino_t dir, const char *name, fuse_ino_t new_dir, const char *new_name,
		unsigned flags)
{
	struct fs *fs = ops_fs(req);
	struct tree_request rq = ops_request(req);
	struct tree_renamed renamed = { 0 };
	int r;

	if (view_rename(req, dir, name, new_dir, new_name, flags))
		return;
	r = check_old(dir, name);
	if (r == 0)
		r = names_check_new(new_dir, new_name);
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0)
		r = tree_rename(fs->config.catalog, &rq, dir, name, new_dir, new_name, flags, may_be_opened,
				NULL, &renamed);
	if (r == 0)
		ops_reclaim(fs, &renamed.replaced, true);
	ops_reply_status(req, r);
}
