/* SPDX-License-Identifier: MIT */
#include "daemon/link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/check.h"

static void test_message_with_descriptors(void)
{
	struct link_message m = { .kind = LINK_HELLO, .len = 3, .mount = id128_random(), .warm = 1 }, got;
	int pair[2], pipe_fds[2], fds[2];
	char byte = 0;

	memcpy(m.body.keys, "abc", 3);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	CHECK_EQ(pipe(pipe_fds), 0);
	CHECK_EQ(link_send(pair[0], &m, pipe_fds, 2), 0);
	CHECK_EQ(link_receive(pair[1], &got, fds, 2), 0);
	CHECK(got.kind == LINK_HELLO && got.warm == 1 && !got.resumed && id128_equal(got.mount, m.mount));
	CHECK_MEM(got.body.keys, got.len, "abc", 3);
	CHECK_EQ(write(pipe_fds[1], "x", 1), 1);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	CHECK(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);

	CHECK_EQ(link_send_text(pair[1], LINK_FAILED, "why not"), 0);
	CHECK_EQ(link_receive(pair[0], &got, fds, 1), 0);
	CHECK(got.kind == LINK_FAILED && strcmp(got.body.text, "why not") == 0 && fds[0] == -1);
	(void) close(pair[1]);
	CHECK_EQ(link_receive(pair[0], &got, NULL, 0), -EPIPE);
	CHECK_EQ(link_send(pair[0], &m, NULL, 0), -EPIPE);
}

int main(void)
{
	test_message_with_descriptors();
	return check_result();
}
