/* SPDX-License-Identifier: MIT */
/* reopened DIR SECONDS - small files that some threads change in every way there is while others open and read them: what
 * is read after an open is never older than what was finished before it, and nothing that is done by name fails while
 * another file takes the name. Exit status 1 when it is, or does. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define FILES 8u
#define READERS 3u
#define WORDS_MAX 2500u /* of 8 bytes: some more than are pushed, most of them less */

/* Each word of a file is the version that wrote it; only its own writer writes it. */
struct file {
	char *path, *spare;
	_Atomic uint64_t done, begun;
	unsigned seed;
};

static struct file files[FILES];
static atomic_bool ended;
static _Atomic uint64_t opened, found;
static uint64_t end_ms;

static void fill(uint64_t *words, size_t n, uint64_t version)
{
	for (size_t i = 0; i < n; i++)
		words[i] = version;
}

static void write_through(const char *path, int flags, const uint64_t *words, size_t n)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0 || pwrite(fd, words, n * 8, 0) != (ssize_t)(n * 8))
		err(1, "%s", path);
}

static void write_mapped(const char *path, const uint64_t *words, size_t n)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map;

	if (fd < 0 || ftruncate(fd, (off_t)(n * 8)) < 0)
		err(1, "%s", path);
	map = mmap(NULL, n * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "mapping %s", path);
	memcpy(map, words, n * 8);
	(void) munmap(map, n * 8);
}

/* Truncating by name needs no handle. */
static void write_after_truncate(const char *path, const uint64_t *words, size_t n)
{
	if (truncate(path, 0) < 0 || truncate(path, (off_t)(n * 8)) < 0)
		err(1, "truncating %s", path);
	write_through(path, 0, words, n);
}

static void write_and_rename(struct file *f, const uint64_t *words, size_t n)
{
	write_through(f->spare, O_TRUNC, words, n);
	if (rename(f->spare, f->path) < 0)
		err(1, "renaming %s", f->spare);
}

static void change(struct file *f, uint64_t version, uint64_t *words)
{
	size_t n = 1 + (size_t)rand_r(&f->seed) % (rand_r(&f->seed) % 4 ? 400 : WORDS_MAX);

	fill(words, n, version);
	switch (rand_r(&f->seed) % 5) {
	case 0: write_through(f->path, O_TRUNC, words, n); break;
	case 1: write_and_rename(f, words, n); break;
	case 2: write_mapped(f->path, words, n); break;
	case 3: write_after_truncate(f->path, words, n); break;
	default: /* in place; what lies behind goes first, so that no word is older */
		if (truncate(f->path, (off_t)(n * 8)) < 0)
			err(1, "truncating %s", f->path);
		write_through(f->path, 0, words, n);
	}
}

static void *write_always(void *context)
{
	struct file *f = context;
	static __thread uint64_t words[WORDS_MAX];

	while (!atomic_load(&ended)) {
		uint64_t version = atomic_load(&f->done) + 1;

		atomic_store(&f->begun, version);
		change(f, version, words);
		atomic_store(&f->done, version);
	}
	return NULL;
}

/* A file and a link that others take the names of again and again. */
static char *busy, *busy_link;

static void *replace_always(void *context)
{
	_cleanup_free_ char *spare = NULL, *spare_link = NULL;
	const uint64_t word = 1;

	if (asprintf(&spare, "%s.new", busy) < 0 || asprintf(&spare_link, "%s.new", busy_link) < 0)
		errx(1, "out of memory");
	while (!atomic_load(&ended)) {
		write_through(spare, O_EXCL, &word, 1);
		if (rename(spare, busy) < 0 || symlink(busy, spare_link) < 0 || rename(spare_link, busy_link) < 0)
			err(1, "replacing %s", busy);
	}
	return NULL;
}

