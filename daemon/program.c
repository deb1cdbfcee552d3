/* SPDX-License-Identifier: MIT */
#include "daemon/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define LOOK_US 20000

/* The folder of the running program, also when that was replaced meanwhile ("/path/brainy (deleted)"). */
static int find_own(char ret_dir[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret_dir, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	ret_dir[n] = '\0';
	*strrchr(ret_dir, '/') = '\0';
	return 0;
}

static int find_extract(const char *self, char **ret_dir)
{
	static const char *const places[] = { "", "/../lib/brainy" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *dir = NULL, *extract = NULL;

		if (asprintf(&dir, "%s%s", self, places[i]) < 0 ||
		    asprintf(&extract, "%s/brainy-extract", dir) < 0)
			return -ENOMEM;
		if (access(extract, X_OK) == 0) {
			*ret_dir = steal_ptr(&dir);
			return 0;
		}
	}
	return -ENOENT;
}

int program_directory(unsigned patience_ms, char **ret_dir)
{
	uint64_t end_ms = clock_mono_ms() + patience_ms;
	char self[PATH_MAX];
	int r = find_own(self);

	if (r == 0)
		r = find_extract(self, ret_dir);
	while (r == -ENOENT && clock_mono_ms() < end_ms) {
		(void) usleep(LOOK_US);
		r = find_extract(self, ret_dir);
	}
	return r;
}
