/* SPDX-License-Identifier: MIT */
/* inotify watches of the folders of a tree, and the paths of these folders below its top, which follow their
 * renames. (The one file that daemon/watch.h looks at is another matter.) Not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct watches;

/* -EMFILE: fs.inotify.max_user_instances. */
int watches_open(struct watches **ret_w);
struct watches *watches_close(struct watches *w);
/* To be read and polled; does not block. */
int watches_fd(const struct watches *w);

/* Watches the open folder, as `path` (the top: ""). One that is watched has that path from now on.
 * -ENOSPC: fs.inotify.max_user_watches. */
int watches_add(struct watches *w, int fd, const char *path);
/* Borrowed until the next call; NULL: it is not watched any more. */
const char *watches_path(const struct watches *w, int wd);
/* The kernel has forgotten it (IN_IGNORED). */
void watches_forget(struct watches *w, int wd);
/* The folder is now there, with all below it. -ENOMEM: some have no path any more. */
int watches_move(struct watches *w, const char *from, const char *to);
/* The folder and all below it are not watched any more. */
void watches_drop(struct watches *w, const char *path);
size_t watches_count(const struct watches *w);
