/* SPDX-License-Identifier: MIT */
/* What the table of a pack says of a file, so that the pack explains itself: its names, the directories above each of
 * them, its attributes and xattrs. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "tiers/move/packing_impl.h"

/* No tree is deeper; a ring of damaged directories would be. */
#define DEPTH_MAX 4096u

/* A volume that is made of packs is to know of uses that a mount did not show, too. */
static struct timespec last_use(const struct inode *i)
{
	return i->used_s && inode_last_use_s(i) > i->atime.tv_sec ? (struct timespec){ (time_t)i->used_s, 0 } : i->atime;
}

static struct pack_inode describe_inode(const struct inode *i)
{
	return (struct pack_inode){
		.ino = i->ino, .mode = i->mode, .uid = i->uid, .gid = i->gid, .rdev = i->rdev, .size = i->size,
		.atime = last_use(i), .mtime = i->mtime, .ctime = i->ctime, .btime = i->btime,
		.generation = i->generation, .content_lsn = i->content_lsn,
	};
}

static int add_xattr(struct packing *p, const struct inode *i, const char *name)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r = tree_getxattr(p->f->catalog, i->ino, name, &value);

	return r < 0 ? r : pack_writer_add_xattr(p->writer, name, value.data, value.len);
}

static int add_xattrs(struct packing *p, const struct inode *i)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	int r = i->sets[SET_XATTRS].count ? tree_listxattr(p->f->catalog, i->ino, &names) : 0;

	for (size_t at = 0; r >= 0 && at < names.len; at += strlen((char *)names.data + at) + 1)
		r = add_xattr(p, i, (char *)names.data + at);
	return r;
}

static int add_directory(struct packing *p, uint64_t ino, uint64_t *ret_parent)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct pack_inode described;
	struct inode i;
	int r = inode_get(p->f->catalog, ino, &i);

	*ret_parent = 0;
	if (r >= 0 && ino != ROOT_INO)
		r = tree_name(p->f->catalog, &i, 0, ret_parent, &name);
	if (r < 0)
		return r;
	described = describe_inode(&i);
	r = pack_writer_add_directory(p->writer, &described, *ret_parent, (char *)name.data, name.len);
	return r < 0 ? r : add_xattrs(p, &i);
}

static int add_directories(struct packing *p, uint64_t ino)
{
	int r = 0;

	for (unsigned n = 0; r >= 0 && ino && !pack_writer_has_directory(p->writer, ino); n++)
		r = n < DEPTH_MAX ? add_directory(p, ino, &ino) : -EBADMSG;
	return r;
}

struct naming {
	struct packing *p;
	uint64_t ino;
};

static int add_directories_of(void *context, uint64_t dir, uint64_t cookie)
{
	const struct naming *n = context;

	return add_directories(n->p, dir);
}

static int add_name(void *context, uint64_t dir, uint64_t cookie)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	const struct naming *n = context;
	int r = tree_name_at(n->p->f->catalog, dir, cookie, n->ino, &name);

	return r < 0 ? r : pack_writer_add_name(n->p->writer, dir, (char *)name.data, name.len);
}

int packing_describe(struct packing *p, const struct inode *i)
{
	struct pack_inode described = describe_inode(i);
	struct naming n = { p, i->ino };
	/* Those of the names first: a directory ends the file before it. */
	int r = tree_foreach_name(p->f->catalog, i, add_directories_of, &n);

	if (r >= 0)
		r = pack_writer_begin_file(p->writer, &described);
	if (r >= 0)
		r = tree_foreach_name(p->f->catalog, i, add_name, &n);
	if (r >= 0)
		r = add_xattrs(p, i);
	/* A name or an xattr that is not there any more, or not yet: it is being renamed. */
	return r == -ENOENT || r == -ENODATA || r == -EBADMSG ? -ESTALE : r;
}
