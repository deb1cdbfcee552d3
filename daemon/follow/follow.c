/* SPDX-License-Identifier: MIT */
#include "daemon/follow/follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/follow/follow_impl.h"

/* How long a single synchronisation waits for files that somebody writes to, and how often it looks. */
#define ONCE_MS 10000u
#define ONCE_LOOK_MS 100
/* After a file with several names has changed; several such are one. */
#define RESCAN_MS 2000u

DEFINE_CLEANUP(DIR *, closedir)

int follow_end(struct follow *f, const char *why, int error)
{
	if (!f->why) {
		f->why = why;
		f->error = error;
	}
	*f->config.stop = 1;
	return error;
}

/* Without memory all is looked at anew. */
void follow_put(struct follow *f, const char *path, uint64_t wait_ms, bool deep)
{
	if (!path || paths_put(&f->paths, path, wait_ms ? clock_mono_ms() + wait_ms : 0, deep) < 0)
		f->rescan_ms = 0;
}

/* ---- what the copier says */

static int entering(void *context, int fd, const char *path)
{
	struct follow *f = context;
	int r = f->watches ? watches_add(f->watches, fd, strcmp(path, ".") == 0 ? "" : path) : 0;

	if (r == -ENOSPC)
		return follow_end(f, "the kernel allows no more watches; raise the limit: "
				  "sysctl fs.inotify.max_user_watches=1048576", r);
	return r;
}

static void busy(void *context, const char *path, unsigned wait_ms)
{
	follow_put(context, path, wait_ms + 1, true);
}

static void several(void *context, const char *path)
{
	struct follow *f = context;

	if (!f->scanning)
		f->rescan_ms = MIN(f->rescan_ms, clock_mono_ms() + RESCAN_MS);
}

static void tell(void *context, enum copy_news news, const char *path, uint64_t bytes)
{
	struct follow *f = context;

	if (f->config.options.tell)
		f->config.options.tell(f->config.options.context, news, path, bytes);
}

static void fail(void *context, const char *path, const char *why)
{
	struct follow *f = context;

	if (f->config.options.fail)
		f->config.options.fail(f->config.options.context, path, why);
}

static void step(void *context, const struct copy_counts *counts, uint64_t part)
{
	struct follow *f = context;

	if (f->config.options.step)
		f->config.options.step(f->config.options.context, counts, part);
}

/* ---- looking at paths */

/* Which path a watch has is not known after lost news: they are made anew. */
static int renew_watches(struct follow *f)
{
	f->watches = watches_close(f->watches);
	if (watches_open(&f->watches) == 0)
		return 0;
	return follow_end(f, "the kernel allows no more inotify instances; raise the limit: sysctl "
		   "fs.inotify.max_user_instances=512", -EMFILE);
}

/* After lost news nothing is known; otherwise only files with several names are in doubt. */
static int scan(struct follow *f)
{
	bool lost = f->rescan_ms == 0 && f->watches;
	int r = 0;

	f->rescan_ms = UINT64_MAX;
	paths_done(&f->paths);
	copier_forget_links(f->copier);
	if (lost) {
		follow_forget_moves(f);
		r = renew_watches(f);
	}
	f->scanning = true;
	if (r == 0)
		r = copier_sync(f->copier, f->config.from_dirfd, "");
	f->scanning = false;
	return r;
}

static int set_times_around(struct follow *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = strndup(path, slash ? (size_t)(slash - path) : 0);

	if (!folder)
		return follow_end(f, "out of memory", -ENOMEM);
	return copier_sync_folder(f->copier, f->config.from_dirfd, folder);
}

/* Where the destination lacks the folder, that is to be looked at first; its news may have been overtaken. */
static int look_at(struct follow *f, const char *name)
{
	_cleanup_free_ char *path = strdup(name);
	char *slash = path;
	int r = path ? -ENOENT : follow_end(f, "out of memory", -ENOMEM);

	while (r == -ENOENT && slash && !copier_why(f->copier)) {
		r = copier_sync(f->copier, f->config.from_dirfd, path);
		slash = strrchr(path, '/');
		if (r == -ENOENT && slash)
			*slash = '\0';
	}
	if (r == 0 && strcmp(path, name) != 0)
		r = set_times_around(f, path);
	return copier_why(f->copier) || r != -ENOENT ? r : 0;
}

static bool in_same_folder(const char *a, const char *b)
{
	const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
	size_t len = slash_a ? (size_t)(slash_a - a) : 0;

	return len == (slash_b ? (size_t)(slash_b - b) : 0) && memcmp(a, b, len) == 0;
}

