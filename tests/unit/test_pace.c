/* SPDX-License-Identifier: MIT */
/* The extractor's place behind all else: an autogroup of its own, whose nice value follows extractor_pace(). */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "index/extract/extract.h"
#include "tests/unit/check.h"

struct autogroup {
	unsigned number;
	int nice;
};

/* False: the kernel has none, or does not use them. */
static bool autogroup_of(pid_t pid, struct autogroup *ret)
{
	char path[64];
	FILE *f;
	bool read;

	(void) snprintf(path, sizeof(path), "/proc/%d/autogroup", (int)pid);
	f = fopen(path, "re");
	read = f && fscanf(f, "/autogroup-%u nice %d", &ret->number, &ret->nice) == 2;
	if (f)
		(void) fclose(f);
	return read;
}

/* The process that this one has started. */
static pid_t find_child(void)
{
	pid_t child = -1;
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid;

	if (f && fscanf(f, "%d", &pid) == 1)
		child = pid;
	if (f)
		(void) fclose(f);
	return child;
}

/* The kernel takes changes from ordinary users ten times a second only; each request tries again. */
static int nice_becomes(struct extractor *e, pid_t child, int want)
{
	struct autogroup group = { .nice = -99 };
	struct document d;

	for (unsigned i = 0; i < 100 && group.nice != want; i++) {
		if (i > 0)
			(void) nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
		CHECK_EQ(extractor_run(e, "a.txt", "text", 4, 5, &d), 0);
		document_done(&d);
		CHECK(autogroup_of(child, &group));
	}
	return group.nice;
}

static void test_pace(struct extractor *e, const struct autogroup *own)
{
	pid_t child = find_child();
	struct autogroup group;

	CHECK(child > 0 && autogroup_of(child, &group));
	CHECK(group.number != own->number);
	for (unsigned i = 0; i < 2; i++) {
		extractor_pace(e, true);
		CHECK_EQ(nice_becomes(e, child, 19), 19);
		extractor_pace(e, false);
		CHECK_EQ(nice_becomes(e, child, 0), 0);
	}
}

int main(void)
{
	const char *program = getenv("BRAINY_EXTRACT");
	struct extractor *e = NULL;
	struct autogroup own;

	if (!autogroup_of(getpid(), &own)) {
		fprintf(stderr, "this kernel has no autogroups\n");
		return 77;
	}
	if (!program || extractor_start(program, &e) < 0) {
		fprintf(stderr, "BRAINY_EXTRACT does not name the program\n");
		return 1;
	}
	CHECK(extractor_missing(e) >= 0);
	test_pace(e, &own);
	(void) extractor_stop(e);
	return check_result();
}
