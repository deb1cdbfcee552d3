/* SPDX-License-Identifier: MIT */
/* FUSE_STATX. The kernel asks it (since 6.6) when a program wants the time of birth, which GETATTR has
 * no room for. libfuse 3.14 would answer ENOSYS, after which the kernel never asks again; so it is
 * answered here, for virtual inodes, too, though these have no birth. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "fs/ops/ops.h"
#include "fs/virtual/virtual.h"

/* linux/fuse.h has these since 7.39; older ones lack them. */
struct sx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t reserved;
};

struct sx_in {
	uint32_t getattr_flags, reserved;
	uint64_t fh;
	uint32_t sx_flags, sx_mask;
};

struct sx_out {
	uint64_t valid_s;
	uint32_t valid_ns, flags;
	uint64_t spare[2];
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct sx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare2[14];
};
_Static_assert(sizeof(struct sx_out) == 288, "as in linux/fuse.h");

static struct sx_time sx_time(struct timespec t)
{
	return (struct sx_time){ .sec = t.tv_sec, .nsec = (uint32_t)t.tv_nsec };
}

static struct sx_out sx_of(const struct stat *st, double valid_s)
{
	return (struct sx_out){
		.valid_s = (uint64_t)valid_s,
		.mask = STATX_BASIC_STATS,
		.blksize = (uint32_t)st->st_blksize,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = (uint16_t)st->st_mode,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.blocks = (uint64_t)st->st_blocks,
		.atime = sx_time(st->st_atim),
		.ctime = sx_time(st->st_ctim),
		.mtime = sx_time(st->st_mtim),
		.rdev_major = major(st->st_rdev),
		.rdev_minor = minor(st->st_rdev),
	};
}

static int get_virtual(struct fs *fs, const struct fuse_in_header *in, struct sx_out *ret_out)
{
	struct stat st;
	double valid_s = 0;
	int r = virtual_stat_for(fs, in, &st, &valid_s);

	if (r == 0)
		*ret_out = sx_of(&st, valid_s);
	return r;
}

static int get(struct fs *fs, const struct fuse_in_header *in, struct sx_out *ret_out)
{
	struct stat st;
	struct inode i;
	int r;

	if (is_virtual(in->nodeid))
		return get_virtual(fs, in, ret_out);
	r = attr_get(fs, in->nodeid, &i);
	if (r < 0)
		return r;
	inode_stat(&i, &st);
	ops_show(fs, in->nodeid);
	*ret_out = sx_of(&st, FS_TIMEOUT_S);
	ret_out->btime = sx_time(i.btime);
	ret_out->mask |= STATX_BTIME;
	return 0;
}

void statx_answer(struct fs *fs, const struct fuse_in_header *in, size_t len)
{
	struct sx_out out;
	int r = len < sizeof(*in) + sizeof(struct sx_in) ? -EINVAL : get(fs, in, &out);

	session_reply(fs, in, ops_note_trouble(fs, r), &out, r < 0 ? 0 : sizeof(out));
}
