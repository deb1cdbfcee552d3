/* SPDX-License-Identifier: MIT */
/* Keys are gathered first and then sorted: in the order of their bytes, "a.b" comes before "a/b", which no walk of
 * folders gives. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/folder_impl.h"

#define TEMPORARY_AGE_S 86400
#define DEPTH_MAX       64u

struct entry {
	char *key; /* owned */
	struct bucket_object object;
};

struct gathering {
	struct entry *entries; /* owned */
	size_t n, room;
	const char *prefix; /* borrowed */
	int64_t stale_s; /* temporary files that were changed at that time or before are nobody's */
	bool sweeps;     /* looks for those alone */
	unsigned removed;
};

static void gathering_done(struct gathering *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->entries[i].key);
	free(g->entries);
}

static int add_entry(struct gathering *g, const char *key, const struct stat *st)
{
	struct entry *grown;

	if (g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 64;

		grown = reallocarray(g->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		g->entries = grown;
		g->room = room;
	}
	g->entries[g->n].key = strdup(key);
	if (!g->entries[g->n].key)
		return -ENOMEM;
	folder_describe(st, &g->entries[g->n].object);
	g->n++;
	return 0;
}

/* Of a writer that was killed. */
static void remove_stale(struct gathering *g, int dirfd, const char *name)
{
	struct stat st;

	if (strncmp(name, FOLDER_TEMPORARY, strlen(FOLDER_TEMPORARY)) == 0 &&
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtim.tv_sec <= g->stale_s &&
	    unlinkat(dirfd, name, 0) == 0)
		g->removed++;
}

/* Whether keys that begin with `path` may begin with the prefix. */
static bool may_match(const struct gathering *g, const char *path)
{
	size_t n = strlen(path), prefix = strlen(g->prefix);

	return strncmp(path, g->prefix, MIN(n, prefix)) == 0;
}

static bool begins(const struct buf *path, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return n == 0 || (len >= n && memcmp(path->data, prefix, n) == 0);
}

static int walk(struct gathering *g, int dirfd, struct buf *path, unsigned depth);

/* `path` is the entry's key. */
static int look_at(struct gathering *g, int dirfd, const char *name, struct buf *path, unsigned depth)
{
	struct stat st;
	int fd, r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode))
		return !g->sweeps && may_match(g, (char *)path->data) && path->len >= strlen(g->prefix) ? add_entry(g, (char *)path->data, &st) : 0;
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0;
	r = buf_add_str(path, "/");
	if (r < 0 || !buf_cstr(path))
		return -ENOMEM;
	if (!may_match(g, (char *)path->data))
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return walk(g, fd, path, depth + 1);
}

static void closedirp(DIR **d)
{
	if (*d)
		(void) closedir(*d);
}

/* Takes `dirfd` over. `path` ends in '/', or is empty. */
static int walk(struct gathering *g, int dirfd, struct buf *path, unsigned depth)
{
	_cleanup_(closedirp) DIR *d = fdopendir(dirfd);
	size_t len = path->len;
	struct dirent *e;
	int r = 0;

	if (!d) {
		(void) close(dirfd);
		return -ENOMEM;
	}
	while (r >= 0 && (errno = 0, e = readdir(d))) {
		if (!folder_name_fits(e->d_name, strlen(e->d_name))) {
			if (!g->sweeps || begins(path, len, g->prefix))
				remove_stale(g, dirfd, e->d_name);
			continue;
		}
		path->len = len;
		if (buf_add_str(path, e->d_name) < 0 || !buf_cstr(path))
			return -ENOMEM;
		r = look_at(g, dirfd, e->d_name, path, depth);
	}
	path->len = len;
	return r < 0 ? r : -errno;
}

static int compare(const void *x, const void *y)
{
	return strcmp(((const struct entry *)x)->key, ((const struct entry *)y)->key);
}

static int gather(const struct folder *f, struct gathering *g)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int fd = openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = walk(g, fd, &path, 0);
	if (r >= 0 && g->n > 0)
		qsort(g->entries, g->n, sizeof(*g->entries), compare);
	return r;
}

static int64_t now_s(void)
{
	return (int64_t)(clock_real_ns() / 1000000000u);
}

int folder_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object,
		void *context)
{
	struct folder *f = (struct folder *)b;
	_cleanup_(gathering_done) struct gathering g = { .prefix = prefix,
							 .stale_s = now_s() - TEMPORARY_AGE_S - 1 };
	int r = gather(f, &g);

	folder_count(f, c->cause, BUCKET_LIST, 0, 0);
	if (r < 0)
		return folder_fail(f, c->ret_error, r, false, "listing");
	for (size_t i = 0; i < g.n && r == 0; i++)
		r = object(context, g.entries[i].key, &g.entries[i].object);
	return r;
}

/* The clock of the folder's machine may be ahead of ours. */
int folder_sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s, unsigned *ret_n)
{
	struct folder *f = (struct folder *)b;
	_cleanup_(gathering_done) struct gathering g = {
		.prefix = prefix, .stale_s = older_than_s ? now_s() - older_than_s : INT64_MAX, .sweeps = true,
	};
	int r = gather(f, &g);

	folder_count(f, c->cause, BUCKET_LIST, 0, 0);
	*ret_n = g.removed;
	return r < 0 ? folder_fail(f, c->ret_error, r, false, "looking for unfinished objects") : 0;
}
