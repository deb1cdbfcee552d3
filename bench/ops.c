/* SPDX-License-Identifier: MIT */
/* ops DIR FILES MEGABYTES [COLD]: times ordinary operations in a new folder below DIR and prints one
 * `name<TAB>per second` a line (MB/s for the sequential ones). COLD is a folder whose files' pages are
 * dropped before the cold read, besides the file's own: what lies below a mount. */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define BLOCK 4096
#define CHUNK (1u << 20)
#define SMALL 1024
#define PER_FOLDER 100
#define CLIENTS_MAX 64u
#define CLIENTS_NS 1000000000u

static int n_files;
static size_t n_chunks;
static char *chunk;
static uint64_t seed = 88172645463325252ull;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double seconds_since(uint64_t start_ns)
{
	return (double)(clock_mono_ns() - start_ns) / 1e9;
}

static void say(const char *name, double amount, uint64_t start_ns)
{
	printf("%s\t%.1f\n", name, amount / seconds_since(start_ns));
	fflush(stdout);
}

static void small_name(char *ret_name, int i)
{
	sprintf(ret_name, "d%03d/f%06d", i / PER_FOLDER, i);
}

static void create(int i)
{
	char name[64];
	int fd;

	small_name(name, i);
	fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, chunk, SMALL) != SMALL || close(fd) < 0)
		err(1, "create %s", name);
}

static void look(int i)
{
	struct stat st;
	char name[64];

	small_name(name, (int)(next_random() % (uint64_t)n_files));

	if (stat(name, &st) < 0 || st.st_size != SMALL)
		err(1, "stat %s", name);
}

static void drop(int i)
{
	char name[64];

	small_name(name, i);
	if (unlink(name) < 0)
		err(1, "unlink %s", name);
}

static void small_files(const char *name, void (*op)(int))
{
	uint64_t start = clock_mono_ns();

	for (int i = 0; i < n_files; i++)
		op(i);
	say(name, n_files, start);
}

static void forget_pages(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void) fdatasync(fd);
	(void) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	(void) close(fd);
}

static void forget_folder(const char *path)
{
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		(void) snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			forget_folder(name);
		else
			forget_pages(name);
	}
	if (d)
		(void) closedir(d);
}

static void write_sequentially(void)
{
	int fd = open("big", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
	uint64_t start = clock_mono_ns();

	for (size_t i = 0; i < n_chunks; i++)
		if (write(fd, chunk, CHUNK) != CHUNK)
			err(1, "write");
	if (fsync(fd) < 0)
		err(1, "fsync");
	say("write_seq_mb", (double)n_chunks * CHUNK / 1e6, start);
	(void) close(fd);
}

static void read_sequentially(const char *name)
{
	int fd = open("big", O_RDONLY | O_CLOEXEC);
	uint64_t start = clock_mono_ns();
	ssize_t n;

	while ((n = read(fd, chunk, CHUNK)) > 0)
		;
	if (n < 0)
		err(1, "read");
	say(name, (double)n_chunks * CHUNK / 1e6, start);
	(void) close(fd);
}

static void blocks(const char *name, int n, bool writing, bool syncing)
{
	int fd = open("big", O_RDWR | O_CLOEXEC);
	uint64_t start = clock_mono_ns();

	for (int i = 0; i < n; i++) {
		off_t at = (off_t)(next_random() % (n_chunks * (CHUNK / BLOCK))) * BLOCK;
		ssize_t done = writing ? pwrite(fd, chunk, BLOCK, at) : pread(fd, chunk, BLOCK, at);

		if (done != BLOCK || (syncing && fdatasync(fd) < 0))
			err(1, "%s", name);
	}
	if (writing && fdatasync(fd) < 0)
		err(1, "%s", name);
	say(name, n, start);
	(void) close(fd);
}

/* ---- clients that sync, each its own file */

static atomic_uint client_syncs, next_client;

static void *write_and_sync(void *start)
{
	char name[64];
	int fd;

	sprintf(name, "client%u", atomic_fetch_add(&next_client, 1));
	fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0)
		err(1, "%s", name);
	for (off_t at = 0; clock_mono_ns() - *(uint64_t *)start < CLIENTS_NS; at = (at + BLOCK) % CHUNK) {
		if (pwrite(fd, chunk, BLOCK, at) != BLOCK || fdatasync(fd) < 0)
			err(1, "%s", name);
		atomic_fetch_add(&client_syncs, 1);
	}
	(void) close(fd);
	return NULL;
}

static void sync_together(const char *name, unsigned clients)
{
	pthread_t threads[CLIENTS_MAX];
	uint64_t start = clock_mono_ns();

	atomic_store(&client_syncs, 0);
	for (unsigned i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, write_and_sync, &start) != 0)
			errx(1, "a thread cannot be started");
	for (unsigned i = 0; i < clients; i++)
		(void) pthread_join(threads[i], NULL);
	say(name, atomic_load(&client_syncs), start);
}

static void make_folders(void)
{
	char name[64];

	for (int i = 0; i <= (n_files - 1) / PER_FOLDER; i++) {
		sprintf(name, "d%03d", i);
		if (mkdir(name, 0755) < 0)
			err(1, "mkdir %s", name);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4 || chdir(argv[1]) < 0)
		errx(2, "usage: ops DIR FILES MEGABYTES [COLD]");
	n_files = atoi(argv[2]);
	n_chunks = (size_t)atoi(argv[3]);
	chunk = malloc(CHUNK);
	if (!chunk || n_files < 1 || n_chunks < 1)
		errx(2, "usage: ops DIR FILES MEGABYTES [COLD]");
	for (size_t i = 0; i < CHUNK; i++)
		chunk[i] = (char)next_random();
	make_folders();
	small_files("create", create);
	small_files("stat", look);
	small_files("unlink", drop);
	write_sequentially();
	forget_pages("big");
	if (argc > 4)
		forget_folder(argv[4]);
	read_sequentially("read_cold_mb");
	read_sequentially("read_warm_mb");
	blocks("read_4k", n_files * 4, false, false);
	blocks("write_4k", n_files, true, false);
	blocks("write_fsync", n_files / 10 + 1, true, true);
	sync_together("fsync_8", 8);
	sync_together("fsync_64", CLIENTS_MAX);
	return 0;
}
