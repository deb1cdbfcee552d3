/* SPDX-License-Identifier: MIT */
#include "fs/virtual/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/ops/ops.h"

#define GROUPS_MAX 65536u
/* What the kernel shows for a group that our user namespace has no number for. */
#define GROUP_UNKNOWN 65534u
#define STATUS_MAX (1u << 20)

/* ---- /proc */

static int open_process(pid_t pid)
{
	char path[32];
	int fd;

	(void) snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_status(int process, struct buf *ret_text)
{
	_cleanup_close_ int fd = openat(process, "status", O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		int r = ret_text->len + (size_t)n > STATUS_MAX ? -EFBIG : buf_add(ret_text, chunk, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

static const char *line_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) == 0)
			return at + len;
	}
	return NULL;
}

/* The fourth number of "Uid:" and "Gid:" is the one that the filesystem is shown. */
static bool has_id(const char *text, const char *key, uint32_t id)
{
	const char *line = line_of(text, key);
	unsigned long a, b, c, d;

	return line && sscanf(line, "%lu %lu %lu %lu", &a, &b, &c, &d) == 4 && d == id;
}

int caller_parse_status(const char *text, uint32_t uid, uint32_t gid, uint32_t *ret_groups, size_t max,
			bool *ret_overrides)
{
	const unsigned long long reads = 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH;
	const char *line = line_of(text, "CapEff:");
	size_t n = 0;

	if (!has_id(text, "Uid:", uid) || !has_id(text, "Gid:", gid))
		return -ENOENT;
	*ret_overrides = uid == 0 && line && strtoull(line, NULL, 16) & reads;
	line = line_of(text, "Groups:");
	while (line && n < max) {
		char *end;
		unsigned long id;

		line += strspn(line, " \t");
		if (*line < '0' || *line > '9')
			break;
		id = strtoul(line, &end, 10);
		if (id != GROUP_UNKNOWN && id < UINT32_MAX)
			ret_groups[n++] = (uint32_t)id;
		line = end;
	}
	return (int)n;
}

/* Privileges of root in a user namespace below ours do not count here. */
static bool is_of_our_namespace(int process)
{
	char ours[64], theirs[64];
	ssize_t a = readlink("/proc/self/ns/user", ours, sizeof(ours));
	ssize_t b = readlinkat(process, "ns/user", theirs, sizeof(theirs));

	return a > 0 && a == b && memcmp(ours, theirs, (size_t)a) == 0;
}

/* How many groups were put into `groups`. It is the thread that waits for our reply, so it lives; if it was
 * killed meanwhile, whatever has its number now has the same ids, or is not believed. */
static size_t ask_proc(pid_t pid, const struct caller *c, uint32_t *groups, size_t max, bool *ret_all)
{
	_cleanup_close_ int process = pid > 0 ? open_process(pid) : -1;
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool overrides = false;
	int n;

	if (process < 0 || read_status(process, &text) < 0 || !buf_cstr(&text))
		return 0;
	n = caller_parse_status(buf_cstr(&text), c->uid, c->gid, groups, max, &overrides);
	*ret_all = n >= 0 && overrides && is_of_our_namespace(process);
	return n > 0 ? (size_t)n : 0;
}

/* ---- callers */

static int learn(struct fs *fs, uint32_t uid, uint32_t gid, pid_t pid, struct caller *ret_c)
{
	struct caller c = { .uid = uid, .gid = gid };
	_cleanup_free_ uint32_t *groups = NULL;
	size_t n;
	int r;

	c.all = uid == fs->config.owner_uid;
	if (!c.all) {
		groups = calloc(GROUPS_MAX + 1, sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		groups[0] = gid;
		n = 1 + ask_proc(pid, &c, groups + 1, GROUPS_MAX, &c.all);
		r = c.all ? 0 : identity_init(&c.who, c.uid, groups, n);
		if (r < 0)
			return r;
	}
	*ret_c = c;
	return 0;
}

int caller_of(fuse_req_t req, struct caller *ret_c)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return learn(ops_fs(req), ctx->uid, ctx->gid, ctx->pid, ret_c);
}

int caller_of_header(struct fs *fs, const struct fuse_in_header *in, struct caller *ret_c)
{
	return learn(fs, in->uid, in->gid, (pid_t)in->pid, ret_c);
}

bool caller_covers(const struct caller *a, const struct caller *b)
{
	if (a->all || b->all)
		return a->all;
	for (uint32_t n = 0; n < b->who.n_groups; n++)
		if (!identity_has_group(&a->who, b->who.groups[n]))
			return false;
	return a->uid == b->uid;
}

int caller_copy(const struct caller *c, struct caller *ret_c)
{
	struct caller copy = { .uid = c->uid, .gid = c->gid, .all = c->all };
	int r = c->all ? 0 : identity_init(&copy.who, c->uid, c->who.groups, c->who.n_groups);

	if (r >= 0)
		*ret_c = copy;
	return r;
}

void caller_done(struct caller *c)
{
	identity_done(&c->who);
}

/* A key with groups begins with a digit, which no name that is asked does. */
char *caller_key(const struct caller *c, const char *name)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int r = 0;

	if (c->all)
		return strdup(name);
	for (uint32_t i = 0; r >= 0 && i < c->who.n_groups; i++)
		r = buf_addf(&key, "%u,", c->who.groups[i]);
	if (r >= 0)
		r = buf_add_str(&key, name);
	return r < 0 || !buf_cstr(&key) ? NULL : strdup(buf_cstr(&key));
}
