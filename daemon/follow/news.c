/* SPDX-License-Identifier: MIT */
/* What inotify tells, made into paths to look at. Where it is not clear what has become of a path, both ends
 * of it are looked at, and all below a folder: that also puts right which path a watch has. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/globs.h"
#include "daemon/follow/follow_impl.h"

/* The other half of a rename comes at once, if it comes. */
#define MOVE_MS 10
/* So many are looked at before more news is read. */
#define PATHS_MAX 20000u

/* Path of a name, until the next call. */
static const char *join(struct follow *f, const char *folder, const char *name)
{
	buf_reset(&f->path);
	if (buf_addf(&f->path, "%s%s%s", folder, *folder ? "/" : "", name) < 0)
		return NULL;
	return buf_cstr(&f->path);
}

void follow_forget_moves(struct follow *f)
{
	for (size_t i = 0; i < f->n_moves; i++)
		free(f->moves[i].from);
	f->n_moves = 0;
}

static bool is_ignored(const struct follow *f, const char *path, bool is_folder)
{
	const struct globs *ignored = f->config.options.ignored;

	return ignored && globs_match(ignored, path, is_folder);
}

static void moved(struct follow *f, const char *from, const char *to, bool is_folder)
{
	bool both = !is_ignored(f, from, is_folder) && !is_ignored(f, to, is_folder);

	if (paths_move(&f->paths, from, to) < 0 || (is_folder && watches_move(f->watches, from, to) < 0))
		f->rescan_ms = 0;
	if (both && !f->config.options.take)
		(void) copier_move(f->copier, from, to);
	else if (is_folder && !both)
		watches_drop(f->watches, to);
	/* Also because one of the two may be another one by now, whose watches got a wrong path. */
	follow_put(f, from, 0, true);
	follow_put(f, to, 0, true);
}

static void remember_move(struct follow *f, uint32_t cookie, const char *path, bool is_folder)
{
	struct follow_move m = { .cookie = cookie, .is_folder = is_folder, .from = strdup(path) };

	if (f->n_moves < FOLLOW_MOVES_MAX && m.from) {
		f->moves[f->n_moves++] = m;
		return;
	}
	free(m.from);
	f->rescan_ms = 0;
}

static void arrived(struct follow *f, uint32_t cookie, const char *path, bool is_folder)
{
	for (size_t i = 0; i < f->n_moves; i++) {
		_cleanup_free_ char *from = NULL;

		if (f->moves[i].cookie != cookie)
			continue;
		from = f->moves[i].from;
		f->moves[i] = f->moves[--f->n_moves];
		moved(f, from, path, is_folder);
		return;
	}
	follow_put(f, path, 0, true);
}

/* Those whose other half did not come have left the tree. */
static void settle_moves(struct follow *f)
{
	struct pollfd more = { .fd = watches_fd(f->watches), .events = POLLIN };

	if (f->n_moves == 0 || poll(&more, 1, MOVE_MS) > 0)
		return;
	for (size_t i = 0; i < f->n_moves; i++) {
		if (f->moves[i].is_folder)
			watches_drop(f->watches, f->moves[i].from);
		follow_put(f, f->moves[i].from, 0, true);
	}
	follow_forget_moves(f);
}

/* About a folder itself. */
static int hear_of_folder(struct follow *f, const struct inotify_event *e, const char *path)
{
	if (*path == '\0' && (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)))
		return follow_end(f, "the source was moved, removed or unmounted", -ENOENT);
	if (e->mask & IN_IGNORED)
		watches_forget(f->watches, e->wd);
	else if (e->mask & IN_ATTRIB)
		follow_put(f, path, 0, false);
	return 0;
}

static int hear(struct follow *f, const struct inotify_event *e)
{
	const char *folder = watches_path(f->watches, e->wd), *path;
	bool is_folder = e->mask & IN_ISDIR;

	if (e->mask & IN_Q_OVERFLOW)
		f->rescan_ms = 0;
	if (!folder)
		return 0;
	if (e->len == 0)
		return hear_of_folder(f, e, folder);
	path = join(f, folder, e->name);
	if (!path)
		f->rescan_ms = 0;
	else if (e->mask & IN_MOVED_FROM)
		remember_move(f, e->cookie, path, is_folder);
	else if (e->mask & IN_MOVED_TO)
		arrived(f, e->cookie, path, is_folder);
	else
		follow_put(f, path, 0, !is_folder || (e->mask & (IN_CREATE | IN_DELETE)));
	return 0;
}

/* All that has come. */
int follow_read_news(struct follow *f)
{
	char events[64 * (sizeof(struct inotify_event) + NAME_MAX + 1)] __attribute__((aligned(8)));
	ssize_t len;
	int r = 0;

	do {
		len = read(watches_fd(f->watches), events, sizeof(events));
		for (ssize_t at = 0; r == 0 && at < len;) {
			const struct inotify_event *e = (const void *)(events + at);

			r = hear(f, e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	} while (r == 0 && len > 0 && f->rescan_ms != 0 && f->paths.n < PATHS_MAX);
	settle_moves(f);
	return r;
}
