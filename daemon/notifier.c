/* SPDX-License-Identifier: MIT */
#include "daemon/notifier.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/cli.h"
#include "daemon/side_process.h"

#define WAIT_MS 100

struct teller {
	int socket;           /* owned; -1: it does not run */
	pid_t pid;
	bool busy;            /* somebody waits for it */
};

struct notifier {
	int fuse_fd;          /* borrowed */
	int keeper;           /* owned: a pidfd */
	pthread_mutex_t lock; /* rank 60 */
	struct teller news;   /* guarded by lock, as below */
	struct teller waiting[NOTIFIER_WAITING_MAX];
	bool interrupted;
};

int notifier_new(int fuse_fd, struct notifier **ret_n)
{
	_cleanup_close_ int keeper = pidfd_open(getppid(), 0);
	struct notifier *n;

	if (keeper < 0)
		return -errno;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	*n = (struct notifier){ fuse_fd, steal_fd(&keeper), PTHREAD_MUTEX_INITIALIZER, .news.socket = -1 };
	for (size_t k = 0; k < NOTIFIER_WAITING_MAX; k++)
		n->waiting[k].socket = -1;
	*ret_n = n;
	return 0;
}

/* ---- a process. Call with lock */

static int need(const struct notifier *n, struct teller *t)
{
	const int fds[] = { n->fuse_fd, n->keeper };

	return t->socket >= 0 ? 0 : side_process_start(command_notify.name, fds, ARRAY_SIZE(fds), &t->socket, &t->pid);
}

static void let_go(struct teller *t)
{
	closep(&t->socket);
	t->socket = -1;
	(void) waitpid(t->pid, NULL, WNOHANG);
}

/* ---- news that nobody waits for */

/* Nor for answers. */
static int need_news(struct notifier *n)
{
	int r = need(n, &n->news);

	if (r == 0)
		(void) shutdown(n->news.socket, SHUT_RD);
	return r;
}

static int send_now(struct notifier *n, const void *message, size_t len)
{
	LOCKED(&n->lock);
	int r = n->news.socket < 0 ? need_news(n) : 0;

	if (r < 0 || send(n->news.socket, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return r;
	r = -errno;
	if (r != -EAGAIN)
		let_go(&n->news);
	return r;
}

static int socket_of(struct notifier *n)
{
	LOCKED(&n->lock);

	return n->news.socket;
}

/* Without the lock: at worst another descriptor has that number by then. */
static void wait_for_room(struct notifier *n)
{
	struct pollfd p = { .fd = socket_of(n), .events = POLLOUT };

	(void) poll(&p, 1, WAIT_MS);
}

int notifier_tell(struct notifier *n, const void *message, size_t len, bool may_wait)
{
	int r = send_now(n, message, len);

	if (r == -EPIPE)
		r = send_now(n, message, len);
	if (r != -EAGAIN || !may_wait)
		return r;
	wait_for_room(n);
	return send_now(n, message, len);
}

/* ---- what somebody waits for */

static int take(struct notifier *n, struct teller **ret_t)
{
	LOCKED(&n->lock);
	struct teller *t = n->waiting;
	int r;

	if (n->interrupted)
		return -EINTR;
	while (t < n->waiting + NOTIFIER_WAITING_MAX && t->busy)
		t++;
	if (t == n->waiting + NOTIFIER_WAITING_MAX)
		return -EBUSY;
	r = need(n, t);
	if (r < 0)
		return r;
	t->busy = true;
	*ret_t = t;
	return 0;
}

static int give_back(struct notifier *n, struct teller *t, bool told)
{
	LOCKED(&n->lock);

	t->busy = false;
	if (!told)
		let_go(t);
	return told ? 0 : n->interrupted ? -EINTR : -EPIPE;
}

/* It is answered by a byte. */
static int ask(struct notifier *n, const void *message, size_t len)
{
	struct teller *t;
	uint8_t answer;
	int r = take(n, &t);

	if (r < 0)
		return r;
	return give_back(n, t, send(t->socket, message, len, MSG_NOSIGNAL) == (ssize_t)len &&
				       recv(t->socket, &answer, sizeof(answer), 0) == sizeof(answer));
}

int notifier_tell_and_wait(struct notifier *n, const void *message, size_t len)
{
	int r = ask(n, message, len);

	return r == -EPIPE ? ask(n, message, len) : r;
}

void notifier_interrupt(struct notifier *n)
{
	LOCKED(&n->lock);

	n->interrupted = true;
	for (size_t k = 0; k < NOTIFIER_WAITING_MAX; k++)
		if (n->waiting[k].busy)
			(void) shutdown(n->waiting[k].socket, SHUT_RDWR);
}
