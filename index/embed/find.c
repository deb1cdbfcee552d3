/* SPDX-License-Identifier: MIT */
#include "index/embed/embed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MODEL "brainy-static-256"

static int take_if_model(char *dir, char **ret_dir)
{
	_cleanup_free_ char *owned = dir, *table = NULL;

	if (!dir || asprintf(&table, "%s/vocab.txt", dir) < 0)
		return -ENOMEM;
	if (access(table, R_OK) < 0)
		return -ENOENT;
	*ret_dir = steal_ptr(&owned);
	return 0;
}

/* `below` names a folder from that of the running program. */
static int beside_program(const char *below, char **ret_dir)
{
	char program[PATH_MAX], *slash, *dir;
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n < 0)
		return -errno;
	program[n] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	if (asprintf(&dir, "%s/%s/" MODEL, program, below) < 0)
		return -ENOMEM;
	return take_if_model(dir, ret_dir);
}

int embed_find(char **ret_dir)
{
	const char *forced = secure_getenv("BRAINY_MODEL_DIR");
	int r;

	if (forced && *forced)
		return take_if_model(strdup(forced), ret_dir);
	r = beside_program("../share/brainy/models", ret_dir);
	if (r == -ENOENT)
		r = beside_program("../models", ret_dir);
	if (r == -ENOENT)
		r = take_if_model(strdup(EMBED_DATA_DIR "/" MODEL), ret_dir);
	if (r == -ENOENT)
		r = take_if_model(strdup(EMBED_SOURCE_DIR "/" MODEL), ret_dir);
	return r;
}
