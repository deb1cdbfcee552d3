/* SPDX-License-Identifier: MIT */
/* Files, tags and saved searches against a model. Argument: a seed. */
#include "tests/unit/tags_model.h"

#define ROUNDS 2500

int main(int argc, char **argv)
{
	dice_state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	printf("seed %llu\n", (unsigned long long)dice_state);
	model_begin();
	for (unsigned round = 0; round < ROUNDS && model_has_room() && !check_failures; round++) {
		step();
		if (round % 50 == 49)
			check_all();
		if (round % 400 == 399)
			c = tree_box_reopen(c);
	}
	check_all();
	tree_box_close(c);
	return check_result();
}
