/* SPDX-License-Identifier: MIT */
/* Links by several threads at once. */
#include "tests/unit/linking_load.h"

#define ROUNDS 12000

int main(void)
{
	pthread_t threads[2];
	unsigned state = 3;

	xattr_box_open(56);
	CHECK_EQ(derive_run(c), 0);
	CHECK_EQ(pthread_create(&threads[0], NULL, finder, NULL), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, setter, NULL), 0);
	while (atomic_load(&times_found) < ROUNDS || atomic_load(&times_set) < ROUNDS)
		come_and_go(&state);
	atomic_store(&over, true);
	for (unsigned k = 0; k < ARRAY_SIZE(threads); k++)
		(void) pthread_join(threads[k], NULL);
	check_all();
	tree_box_close(c);
	return check_result();
}
