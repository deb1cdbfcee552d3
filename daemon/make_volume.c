/* SPDX-License-Identifier: MIT */
#include "daemon/make_volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static const char *const folders[] = { "wal", "catalog", "hot", "warm", "index", "cache" };

/* Makes the folder, or takes an empty one. */
static int make_folder(const char *path, int *ret_dirfd)
{
	_cleanup_close_ int fd = -1;
	DIR *d;
	bool empty = true;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return cli_fail_errno(errno, "cannot make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail_errno(errno, "cannot open %s", path);
	if (faccessat(fd, VOLUME_FILE, F_OK, 0) == 0)
		return cli_fail("cannot make %s: it is a volume already", path);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			 strcmp(e->d_name, "lost+found") == 0;
	if (d)
		(void) closedir(d);
	if (!empty)
		return cli_fail("cannot make %s: the folder is not empty", path);
	*ret_dirfd = steal_fd(&fd);
	return 0;
}

/* Writes everything but volume.json, which comes last and makes the folder a volume. */
static int fill_folder(const struct new_volume *n, int dirfd, struct keyring *keys)
{
	struct config config = { 0 };
	struct stack stack = { .volume_dirfd = dirfd, .keys = keys };
	struct stack_options o = { 0 };
	_cleanup_free_ char *why = NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		if (mkdirat(dirfd, folders[i], 0700) < 0)
			r = cli_fail_errno(errno, "cannot make %s/", folders[i]);
	if (r != 0)
		return r;
	r = stack_open(&stack, &config, &o, &why);
	if (r < 0)
		return cli_fail("%s", why ? why : strerrordesc_np(-r));
	r = stack_start(&stack);
	if (r == 0)
		r = tree_make_root(stack.catalog, geteuid(), getegid(), 0755);
	if (r == 0 && n->fill)
		r = n->fill(n->context, &stack);
	if (r == 0)
		r = stack_stop(&stack);
	stack_close(&stack);
	return r < 0 ? cli_fail_errno(r, "cannot write the volume") : 0;
}

static void tell(const char *path, const struct secret *secret, const struct buf *recovery)
{
	printf("volume %s made\n", path);
	if (secret->value.kind == KEYSLOT_KEY_FILE)
		printf("key file: %s (whoever can read this file can read the volume; keep a copy elsewhere)\n",
		       secret->path);
	printf("recovery key, shown only now; write it down: %.*s\n", (int)recovery->len,
	       (const char *)recovery->data);
}

static int find_secret(const struct new_volume *n, struct id128 id, struct secret *ret_own)
{
	return n->known ? 0 : secret_make(&n->secret, id, ret_own);
}

int make_volume(const struct new_volume *n)
{
	_cleanup_(secret_done) struct secret own = { 0 };
	_cleanup_(buf_wipe) struct buf recovery = BUF_INIT;
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	const struct secret *secret = n->known ? n->known : &own;
	_cleanup_close_ int dirfd = -1;
	struct id128 id = id128_random();
	int r = make_folder(n->path, &dirfd);

	if (r == 0)
		r = find_secret(n, id, &own);
	if (r != 0)
		return r;
	r = volume_new(id, n->cipher, &secret->value, &recovery, &v, &keys);
	if (r == -EOPNOTSUPP)
		return cli_fail("cannot make %s: this CPU has no AES instructions; use --cipher xchacha20",
				n->path);
	if (r < 0)
		return cli_fail_errno(r, "cannot make %s", n->path);
	r = fill_folder(n, dirfd, keys);
	if (r != 0)
		return r;
	r = volume_store(v, keys, dirfd);
	if (r < 0)
		return cli_fail_errno(r, "cannot write %s/" VOLUME_FILE, n->path);
	tell(n->path, secret, &recovery);
	return CLI_OK;
}
