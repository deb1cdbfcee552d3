/* SPDX-License-Identifier: MIT */
/* keeper_ops MNT LOCKFILE SECONDS [SEED] - the server is killed every 0.5 to 1 s while four threads change
 * names, files and attributes. Every result, error or not, is what a model of the thread's own folder says;
 * a lock file that all fight for has one holder at a time; a log that all append to has each line once.
 *
 * A request that is executed twice shows: its second execution fails (EEXIST, ENOENT) or doubles a line. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/kills.h"

#define THREADS 4u
#define NAMES 12u
#define OBJECTS 4096u
#define LINE 16u

/* What a name leads to. Folders stay empty. */
struct object {
	unsigned nlink, lines;
	bool is_dir, has_xattr;
	ino_t ino;
};

struct worker {
	unsigned number, seed, shared_lines;
	char folder[PATH_MAX - 16];
	unsigned names[NAMES];           /* object + 1; 0: none */
	struct object objects[OBJECTS];
	unsigned n_objects;
	unsigned long ops;
	unsigned long stall_ms;          /* the longest operation */
	pthread_t thread;
};

static char top[PATH_MAX - 32], lock_name[PATH_MAX], log_name[PATH_MAX];
static atomic_bool over;
static atomic_uint failures, holders;

static void wrong(struct worker *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct worker *w, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "thread %u, operation %lu: %s\n", w->number, w->ops, text);
	atomic_fetch_add(&failures, 1);
	atomic_store(&over, true);
}

/* `r`: what a call returned, errno set. `wanted`: 0 or the errno that the model gives. */
static bool check(struct worker *w, const char *what, unsigned a, unsigned b, int r, int wanted)
{
	int got = r < 0 ? errno : 0;

	if (got != wanted)
		wrong(w, "%s n%u n%u: %s, should be %s", what, a, b, strerrordesc_np(got), strerrordesc_np(wanted));
	return got == wanted && wanted == 0;
}

static char *path_of(const struct worker *w, unsigned name, char ret_path[PATH_MAX])
{
	(void) snprintf(ret_path, PATH_MAX, "%s/n%u", w->folder, name);
	return ret_path;
}

static struct object *object_of(struct worker *w, unsigned name)
{
	return w->names[name] ? &w->objects[w->names[name] - 1] : NULL;
}

/* The server's own word, not the kernel's cache. */
static void check_stat(struct worker *w, const char *what, unsigned name)
{
	const struct object *o = object_of(w, name);
	char path[PATH_MAX];
	struct statx st;
	int r = statx(AT_FDCWD, path_of(w, name, path), AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st);

	if (!check(w, what, name, name, r, o ? 0 : ENOENT))
		return;
	if (S_ISDIR(st.stx_mode) != o->is_dir || st.stx_ino != o->ino || (!o->is_dir && st.stx_nlink != o->nlink) ||
	    (!o->is_dir && st.stx_size != (uint64_t)o->lines * LINE))
		wrong(w, "after %s n%u is inode %llu, %u links, %llu bytes; should be %llu, %u, %u", what, name,
		      (unsigned long long)st.stx_ino, st.stx_nlink, (unsigned long long)st.stx_size,
		      (unsigned long long)o->ino, o->nlink, o->lines * LINE);
}

static void add_object(struct worker *w, unsigned name, bool is_dir)
{
	struct object *o = &w->objects[w->n_objects++];
	char path[PATH_MAX];
	struct stat st;

	*o = (struct object){ .nlink = 1, .is_dir = is_dir };
	w->names[name] = w->n_objects;
	if (check(w, "lstat", name, name, lstat(path_of(w, name, path), &st), 0))
		o->ino = st.st_ino;
}

/* ---- operations: `a` and `b` are names */

static void do_mkdir(struct worker *w, unsigned a, unsigned b)
{
	char path[PATH_MAX];

	if (check(w, "mkdir", a, a, mkdir(path_of(w, a, path), 0700), w->names[a] ? EEXIST : 0))
		add_object(w, a, true);
}

static void do_create(struct worker *w, unsigned a, unsigned b)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = open(path_of(w, a, path), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (check(w, "create", a, a, fd, w->names[a] ? EEXIST : 0))
		add_object(w, a, false);
}

static void do_link(struct worker *w, unsigned a, unsigned b)
{
	struct object *o = object_of(w, a);
	char old[PATH_MAX], fresh[PATH_MAX];
	int wanted = !o ? ENOENT : w->names[b] ? EEXIST : o->is_dir ? EPERM : 0;

	if (!check(w, "link", a, b, link(path_of(w, a, old), path_of(w, b, fresh)), wanted))
		return;
	w->names[b] = w->names[a];
	o->nlink++;
}

