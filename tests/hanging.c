/* SPDX-License-Identifier: MIT */
/* hanging serve .. - says that it can take over a mount, as the program in $REAL_BRAINY does, and then does nothing. For
 * tests/mount/upgrade.sh. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *real = getenv("REAL_BRAINY");

	if (argc > 2 && real && strcmp(argv[2], "--handover") == 0)
		return execv(real, argv);
	for (;;)
		(void) pause();
}
