/* SPDX-License-Identifier: MIT */
#include "daemon/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

int program_directory(char **ret_dir)
{
	static const char *const places[] = { "", "/../lib/brainy" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -errno;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *dir = NULL, *extract = NULL;

		if (asprintf(&dir, "%s%s", self, places[i]) < 0 || asprintf(&extract, "%s/brainy-extract", dir) < 0)
			return -ENOMEM;
		if (access(extract, X_OK) == 0) {
			*ret_dir = steal_ptr(&dir);
			return 0;
		}
	}
	return -ENOENT;
}
