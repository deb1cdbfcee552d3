/* SPDX-License-Identifier: MIT */
#include "index/extract/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

union passed {
	struct cmsghdr align;
	char space[CMSG_SPACE(PACKET_FDS_MAX * sizeof(int))];
};

int packet_send(int socket, const void *data, size_t len, const int *fds, unsigned n)
{
	union passed passed = { 0 };
	struct iovec io = { (void *)data, len };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	if (n > 0) {
		passed.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		passed.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&passed.align), fds, n * sizeof(int));
		m.msg_control = &passed;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Keeps as many as there is room for and closes the others. Returns how many were kept. */
static unsigned take_fds(struct msghdr *m, int *ret_fds, unsigned room)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fds[PACKET_FDS_MAX];
	unsigned n;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = MIN((unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)), (unsigned)PACKET_FDS_MAX);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	for (unsigned i = room; i < n; i++)
		(void) close(fds[i]);
	n = MIN(n, room);
	memcpy(ret_fds, fds, n * sizeof(int));
	return n;
}

ssize_t packet_receive(int socket, void *ret, size_t len, int *ret_fds, unsigned *n_fds)
{
	union passed passed;
	struct iovec io = { ret, len };
	struct msghdr m = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &passed, .msg_controllen = sizeof(passed)
	};
	ssize_t n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	*n_fds = take_fds(&m, ret_fds, *n_fds);
	return n;
}
