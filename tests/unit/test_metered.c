/* SPDX-License-Identifier: MIT */
/* A bucket that counts, and refuses what the limits of a day do not allow; what it counted is kept in a record. */
#include "tiers/move/metered.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tests/fakes/mem_bucket.h"
#include "tests/unit/check.h"

static struct bucket *make(uint64_t requests, uint64_t bytes)
{
	const struct limits limits = { .requests = requests, .bytes = bytes };
	struct bucket *inner, *b;

	CHECK_EQ(mem_bucket_new(&inner), 0);
	CHECK_EQ(metered_new(inner, &limits, &b), 0);
	return b;
}

static int put(struct bucket *b, enum bucket_cause cause, struct bucket_error *ret_why)
{
	const struct bucket_call call = { .cause = cause, .ret_error = ret_why };
	const struct bucket_body body = { .data = "ten bytes.", .len = 10 };

	return bucket_put(b, &call, "key", &body, NULL);
}

static int get(struct bucket *b, enum bucket_cause cause)
{
	const struct bucket_call call = { .cause = cause };
	char data[10];

	return (int)bucket_get(b, &call, "key", 0, data, sizeof(data));
}

static void test_counts(void)
{
	struct bucket *b = make(0, 0);
	struct bucket_error why;
	struct metered_state s;
	uint64_t ms;

	CHECK_EQ(put(b, BUCKET_DEMOTION, &why), 0);
	CHECK(!metered_expect(b, 1000, &ms));
	CHECK_EQ(get(b, BUCKET_RECALL), 10);
	/* Ten bytes in a millisecond at least. */
	CHECK(metered_expect(b, 1000, &ms) && ms >= 100);
	metered_get(b, &s);
	CHECK_EQ(s.today.by[BUCKET_DEMOTION].requests[BUCKET_PUT], 1);
	CHECK_EQ(s.today.by[BUCKET_DEMOTION].bytes_up, 10);
	CHECK_EQ(s.all.by[BUCKET_RECALL].requests[BUCKET_GET], 1);
	CHECK_EQ(s.all.by[BUCKET_RECALL].bytes_down, 10);
	CHECK_EQ(s.used.requests, 2);
	CHECK_EQ(s.recalls, 0);
	CHECK_EQ(s.recall_bytes, 0);
	(void) bucket_free(b);
}

/* The background has nine tenths, programs that read the rest, too. */
static void test_limits(void)
{
	struct bucket *b = make(10, 0);
	struct bucket_error why = { 0 };
	struct metered_state s;

	for (unsigned k = 0; k < 9; k++)
		CHECK_EQ(put(b, BUCKET_DEMOTION, &why), 0);
	CHECK_EQ(put(b, BUCKET_DEMOTION, &why), -EDQUOT);
	CHECK(why.fault == BUCKET_LIMITED && strstr(why.text, "[limits]"));
	metered_get(b, &s);
	CHECK(s.capped && s.refused == 1);
	CHECK_EQ(get(b, BUCKET_RECALL), 10);
	CHECK_EQ(get(b, BUCKET_RECALL), -EDQUOT);
	metered_set_limits(b, &(struct limits){ 0 });
	CHECK_EQ(get(b, BUCKET_RECALL), 10);
	(void) bucket_free(b);
}

static void test_record(void)
{
	struct bucket *b = make(0, 0), *after = make(2, 0);
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct bucket_error why;
	struct metered_state s;

	CHECK_EQ(put(b, BUCKET_DEMOTION, &why), 0);
	CHECK_EQ(put(b, BUCKET_DEMOTION, &why), 0);
	CHECK_EQ(metered_encode(b, &value), 0);
	for (size_t n = 0; n < value.len; n++)
		CHECK_EQ(metered_decode(after, value.data, n), -EBADMSG);
	CHECK_EQ(metered_decode(after, value.data, value.len), 0);
	metered_get(after, &s);
	CHECK_EQ(s.used.requests, 2);
	CHECK_EQ(s.all.by[BUCKET_DEMOTION].requests[BUCKET_PUT], 2);
	CHECK_EQ(put(after, BUCKET_DEMOTION, &why), -EDQUOT);
	(void) bucket_free(b);
	(void) bucket_free(after);
}

int main(void)
{
	test_counts();
	test_limits();
	test_record();
	return check_result();
}
