/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over the files named as arguments, without libFuzzer: how `meson test` replays a
 * corpus and how a crasher is looked at in a debugger. */
#include <stdio.h>
#include <stdint.h>
#include <fcntl.h>

#include "base/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf input = BUF_INIT;
		int r = io_read_file_at(AT_FDCWD, argv[i], 64u << 20, &input);

		if (r == 0)
			(void) LLVMFuzzerTestOneInput(input.data, input.len);
		else
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
		buf_done(&input);
		if (r < 0)
			return 1;
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
