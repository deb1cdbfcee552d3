/* SPDX-License-Identifier: MIT */
/* A bucket over one that hangs: requests end with their time-out, what comes back later hurts nobody, too many at once are
 * refused, and it can be freed at any time. */
#include "tiers/s3/impatient.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/check.h"
#include "tests/fakes/mem_bucket.h"
#include "tiers/s3/bucket_impl.h"

/* A bucket in memory behind a gate. */
struct gated {
	struct bucket bucket;
	struct bucket *inner; /* owned */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool shut;
static unsigned waiting, freed;

static void pass(void)
{
	LOCKED(&lock);

	waiting++;
	while (shut)
		(void) pthread_cond_wait(&moved, &lock);
	waiting--;
}

static void set_gate(bool is_shut)
{
	LOCKED(&lock);

	shut = is_shut;
	(void) pthread_cond_broadcast(&moved);
}

static unsigned count_waiting(void)
{
	LOCKED(&lock);

	return waiting;
}

static int gated_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	pass();
	return bucket_start(((struct gated *)b)->inner, q, done, context);
}

static int gated_put_large(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
			   struct bucket_object *ret_object)
{
	pass();
	return bucket_put(((struct gated *)b)->inner, c, key, body, ret_object);
}

static int gated_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object, void *context)
{
	pass();
	return bucket_list(((struct gated *)b)->inner, c, prefix, object, context);
}

static void gated_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	bucket_get_stats(((struct gated *)b)->inner, ret_stats);
}

static void gated_free(struct bucket *b)
{
	(void) bucket_free(((struct gated *)b)->inner);
	free(b);
	LOCKED(&lock);
	freed++;
	(void) pthread_cond_broadcast(&moved);
}

static const struct bucket_ops gated_ops = {
	.start = gated_start, .put_large = gated_put_large, .list = gated_list, .stats = gated_stats, .free = gated_free,
};

static int open_gated(const char *path, struct bucket **ret_b, struct bucket_error *ret_why)
{
	struct gated *g = calloc(1, sizeof(*g));

	pass();
	if (strcmp(path, "none") == 0) {
		free(g);
		return bucket_fail(ret_why, BUCKET_NONE, 0, "there is none");
	}
	CHECK(g != NULL);
	g->bucket.ops = &gated_ops;
	CHECK_EQ(mem_bucket_new(&g->inner), 0);
	*ret_b = &g->bucket;
	return 0;
}

static struct bucket *open_it(void)
{
	const struct impatient_config config = { .path = "nas", .open = open_gated, .open_timeout_ms = 5000,
						 .request_timeout_ms = 100, .transfer_timeout_ms = 100 };
	struct bucket_error why;
	struct bucket *b;

	CHECK_EQ(impatient_open(&config, &b, &why), 0);
	return b;
}

static struct bucket_error error;
static const struct bucket_call call = { .cause = BUCKET_RECALL, .ret_error = &error };

static int put(struct bucket *b, const char *text)
{
	char *copy = strdup(text); /* which nobody may look at later */
	struct bucket_body body = { .data = copy, .fd = -1, .len = strlen(text) };
	int r = bucket_put(b, &call, "key", &body, NULL);

	memset(copy, 'x', strlen(text));
	free(copy);
	return r;
}

static int count(void *context, const char *key, const struct bucket_object *o)
{
	++*(unsigned *)context;
	return 0;
}

static void until(bool (*is_so)(struct bucket *b), struct bucket *b)
{
	for (unsigned k = 0; k < 5000 && !is_so(b); k++)
		(void) usleep(1000);
	CHECK(is_so(b));
}

static unsigned count_freed(void)
{
	LOCKED(&lock);

	return freed;
}

/* By the last of those that were left behind. */
static void until_freed(unsigned n)
{
	for (unsigned k = 0; k < 10000 && count_freed() < n; k++)
		(void) usleep(1000);
	CHECK_EQ(count_freed(), n);
}

static bool is_calm(struct bucket *b)
{
	return count_waiting() == 0;
}

/* Those that were left behind have come back, and been seen. */
static bool answers(struct bucket *b)
{
	struct bucket_object o;

	return bucket_head(b, &call, "key", &o) != -EHOSTUNREACH;
}

