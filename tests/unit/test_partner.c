/* SPDX-License-Identifier: MIT */
/* base/partner.h: each piece of a shared job is done once, whether the partner comes or not. */
#include "base/partner.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"

#define PIECES 8u

struct shared_job {
	_Atomic unsigned next, times[PIECES];
	useconds_t each;
};

static void do_pieces(void *context)
{
	struct shared_job *j = context;
	unsigned piece;

	while ((piece = atomic_fetch_add(&j->next, 1)) < PIECES) {
		atomic_fetch_add(&j->times[piece], 1);
		(void) usleep(j->each);
	}
}

static void check_done(struct shared_job *j)
{
	for (unsigned k = 0; k < PIECES; k++)
		CHECK_EQ(atomic_load(&j->times[k]), 1);
}

/* Quick jobs are often over before the partner wakes, slow ones never. */
static void test_share(struct partner *p, useconds_t each, unsigned rounds)
{
	for (unsigned k = 0; k < rounds; k++) {
		struct shared_job j = { .each = each };

		CHECK(partner_offer(p, do_pieces, &j));
		do_pieces(&j);
		partner_withdraw(p);
		check_done(&j);
		if (check_failures)
			return;
	}
}

/* Who finds it busy works alone. */
static void test_busy(struct partner *p)
{
	struct shared_job j = { .each = 100 };

	CHECK(partner_offer(p, do_pieces, &j));
	CHECK(!partner_offer(p, do_pieces, &j));
	partner_withdraw(p);
	do_pieces(&j);
	check_done(&j);
}

static void note(void *flag)
{
	atomic_store((_Atomic bool *)flag, true);
}

static void test_comes(struct partner *p)
{
	_Atomic bool came = false;

	CHECK(partner_offer(p, note, &came));
	for (unsigned ms = 0; ms < 10000 && !atomic_load(&came); ms++)
		(void) usleep(1000);
	CHECK(atomic_load(&came));
	partner_withdraw(p);
}

int main(void)
{
	struct partner *p = NULL;

	CHECK_EQ(partner_start("partner", &p), 0);
	if (!p)
		return check_result();
	test_share(p, 0, 2000);
	test_share(p, 500, 20);
	test_busy(p);
	test_comes(p);
	p = partner_stop(p);
	CHECK(!p);
	return check_result();
}
