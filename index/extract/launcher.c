/* SPDX-License-Identifier: MIT */
#include "index/extract/launcher.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "index/extract/packet.h"

#define HELLO_MS   20000
#define HELLO_LOOK_US 2000 /* between looks, which hold the lock */
#define RESTART_MS 1000 /* between starts */

struct launcher {
	char *path; /* owned */
	pthread_mutex_t lock;
	int control;         /* guarded by lock; -1: not running */
	pid_t pid;           /* guarded by lock */
	uint64_t next_id;    /* guarded by lock */
	uint64_t started_ms; /* guarded by lock */
	int missing;         /* guarded by lock; -1: not yet known */
	int autogroup;       /* guarded by lock; owned; -1: not yet known, or none */
	bool background;     /* guarded by lock: wanted */
	bool paced;          /* guarded by lock: is as wanted */
};

/* The lock is held. */
static void end_program(struct launcher *l)
{
	if (l->control < 0)
		return;
	(void) close(l->control);
	closep(&l->autogroup);
	(void) kill(l->pid, SIGKILL); /* its children die with it */
	while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
	l->control = l->missing = l->autogroup = -1;
	l->paced = false;
}

static int spawn(const char *path, int socket, pid_t *ret_pid)
{
	char *const argv[] = { (char *)"brainy-extract", NULL };
	char *const envp[] = { (char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/bin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	/* A session has an autogroup of its own. */
	const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID;
	sigset_t none, all;
	int r;

	(void) sigemptyset(&none);
	(void) sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void) posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	(void) posix_spawnattr_setsigmask(&attributes, &none);
	(void) posix_spawnattr_setsigdefault(&attributes, &all);
	(void) posix_spawnattr_setflags(&attributes, flags);
	r = posix_spawn_file_actions_adddup2(&actions, socket, EXTRACT_CONTROL_FD);
	if (r == 0)
		r = posix_spawn(ret_pid, path, &actions, &attributes, argv, envp);
	(void) posix_spawnattr_destroy(&attributes);
	(void) posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* The lock is held. */
static int start_program(struct launcher *l)
{
	int sockets[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	r = spawn(l->path, sockets[1], &l->pid);
	(void) close(sockets[1]);
	if (r < 0) {
		(void) close(sockets[0]);
		return r;
	}
	l->control = sockets[0];
	l->started_ms = clock_mono_ms();
	return 0;
}

/* The lock is held. A program that dies at once is not started in a loop. */
static int restart_program(struct launcher *l)
{
	if (l->control >= 0 && clock_mono_ms() - l->started_ms < RESTART_MS)
		return -EIO;
	end_program(l);
	return start_program(l);
}

int launcher_new(const char *path, struct launcher **ret_l)
{
	struct launcher *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	(void) pthread_mutex_init(&l->lock, NULL);
	l->control = l->missing = l->autogroup = -1;
	l->path = strdup(path);
	r = l->path ? start_program(l) : -ENOMEM;
	if (r < 0) {
		(void) launcher_free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

struct launcher *launcher_free(struct launcher *l)
{
	if (!l)
		return NULL;
	end_program(l);
	(void) pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l);
	return NULL;
}

/* Takes the program's first word. The lock is held. -EAGAIN: it has not come yet. */
static int take_hello(struct launcher *l)
{
	struct extract_hello hello;
	unsigned n_fds = 1;
	ssize_t n;

	if (l->missing >= 0)
		return 0;
	n = packet_receive(l->control, &hello, sizeof(hello), &l->autogroup, &n_fds);
	if (n < 0)
		return (int)n;
	if (n != sizeof(hello))
		return -EPIPE;
	if (hello.version != EXTRACT_VERSION)
		return -EPROTO;
	l->missing = (int)hello.missing;
	return 0;
}

int launcher_missing(struct launcher *l)
{
	uint64_t deadline = clock_mono_ms() + HELLO_MS;

	for (;; (void) usleep(HELLO_LOOK_US)) {
		LOCKED(&l->lock);
		int r = take_hello(l);

		if (r >= 0)
			return l->missing;
		if (r != -EAGAIN)
			return r;
		if (clock_mono_ms() >= deadline)
			return -ETIMEDOUT;
	}
}

/* The kernel takes changes from ordinary users ten times a second only; the next request tries again. The
 * lock is held. */
static void settle_pace(struct launcher *l)
{
	const char *nice = l->background ? "19" : "0";

	if (l->paced || l->control < 0 || take_hello(l) < 0)
		return;
	l->paced = l->autogroup < 0 || write(l->autogroup, nice, strlen(nice)) > 0 || errno != EAGAIN;
}

void launcher_pace(struct launcher *l, bool background)
{
	LOCKED(&l->lock);

	if (l->background != background) {
		l->background = background;
		l->paced = false;
	}
	settle_pace(l);
}

int launcher_request(struct launcher *l, struct extract_request *q, const int *fds, unsigned n)
{
	LOCKED(&l->lock);
	int r;

	settle_pace(l);
	q->id = ++l->next_id;
	r = l->control < 0 ? -EPIPE : packet_send(l->control, q, sizeof(*q), fds, n);
	if (r >= 0)
		return 0;
	r = restart_program(l);
	return r < 0 ? r : packet_send(l->control, q, sizeof(*q), fds, n);
}

void launcher_kill(struct launcher *l, uint64_t id)
{
	LOCKED(&l->lock);
	struct extract_request q = { .verb = EXTRACT_KILL, .id = id };

	if (l->control >= 0)
		(void) packet_send(l->control, &q, sizeof(q), NULL, 0);
}