static void *find_always(void *context)
{
	uint64_t word;

	while (clock_mono_ms() < end_ms) {
		_cleanup_close_ int fd = open(busy_link, O_RDONLY | O_CLOEXEC);
		char target[PATH_MAX];

		if (fd < 0 || read(fd, &word, sizeof(word)) != sizeof(word))
			err(1, "reading %s", busy_link);
		if (readlink(busy_link, target, sizeof(target)) != (ssize_t)strlen(busy))
			err(1, "reading the link %s", busy_link);
		atomic_fetch_add(&found, 1);
	}
	return NULL;
}

/* Zeros are what a truncation has left while its version is under way. */
static void check(const struct file *f, const uint64_t *words, size_t n, uint64_t least)
{
	uint64_t most = atomic_load(&f->begun);

	for (size_t i = 0; i < n; i++) {
		if ((words[i] >= least && words[i] <= most) || (words[i] == 0 && most > least))
			continue;
		errx(1, "%s: word %zu is of version %llu, not of %llu to %llu", f->path, i,
		     (unsigned long long)words[i], (unsigned long long)least, (unsigned long long)most);
	}
}

static void *read_always(void *context)
{
	unsigned seed = (unsigned)(uintptr_t)context;
	static __thread uint64_t words[WORDS_MAX];

	while (clock_mono_ms() < end_ms) {
		struct file *f = &files[(unsigned)rand_r(&seed) % FILES];
		uint64_t least = atomic_load(&f->done);
		struct stat st;
		_cleanup_close_ int fd = open(f->path, O_RDONLY | O_CLOEXEC);
		ssize_t len = fd < 0 ? -1 : read(fd, words, sizeof(words));

		if (len < 0)
			err(1, "reading %s", f->path);
		check(f, words, (size_t)len / 8, least);
		if (stat(f->path, &st) < 0 || chmod(f->path, 0600 + (mode_t)(least % 64)) < 0 ||
		    (getxattr(f->path, "user.none", NULL, 0) < 0 && errno != ENODATA))
			err(1, "asking about %s", f->path);
		atomic_fetch_add(&opened, 1);
	}
	return NULL;
}

static void prepare(const char *dir)
{
	for (unsigned i = 0; i < FILES; i++) {
		struct file *f = &files[i];

		if (asprintf(&f->path, "%s/file %u", dir, i) < 0 || asprintf(&f->spare, "%s.new", f->path) < 0)
			errx(1, "out of memory");
		f->seed = i + 1;
		write_through(f->path, O_TRUNC, &(uint64_t){ 0 }, 1);
	}
	if (asprintf(&busy, "%s/busy", dir) < 0 || asprintf(&busy_link, "%s.link", busy) < 0)
		errx(1, "out of memory");
	write_through(busy, O_EXCL, &(uint64_t){ 0 }, 1);
	if (symlink(busy, busy_link) < 0)
		err(1, "%s", busy_link);
}

static void begin(pthread_t *ret_thread, void *(*run)(void *context), void *context)
{
	if (pthread_create(ret_thread, NULL, run, context) != 0)
		errx(1, "no thread");
}

int main(int argc, char **argv)
{
	pthread_t writers[FILES + 1], readers[READERS + 1];

	if (argc != 3)
		errx(2, "usage: reopened DIR SECONDS");
	prepare(argv[1]);
	end_ms = clock_mono_ms() + 1000 * strtoull(argv[2], NULL, 10);
	for (unsigned i = 0; i < FILES; i++)
		begin(&writers[i], write_always, &files[i]);
	for (uintptr_t i = 0; i < READERS; i++)
		begin(&readers[i], read_always, (void *)(i + 1));
	begin(&writers[FILES], replace_always, NULL);
	begin(&readers[READERS], find_always, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
		(void) pthread_join(readers[i], NULL);
	atomic_store(&ended, true);
	for (unsigned i = 0; i < ARRAY_SIZE(writers); i++)
		(void) pthread_join(writers[i], NULL);
	printf("%llu files opened, %llu of them while others took their name\n",
	       (unsigned long long)(atomic_load(&opened) + atomic_load(&found)), (unsigned long long)atomic_load(&found));
	return 0;
}
