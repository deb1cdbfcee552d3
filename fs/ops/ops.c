/* SPDX-License-Identifier: MIT */
#include "fs/ops/ops.h"
#include "fs/pushed.h"

/* Called while INIT is answered; session.c corrects what libfuse 3.14 cannot express. */
static void init(void *context, struct fuse_conn_info *conn)
{
	const unsigned refused = FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_READ |
				 FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_HANDLE_KILLPRIV;
	const unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_EXPORT_SUPPORT |
				FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_DIO |
				FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS |
				FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;

	conn->want = (conn->want & ~refused) | (conn->capable & wanted);
	conn->max_write = FS_MAX_WRITE;
	/* Never the limit for a RELEASE, behind whatever is read ahead: see open.c. */
	conn->max_background = 1024;
	conn->congestion_threshold = 48;
}

static void forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	pushed_forget(ops_fs(req)->pushed, ino);
	fuse_reply_none(req);
}

static void forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		pushed_forget(ops_fs(req)->pushed, forgets[i].ino);
	fuse_reply_none(req);
}

static void fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	ops_fsync(req, ino, datasync, fi);
}

const struct fuse_lowlevel_ops ops_table = {
	.init = init,
	.lookup = ops_lookup,
	.forget = forget,
	.forget_multi = forget_multi,
	.getattr = ops_getattr,
	.setattr = ops_setattr,
	.readlink = ops_readlink,
	.mknod = ops_mknod,
	.mkdir = ops_mkdir,
	.unlink = ops_unlink,
	.rmdir = ops_rmdir,
	.symlink = ops_symlink,
	.rename = ops_rename,
	.link = ops_link,
	.open = ops_open,
	.create = ops_create,
	.read = ops_read,
	.write = ops_write,
	.release = ops_release,
	.fsync = ops_fsync,
	.opendir = ops_opendir,
	.readdir = ops_readdir,
	.readdirplus = ops_readdirplus,
	.releasedir = ops_releasedir,
	.fsyncdir = fsyncdir,
	.statfs = ops_statfs,
	.setxattr = ops_setxattr,
	.getxattr = ops_getxattr,
	.listxattr = ops_listxattr,
	.removexattr = ops_removexattr,
	.fallocate = ops_fallocate,
	.lseek = ops_lseek,
	.copy_file_range = ops_copy_file_range,
};
