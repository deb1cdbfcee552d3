/* SPDX-License-Identifier: MIT */
/* Files that wait: their order, the backlog, and that memory is bounded. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "check.h"
#include "index/work.h"

static uint64_t take(struct work_set *s)
{
	struct work *w = work_take(s);

	return w ? w->ino : 0;
}

/* Takes one and is done with it. */
static uint64_t finish_one(struct work_set *s)
{
	struct work *w = work_take(s);
	uint64_t ino = w ? w->ino : 0;

	if (w)
		work_drop(s, w);
	return ino;
}

static void check_sound(const struct work_set *s)
{
	struct ino_set all = { 0 };

	CHECK_EQ(work_list(s, true, &all), 0);
	CHECK_EQ(all.n, work_count(s)); /* none is in two places */
	ino_set_done(&all);
}

static void test_million(void)
{
	struct work_set s = { 0 };
	size_t bytes;
	uint64_t n = 0;

	for (uint64_t ino = 1; ino <= 1000000; ino++)
		CHECK_EQ(work_old_news(&s, ino), 0);
	CHECK(work_bytes(&s) < 200000);
	for (uint64_t ino = 1000001; ino <= 2000000; ino++)
		CHECK_EQ(work_news(&s, ino, true), 0);
	bytes = work_bytes(&s);
	printf("two million files that wait: %zu bytes\n", bytes);
	CHECK(bytes < 2000000);
	CHECK_EQ(work_count(&s), 2000000);
	check_sound(&s);
	while (finish_one(&s))
		n++;
	CHECK_EQ(n, 2000000);
	CHECK_EQ(work_count(&s), 0);
	CHECK(!work_is_before(&s, UINT64_MAX));
	work_done(&s);
}

/* What is closed now is taken at once, and what waits goes on all the same. */
static void test_fresh_first(void)
{
	struct work_set s = { .window = 4 };

	for (uint64_t ino = 1; ino <= 100; ino++)
		CHECK_EQ(work_old_news(&s, ino), 0);
	for (uint64_t ino = 101; ino <= 120; ino++)
		CHECK_EQ(work_news(&s, ino, true), 0);
	CHECK_EQ(finish_one(&s), 120);
	CHECK_EQ(finish_one(&s), 1);
	CHECK_EQ(work_news(&s, 50, true), 0);
	CHECK_EQ(finish_one(&s), 50); /* it was in the backlog */
	CHECK(!work_has(&s, 50));
	CHECK_EQ(finish_one(&s), 2);
	work_closed(&s, 60);
	CHECK_EQ(finish_one(&s), 60);
	work_closed(&s, 61);
	work_gone(&s, 61);
	work_gone(&s, 3);
	work_gone(&s, 4711);
	work_closed(&s, 4711);
	CHECK_EQ(finish_one(&s), 4);
	check_sound(&s);
	CHECK_EQ(work_count(&s), 120 - 8);
	work_done(&s);
}

/* News of a file that is RUNNING, from whichever place it came. */
static void test_running(void)
{
	struct work_set s = { .window = 1 };
	struct work *w;

	CHECK_EQ(work_old_news(&s, 5), 0);
	w = work_take(&s);
	CHECK(w && w->ino == 5 && !ino_set_has(&s.shrinking.files, 5));
	CHECK_EQ(work_old_news(&s, 5), 0);
	CHECK(w->again && w->stale);
	work_move(&s, w, WORK_READY);
	CHECK(work_take(&s) == w && !w->again);
	work_gone(&s, 5);
	CHECK(w->again && w->stale && work_find(&s, 5) == w);
	work_drop(&s, w);
	CHECK(!work_has(&s, 5));
	work_done(&s);
}

/* Whoever waits for a moment waits for what was there, however much comes. */
static void test_moments(void)
{
	struct work_set s = { .window = 2 };
	uint64_t number, rounds = 0, ino = 1000;

	for (uint64_t n = 1; n <= 50; n++)
		CHECK_EQ(work_news(&s, n, true), 0);
	number = s.next_number;
	while (work_is_before(&s, number) && rounds++ < 1000) {
		CHECK_EQ(work_news(&s, ino++, true), 0);
		CHECK(finish_one(&s));
	}
	for (uint64_t n = 1; n <= 50; n++)
		CHECK(!work_has(&s, n));
	CHECK(rounds >= 50 && rounds < 300);
	work_done(&s);
}