static int rename_error(const struct object *from, const struct object *to)
{
	if (!from)
		return ENOENT;
	if (!to || from == to || from->is_dir == to->is_dir)
		return 0;
	return from->is_dir ? ENOTDIR : EISDIR;
}

static void do_rename(struct worker *w, unsigned a, unsigned b)
{
	struct object *from = object_of(w, a), *to = object_of(w, b);
	char old[PATH_MAX], fresh[PATH_MAX];

	if (!check(w, "rename", a, b, rename(path_of(w, a, old), path_of(w, b, fresh)), rename_error(from, to)) ||
	    from == to)
		return;
	if (to)
		to->nlink--;
	w->names[b] = w->names[a];
	w->names[a] = 0;
}

static void do_exchange(struct worker *w, unsigned a, unsigned b)
{
	char one[PATH_MAX], other[PATH_MAX];
	unsigned kept = w->names[a];

	if (!check(w, "exchange", a, b, renameat2(AT_FDCWD, path_of(w, a, one), AT_FDCWD, path_of(w, b, other), RENAME_EXCHANGE),
		   w->names[a] && w->names[b] ? 0 : ENOENT))
		return;
	w->names[a] = w->names[b];
	w->names[b] = kept;
}

static void do_unlink(struct worker *w, unsigned a, unsigned b)
{
	struct object *o = object_of(w, a);
	char path[PATH_MAX];

	if (!check(w, "unlink", a, a, unlink(path_of(w, a, path)), !o ? ENOENT : o->is_dir ? EISDIR : 0))
		return;
	o->nlink--;
	w->names[a] = 0;
}

static void do_rmdir(struct worker *w, unsigned a, unsigned b)
{
	struct object *o = object_of(w, a);
	char path[PATH_MAX];

	if (check(w, "rmdir", a, a, rmdir(path_of(w, a, path)), !o ? ENOENT : o->is_dir ? 0 : ENOTDIR))
		w->names[a] = 0;
}

static void do_setxattr(struct worker *w, unsigned a, unsigned b)
{
	struct object *o = object_of(w, a);
	char path[PATH_MAX];

	if (check(w, "setxattr", a, a, lsetxattr(path_of(w, a, path), "user.k", "v", 1, XATTR_CREATE),
		  !o ? ENOENT : o->has_xattr ? EEXIST : 0))
		o->has_xattr = true;
}

static void do_removexattr(struct worker *w, unsigned a, unsigned b)
{
	struct object *o = object_of(w, a);
	char path[PATH_MAX];

	if (check(w, "removexattr", a, a, lremovexattr(path_of(w, a, path), "user.k"),
		  !o ? ENOENT : o->has_xattr ? 0 : ENODATA))
		o->has_xattr = false;
}

static bool append(struct worker *w, const char *path, unsigned name, int wanted, unsigned number)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	char line[LINE + 1];

	if (!check(w, "open", name, name, fd, wanted))
		return false;
	(void) snprintf(line, sizeof(line), "%u %013u\n", w->number, number);
	return check(w, "append", name, name, write(fd, line, LINE) == (ssize_t)LINE ? 0 : -1, 0);
}

static void do_append(struct worker *w, unsigned a, unsigned b)
{
	struct object *o = object_of(w, a);
	char path[PATH_MAX];

	if (append(w, path_of(w, a, path), a, !o ? ENOENT : o->is_dir ? EISDIR : 0, o ? o->lines : 0))
		o->lines++;
}

static void do_shared_append(struct worker *w, unsigned a, unsigned b)
{
	if (append(w, log_name, a, 0, w->shared_lines))
		w->shared_lines++;
}

/* One holder at a time; whoever has the lock can give it back. */
static void do_lock(struct worker *w, unsigned a, unsigned b)
{
	_cleanup_close_ int fd = open(lock_name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0) {
		(void) check(w, "lock", a, a, fd, EEXIST);
		return;
	}
	if (atomic_fetch_add(&holders, 1) != 0)
		wrong(w, "the lock has two holders");
	atomic_fetch_sub(&holders, 1);
	(void) check(w, "unlock", a, a, unlink(lock_name), 0);
}

static void (*const operations[])(struct worker *w, unsigned a, unsigned b) = {
	do_mkdir,  do_create, do_create,   do_link,	   do_rename, do_exchange,      do_unlink,
	do_rmdir, do_setxattr, do_removexattr, do_append, do_shared_append, do_lock,
};

static void step(struct worker *w)
{
	unsigned op = (unsigned)rand_r(&w->seed) % ARRAY_SIZE(operations);
	unsigned a = (unsigned)rand_r(&w->seed) % NAMES, b = (unsigned)rand_r(&w->seed) % NAMES;
	uint64_t start_ms = clock_mono_ms(), took_ms;

	operations[op](w, a, b);
	took_ms = clock_mono_ms() - start_ms;
	w->stall_ms = MAX(w->stall_ms, took_ms);
	w->ops++;
	if (!atomic_load(&over))
		check_stat(w, "the operation", rand_r(&w->seed) % 2 ? a : b);
}

