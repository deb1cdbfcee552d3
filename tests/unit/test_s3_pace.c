/* SPDX-License-Identifier: MIT */
/* How quickly the client asks, how long it waits, and that it asks nothing of who is not there, nor once it is closed. */
#include "tests/unit/scripted_bucket.h"

static void check_slow_down(void)
{
	struct s3_config config = quick();
	struct bucket_stats s;
	struct bucket *b;

	config.attempts = 10;
	config.min_connections = 3;
	config.max_connections = 16;
	b = open_with(config);
	PLAY({ 503, NULL, XML_ERROR("SlowDown") }, WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(stats_of(b).throttled, 1);
	CHECK_EQ(stats_of(b).window, 8);
	PLAY({ 503 }, { 503 }, { 503 }, { 503 }, WHOLE);
	CHECK_EQ(get(b), 10);
	s = stats_of(b);
	CHECK_EQ(s.window, 3);
	CHECK_EQ(s.breaker, BUCKET_CLOSED);
	for (unsigned i = 0; i < 12; i++) {
		PLAY(WHOLE);
		CHECK_EQ(get(b), 10);
	}
	CHECK(stats_of(b).window > 3);
	(void) bucket_free(b);
}

static void check_limits(void)
{
	struct s3_config config = quick();
	uint64_t from_ms;
	struct bucket *b;

	config.requests_s = 10;
	b = open_with(config);
	from_ms = clock_mono_ms();
	for (unsigned i = 0; i < 14; i++) { /* ten at once, then each a tenth of a second */
		PLAY(WHOLE);
		CHECK_EQ(get(b), 10);
	}
	CHECK(clock_mono_ms() - from_ms >= 280);
	CHECK(clock_mono_ms() - from_ms < 2000);
	(void) bucket_free(b);
	config.requests_s = 0;
	config.down_bytes_s = 100;
	b = open_with(config);
	from_ms = clock_mono_ms();
	for (unsigned i = 0; i < 13; i++) {
		PLAY(WHOLE);
		CHECK_EQ(get(b), 10);
	}
	CHECK(clock_mono_ms() - from_ms >= 150);
	/* Set while it is open. */
	bucket_set_pace(b, &(struct bucket_pace){ .requests_s = 10 });
	from_ms = clock_mono_ms();
	for (unsigned i = 0; i < 14; i++) {
		PLAY(WHOLE);
		CHECK_EQ(get(b), 10);
	}
	CHECK(clock_mono_ms() - from_ms >= 280);
	bucket_set_pace(b, &(struct bucket_pace){ 0 });
	from_ms = clock_mono_ms();
	for (unsigned i = 0; i < 14; i++) {
		PLAY(WHOLE);
		CHECK_EQ(get(b), 10);
	}
	CHECK(clock_mono_ms() - from_ms < 1000);
	(void) bucket_free(b);
}

static void check_times(void)
{
	struct s3_config config = quick();
	const struct bucket_call hasty = { .timeout_ms = 300, .ret_error = &error };
	uint64_t from_ms = clock_mono_ms();
	struct bucket *b;
	char data[10];

	config.request_timeout_ms = 100;
	config.attempts = 2;
	b = open_with(config);
	PLAY({ 206, RANGE_TEN, "0123456789", .delay_ms = 400 }, { 206, RANGE_TEN, "0123456789", .delay_ms = 400 });
	CHECK_EQ(get(b), -ETIMEDOUT);
	told("in time");
	CHECK(clock_mono_ms() - from_ms < 1000);
	(void) bucket_free(b);
	config.request_timeout_ms = 30000;
	b = open_with(config);
	PLAY({ 206, RANGE_TEN, "0123456789", .delay_ms = 600 });
	from_ms = clock_mono_ms();
	CHECK_EQ(bucket_get(b, &hasty, "key", 0, data, sizeof(data)), -ETIMEDOUT);
	CHECK(clock_mono_ms() - from_ms < 590);
	(void) bucket_free(b);
}

static void check_breaker(void)
{
	struct s3_config config = quick();
	struct scripted_server *ours = server;
	unsigned port = server->port;
	uint64_t from_ms;
	struct bucket *b;

	config.breaker_failures = 3;
	config.breaker_pause_ms = 300;
	b = open_with(config);
	PLAY(WHOLE);
	CHECK_EQ(get(b), 10);
	scripted_stop(ours);
	CHECK_EQ(get(b), -EHOSTUNREACH);
	CHECK_EQ(stats_of(b).breaker, BUCKET_OPEN);
	CHECK(stats_of(b).reopen_ms > 0);
	from_ms = clock_mono_ms();
	for (unsigned i = 0; i < 50; i++)
		CHECK_EQ(get(b), -EHOSTUNREACH);
	CHECK(clock_mono_ms() - from_ms < 250);
	told("asked again in");
	told("nothing answers");
	server = scripted_start(port);
	scripted_set_otherwise(server, (struct scripted_answer)WHOLE);
	(void) usleep(400000);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(stats_of(b).breaker, BUCKET_CLOSED);
	CHECK_EQ(stats_of(b).breaker_opened, 1);
	(void) bucket_free(b);
	scripted_set_otherwise(server, (struct scripted_answer){ .status = 500 });
}

static _Atomic unsigned cancelled;

static void note_cancelled(void *context, const struct bucket_result *result)
{
	(void) context;
	cancelled += result->error == -ECANCELED && result->why->fault == BUCKET_STOPPED;
}

static void check_free(void)
{
	struct s3_config config = quick();
	char data[22][10];
	struct bucket *b;

	config.max_connections = 4;
	b = open_with(config);
	scripted_set_otherwise(server, (struct scripted_answer){ .status = 500, .delay_ms = 300 });
	PLAY({ 500, .delay_ms = 300 });
	for (unsigned i = 0; i < 20; i++) {
		struct bucket_request q = { .op = BUCKET_GET, .key = "key", .data = data[i], .len = 10 };

		CHECK_EQ(bucket_start(b, &q, note_cancelled, NULL), 0);
	}
	(void) usleep(50000);
	CHECK_EQ(stats_of(b).in_flight, 3); /* a quarter is kept for recalls */
	CHECK_EQ(stats_of(b).waiting, 17);
	for (unsigned i = 0; i < 2; i++) {
		struct bucket_request q = { .op = BUCKET_GET, .cause = BUCKET_RECALL, .key = "key", .data = data[20 + i], .len = 10 };

		CHECK_EQ(bucket_start(b, &q, note_cancelled, NULL), 0);
	}
	(void) usleep(50000);
	CHECK_EQ(stats_of(b).in_flight, 4);
	CHECK_EQ(stats_of(b).waiting, 18);
	(void) bucket_free(b);
	CHECK_EQ(cancelled, 22);
	scripted_set_otherwise(server, (struct scripted_answer){ .status = 500 });
}

static void test_all(void)
{
	check_slow_down();
	check_limits();
	check_times();
	check_breaker();
	check_free();
}

int main(void)
{
	return scripted_bucket_run(test_all);
}
