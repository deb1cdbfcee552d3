/* SPDX-License-Identifier: MIT */
/* A folder of its own for a test, in memory where there is room for it: a busy disk makes tests slow, and
 * what a power cut leaves of a disk is played, not waited for. $TMPDIR, when set, decides instead. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

#define TEMP_ROOM (1ull << 30) /* containers often have 64 MiB */

struct temp_folder {
	char path[64];
	int dirfd;
};

static inline const char *temp_parent(void)
{
	const char *wanted = getenv("TMPDIR");
	struct statfs s;

	if (wanted && *wanted)
		return wanted;
	if (statfs("/dev/shm", &s) == 0 && s.f_bavail * (uint64_t)s.f_bsize >= TEMP_ROOM &&
	    access("/dev/shm", W_OK) == 0)
		return "/dev/shm";
	return "/tmp";
}

/* In `parent`. Ends the program when it cannot. */
static inline void temp_folder_make_in(struct temp_folder *t, const char *parent)
{
	int len = snprintf(t->path, sizeof(t->path), "%s/brainy-test-XXXXXX", parent);

	t->dirfd = len < (int)sizeof(t->path) && mkdtemp(t->path) ? open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (t->dirfd < 0) {
		perror(t->path);
		exit(1);
	}
}

static inline void temp_folder_make(struct temp_folder *t)
{
	temp_folder_make_in(t, temp_parent());
}

/* Runs a shell command with the folder's path in $V. */
static inline void temp_folder_shell(const struct temp_folder *t, const char *command)
{
	(void) setenv("V", t->path, 1);
	if (system(command) != 0)
		fprintf(stderr, "failed: %s\n", command);
}

/* How many names there are in a folder of it that do not begin with a dot. */
static inline unsigned temp_folder_count(const struct temp_folder *t, const char *folder)
{
	DIR *dir = fdopendir(openat(t->dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *d;
	unsigned n = 0;

	while ((d = readdir(dir)))
		n += d->d_name[0] != '.';
	(void) closedir(dir);
	return n;
}

static inline void temp_folder_remove(struct temp_folder *t)
{
	temp_folder_shell(t, "rm -rf \"$V\"");
	(void) close(t->dirfd);
	t->dirfd = -1;
}
