/* SPDX-License-Identifier: MIT */
#include "daemon/copy/globs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tiers/move/glob.h"

struct globs_one {
	struct glob *glob; /* owned */
	bool folders_only;
};

int globs_add(struct globs *g, const char *pattern)
{
	size_t len = strlen(pattern);
	bool folders_only = len > 1 && pattern[len - 1] == '/';
	struct globs_one *list = reallocarray(g->list, g->n + 1, sizeof(*list));
	int r;

	if (!list)
		return -ENOMEM;
	g->list = list;
	list[g->n].folders_only = folders_only;
	r = glob_new(pattern, len - folders_only, GLOB_PATH, &list[g->n].glob);
	if (r >= 0)
		g->n++;
	return r;
}

bool globs_match(const struct globs *g, const char *path, bool is_folder)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < g->n; i++)
		if ((is_folder || !g->list[i].folders_only) && glob_matches(g->list[i].glob, path, len, NULL))
			return true;
	return false;
}

void globs_done(struct globs *g)
{
	for (size_t i = 0; i < g->n; i++)
		(void) glob_free(g->list[i].glob);
	free(g->list);
	*g = (struct globs){ 0 };
}
