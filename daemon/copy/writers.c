/* SPDX-License-Identifier: MIT */
#include "daemon/copy/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"

static bool was_left_alone(const struct stat *st, unsigned quiet_ms)
{
	int64_t changed_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
	int64_t now_ms = (int64_t)(clock_real_ns() / 1000000u);

	return changed_ms > now_ms || now_ms - changed_ms >= (int64_t)quiet_ms;
}

bool writers_are(int fd, const struct stat *st, unsigned quiet_ms)
{
	if (!was_left_alone(st, MAX(quiet_ms, WRITERS_TICK_MS)))
		return true;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void) fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno == EAGAIN || !was_left_alone(st, WRITERS_QUIET_MS);
}

bool writers_keep_out(int fd)
{
	return fcntl(fd, F_SETLEASE, F_WRLCK) == 0 || errno != EAGAIN;
}

void writers_let_in(int fd)
{
	(void) fcntl(fd, F_SETLEASE, F_UNLCK);
}
