/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/copy/copier_impl.h"

void copy_partial_name(struct copier *c, char ret_name[COPY_PARTIAL_SIZE])
{
	(void) snprintf(ret_name, COPY_PARTIAL_SIZE, COPY_PARTIAL "%d-%u", (int)getpid(), ++c->n_partial);
}

bool copy_is_partial(const char *name)
{
	return strncmp(name, COPY_PARTIAL, strlen(COPY_PARTIAL)) == 0;
}

bool copy_is_left(const char *name)
{
	long pid = copy_is_partial(name) ? strtol(name + strlen(COPY_PARTIAL), NULL, 10) : 0;

	return pid > 0 && pid <= INT_MAX && pid != getpid() && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}
