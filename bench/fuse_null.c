/* SPDX-License-Identifier: MIT */
/* fuse-null MNT: a filesystem that does nothing, until it is unmounted: names and sizes in memory, no bytes. Its
 * answer to INIT has the flags of ours, its replies the same times to live, and xattrs are answered, not
 * refused, so that the kernel asks as often; it keeps processors awake as ours does. What a program sees here
 * is therefore what FUSE costs.
 *
 * With --seal it also seals what ours would have to: the bytes of reads and writes, in blocks, and a record for
 * each change. That is the ceiling for a filesystem that seals. One thread, root only. */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "daemon/mount.h"
#include "fs/awake.h"

#define WRITE_MAX (1u << 20)
#define BUFFER_SIZE (WRITE_MAX + 8192u)
#define TIMEOUT_S 3600u
#define BUCKETS (1u << 18)
#define BLOCK 4096u
/* What a small change puts into the log: inode, directory, entry. */
#define RECORD 320u

/* What libfuse 3.14 answers for ours: the minor version too decides what the kernel sends. */
#define MINOR 31u
#define FLAGS                                                                                                 \
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_EXPORT_SUPPORT | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | \
	 FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |                       \
	 FUSE_EXPLICIT_INVAL_DATA | FUSE_HANDLE_KILLPRIV_V2)
#define HAS_RESEND_FLAG (1ull << 39)
#define DIRECT_IO_ALLOW_MMAP_FLAG (1ull << 36)
#define FLAGS_EXT (HAS_RESEND_FLAG | DIRECT_IO_ALLOW_MMAP_FLAG)

struct node {
	char *name;     /* owned */
	uint64_t parent; /* 0: unlinked */
	uint64_t next;   /* in its bucket */
	uint64_t first, after, before; /* first child; siblings, newest first */
	uint64_t size;
	uint32_t mode;
};

struct null {
	int fd;
	struct node *nodes; /* owned; by inode number */
	uint64_t n, cap;
	uint64_t buckets[BUCKETS];
	struct seal_run *run; /* owned; NULL: nothing is sealed */
	struct awake awake;
	uint8_t *request, *answer, *sealed; /* owned; BUFFER_SIZE */
};

/* ---- names */

static uint64_t *bucket_of(struct null *s, uint64_t dir, const char *name)
{
	return &s->buckets[hash_bytes(name, strlen(name), dir) % BUCKETS];
}

/* The place that points to the node, or to 0. */
static uint64_t *find(struct null *s, uint64_t dir, const char *name)
{
	uint64_t *at = bucket_of(s, dir, name);

	while (*at && (s->nodes[*at].parent != dir || strcmp(s->nodes[*at].name, name) != 0))
		at = &s->nodes[*at].next;
	return at;
}

static uint64_t make(struct null *s, uint64_t dir, const char *name, uint32_t mode)
{
	struct node *d, *i;
	uint64_t ino = s->n, *bucket;

	if (s->n == s->cap) {
		s->cap *= 2;
		s->nodes = reallocarray(s->nodes, s->cap, sizeof(*s->nodes));
	}
	if (!s->nodes)
		err(1, "nodes");
	d = &s->nodes[dir];
	i = &s->nodes[ino];
	bucket = bucket_of(s, dir, name);
	*i = (struct node){ .name = strdup(name), .parent = dir, .next = *bucket, .after = d->first, .mode = mode };
	if (!i->name)
		err(1, "nodes");
	if (d->first)
		s->nodes[d->first].before = ino;
	*bucket = d->first = ino;
	s->n++;
	return ino;
}

static void drop(struct null *s, uint64_t *at)
{
	struct node *i = &s->nodes[*at];

	*at = i->next;
	*(i->before ? &s->nodes[i->before].after : &s->nodes[i->parent].first) = i->after;
	if (i->after)
		s->nodes[i->after].before = i->before;
	i->parent = 0;
}

/* ---- sealing */

static void seal(struct null *s, const uint8_t *data, size_t len, size_t block)
{
	uint8_t object[16] = { 0 }, tag[SEAL_TAG_SIZE];
	uint64_t nonce;

	for (size_t at = 0; s->run && at < len; at += block) {
		struct seal_place place = { object, sizeof(object), at };

		if (seal_seal_detached(s->run, &place, data + at, MIN(block, len - at), s->sealed, tag, &nonce) < 0)
			errx(1, "sealing failed");
	}
}

static void seal_record(struct null *s)
{
	seal(s, s->request, RECORD, RECORD);
}

/* ---- replies */

static void reply(struct null *s, const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + len), .error = error, .unique = in->unique };
	struct iovec iov[] = { { &out, sizeof(out) }, { (void *)data, len } };

	if (writev(s->fd, iov, len ? 2 : 1) < 0 && errno != ENOENT)
		err(1, "reply to opcode %u", in->opcode);
}

static struct fuse_attr attr_of(const struct null *s, uint64_t ino)
{
	const struct node *i = &s->nodes[ino];

