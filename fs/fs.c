/* SPDX-License-Identifier: MIT */
#include "fs/fs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "fs/departed.h"
#include "fs/fetched.h"
#include "fs/fs_impl.h"
#include "fs/invalidator.h"
#include "fs/last_use.h"
#include "fs/ops/ops.h"
#include "fs/parking.h"
#include "fs/pushed.h"
#include "fs/reclaimer.h"
#include "fs/syncs.h"
#include "fs/virtual/live.h"
#include "fs/virtual/virtual.h"
#include "fs/workers.h"

#define IO_WORKERS 2u
#define RECALL_WORKERS 64u
#define LATE_WORKERS 8u
#define ASK_WORKERS 2u
/* Interrupts the dispatcher's read() of the device. */
#define STOP_SIGNAL SIGUSR2
#define STOP_AGAIN_NS 20000000

int fs_new(const struct fs_config *config, struct fs **ret_fs)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	int r;

	if (!fs)
		return -ENOMEM;
	fs->config = *config;
	(void) pthread_mutex_init(&fs->serving_lock, NULL);
	r = shared_map(config->handles_fd, config->resumed, &fs->shared);
	if (r == 0)
		r = handles_new(fs->shared, &fs->handles);
	if (r == 0)
		r = departed_new(&fs->departed);
	if (r == 0)
		r = fetched_new(fs->shared, &fs->fetched);
	if (r == 0)
		r = pushed_new(&fs->pushed);
	if (r == 0)
		r = virtual_new(fs, &fs->virtual);
	if (r == 0)
		r = session_new(fs);
	if (r < 0) {
		(void) fs_free(fs);
		return r;
	}
	*ret_fs = fs;
	return 0;
}

static int start(struct fs *fs)
{
	int r = workers_start("brainy-io", IO_WORKERS, IO_WORKERS, &fs->io);

	if (r == 0)
		r = workers_start("brainy-recall", 0, RECALL_WORKERS, &fs->recall);
	if (r == 0)
		r = workers_start("brainy-late", 0, LATE_WORKERS, &fs->late);
	if (r == 0)
		r = workers_start("brainy-ask", ASK_WORKERS, ASK_WORKERS, &fs->ask);
	if (r == 0)
		r = parking_start(fs, &fs->parking);
	if (r == 0)
		r = syncs_start(fs, &fs->syncs);
	if (r == 0)
		r = invalidator_start(fs, &fs->invalidator);
	if (r == 0)
		r = reclaimer_start(fs, &fs->reclaimer);
	if (r == 0)
		r = virtual_start(fs->virtual);
	return r;
}

static void set_serving(struct fs *fs, bool serving)
{
	LOCKED(&fs->serving_lock);

	fs->serving = serving;
}

/* What can still hand work to another ends before it. */
static void stop(struct fs *fs)
{
	fs->io = workers_stop(fs->io);
	fs->recall = workers_stop(fs->recall);
	fs->late = workers_stop(fs->late);
	virtual_stop(fs->virtual);
	parking_end(fs->parking);
	fs->ask = workers_stop(fs->ask); /* which may park */
	fs->parking = parking_free(fs->parking);
	fs->syncs = syncs_stop(fs->syncs);
	invalidator_stop(fs->invalidator);
	fs->reclaimer = reclaimer_stop(fs->reclaimer);
}

static void woken(int signal)
{
}

/* fs_stop() must end a read() of the device. One signal could come just before it begins, so a timer
 * sends them until the dispatcher has seen the flag. */
static int prepare_stop(struct fs *fs)
{
	struct sigaction action = { .sa_handler = woken };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = STOP_SIGNAL };
	sigset_t set;

	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &fs->stop_timer) < 0)
		return -errno;
	atomic_store(&fs->has_stop_timer, true);
	(void) sigaction(STOP_SIGNAL, &action, NULL);
	(void) sigemptyset(&set);
	(void) sigaddset(&set, STOP_SIGNAL);
	(void) pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

