/* SPDX-License-Identifier: MIT */
/* Order: all tables are read; folders are made; then each file, as an inode without a name until all of it is there,
 * so that a stop in between leaves nothing half; at last the folders get their attributes, which names made in them
 * change. */
#include "tiers/rebuild/rebuild.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/rebuild/rebuild_impl.h"

void rebuild_tell(struct rebuilding *rb, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *line = NULL;
	va_list args;

	va_start(args, format);
	if (buf_vaddf(&text, format, args) >= 0)
		line = buf_cstr(&text);
	va_end(args);
	rb->report->problems++;
	rb->config.problem(rb->config.context, line ? line : "something was not saved; there is no memory to say what");
}

/* ---- a file */

struct pass {
	struct rebuilding *rb;
	uint32_t pack;
	uint64_t lsn; /* of it */
	struct pack *p;
};

static int tell_lost(struct rebuilding *rb, const struct pack_entry *e, uint64_t lost, uint64_t first, int error,
		     const struct buf *where)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	const char *why = error == -ENODATA  ? "no pack has them" :
			  error == -EBADMSG ? "the pack is damaged there" :
					       strerrordesc_np(-error);
	int r = e->n_names ? rebuild_path(rb, e->names[0].parent, e->names[0].name, &path) : buf_add_str(&path, "?");

	if (r >= 0)
		rebuild_tell(rb, "%.*s: %llu of %llu bytes are lost, from byte %llu on (%s); the rest is in %.*s",
			     (int)path.len, (char *)path.data, (unsigned long long)lost,
			     (unsigned long long)e->inode.size, (unsigned long long)first, why, (int)where->len,
			     (char *)where->data);
	return r;
}

/* 1: the file cannot be, and was told. */
static int make_unnamed(struct pass *pass, const struct pack_entry *e, struct inode *ret_i)
{
	struct catalog *c = pass->rb->config.files->catalog;
	struct tree_make make = { .mode = e->inode.mode & (S_IFMT | 0600), .rdev = e->inode.rdev, .unnamed = true };
	char target[TREE_SYMLINK_MAX + 1];
	struct tree_request rq = { 0 };

	if (S_ISLNK(e->inode.mode)) {
		ssize_t n = e->inode.size > TREE_SYMLINK_MAX ? -EBADMSG : pack_read(pass->p, e, 0, target, TREE_SYMLINK_MAX);

		if (n <= 0) {
			rebuild_tell(pass->rb, "symlink %llu: its target cannot be read", (unsigned long long)e->inode.ino);
			return n == -ENOMEM ? -ENOMEM : 1;
		}
		target[n] = '\0';
		make.target = target;
	}
	return tree_make(c, &rq, ROOT_INO, "", &make, ret_i);
}

static int set_xattrs(struct rebuilding *rb, const struct pack_entry *e, uint64_t ino, const struct buf *where)
{
	_cleanup_free_ char *path = strndup((const char *)where->data, where->len);
	int r = path ? 0 : -ENOMEM;

	for (uint32_t k = 0; r == 0 && k < e->n_xattrs; k++)
		r = rebuild_set_xattr(rb, ino, path, e->xattrs[k].name, e->xattrs[k].value, e->xattrs[k].len);
	return r;
}

static int fill(struct pass *pass, const struct pack_entry *e, const struct version *versions, size_t n, uint64_t ino)
{
	_cleanup_buf_ struct buf where = BUF_INIT;
	struct rebuilding *rb = pass->rb;
	uint64_t lost = 0, first = 0;
	int error = 0, r = 0;

	if (S_ISREG(e->inode.mode))
		r = rebuild_write(rb, ino, e->inode.size, versions, n, &lost, &first, &error);
	if (r >= 0)
		r = rebuild_place(rb, e, pass->lsn, ino, lost > 0, &where);
	if (r >= 0)
		r = set_xattrs(rb, e, ino, &where);
	if (r >= 0)
		r = rebuild_set_attributes(rb, ino, &e->inode);
	if (r >= 0 && lost > 0)
		r = tell_lost(rb, e, lost, first, error, &where);
	if (r < 0)
		return r;
	rb->report->lost_bytes += lost;
	rb->report->bytes += e->inode.size - lost;
	rb->report->files++;
	return 0;
}

static int make_file(void *context, const struct pack_entry *e)
{
	struct pass *pass = context;
	struct rebuilding *rb = pass->rb;
	const struct version *versions;
	struct inode i;
	size_t n;
	int r;

	versions = rebuild_find(rb, e->inode.ino, &n);
	if (!versions || versions->pack != pass->pack)
		return 0;
	r = make_unnamed(pass, e, &i);
	if (r == 0)
		r = fill(pass, e, versions, n, i.ino);
	if (rb->config.progress)
		rb->config.progress(rb->config.context, ++rb->done, rb->n_inodes);
	return MIN(r, 0);
}

/* ---- all of them */

static int make_files_of(struct rebuilding *rb, uint32_t pack)
{
	struct pass pass = { rb, pack, rb->shelf.packs[pack].lsn, NULL };
	int r;

	rb->shelf.pinned = SIZE_MAX;
	r = shelf_open(&rb->shelf, pack, &pass.p);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		rb->report->packs_damaged++;
		rebuild_tell(rb, "pack %s cannot be read any more: %s", rb->shelf.packs[pack].name, strerrordesc_np(-r));
		return 0;
	}
	rb->shelf.pinned = pack;
	return pack_foreach_file(pass.p, make_file, &pass);
}

static int later_first(const void *a, const void *b, void *context)
{
	const struct shelf_pack *packs = context, *x = &packs[*(const uint32_t *)a], *y = &packs[*(const uint32_t *)b];

	return x->lsn > y->lsn ? -1 : x->lsn < y->lsn;
}

static int make_files(struct rebuilding *rb)
{
	_cleanup_free_ uint32_t *order = malloc((rb->shelf.n + 1) * sizeof(*order));
	size_t n = 0;
	int r = order ? 0 : -ENOMEM;

	for (size_t k = 0; r == 0 && k < rb->shelf.n; k++)
		if (!rb->shelf.packs[k].error)
			order[n++] = (uint32_t)k;
	if (n > 0)
		qsort_r(order, n, sizeof(*order), later_first, rb->shelf.packs);
	for (size_t k = 0; r == 0 && k < n; k++)
		r = make_files_of(rb, order[k]);
	return r;
}

int rebuild(const struct rebuild_config *config, struct rebuild_report *ret_report)
{
	struct rebuilding rb = {
		.config = *config,
		.report = ret_report,
		.shelf = { .keys = config->keys, .warm_dirfd = config->warm_dirfd, .bucket = config->bucket,
			   .pinned = SIZE_MAX },
	};
	int r;

	*ret_report = (struct rebuild_report){ 0 };
	r = rebuild_gather(&rb);
	if (r >= 0)
		r = rebuild_make_folders(&rb);
	if (r >= 0)
		r = make_files(&rb);
	if (r >= 0)
		r = rebuild_finish_folders(&rb);
	rebuild_forget(&rb);
	return r;
}