	return (struct fuse_attr){ .ino = ino, .size = i->size, .blocks = (i->size + 511) / 512, .mode = i->mode,
				   .nlink = S_ISDIR(i->mode) ? 2 : 1, .blksize = BLOCK };
}

static struct fuse_entry_out entry_of(const struct null *s, uint64_t ino)
{
	struct fuse_entry_out e = { .nodeid = ino, .entry_valid = TIMEOUT_S, .attr_valid = TIMEOUT_S };

	if (ino)
		e.attr = attr_of(s, ino);
	return e;
}

static void reply_entry(struct null *s, const struct fuse_in_header *in, uint64_t ino)
{
	struct fuse_entry_out e = entry_of(s, ino);

	reply(s, in, 0, &e, sizeof(e));
}

static void reply_attr(struct null *s, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = TIMEOUT_S, .attr = attr_of(s, in->nodeid) };

	reply(s, in, 0, &out, sizeof(out));
}

/* As ours: no FLUSH from who cannot have written. */
static struct fuse_open_out opened(uint64_t ino, uint32_t flags)
{
	return (struct fuse_open_out){
		.fh = ino,
		.open_flags = FOPEN_KEEP_CACHE | ((flags & O_ACCMODE) == O_RDONLY ? FOPEN_NOFLUSH : 0),
	};
}

/* ---- requests */

static void do_init(struct null *s, const struct fuse_in_header *in, const struct fuse_init_in *init)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = MIN(init->minor, MINOR),
		.max_readahead = init->max_readahead,
		.flags = init->flags & (FLAGS | FUSE_INIT_EXT),
		.flags2 = init->flags & FUSE_INIT_EXT ? init->flags2 & (uint32_t)(FLAGS_EXT >> 32) : 0,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = WRITE_MAX,
		.time_gran = 1,
		.max_pages = WRITE_MAX / BLOCK,
	};

	reply(s, in, 0, &out, sizeof(out));
}

static void do_create(struct null *s, const struct fuse_in_header *in, const struct fuse_create_in *create)
{
	const char *name = (const char *)(create + 1);
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out;
	uint64_t ino = *find(s, in->nodeid, name);

	if (!ino)
		ino = make(s, in->nodeid, name, S_IFREG | (create->mode & ~create->umask & 07777));
	seal_record(s);
	out.e = entry_of(s, ino);
	out.o = opened(ino, create->flags);
	reply(s, in, 0, &out, sizeof(out));
}

static void do_mkdir(struct null *s, const struct fuse_in_header *in, const struct fuse_mkdir_in *mkdir_in)
{
	const char *name = (const char *)(mkdir_in + 1);

	if (*find(s, in->nodeid, name)) {
		reply(s, in, -EEXIST, NULL, 0);
		return;
	}
	seal_record(s);
	reply_entry(s, in, make(s, in->nodeid, name, S_IFDIR | (mkdir_in->mode & ~mkdir_in->umask & 07777)));
}

static void do_remove(struct null *s, const struct fuse_in_header *in, const char *name)
{
	uint64_t *at = find(s, in->nodeid, name);
	int error = !*at ? -ENOENT : s->nodes[*at].first ? -ENOTEMPTY : 0;

	if (!error)
		drop(s, at);
	seal_record(s);
	reply(s, in, error, NULL, 0);
}

static void do_setattr(struct null *s, const struct fuse_in_header *in, const struct fuse_setattr_in *set)
{
	if (set->valid & FATTR_SIZE)
		s->nodes[in->nodeid].size = set->size;
	seal_record(s);
	reply_attr(s, in);
}

static void do_open(struct null *s, const struct fuse_in_header *in, const struct fuse_open_in *open_in)
{
	struct fuse_open_out out = opened(in->nodeid, open_in->flags);

	if (open_in->flags & O_TRUNC)
		s->nodes[in->nodeid].size = 0;
	if (in->opcode == FUSE_OPENDIR)
		out.open_flags |= FOPEN_CACHE_DIR;
	reply(s, in, 0, &out, sizeof(out));
}

static void do_write(struct null *s, const struct fuse_in_header *in, const struct fuse_write_in *w)
{
	struct fuse_write_out out = { .size = w->size };
	struct node *i = &s->nodes[in->nodeid];

	i->size = MAX(i->size, w->offset + w->size);
	seal(s, (const uint8_t *)(w + 1), w->size, BLOCK);
	seal_record(s);
	reply(s, in, 0, &out, sizeof(out));
}

static void do_read(struct null *s, const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	uint64_t size = s->nodes[in->nodeid].size;
	size_t len = r->offset < size ? (size_t)MIN((uint64_t)r->size, size - r->offset) : 0;

	seal(s, s->answer, len, BLOCK);
	reply(s, in, 0, s->answer, len);
}

