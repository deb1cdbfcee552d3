/* SPDX-License-Identifier: MIT */
#include "daemon/copy/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* How long it must still be left alone. What is of the future says nothing. */
static unsigned unquiet_ms(const struct stat *st, unsigned quiet_ms)
{
	int64_t changed_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
	int64_t age_ms = (int64_t)(clock_real_ns() / 1000000u) - changed_ms;

	return age_ms < 0 || age_ms >= (int64_t)quiet_ms ? 0 : quiet_ms - (unsigned)age_ms;
}

unsigned writers_wait_ms(int fd, const struct stat *st, unsigned quiet_ms)
{
	unsigned wait_ms = unquiet_ms(st, MAX(quiet_ms, WRITERS_TICK_MS));

	if (wait_ms > 0)
		return wait_ms;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void) fcntl(fd, F_SETLEASE, F_UNLCK);
		return 0;
	}
	return errno == EAGAIN ? WRITERS_HELD_MS : unquiet_ms(st, WRITERS_QUIET_MS);
}

bool writers_keep_out(int fd)
{
	return fcntl(fd, F_SETLEASE, F_WRLCK) == 0 || errno != EAGAIN;
}

void writers_let_in(int fd)
{
	(void) fcntl(fd, F_SETLEASE, F_UNLCK);
}
