/* SPDX-License-Identifier: MIT */
/* brainy-extract: started by brainy, or by hand to see what its sandbox holds back. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "index/extract/protocol.h"
#include "index/extract/selftest.h"
#include "index/extract/zygote.h"
#include "version.h"

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: brainy-extract --self-test   says what a worker of the sandbox may not do\n"
		     "       brainy-extract --version\n"
		     "brainy starts this program to read documents; it is of no use alone.\n");
	return status;
}

/* Without the exit handlers of libraries: not all they might do is allowed in the sandbox. */
static int end(int status)
{
	(void) fflush(stdout);
	_exit(status);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--self-test") == 0)
		return end(selftest_run());
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("brainy-extract %s (%s)\n", BRAINY_VERSION, BRAINY_COMMIT);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	if (argc > 1 || fcntl(EXTRACT_CONTROL_FD, F_GETFD) < 0)
		return usage(stderr, 2);
	/* What a library of the server has left open for us, or whoever mounted the volume. */
	(void) close_range(EXTRACT_CONTROL_FD + 1, ~0u, 0);
	return end(zygote_run());
}
