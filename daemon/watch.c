/* SPDX-License-Identifier: MIT */
#include "daemon/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

/* Left alone for so long, the file is whole; an editor that never stops is not waited for longer. */
#define SETTLE_MS 200u
#define SETTLE_MOST_MS 2000u
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB)

struct place {
	int wd;     /* -1: none */
	char *name; /* owned; in that folder */
};

struct watch {
	char *path;             /* owned */
	void (*changed)(void *context);
	void *context;
	int inotify_fd, stop_fd;
	struct place at, target; /* where it lies, and where it leads to when it is a symbolic link */
	pthread_t thread;
};

static void place_set(struct watch *w, struct place *p, const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	free(p->name);
	*p = (struct place){ .wd = -1 };
	if (!slash)
		return;
	*slash = '\0';
	p->name = strdup(slash + 1);
	if (p->name)
		p->wd = inotify_add_watch(w->inotify_fd, *folder ? folder : "/", EVENTS | IN_ONLYDIR);
}

/* Both may have come, gone or gone elsewhere. The watch of a folder that is watched already is the same. */
static void set_places(struct watch *w)
{
	_cleanup_free_ char *real = realpath(w->path, NULL);
	struct stat st;
	int before = w->target.wd;

	place_set(w, &w->at, w->path);
	if (real && lstat(w->path, &st) == 0 && S_ISLNK(st.st_mode)) {
		place_set(w, &w->target, real);
	} else {
		free(w->target.name);
		w->target = (struct place){ .wd = -1 };
	}
	if (before >= 0 && before != w->at.wd && before != w->target.wd)
		(void) inotify_rm_watch(w->inotify_fd, before);
}

/* A name that appears is being written to, and closed later, unless it is a link. */
static bool is_link(const struct watch *w)
{
	struct stat st;

	return lstat(w->path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static bool concerns(const struct watch *w, const struct inotify_event *e)
{
	const struct place *places[] = { &w->at, &w->target };

	if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (e->wd == places[i]->wd && e->len > 0 && places[i]->name &&
		    strcmp(e->name, places[i]->name) == 0)
			return !(e->mask & IN_CREATE) || is_link(w);
	return false;
}

static bool read_events(struct watch *w)
{
	char events[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)] __attribute__((aligned(8)));
	ssize_t len = read(w->inotify_fd, events, sizeof(events));
	bool ours = false;

	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *e = (const void *)(events + at);

		ours |= concerns(w, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return ours;
}

/* Waits up to `timeout_ms` (-1: without end). 1: the file may have changed. 0: the time is over, or something
 * else happened in the folder. -ESHUTDOWN. */
static int wait_for_events(struct watch *w, int timeout_ms)
{
	struct pollfd fds[] = { { w->inotify_fd, POLLIN, 0 }, { w->stop_fd, POLLIN, 0 } };

	if (poll(fds, 2, timeout_ms) < 0)
		return errno == EINTR ? 0 : -ESHUTDOWN;
	if (fds[1].revents)
		return -ESHUTDOWN;
	return fds[0].revents && read_events(w);
}

/* Returns when the file was left alone for a moment. */
static int settle(struct watch *w)
{
	uint64_t now = clock_mono_ms(), quiet = now + SETTLE_MS, most = now + SETTLE_MOST_MS;

	while (now < quiet && now < most) {
		int r = wait_for_events(w, (int)(MIN(quiet, most) - now));

		if (r < 0)
			return r;
		now = clock_mono_ms();
		if (r > 0)
			quiet = now + SETTLE_MS;
	}
	return 0;
}

static void *run(void *context)
{
	struct watch *w = context;
	int r = 0;

	while (r >= 0) {
		w->changed(w->context);
		while ((r = wait_for_events(w, -1)) == 0)
			;
		if (r > 0)
			r = settle(w);
		set_places(w);
	}
	return NULL;
}

static struct watch *watch_free(struct watch *w)
{
	closep(&w->inotify_fd);
	closep(&w->stop_fd);
	free(w->at.name);
	free(w->target.name);
	free(w->path);
	free(w);
	return NULL;
}

int watch_start(const char *folder, const char *name, void (*changed)(void *context), void *context,
		struct watch **ret_w)
{
	struct watch *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->changed = changed;
	w->context = context;
	w->at.wd = w->target.wd = -1;
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify_fd < 0 || w->stop_fd < 0)
		r = -errno;
	else if (asprintf(&w->path, "%s/%s", folder, name) < 0) {
		w->path = NULL;
		r = -ENOMEM;
	}
	if (r == 0) {
		errno = 0;
		set_places(w);
		r = w->at.wd < 0 ? (errno ? -errno : -ENOMEM)
				 : thread_start(&w->thread, "brainy-watch", run, w);
	}
	if (r < 0) {
		watch_free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

struct watch *watch_stop(struct watch *w)
{
	static const uint64_t one = 1;

	if (!w)
		return NULL;
	(void) !write(w->stop_fd, &one, sizeof(one));
	(void) pthread_join(w->thread, NULL);
	return watch_free(w);
}
