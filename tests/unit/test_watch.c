/* SPDX-License-Identifier: MIT */
#include "daemon/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"

static atomic_uint calls;

static void changed(void *context)
{
	atomic_fetch_add(&calls, 1);
}

/* Waits until there were `n` calls, at most five seconds; then looks whether it stays at that. */
static bool calls_become(unsigned n)
{
	for (unsigned i = 0; i < 500 && atomic_load(&calls) < n; i++)
		(void) usleep(10000);
	(void) usleep(300000);
	return atomic_load(&calls) == n;
}

static void run(const char *format, const char *folder)
{
	char command[256];

	(void) snprintf(command, sizeof(command), "cd '%s' && %s", folder, format);
	CHECK_EQ(system(command), 0);
}

static void test_ways_of_changing(const char *folder)
{
	static const char *const ways[] = {
		"echo 1 > conf",
		"echo 2 >> conf",
		"echo 3 > new && mv new conf",                   /* editors */
		"mv conf conf~ && echo 4 > conf && rm conf~",    /* others */
		"for i in 1 2 3 4 5 6 7 8 9; do echo $i > conf; sleep 0.02; done", /* once */
		"chmod 600 conf",
		"rm conf",
		"mkdir -p real && echo 5 > real/c && ln -s real/c conf",
		"echo 6 > real/c",                               /* behind a link */
		"echo 7 > real/n && mv real/n real/c",
		"rm conf && echo 8 > conf",
		"rm conf",
		"echo 9 > other && ln other conf",
	};
	static const char *const others[] = {
		"echo 9 > real/c", "echo x > con", "echo x > conf.new", "cat conf > /dev/null", "rm con conf.new",
	};
	struct watch *w = NULL;
	unsigned n = 1;

	CHECK_EQ(watch_start(folder, "conf", changed, NULL, &w), 0);
	CHECK(calls_become(n));
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		unsigned before = atomic_load(&calls);

		run(ways[i], folder);
		if (!calls_become(before + 1) && atomic_load(&calls) != before + 2) { /* a watch that ends is one more */
			fprintf(stderr, "'%s': %u calls\n", ways[i], atomic_load(&calls) - before);
			check_failures++;
		}
	}
	(void) usleep(500000);
	n = atomic_load(&calls);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		run(others[i], folder);
	CHECK(calls_become(n));
	CHECK(!watch_stop(w));
	run("echo 10 > conf", folder);
	CHECK(calls_become(n));
}

static void test_refusals(const char *folder)
{
	char path[128];
	struct watch *w = NULL;

	(void) snprintf(path, sizeof(path), "%s/none", folder);
	CHECK_EQ(watch_start(path, "conf", changed, NULL, &w), -ENOENT);
	CHECK(!w);
	CHECK(!watch_stop(NULL));
	/* What is not there may come. */
	atomic_store(&calls, 0);
	CHECK_EQ(watch_start(folder, "later", changed, NULL, &w), 0);
	CHECK(calls_become(1));
	run("echo 1 > later", folder);
	CHECK(calls_become(2));
	(void) watch_stop(w);
}

int main(void)
{
	struct temp_folder temp;

	temp_folder_make(&temp);
	test_ways_of_changing(temp.path);
	test_refusals(temp.path);
	temp_folder_remove(&temp);
	return check_result();
}
