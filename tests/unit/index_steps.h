/* SPDX-License-Identifier: MIT */
/* Steps of what makes index/ durable, and a death at one of them: this header takes the place of the C library's
 * fdatasync(), fsync() and unlinkat(), counts those of segments, and remembers which of them are durable. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "tests/unit/check.h"

#define SYNCED_MAX 256u

/* Shared with the process that dies. */
struct steps {
	bool armed;
	unsigned done, kill_at;
	unsigned early; /* files that were removed too early */
	unsigned n_synced;
	struct {
		ino_t ino;
		bool named; /* the folder was synced afterwards */
	} synced[SYNCED_MAX];
};
static struct steps *steps;
static struct catalog *steps_catalog; /* borrowed */

static inline void steps_share(void)
{
	steps = mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(steps != MAP_FAILED);
}

/* From steps_arm() on, step `kill_at` is the last. */
static inline void steps_begin(unsigned kill_at)
{
	steps->armed = false;
	steps->done = 0;
	steps->kill_at = kill_at;
}

static inline void steps_arm(void)
{
	steps->armed = true;
}

static inline void step(void)
{
	if (steps->armed && ++steps->done == steps->kill_at)
		(void) kill(getpid(), SIGKILL);
}

static inline bool ends(const char *text, size_t len, const char *ending)
{
	return len >= strlen(ending) && memcmp(text + len - strlen(ending), ending, strlen(ending)) == 0;
}

/* Is what is open there called so? */
static inline bool is_called(int fd, const char *ending)
{
	char link[32], path[PATH_MAX];
	ssize_t len;

	(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	return len > 0 && ends(path, (size_t)len, ending);
}

static inline unsigned find_synced(ino_t ino)
{
	unsigned n = 0;

	while (n < steps->n_synced && steps->synced[n].ino != ino)
		n++;
	return n;
}

/* Instead of the C library's. */
int fdatasync(int fd)
{
	bool segment = is_called(fd, ".idx");
	struct stat st;
	int r;

	if (segment)
		step();
	r = (int)syscall(SYS_fdatasync, fd);
	if (segment && r == 0 && fstat(fd, &st) == 0 && find_synced(st.st_ino) == steps->n_synced) {
		if (steps->n_synced == SYNCED_MAX)
			abort();
		steps->synced[steps->n_synced].ino = st.st_ino;
		steps->synced[steps->n_synced++].named = false;
	}
	if (segment)
		step();
	return r;
}

int fsync(int fd)
{
	bool folder = is_called(fd, "/index");
	int r;

	if (folder)
		step();
	r = (int)syscall(SYS_fsync, fd);
	for (unsigned n = 0; folder && r == 0 && n < steps->n_synced; n++)
		steps->synced[n].named = true;
	if (folder)
		step();
	return r;
}

int unlinkat(int dirfd, const char *name, int flags)
{
	bool segment = ends(name, strlen(name), ".idx");
	struct catalog_stats stats;
	struct stat st;
	int r;

	if (segment && fstatat(dirfd, name, &st, 0) == 0) {
		unsigned n = find_synced(st.st_ino);

		if (n < steps->n_synced)
			steps->synced[n] = steps->synced[--steps->n_synced];
	}
	if (segment && steps->armed) {
		catalog_get_stats(steps_catalog, &stats);
		steps->early += stats.synced_lsn < stats.last_lsn;
		step();
	}
	r = (int)syscall(SYS_unlinkat, dirfd, name, flags);
	if (segment)
		step();
	return r;
}

/* Takes what only a power cut would: segments whose bytes or name were not synced. */
static inline void steps_cut_power(int volume_dirfd)
{
	_cleanup_close_ int fd = openat(volume_dirfd, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(dup(fd));
	struct dirent *e;

	steps->armed = false;
	while (dir && (e = readdir(dir))) {
		unsigned n = find_synced(e->d_ino);

		if (ends(e->d_name, strlen(e->d_name), ".idx") && (n == steps->n_synced || !steps->synced[n].named))
			CHECK_EQ(syscall(SYS_unlinkat, fd, e->d_name, 0), 0);
	}
	(void) closedir(dir);
}