/* First what is in folders, then their times, once for neighbours. */
static int look_at_all(struct follow *f, const struct path *list, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (list[i].deep)
			r = look_at(f, list[i].name);
	for (size_t i = 0; r == 0 && i < n; i++) {
		bool last =
			i + 1 == n || !list[i + 1].deep || !in_same_folder(list[i].name, list[i + 1].name);

		if (!list[i].deep)
			r = copier_sync_folder(f->copier, f->config.from_dirfd, list[i].name);
		else if (last)
			r = set_times_around(f, list[i].name);
	}
	return r;
}

static int look_at_due(struct follow *f)
{
	struct path *list = NULL;
	size_t n = 0;
	int r = paths_take(&f->paths, clock_mono_ms(), &list, &n);

	if (r < 0)
		return follow_end(f, "out of memory", r);
	r = look_at_all(f, list, n);
	paths_free_list(list, n);
	return r;
}

/* A signal that comes between the look at *stop and the wait ends that. */
static void wait_for_news(struct follow *f)
{
	uint64_t now = clock_mono_ms(), next = MIN(paths_next_ms(&f->paths), f->rescan_ms);
	uint64_t wait_ms = next <= now ? 0 : next - now;
	struct timespec timeout = { .tv_sec = (time_t)(wait_ms / 1000),
				    .tv_nsec = (long)(wait_ms % 1000) * 1000000 };
	struct pollfd news = { .fd = watches_fd(f->watches), .events = POLLIN };
	sigset_t all, before;

	(void) sigfillset(&all);
	(void) sigprocmask(SIG_SETMASK, &all, &before);
	if (!*f->config.stop)
		(void) ppoll(&news, 1, next == UINT64_MAX ? NULL : &timeout, &before);
	(void) sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- all of it */

int follow_new(const struct follow_config *config, struct follow **ret_f)
{
	struct follow *f = calloc(1, sizeof(*f));
	struct copy_options o = config->options;
	int r;

	if (!f)
		return -ENOMEM;
	f->config = *config;
	f->rescan_ms = UINT64_MAX;
	o.thorough = true;
	o.stop = config->stop;
	o.tell = tell;
	o.fail = fail;
	o.step = step;
	o.entering = entering;
	o.busy = busy;
	o.several = several;
	o.context = f;
	r = copier_new(config->to_dirfd, &o, &f->copier);
	if (r < 0)
		free(f);
	else
		*ret_f = f;
	return r;
}

struct follow *follow_free(struct follow *f)
{
	if (!f)
		return NULL;
	follow_forget_moves(f);
	paths_done(&f->paths);
	buf_done(&f->path);
	(void) watches_close(f->watches);
	(void) copier_free(f->copier);
	free(f);
	return NULL;
}

static void give_up_busy(struct follow *f)
{
	struct path *list = NULL;
	size_t n = 0;

	if (paths_take(&f->paths, UINT64_MAX, &list, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		copier_give_up(f->copier, list[i].name, "somebody writes to it");
	paths_free_list(list, n);
}

int follow_once(struct follow *f)
{
	uint64_t until_ms = clock_mono_ms() + ONCE_MS;
	int r = scan(f);

	while (r == 0 && f->paths.n > 0 && clock_mono_ms() < until_ms && !*f->config.stop) {
		(void) poll(NULL, 0, ONCE_LOOK_MS);
		r = look_at_due(f);
	}
	if (r == 0 && f->rescan_ms != UINT64_MAX)
		r = scan(f);
	if (r == 0)
		give_up_busy(f);
	return r == 0 ? copier_flush(f->copier) : r;
}

static int go_on(struct follow *f)
{
	int r = follow_read_news(f);

	if (r == 0 && f->rescan_ms <= clock_mono_ms())
		r = scan(f);
	if (r == 0)
		r = look_at_due(f);
	if (r == 0)
		wait_for_news(f);
	return r;
}

int follow_run(struct follow *f, void (*ready)(void *context))
{
	int r = watches_open(&f->watches) < 0 ? renew_watches(f) : 0;

	if (r == 0)
		r = scan(f);
	if (r == 0)
		ready(f->config.options.context);
	while (r == 0 && !*f->config.stop)
		r = go_on(f);
	if (f->why)
		return f->error;
	return r == -ECANCELED ? 0 : r;
}

int follow_is_empty(int dirfd)
{
	_cleanup_close_ int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	unsigned n = 0;

	if (!dir)
		return -errno;
	(void) steal_fd(&own);
	while (n < 3 && readdir(dir))
		n++;
	return n < 3; /* . and .. */
}

const char *follow_why(const struct follow *f)
{
	return f->why ? f->why : copier_why(f->copier);
}

const struct copy_counts *follow_counts(const struct follow *f)
{
	return copier_counts(f->copier);
}

size_t follow_folders(const struct follow *f)
{
	return f->watches ? watches_count(f->watches) : 0;
}