static void test_time_out(void)
{
	struct bucket *b = open_it();
	char *data = malloc(100);
	uint64_t began_ms;
	struct bucket_stats stats;
	struct bucket_object o;
	unsigned n = 0;

	CHECK_EQ(put(b, "first"), 0);
	CHECK_EQ(bucket_get(b, &call, "key", 1, data, 100), 4);
	CHECK(memcmp(data, "irst", 4) == 0);
	set_gate(true);
	began_ms = clock_mono_ms();
	CHECK_EQ(bucket_get(b, &call, "key", 0, data, 100), -ETIMEDOUT);
	CHECK_EQ(error.fault, BUCKET_TIMEOUT);
	CHECK(strstr(error.text, "nas") != NULL);
	CHECK(clock_mono_ms() - began_ms >= 99 && clock_mono_ms() - began_ms < 5000);
	free(data);
	bucket_get_stats(b, &stats);
	CHECK(stats.last.fault == BUCKET_TIMEOUT && stats.failed == 1);
	CHECK_EQ(put(b, "second"), -ETIMEDOUT);
	CHECK_EQ(bucket_put_if(b, &call, "other", &(struct bucket_body){ .data = "o", .fd = -1, .len = 1 }, NULL, &o),
		 BUCKET_EUNKNOWN);
	CHECK_EQ(bucket_list(b, &(struct bucket_call){ .timeout_ms = 50, .ret_error = &error }, "", count, &n), -ETIMEDOUT);
	CHECK_EQ(n, 0);
	set_gate(false);
	until(is_calm, b);
	until(answers, b);
	bucket_get_stats(b, &stats);
	CHECK_EQ(stats.last.fault, BUCKET_FINE);
	/* What was late has happened, with the bytes as they were. */
	data = malloc(100);
	CHECK_EQ(bucket_get(b, &call, "key", 0, data, 100), 6);
	CHECK(memcmp(data, "second", 6) == 0);
	free(data);
	CHECK_EQ(bucket_list(b, &call, "", count, &n), 0);
	CHECK_EQ(n, 2);
	(void) bucket_free(b);
	until_freed(1);
}

static atomic_uint came, good;

static void note(void *context, const struct bucket_result *result)
{
	atomic_fetch_add(&came, 1);
	atomic_fetch_add(&good, result->error == 0);
}

/* Many hang: a bound on threads, and an answer at once. */
static void test_many(void)
{
	static char data[40][10];
	struct bucket *b = open_it();
	uint64_t began_ms;

	CHECK_EQ(put(b, "first"), 0);
	set_gate(true);
	for (unsigned k = 0; k < 40; k++) {
		const struct bucket_request q = { .op = BUCKET_GET, .cause = BUCKET_RECALL, .key = "key", .data = data[k], .len = 5 };

		CHECK_EQ(bucket_start(b, &q, note, NULL), 0);
	}
	for (unsigned k = 0; k < 5000 && atomic_load(&came) < 40; k++)
		(void) usleep(1000);
	CHECK_EQ(atomic_load(&came), 40);
	CHECK_EQ(atomic_load(&good), 0);
	began_ms = clock_mono_ms();
	CHECK_EQ(bucket_get(b, &call, "key", 0, data[0], 5), -EHOSTUNREACH);
	CHECK(clock_mono_ms() - began_ms < 90);
	CHECK(count_waiting() <= 40);
	set_gate(false);
	until(answers, b);
	CHECK_EQ(bucket_get(b, &call, "key", 0, data[0], 5), 5);
	(void) bucket_free(b);
	until_freed(2);
}

static void *cancel_soon(void *context)
{
	(void) usleep(20000);
	bucket_cancel(context);
	return NULL;
}

/* Freed with a thread left behind: that one frees the rest. */
static void test_end(void)
{
	const struct impatient_config none = { .path = "none", .open = open_gated };
	const struct impatient_config slow = { .path = "nas", .open = open_gated, .open_timeout_ms = 500 };
	const struct bucket_call patient = { .timeout_ms = 60000, .ret_error = &error };
	struct bucket *b = open_it();
	pthread_t thread;
	char data[5];

	set_gate(true);
	CHECK_EQ(pthread_create(&thread, NULL, cancel_soon, b), 0);
	CHECK_EQ(bucket_get(b, &patient, "key", 0, data, 5), -ECANCELED);
	(void) pthread_join(thread, NULL);
	CHECK_EQ(bucket_get(b, &patient, "key", 0, data, 5), -ECANCELED);
	(void) bucket_free(b);
	CHECK_EQ(count_freed(), 2);
	CHECK_EQ(impatient_open(&slow, &b, &error), -ETIMEDOUT);
	CHECK(strstr(error.text, "does not answer"));
	set_gate(false);
	until_freed(4);
	CHECK_EQ(impatient_open(&none, &b, &error), -ENXIO);
	CHECK(strstr(error.text, "there is none"));
	/* What a thread that was left behind frees last. */
	(void) usleep(50000);
}

int main(void)
{
	test_time_out();
	test_many();
	test_end();
	return check_result();
}
