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

struct notifier {
	int fuse_fd;          /* borrowed */
	int keeper;           /* owned: a pidfd */
	pthread_mutex_t lock; /* rank 60 */
	int socket;           /* owned; guarded by lock, as below; -1: it does not run */
	pid_t pid;
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
	*n = (struct notifier){ fuse_fd, steal_fd(&keeper), PTHREAD_MUTEX_INITIALIZER, .socket = -1 };
	*ret_n = n;
	return 0;
}

static int start(struct notifier *n)
{
	const int fds[] = { n->fuse_fd, n->keeper };

	return side_process_start(command_notify.name, fds, ARRAY_SIZE(fds), &n->socket, &n->pid);
}

static void let_go(struct notifier *n)
{
	closep(&n->socket);
	n->socket = -1;
	(void) waitpid(n->pid, NULL, WNOHANG);
}

static int send_now(struct notifier *n, const void *message, size_t len)
{
	LOCKED(&n->lock);
	int r = n->socket < 0 ? start(n) : 0;

	if (r < 0 || send(n->socket, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return r;
	r = -errno;
	if (r != -EAGAIN)
		let_go(n);
	return r;
}

static int socket_of(struct notifier *n)
{
	LOCKED(&n->lock);

	return n->socket;
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
