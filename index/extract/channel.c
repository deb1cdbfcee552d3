/* SPDX-License-Identifier: MIT */
#include "index/extract/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "index/extract/result.h"

static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_mono_ms();
	int n;

	if (now >= deadline_ms)
		return -ETIMEDOUT;
	n = poll(&p, 1, (int)MIN(deadline_ms - now, 60000ul));
	return n < 0 && errno != EINTR ? -errno : 0;
}

/* Counts `done` bytes off the pieces. */
static void advance(struct iovec **pieces, unsigned *n, size_t done)
{
	while (*n > 0 && done >= (*pieces)->iov_len) {
		done -= (*pieces)->iov_len;
		(*pieces)++;
		(*n)--;
	}
	if (*n > 0) {
		(*pieces)->iov_base = (uint8_t *)(*pieces)->iov_base + done;
		(*pieces)->iov_len -= done;
	}
}

int channel_send(int fd, struct iovec *pieces, unsigned n, uint64_t deadline_ms)
{
	while (n > 0) {
		struct msghdr m = { .msg_iov = pieces, .msg_iovlen = n };
		ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);
		int r;

		if (sent >= 0) {
			advance(&pieces, &n, (size_t)sent);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -EPIPE;
		r = wait_for(fd, POLLOUT, deadline_ms);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether `b` holds a whole document. */
static int is_whole(const struct buf *b)
{
	uint32_t len;

	if (b->len < 4)
		return 0;
	len = load_le32(b->data);
	if (len > RESULT_MAX || b->len > 4 + (size_t)len)
		return -EBADMSG;
	return b->len == 4 + (size_t)len;
}

/* -EAGAIN: nothing there now. */
static int read_some(int fd, struct buf *ret)
{
	size_t room = ret->len < 16384 ? 16384 : MIN(ret->len, (size_t)1 << 20);
	ssize_t n;
	int r = buf_reserve(ret, room);

	if (r < 0)
		return r;
	n = read(fd, ret->data + ret->len, room);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EINTR ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
	ret->len += (size_t)n;
	return 0;
}

int channel_receive(int fd, uint64_t deadline_ms, struct buf *ret)
{
	for (;;) {
		int r = is_whole(ret);

		if (r != 0)
			return MIN(r, 0);
		r = read_some(fd, ret);
		if (r == -EAGAIN)
			r = wait_for(fd, POLLIN, deadline_ms);
		if (r < 0)
			return r;
	}
}

int channel_done(int fd, uint64_t deadline_ms, struct extract_done *ret)
{
	for (;;) {
		ssize_t n = read(fd, ret, sizeof(*ret)); /* whole: pipes keep small writes together */
		int r;

		if (n == sizeof(*ret))
			return 0;
		if (n >= 0)
			return -EPIPE;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLIN, deadline_ms);
		if (r < 0)
			return r;
	}
}