/* Files that fail all the time neither take memory nor keep the others from being tried. */
static void test_failing(void)
{
	struct work_set s = { .window = 8 };
	unsigned tried[101] = { 0 }, rounds = 0;
	uint64_t now = 1000;

	for (uint64_t ino = 1; ino <= 100; ino++)
		CHECK_EQ(work_old_news(&s, ino), 0);
	for (; rounds < 1000; rounds++) {
		uint64_t next = work_wake_later(&s, now);
		struct work *w = work_take(&s);

		if (!w) {
			CHECK(!work_has_backlog(&s) && next != UINT64_MAX); /* there is a pause */
			now = next;
			continue;
		}
		tried[w->ino]++;
		work_postpone(&s, w, now + 10000);
		CHECK(s.files.n <= 2 * 8 + 1);
	}
	for (unsigned ino = 1; ino <= 100; ino++)
		CHECK(tried[ino] > 2);
	CHECK(now >= 1000 + 10000ull * (1000 / 8 / 3));
	CHECK_EQ(work_pending(&s), 100);
	check_sound(&s);
	work_done(&s);
}

static void test_held(void)
{
	struct work_set s = { .window = 4 };
	struct ino_set seen = { 0 };

	for (uint64_t ino = 1; ino <= 10; ino++)
		CHECK_EQ(work_old_news(&s, ino), 0);
	for (unsigned n = 0; n < 10; n++)
		work_move(&s, work_find(&s, take(&s)), WORK_HELD);
	CHECK_EQ(work_pending(&s), 0);
	CHECK_EQ(work_count(&s), 10);
	CHECK(!work_is_before(&s, UINT64_MAX));
	CHECK_EQ(work_list(&s, false, &seen), 0);
	CHECK_EQ(seen.n, 0);
	CHECK_EQ(take(&s), 0);
	work_closed(&s, 7);
	CHECK_EQ(finish_one(&s), 7);
	work_wake_held(&s);
	CHECK_EQ(work_pending(&s), 9);
	ino_set_done(&seen);
	work_done(&s);
}

/* Any order of anything: no file is lost, or in two places. */
static void test_model(unsigned seed)
{
	struct work_set s = { .window = 5 };
	bool waits[64] = { false };
	uint64_t n;

	srand(seed);
	for (unsigned round = 0; round < 20000; round++) {
		uint64_t ino = 1 + (unsigned)rand() % 63;
		struct work *w;

		switch (rand() % 8) {
		case 0:
		case 1:
			CHECK_EQ(work_news(&s, ino, rand() % 2), 0);
			waits[ino] = true;
			break;
		case 2:
			CHECK_EQ(work_old_news(&s, ino), 0);
			waits[ino] = true;
			break;
		case 3:
			work_gone(&s, ino);
			waits[ino] = false;
			break;
		case 4:
			work_closed(&s, ino);
			break;
		case 5:
			(void) work_wake_later(&s, (uint64_t)rand() % 30000);
			if (rand() % 4 == 0)
				work_wake_held(&s);
			break;
		default:
			w = work_take(&s);
			if (!w)
				break;
			if (rand() % 4 == 0) {
				work_postpone(&s, w, (uint64_t)rand() % 30000);
			} else if (rand() % 4 == 0) {
				work_move(&s, w, WORK_HELD);
			} else {
				waits[w->ino] = false;
				work_drop(&s, w);
			}
		}
		n = 0;
		for (unsigned i = 0; i < 64; i++) {
			CHECK_EQ(work_has(&s, i), waits[i]);
			n += waits[i];
		}
		CHECK_EQ(work_count(&s), n);
		check_sound(&s);
	}
	work_done(&s);
}

int main(void)
{
	test_million();
	test_fresh_first();
	test_running();
	test_moments();
	test_failing();
	test_held();
	for (unsigned seed = 1; seed <= 4; seed++)
		test_model(seed);
	return check_result();
}
