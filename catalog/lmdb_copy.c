/* SPDX-License-Identifier: MIT */
/* A second file that takes the place of the first while both are open.
 *
 * It is made and filled in a folder of its own, where a stop leaves nothing but bytes to be removed. Nothing of it is
 * synced on the way; in the end all is, and then it is renamed over the other. The library keeps descriptors and no
 * names, so it need not open the file again. (A folder, because the library writes into the file which manner of name it
 * was given.) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_impl.h"

#define NEW_FILE STORE_NEW "/" STORE_FILE
#define NEW_READERS STORE_NEW "/lock.mdb"

void store_remove_unfinished(int dirfd)
{
	(void) unlinkat(dirfd, NEW_FILE, 0);
	(void) unlinkat(dirfd, NEW_READERS, 0);
	(void) unlinkat(dirfd, STORE_NEW, AT_REMOVEDIR);
}

static int open_copy(struct store *copy, size_t map_size)
{
	char path[64];

	store_remove_unfinished(copy->dirfd);
	if (mkdirat(copy->dirfd, STORE_NEW, 0700) < 0 && errno != EEXIST)
		return -errno;
	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d/" STORE_NEW, copy->dirfd);
	return store_env_open(copy, path, MDB_NOSYNC, map_size);
}

int store_copy_begin(struct store *s, size_t map_size, struct store **ret_copy)
{
	struct store *copy = store_new(s->dirfd);
	int r = copy ? open_copy(copy, map_size) : -ENOMEM;

	if (r < 0) {
		store_copy_discard(copy);
		return r;
	}
	*ret_copy = copy;
	return 0;
}

static int sync_env(void *context)
{
	struct store_env *env = context;

	return mdb_env_sync(env->mdb, 1);
}

int store_copy_sync(struct store *copy)
{
	return store_guarded(copy->env, sync_env, copy->env);
}

/* From now on it is durable what is committed. */
static int sync_commits(void *context)
{
	struct store_env *env = context;
	int rc = mdb_env_set_flags(env->mdb, MDB_NOSYNC, 0);

	return rc ? rc : mdb_env_sync(env->mdb, 1);
}

static struct store_env *exchange(struct store *s, struct store_env *env)
{
	LOCKED(&s->lock);
	struct store_env *before = s->env;

	s->env = env;
	return before;
}

int store_copy_install(struct store *s, struct store *copy)
{
	int r = store_guarded(copy->env, sync_commits, copy->env);

	if (r < 0)
		return r;
	if (renameat(copy->dirfd, NEW_FILE, s->dirfd, STORE_FILE) < 0)
		return -errno;
	copy->env = exchange(s, copy->env);
	store_copy_discard(copy);
	return 0;
}

struct store *store_copy_discard(struct store *copy)
{
	if (!copy)
		return NULL;
	store_remove_unfinished(copy->dirfd);
	return store_close(copy);
}