/* Cookie: number of the last child given; children are given newest first, so the next one is older. */
static void do_readdir(struct null *s, const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	bool plus = in->opcode == FUSE_READDIRPLUS;
	uint64_t ino = s->nodes[in->nodeid].first;
	size_t used = 0, head = plus ? sizeof(struct fuse_direntplus) : sizeof(struct fuse_dirent);

	while (ino && r->offset && ino >= r->offset)
		ino = s->nodes[ino].after;
	for (; ino; ino = s->nodes[ino].after) {
		size_t len = strlen(s->nodes[ino].name), size = FUSE_DIRENT_ALIGN(head + len);
		struct fuse_direntplus *plus_at = (void *)(s->sealed + used);
		struct fuse_dirent *at = plus ? &plus_at->dirent : (void *)(s->sealed + used);

		if (used + size > MIN(r->size, WRITE_MAX))
			break;
		memset(s->sealed + used, 0, size);
		if (plus)
			plus_at->entry_out = entry_of(s, ino);
		*at = (struct fuse_dirent){ ino, ino, (uint32_t)len, s->nodes[ino].mode >> 12 };
		memcpy(at->name, s->nodes[ino].name, len);
		used += size;
	}
	reply(s, in, 0, s->sealed, used);
}

static void do_statfs(struct null *s, const struct fuse_in_header *in)
{
	struct fuse_statfs_out out = { .st = { .blocks = 1u << 30, .bfree = 1u << 30, .bavail = 1u << 30,
					       .files = 1u << 30, .ffree = 1u << 30, .bsize = BLOCK,
					       .namelen = 255, .frsize = BLOCK } };

	reply(s, in, 0, &out, sizeof(out));
}

static void do_listxattr(struct null *s, const struct fuse_in_header *in, const struct fuse_getxattr_in *get)
{
	struct fuse_getxattr_out none = { 0 };

	reply(s, in, 0, get->size ? NULL : &none, get->size ? 0 : sizeof(none));
}

static void do_request(struct null *s, const struct fuse_in_header *in)
{
	const void *arg = in + 1;

	switch (in->opcode) { /* clang-format off */
	case FUSE_INIT: do_init(s, in, arg); break;
	case FUSE_LOOKUP: reply_entry(s, in, *find(s, in->nodeid, arg)); break;
	case FUSE_GETATTR: reply_attr(s, in); break;
	case FUSE_SETATTR: do_setattr(s, in, arg); break;
	case FUSE_CREATE: do_create(s, in, arg); break;
	case FUSE_MKDIR: do_mkdir(s, in, arg); break;
	case FUSE_UNLINK:
	case FUSE_RMDIR: do_remove(s, in, arg); break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: do_open(s, in, arg); break;
	case FUSE_READ: do_read(s, in, arg); break;
	case FUSE_WRITE: do_write(s, in, arg); break;
	case FUSE_READDIR:
	case FUSE_READDIRPLUS: do_readdir(s, in, arg); break;
	case FUSE_STATFS: do_statfs(s, in); break;
	case FUSE_GETXATTR: reply(s, in, -ENODATA, NULL, 0); break;
	case FUSE_LISTXATTR: do_listxattr(s, in, arg); break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR: reply(s, in, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break;
	default: reply(s, in, -ENOSYS, NULL, 0);
	} /* clang-format on */
}

static void serve(struct null *s)
{
	for (;;) {
		ssize_t n = read(s->fd, s->request, BUFFER_SIZE);

		if (n < 0 && errno == ENODEV)
			return;
		if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
			err(1, "read");
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			continue;
		awake_note(&s->awake);
		do_request(s, (const void *)s->request);
	}
}

/* ---- starting */

static struct seal_run *start_sealing(void)
{
	const uint8_t key[KEYRING_KEY_SIZE] = { 1 };
	struct seal_run *run;
	struct keyring *keys;

	if (keyring_start() < 0 || keyring_new(id128_random(), CIPHER_AES256GCM, key, 1, &keys) < 0 ||
	    seal_run_new(keys, SEAL_EXTENT, &run) < 0)
		errx(1, "sealing cannot start");
	return run;
}

int main(int argc, char **argv)
{
	static struct null s = { .n = FUSE_ROOT_ID + 1, .cap = 1024 };
	bool sealing = argc == 3 && strcmp(argv[1], "--seal") == 0;
	const char *mnt = argv[argc - 1];
	struct mount_options options;
	char *why = NULL;

	if (argc != 2 + sealing)
		errx(2, "usage: fuse-null [--seal] MNT");
	s.nodes = calloc(s.cap, sizeof(*s.nodes));
	s.request = calloc(1, BUFFER_SIZE);
	s.answer = calloc(1, BUFFER_SIZE);
	s.sealed = calloc(1, BUFFER_SIZE);
	if (!s.nodes || !s.request || !s.answer || !s.sealed)
		err(1, "memory");
	s.nodes[FUSE_ROOT_ID].mode = S_IFDIR | 0755;
	if (sealing)
		s.run = start_sealing();
	mount_options_init(&options);
	if (mount_attach(mnt, "fuse-null", &options, &s.fd, &why) < 0)
		errx(1, "cannot mount at %s: %s", mnt, why ? why : "unknown");
	mount_read_ahead(mnt);
	awake_init(&s.awake);
	serve(&s);
	awake_done(&s.awake);
	return 0;
}
