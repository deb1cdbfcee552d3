/* SPDX-License-Identifier: MIT */
/* LD_PRELOAD below a mount: keeps, beside a volume, what a disk would hold of it if the power went now. cut.py makes the
 * volume so.
 *
 * POWERCUT_DURABLE names a folder. In it lies, under the key of each inode of POWERCUT_VOLUME ("number-birth", because
 * numbers come again), what was last synced: bytes of a file, names of a folder as lines "KEY NAME". A sync copies the
 * pages that differ instead of asking the disk; so mapped stores count as unsynced as well, and a run is quick. A write
 * through a descriptor with O_DSYNC is durable at once, but only its own bytes are.
 *
 * POWERCUT_AT, a number, has the process killed at that event: before a sync, before and after a change of names. 0: never;
 * then a character for each event is appended to the file "events" of the folder, so that its size is their number.
 *
 * Kinder than a disk: one copy is made at a time. */
/* Both names of pwrite are defined here; with this, one would be the other. */
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE  4096u
#define CHUNK (64 * PAGE)

static pthread_mutex_t one_copy = PTHREAD_MUTEX_INITIALIZER;

static ssize_t real_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);

	if (!next)
		next = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
	return next(fd, data, len, offset);
}

/* The durable twin of what `fd` has open; false: not a part of the volume. */
static bool twin(int fd, char ret_path[512], bool *ret_folder)
{
	const char *volume = getenv("POWERCUT_VOLUME"), *durable = getenv("POWERCUT_DURABLE");
	char link[64], path[512];
	struct statx st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (!volume || !durable || n < 0)
		return false;
	path[n] = 0;
	if (strncmp(path, volume, strlen(volume)) != 0)
		return false;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return false;
	*ret_folder = S_ISDIR(st.stx_mode);
	snprintf(ret_path, 512, "%s/%llu-%lld.%09u", durable, (unsigned long long)st.stx_ino,
		 (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
	return true;
}

static int open_again(int fd, int flags)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, flags | O_CLOEXEC);
}

static int copy_pages(int to, off_t at, const char *now, const char *then, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE) {
		size_t n = len - i < PAGE ? len - i : PAGE;

		if (memcmp(now + i, then + i, n) != 0 && real_pwrite(to, now + i, n, at + (off_t)i) != (ssize_t)n)
			return -1;
	}
	return 0;
}

static int copy_changes(int from, int to)
{
	static char now[CHUNK], then[CHUNK]; /* guarded by one_copy */
	struct stat st;
	ssize_t n;

	if (fstat(from, &st) < 0 || ftruncate(to, st.st_size) < 0)
		return -1;
	for (off_t at = 0; at < st.st_size; at += n) {
		n = pread(from, now, CHUNK, at);
		if (n <= 0)
			return (int)n;
		memset(then, 0, (size_t)n);
		if (pread(to, then, (size_t)n, at) < 0 || copy_pages(to, at, now, then, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

static int keep_file(int fd, const char *path)
{
	int from = open_again(fd, O_RDONLY), to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = from < 0 || to < 0 ? -1 : copy_changes(from, to);

	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return r;
}

static void keep_name(FILE *to, int dirfd, const char *name)
{
	struct statx st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) == 0)
		fprintf(to, "%llu-%lld.%09u %s\n", (unsigned long long)st.stx_ino, (long long)st.stx_btime.tv_sec,
			st.stx_btime.tv_nsec, name);
}

static int keep_folder(int fd, const char *path)
{
	char temporary[600];
	int again = open_again(fd, O_RDONLY | O_DIRECTORY);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	FILE *to;

	if (!d)
		return -1;
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	to = fopen(temporary, "we");
	for (struct dirent *e; to && (e = readdir(d));)
		keep_name(to, again, e->d_name);
	closedir(d);
	return !to || fclose(to) != 0 ? -1 : rename(temporary, path);
}

static int keep(int fd)
{
	char path[512];
	bool folder;
	int r;

	if (!twin(fd, path, &folder))
		return 0;
	pthread_mutex_lock(&one_copy);
	r = folder ? keep_folder(fd, path) : keep_file(fd, path);
	pthread_mutex_unlock(&one_copy);
	return r;
}

static void note_event(const char *what)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/events", getenv("POWERCUT_DURABLE"));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, what, 1) != 1)
		abort();
	close(fd);
}

static void event(int fd, const char *what)
{
	static atomic_ulong events;
	const char *at = getenv("POWERCUT_AT");
	char path[512];
	unsigned long wanted;
	bool folder;

	if (!at || !twin(fd, path, &folder))
		return;
	wanted = strtoul(at, NULL, 10);
	if (wanted == 0)
		note_event(what);
	else if (atomic_fetch_add(&events, 1) + 1 == wanted)
		(void) kill(getpid(), SIGKILL);
}

static void keep_range(int fd, const void *data, size_t len, off_t offset)
{
	char path[512];
	bool folder;
	int to;

	if (!twin(fd, path, &folder))
		return;
	to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (to < 0 || real_pwrite(to, data, len, offset) != (ssize_t)len)
		abort();
	close(to);
}

int fsync(int fd);
int fdatasync(int fd);
int msync(void *address, size_t len, int flags);
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset);
int renameat(int from_fd, const char *from, int to_fd, const char *to);
int unlinkat(int fd, const char *name, int flags);

int fsync(int fd)
{
	event(fd, "s");
	return keep(fd);
}

int fdatasync(int fd)
{
	event(fd, "s");
	return keep(fd);
}

/* Only the log's self-test and LMDB's MDB_WRITEMAP, which is not used, call it: nothing is promised by it. */
int msync(void *address, size_t len, int flags)
{
	return 0;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	ssize_t n = real_pwrite(fd, data, len, offset);

	if (n > 0 && (fcntl(fd, F_GETFL) & O_DSYNC)) {
		event(fd, "w");
		keep_range(fd, data, (size_t)n, offset);
	}
	return n;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	static int (*next)(int, const char *, int, const char *);
	int r;

	if (!next)
		next = (int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");
	event(to_fd, "n");
	r = next(from_fd, from, to_fd, to);
	event(to_fd, "n");
	return r;
}

int unlinkat(int fd, const char *name, int flags)
{
	static int (*next)(int, const char *, int);
	int r;

	if (!next)
		next = (int (*)(int, const char *, int))dlsym(RTLD_NEXT, "unlinkat");
	event(fd, "n");
	r = next(fd, name, flags);
	event(fd, "n");
	return r;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset)
{
	return pwrite(fd, data, len, offset);
}
