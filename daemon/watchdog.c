/* SPDX-License-Identifier: MIT */
#include "daemon/watchdog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "fs/shared.h"

int watchdog_init(struct watchdog *w, int handles_fd, int volume_dirfd)
{
	struct statfs below;
	struct stat st;
	void *p;

	if (fstat(handles_fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(struct shared))
		return -EBADMSG;
	p = mmap(NULL, sizeof(struct shared), PROT_READ, MAP_SHARED, handles_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	w->shared = p;
	w->shallow = fstatfs(volume_dirfd, &below) < 0 || below.f_type == FUSE_SUPER_MAGIC;
	return 0;
}

void watchdog_done(struct watchdog *w)
{
	w->shared = shared_unmap(w->shared);
}

void watchdog_reset(struct watchdog *w)
{
	*w = (struct watchdog){ .shared = w->shared, .shallow = w->shallow, .watching = w->shared != NULL };
}

bool watchdog_watches(const struct watchdog *w)
{
	return w->watching;
}

void watchdog_wake(struct watchdog *w)
{
	w->watching = w->shared != NULL;
}

/* Calls in which a thread waits for other threads, for time or for requests; in any other it waits for a
 * disk. */
static bool is_rest(long call)
{
	static const long calls[] = {
		SYS_futex,	     SYS_read,	    SYS_poll,
		SYS_ppoll,	     SYS_nanosleep, SYS_clock_nanosleep,
		SYS_restart_syscall, SYS_recvmsg,   SYS_rt_sigtimedwait,
		SYS_wait4,	     SYS_waitid,    SYS_epoll_wait,
		SYS_epoll_pwait,     SYS_pause,	    SYS_rt_sigsuspend,
		SYS_select,	     SYS_pselect6,
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i] == call)
			return true;
	return false;
}

/* A thread that sleeps and can be interrupted. */
static bool rests(const struct watchdog *w, const char *task, const char *thread)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[96], *end;
	long call;

	(void) snprintf(path, sizeof(path), "%s/%.20s/syscall", task, thread);
	if (io_read_file_at(AT_FDCWD, path, 256, &text) < 0 || !buf_cstr(&text))
		return !w->shallow;
	call = strtol((const char *)text.data, &end, 10);
	return end != (char *)text.data && is_rest(call);
}

/* Adds a thread's processor time. True when it does something: runs, or waits for a disk. */
static bool is_alive(const struct watchdog *w, const char *task, const char *thread, uint64_t *ran)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned long user = 0, kernel = 0;
	char path[96], state = 0;
	const char *after;

	(void) snprintf(path, sizeof(path), "%s/%.20s/stat", task, thread);
	if (io_read_file_at(AT_FDCWD, path, 4096, &text) < 0 || !buf_cstr(&text))
		return false;
	after = strrchr((const char *)text.data, ')');
	if (!after || sscanf(after + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user,
			     &kernel) != 3)
		return false;
	*ran += user + kernel;
	if (state == 'T')
		return false;
	return state != 'S' || !rests(w, task, thread);
}

static bool any_alive(const struct watchdog *w, pid_t server, uint64_t *ret_ran)
{
	bool alive = false;
	char task[64];
	DIR *d;

	*ret_ran = 0;
	(void) snprintf(task, sizeof(task), "/proc/%d/task", server);
	d = opendir(task);
	if (!d)
		return true; /* it ends, or cannot be seen */
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			alive |= is_alive(w, task, e->d_name, ret_ran);
	(void) closedir(d);
	return alive;
}

static bool requests_wait(const struct watchdog *w, int fuse_fd)
{
	struct pollfd p = { .fd = fuse_fd, .events = POLLIN };

	return running_count(w->shared) > 0 || (poll(&p, 1, 0) == 1 && p.revents & POLLIN);
}

/* Takes down how far it has come; true when that is farther than before. */
static bool has_moved(struct watchdog *w)
{
	uint64_t received = __atomic_load_n(&w->shared->header.received, __ATOMIC_RELAXED);
	uint64_t answered = __atomic_load_n(&w->shared->header.answered, __ATOMIC_RELAXED);
	bool moved = received != w->received || answered != w->answered;

	w->received = received;
	w->answered = answered;
	return moved;
}

bool watchdog_look(struct watchdog *w, pid_t server, int fuse_fd, bool serving)
{
	uint64_t ran;
	bool moved, waits, alive;

	if (!w->shared)
		return false;
	moved = has_moved(w);
	waits = !serving || requests_wait(w, fuse_fd);
	w->watching = moved || waits;
	if (moved || !waits) {
		w->still = 0;
		return false;
	}
	alive = any_alive(w, server, &ran);
	w->still = alive || ran != w->ran ? 0 : w->still + 1;
	w->ran = ran;
	w->hung = w->still >= WATCHDOG_LOOKS;
	return w->hung;
}