static void check_lines(struct worker *w, unsigned name)
{
	const struct object *o = object_of(w, name);
	char path[PATH_MAX], line[LINE + 1], wanted[LINE + 1];
	_cleanup_close_ int fd = open(path_of(w, name, path), O_RDONLY | O_CLOEXEC);

	if (!check(w, "open to check", name, name, fd, 0))
		return;
	for (unsigned i = 0; i <= o->lines; i++) {
		ssize_t n = pread(fd, line, LINE, (off_t)i * LINE);

		(void) snprintf(wanted, sizeof(wanted), "%u %013u\n", w->number, i);
		if (n != (i < o->lines ? (ssize_t)LINE : 0) || (n && memcmp(line, wanted, LINE) != 0))
			wrong(w, "line %u of n%u is not as it was appended", i, name);
	}
}

static void remove_all(struct worker *w)
{
	for (unsigned i = 0; i < NAMES; i++) {
		const struct object *o = object_of(w, i);

		check_stat(w, "all", i);
		if (o && !o->is_dir)
			check_lines(w, i);
		(o && o->is_dir ? do_rmdir : do_unlink)(w, i, i);
	}
	memset(w->names, 0, sizeof(w->names));
	w->n_objects = 0;
}

static void *work(void *context)
{
	struct worker *w = context;

	while (!atomic_load(&over)) {
		step(w);
		if (w->n_objects > OBJECTS - 2)
			remove_all(w);
	}
	if (!atomic_load(&failures))
		remove_all(w);
	return NULL;
}

/* ---- all together */

static void kill_until(uint64_t end_ms, struct kills *k)
{
	bool back = true;

	while (back && !atomic_load(&over) && clock_mono_ms() < end_ms)
		back = kills_next(k);
	if (!back)
		atomic_fetch_add(&failures, 1);
	(void) usleep(500000);
	atomic_store(&over, true);
}

static void check_log(struct worker *workers)
{
	_cleanup_close_ int fd = open(log_name, O_RDONLY | O_CLOEXEC);
	unsigned next[THREADS] = { 0 }, who, number;
	char line[LINE + 1] = { 0 };
	off_t at = 0;

	for (; read(fd, line, LINE) == (ssize_t)LINE; at += LINE)
		if (sscanf(line, "%u %u\n", &who, &number) != 2 || who >= THREADS || number != next[who]++)
			wrong(&workers[0], "the shared log has '%.15s' at %lld", line, (long long)at);
	for (unsigned i = 0; i < THREADS; i++)
		if (next[i] != workers[i].shared_lines)
			wrong(&workers[i], "%u lines in the shared log, should be %u", next[i], workers[i].shared_lines);
	if (access(lock_name, F_OK) == 0)
		wrong(&workers[0], "the lock is held by nobody");
}

static int begin(struct worker *workers, unsigned seed)
{
	int fd = open(log_name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	(void) close(fd);
	for (unsigned i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];

		w->number = i;
		w->seed = seed * 31 + i;
		(void) snprintf(w->folder, sizeof(w->folder), "%s/t%u", top, i);
		if (mkdir(w->folder, 0700) < 0)
			return -errno;
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			return -EAGAIN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct worker *workers = calloc(THREADS, sizeof(*workers));
	unsigned seed = argc > 4 ? (unsigned)atoi(argv[4]) : (unsigned)time(NULL);
	unsigned long ops = 0, stall_ms = 0;
	struct kills kills;
	int r;

	if (argc < 4 || !workers)
		return 2;
	printf("seed %u\n", seed);
	(void) fflush(stdout);
	(void) snprintf(top, sizeof(top), "%s/ops", argv[1]);
	(void) snprintf(lock_name, sizeof(lock_name), "%s/lock", top);
	(void) snprintf(log_name, sizeof(log_name), "%s/log", top);
	if (!kills_begin(&kills, argv[2], seed)) {
		fprintf(stderr, "%s names no keeper\n", argv[2]);
		return 1;
	}
	r = mkdir(top, 0700) < 0 ? -errno : begin(workers, seed);
	if (r < 0) {
		fprintf(stderr, "cannot begin: %s\n", strerrordesc_np(-r));
		return 1;
	}
	kill_until(clock_mono_ms() + (uint64_t)atoi(argv[3]) * 1000, &kills);
	for (unsigned i = 0; i < THREADS; i++) {
		(void) pthread_join(workers[i].thread, NULL);
		ops += workers[i].ops;
		stall_ms = MAX(stall_ms, workers[i].stall_ms);
	}
	check_log(workers);
	printf("%lu operations, longest %lu ms\n", ops, stall_ms);
	kills_report(&kills);
	return atomic_load(&failures) ? 1 : 0;
}
