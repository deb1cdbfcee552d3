/* SPDX-License-Identifier: MIT */
#include "daemon/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FDS_MAX 4

int link_send(int sock, const struct link_message *m, const int *fds, size_t n_fds)
{
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))] = { 0 };
	struct iovec piece = { (void *)m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &piece, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds > 0) {
		struct cmsghdr *c;

		h.msg_control = space;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int link_receive(int sock, struct link_message *ret_m, int *ret_fds, size_t max_fds)
{
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct iovec piece = { ret_m, sizeof(*ret_m) };
	struct msghdr h = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
	};
	struct cmsghdr *c;
	ssize_t n;

	for (size_t i = 0; i < max_fds; i++)
		ret_fds[i] = -1;
	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(*ret_m))
		return -EPIPE;
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		memcpy(ret_fds, CMSG_DATA(c), (got < max_fds ? got : max_fds) * sizeof(int));
	}
	return 0;
}

int link_send_text(int sock, enum link_kind kind, const char *text)
{
	struct link_message m = { .kind = kind };

	(void) snprintf(m.body.text, sizeof(m.body.text), "%s", text ? text : "");
	m.len = (uint32_t)strlen(m.body.text);
	return link_send(sock, &m, NULL, 0);
}
