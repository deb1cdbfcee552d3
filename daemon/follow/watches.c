/* SPDX-License-Identifier: MIT */
#include "daemon/follow/watches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/follow/paths.h"

#define EVENTS                                                                                     \
	(IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watches {
	int fd;
	char **paths; /* owned, by watch descriptor, which the kernel counts up from 1; NULL: none */
	size_t n;     /* of places */
	size_t count;
};

int watches_open(struct watches **ret_w)
{
	struct watches *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		int r = -errno;

		free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

struct watches *watches_close(struct watches *w)
{
	if (!w)
		return NULL;
	closep(&w->fd);
	for (size_t i = 0; i < w->n; i++)
		free(w->paths[i]);
	free(w->paths);
	free(w);
	return NULL;
}

int watches_fd(const struct watches *w)
{
	return w->fd;
}

size_t watches_count(const struct watches *w)
{
	return w->count;
}

static int make_place(struct watches *w, size_t wd)
{
	size_t n = MAX(w->n * 2, wd + 64);
	char **paths;

	if (wd < w->n)
		return 0;
	paths = reallocarray(w->paths, n, sizeof(*paths));
	if (!paths)
		return -ENOMEM;
	memset(paths + w->n, 0, (n - w->n) * sizeof(*paths));
	w->paths = paths;
	w->n = n;
	return 0;
}

static void set_path(struct watches *w, size_t wd, char *path)
{
	w->count += (path != NULL) - (w->paths[wd] != NULL);
	free(w->paths[wd]);
	w->paths[wd] = path;
}

int watches_add(struct watches *w, int fd, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char place[32];
	int wd;

	/* Through the descriptor: a path may lead elsewhere by now. */
	(void) snprintf(place, sizeof(place), "/proc/self/fd/%d", fd);
	if (!copy)
		return -ENOMEM;
	wd = inotify_add_watch(w->fd, place, EVENTS);
	if (wd < 0)
		return -errno;
	if (make_place(w, (size_t)wd) < 0) {
		(void) inotify_rm_watch(w->fd, wd);
		return -ENOMEM;
	}
	set_path(w, (size_t)wd, steal_ptr(&copy));
	return 0;
}

const char *watches_path(const struct watches *w, int wd)
{
	return wd >= 0 && (size_t)wd < w->n ? w->paths[wd] : NULL;
}

void watches_forget(struct watches *w, int wd)
{
	if (watches_path(w, wd))
		set_path(w, (size_t)wd, NULL);
}

int watches_move(struct watches *w, const char *from, const char *to)
{
	int r = 0;

	for (size_t i = 0; i < w->n; i++) {
		char *moved;

		if (!w->paths[i] || !path_is_below(w->paths[i], from))
			continue;
		moved = path_moved(w->paths[i], from, to);
		r = moved ? r : -ENOMEM;
		set_path(w, i, moved);
	}
	return r;
}

void watches_drop(struct watches *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!w->paths[i] || !path_is_below(w->paths[i], path))
			continue;
		(void) inotify_rm_watch(w->fd, (int)i);
		set_path(w, i, NULL);
	}
}
