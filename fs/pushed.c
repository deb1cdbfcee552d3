/* SPDX-License-Identifier: MIT */
#include "fs/pushed.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "base/hash.h"
#include "fs/fetched.h"
#include "fs/workers.h"

/* Files that the kernel has bytes of, as far as we remember: one that falls out is pushed once more. */
#define PLACES (1u << 14)

struct pushed {
	_Atomic uint64_t inos[PLACES]; /* 0: none */
};

void pushed_add_memory(struct memory_parts *m)
{
	memory_part_add(m, "pushed", sizeof(struct pushed), sizeof(struct pushed));
}

static _Atomic uint64_t *place(struct pushed *p, uint64_t ino)
{
	return &p->inos[hash_mix64(ino) % PLACES];
}

int pushed_new(struct pushed **ret_p)
{
	*ret_p = calloc(1, sizeof(**ret_p));
	return *ret_p ? 0 : -ENOMEM;
}

struct pushed *pushed_free(struct pushed *p)
{
	free(p);
	return NULL;
}

void pushed_note_read(struct pushed *p, uint64_t ino)
{
	atomic_store_explicit(place(p, ino), ino, memory_order_relaxed);
}

void pushed_forget(struct pushed *p, uint64_t ino)
{
	uint64_t expected = ino;

	(void) atomic_compare_exchange_strong_explicit(place(p, ino), &expected, 0, memory_order_relaxed,
						       memory_order_relaxed);
}

void pushed_store(struct fs *fs, uint64_t ino, const void *data, size_t len)
{
	struct fuse_notify_store_out place = { .nodeid = ino, .size = (uint32_t)len };
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + sizeof(place) + len),
					  .error = FUSE_NOTIFY_STORE };
	struct iovec pieces[] = { { &header, sizeof(header) },
				  { &place, sizeof(place) },
				  { (void *)data, len } };

	(void) !writev(fs->config.fuse_fd, pieces, 3);
}

void pushed_at_open(struct fs *fs, const struct inode *i)
{
	ssize_t n;
	void *space;

	if (!S_ISREG(i->mode) || i->size == 0 || i->size > PUSHED_MAX ||
	    atomic_load_explicit(place(fs->pushed, i->ino), memory_order_relaxed) == i->ino ||
	    workers_load(fs->io))
		return;
	space = request_space();
	if (!space)
		return;
	fetched_note(fs->fetched, i->ino);
	n = file_read(fs->config.files, i->ino, 0, space, PUSHED_MAX, TIER_AT_ONCE);
	if (n <= 0)
		return;
	pushed_store(fs, i->ino, space, (size_t)n);
	pushed_note_read(fs->pushed, i->ino);
}
