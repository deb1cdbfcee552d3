/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/copy/copier_impl.h"

DEFINE_CLEANUP(DIR *, closedir)

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add(char ***names, size_t *n, const char *name)
{
	char **grown;

	if ((*n & (*n - 1)) == 0) {
		grown = reallocarray(*names, *n ? *n * 2 : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*names = grown;
	}
	(*names)[*n] = strdup(name);
	if (!(*names)[*n])
		return -ENOMEM;
	++*n;
	return 0;
}

static int read_all(DIR *dir, char ***names, size_t *n)
{
	struct dirent *d;
	int r = 0;

	while (r == 0 && (errno = 0, d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = add(names, n, d->d_name);
	return r < 0 ? r : -errno;
}

int names_read(int dirfd, char ***ret_names, size_t *ret_n)
{
	_cleanup_close_ int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = own >= 0 ? fdopendir(own) : NULL;
	char **names = NULL;
	size_t n = 0;
	int r;

	if (!dir)
		return -errno;
	(void) steal_fd(&own);
	r = read_all(dir, &names, &n);
	if (r < 0) {
		names_free(names, n);
		return r;
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), compare);
	*ret_names = names;
	*ret_n = n;
	return 0;
}

void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

bool names_have(char **names, size_t n, const char *name)
{
	return n > 0 && bsearch(&name, names, n, sizeof(*names), compare) != NULL;
}
