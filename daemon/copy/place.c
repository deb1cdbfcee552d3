/* SPDX-License-Identifier: MIT */
#include "daemon/copy/place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"

static bool lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0' || strcmp(folder, "/") == 0);
}

const char *place_overlap(const char *from, const char *to)
{
	_cleanup_free_ char *real_from = realpath(from, NULL), *real_to = realpath(to, NULL);

	if (!real_from || !real_to)
		return NULL;
	if (lies_in(real_to, real_from))
		return "the destination lies in it";
	return lies_in(real_from, real_to) ? "it lies in the destination" : NULL;
}

void place_allow_depth(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &limit);
	}
}