static void set_stop_timer(struct fs *fs, long first_ns, long again_ns)
{
	struct itimerspec t = { .it_value.tv_nsec = first_ns, .it_interval.tv_nsec = again_ns };

	(void) timer_settime(fs->stop_timer, 0, &t, NULL);
}

static int serve(struct fs *fs)
{
	int r = 0;

	if (fs->config.resumed)
		r = session_resume(fs);
	if (r == 0 && atomic_load(&fs->running) && fs->config.ready)
		fs->config.ready(fs->config.context);
	return r < 0 ? r : loop_run(fs);
}

int fs_run(struct fs *fs)
{
	int r = prepare_stop(fs);

	if (r == 0)
		r = start(fs);
	if (r == 0) {
		set_serving(fs, true);
		r = serve(fs);
	}
	set_serving(fs, false);
	atomic_store(&fs->ending, true);
	if (fs->config.ending)
		fs->config.ending(fs->config.context);
	fuse_session_exit(fs->session);
	(void) signal(STOP_SIGNAL, SIG_IGN);
	stop(fs);
	return r;
}

void fs_stop(struct fs *fs)
{
	atomic_store(&fs->stopping, true);
	if (atomic_load(&fs->has_stop_timer))
		set_stop_timer(fs, 1, STOP_AGAIN_NS);
}

struct fs *fs_free(struct fs *fs)
{
	if (!fs)
		return NULL;
	if (atomic_load(&fs->has_stop_timer))
		(void) timer_delete(fs->stop_timer);
	session_free(fs);
	fs->invalidator = invalidator_free(fs->invalidator);
	fs->virtual = virtual_free(fs->virtual);
	fs->pushed = pushed_free(fs->pushed);
	fs->fetched = fetched_free(fs->fetched);
	fs->departed = departed_free(fs->departed);
	fs->handles = handles_free(fs->handles);
	(void) pthread_mutex_destroy(&fs->serving_lock);
	fs->shared = shared_unmap(fs->shared);
	free(fs);
	return NULL;
}

bool fs_is_running(struct fs *fs, uint64_t unique)
{
	return running_has(fs->shared, unique);
}

uint64_t fs_requests(struct fs *fs)
{
	return fs ? __atomic_load_n(&fs->shared->header.received, __ATOMIC_RELAXED) : 0;
}

bool fs_is_open(struct fs *fs, uint64_t ino)
{
	return fs && handles_is_open(fs->handles, ino);
}

void fs_note_uses(struct fs *fs)
{
	if (fs)
		last_use_note_open(fs);
}

bool fs_is_busy(struct fs *fs, uint64_t ino)
{
	return fs && (atomic_load(&fs->emptying) == ino || handles_is_busy(fs->handles, ino));
}

void fs_invalidate(struct fs *fs, uint64_t ino)
{
	if (fs && atomic_load(&fs->running))
		invalidator_add(fs->invalidator, ino);
}

void fs_unlinked(struct fs *fs, uint64_t dir, const char *name, const struct inode *i)
{
	if (!fs)
		return;
	LOCKED(&fs->serving_lock);
	/* Afterwards it is an orphan that the next mount reclaims. */
	if (!fs->serving)
		return;
	invalidator_add_name(fs->invalidator, dir, name, i->ino);
	invalidator_add(fs->invalidator, dir);
	invalidator_add(fs->invalidator, i->ino);
	ops_reclaim(fs, i, false);
}

void fs_changed(struct fs *fs, const struct catalog_event *events, size_t n)
{
	if (!fs)
		return;
	LOCKED(&fs->serving_lock);
	if (fs->serving)
		live_note(fs->virtual->live, events, n);
}

uint64_t fs_damage(struct fs *fs, uint64_t *ret_ino)
{
	*ret_ino = atomic_load(&fs->damaged_ino);
	return atomic_load(&fs->damage);
}

void fs_add_memory(struct fs *fs, struct memory_parts *m)
{
	handles_add_memory(fs->handles, m);
	pushed_add_memory(m);
	virtual_add_memory(fs->virtual, m);
}
