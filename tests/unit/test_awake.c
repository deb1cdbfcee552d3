/* SPDX-License-Identifier: MIT */
/* What is a burst of requests, and what the kernel is asked for while there is one. */
#include "fs/awake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"

#define NO_WISH 2000000000

static void sleep_ms(unsigned ms)
{
	(void) nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

/* The least that anybody on this machine wishes for, in microseconds. */
static int32_t wished(void)
{
	_cleanup_close_ int fd = open("/dev/cpu_dma_latency", O_RDONLY | O_CLOEXEC);
	int32_t value = -1;

	CHECK_EQ(read(fd, &value, sizeof(value)), sizeof(value));
	return value;
}

/* Others may wish, too, for a moment. */
static bool becomes(int32_t low, int32_t high)
{
	int32_t now = wished();

	for (unsigned i = 0; i < 500 && (now < low || now > high); i++) {
		sleep_ms(10);
		now = wished();
	}
	return now >= low && now <= high;
}

/* A busy machine may put a pause between any two of them. */
static void burst(struct awake *a)
{
	for (unsigned i = 0; i < 10000 && !a->held; i++)
		awake_note(a);
	CHECK(a->held);
}

static void test_burst(void)
{
	struct awake a;

	awake_init(&a);
	CHECK(a.fd >= 0 && !a.held);
	CHECK(a.limit == 0 || a.limit == 2);
	CHECK(becomes(NO_WISH, NO_WISH));
	awake_note(&a);
	CHECK(!a.held);
	burst(&a);
	CHECK(wished() <= a.limit);
	awake_note(&a);
	CHECK(wished() <= a.limit);
	CHECK(becomes(NO_WISH, NO_WISH)); /* since none comes any more */
	CHECK(!a.held);
	awake_note(&a);
	CHECK(!a.held); /* counted anew */

	/* It ends with its owner, too. */
	burst(&a);
	awake_done(&a);
	CHECK(becomes(NO_WISH, NO_WISH));
	CHECK_EQ(a.fd, -1);
}

static void test_no_burst(void)
{
	struct awake a;

	awake_init(&a);
	for (unsigned i = 0; i < 20; i++) {
		awake_note(&a);
		CHECK(!a.held);
		sleep_ms(40);
	}
	awake_done(&a);
}

/* As for an ordinary user. */
static void test_nothing_to_ask(void)
{
	struct awake a = { .fd = -1 };

	for (unsigned i = 0; i < 100; i++)
		awake_note(&a);
	CHECK(!a.held);
	awake_done(&a);
}

int main(void)
{
	test_nothing_to_ask();
	if (access("/dev/cpu_dma_latency", R_OK | W_OK) < 0) {
		perror("/dev/cpu_dma_latency");
		return check_failures ? 1 : 77;
	}
	if (!becomes(NO_WISH, NO_WISH)) {
		fprintf(stderr, "another program keeps the processors awake\n");
		return check_failures ? 1 : 77;
	}
	test_no_burst();
	test_burst();
	return check_result();
}
