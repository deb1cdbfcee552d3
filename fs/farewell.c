/* SPDX-License-Identifier: MIT */
#include "fs/farewell.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/fs_impl.h"

static void refuse(int fuse_fd, const struct fuse_in_header *in)
{
	const struct fuse_out_header out = { .len = sizeof(out), .error = -ENOTCONN, .unique = in->unique };

	if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET && in->opcode != FUSE_INTERRUPT)
		(void) !write(fuse_fd, &out, sizeof(out));
}

/* What was read already comes once more. A kernel that cannot does not have another server go on, either. */
static void ask_again(int fuse_fd)
{
	const struct fuse_out_header out = { .len = sizeof(out), .error = FUSE_NOTIFY_RESEND_CODE };

	(void) !write(fuse_fd, &out, sizeof(out));
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOENT;
}

int farewell(int fuse_fd)
{
	_cleanup_free_ void *request = malloc(FS_BUFFER_SIZE);
	struct pollfd p = { .fd = fuse_fd, .events = POLLIN };

	if (!request)
		return -ENOMEM;
	ask_again(fuse_fd);
	for (;;) {
		ssize_t n = read(fuse_fd, request, FS_BUFFER_SIZE);

		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			refuse(fuse_fd, request);
		else if (n >= 0 || errno == ENODEV)
			return 0;
		else if (!is_passing(errno))
			return -errno;
		else
			(void) poll(&p, 1, -1);
	}
}
