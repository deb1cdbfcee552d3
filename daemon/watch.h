/* SPDX-License-Identifier: MIT */
/* Says when a file may have changed, however that was done: written in place, put there by rename (as
 * editors do), removed, or behind a symbolic link. inotify on its folder, so changes that another machine
 * makes on a network filesystem are not noticed.
 *
 * Several changes in quick succession are one: it waits until the file has been left alone for a
 * moment. */
#pragma once

struct watch;

/* Watches `name` in `folder`, a path. `changed` is called by a thread of its own, a first time at once: what
 * changed before the watch was there is not missed. */
int watch_start(const char *folder, const char *name, void (*changed)(void *context), void *context,
		struct watch **ret_w);
/* Waits for a call of `changed` that is under way. */
struct watch *watch_stop(struct watch *w);
