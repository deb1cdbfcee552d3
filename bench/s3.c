/* SPDX-License-Identifier: MIT */
/* s3 put N BYTES | s3 get N BYTES PARALLEL [ROUNDS] - N objects of BYTES each, in the bucket that S3_ENDPOINT, S3_BUCKET and the AWS_ variables
 * name; `get` reads them, PARALLEL at a time, and prints bytes a second. For bench/s3.sh. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/s3.h"

struct reading {
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct bucket *bucket;
	unsigned next, total, n, under_way, failed; /* guarded by lock */
	uint64_t bytes;
	size_t size;
	struct bucket_error error;
};

struct hand {
	struct reading *reading;
	char *data; /* owned */
};

static bool start_next(struct hand *r);

static void got(void *context, const struct bucket_result *result)
{
	struct hand *r = context;
	struct reading *g = r->reading;

	(void) pthread_mutex_lock(&g->lock);
	g->bytes += result->len;
	g->failed += result->error < 0 || result->len != g->size;
	if (result->why)
		g->error = *result->why;
	(void) pthread_mutex_unlock(&g->lock);
	if (start_next(r))
		return;
	(void) pthread_mutex_lock(&g->lock);
	g->under_way--;
	(void) pthread_cond_signal(&g->came);
	(void) pthread_mutex_unlock(&g->lock);
}

static bool start_next(struct hand *r)
{
	struct reading *g = r->reading;
	struct bucket_request q = { .op = BUCKET_GET, .cause = BUCKET_RECALL, .data = r->data, .len = g->size };
	char key[32];
	unsigned i;

	(void) pthread_mutex_lock(&g->lock);
	i = g->next < g->total ? g->next++ : g->total;
	(void) pthread_mutex_unlock(&g->lock);
	if (i == g->total)
		return false;
	(void) snprintf(key, sizeof(key), "bench/%04u", i % g->n);
	q.key = key;
	return bucket_start(g->bucket, &q, got, r) == 0;
}

static int get_all(struct bucket *b, unsigned n, size_t size, unsigned parallel, unsigned rounds)
{
	struct reading g = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER, .bucket = b,
			     .total = n * rounds, .n = n, .under_way = parallel, .size = size };
	struct hand *hands = calloc(parallel, sizeof(*hands));
	uint64_t from_ns, took_ns;

	for (unsigned i = 0; i < parallel; i++) {
		hands[i] = (struct hand){ &g, malloc(size) };
		memset(hands[i].data, 1, size); /* who reads has the memory already */
	}
	from_ns = clock_mono_ns();
	for (unsigned i = 0; i < parallel; i++)
		if (!start_next(&hands[i]))
			return 1;
	(void) pthread_mutex_lock(&g.lock);
	while (g.under_way > 0)
		(void) pthread_cond_wait(&g.came, &g.lock);
	(void) pthread_mutex_unlock(&g.lock);
	took_ns = clock_mono_ns() - from_ns;
	for (unsigned i = 0; i < parallel; i++)
		free(hands[i].data);
	free(hands);
	if (g.failed > 0)
		fprintf(stderr, "%u failed: %s\n", g.failed, g.error.text);
	printf("%.0f\n", (double)g.bytes * 1e9 / (double)took_ns);
	return g.failed > 0;
}

static int put_all(struct bucket *b, unsigned n, size_t size)
{
	struct bucket_error error;
	struct bucket_call call = { .ret_error = &error };
	char *data = malloc(size), key[32];

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 2654435761u >> 11);
	for (unsigned i = 0; i < n; i++) {
		struct bucket_body body = { .data = data, .fd = -1, .len = size };

		(void) snprintf(key, sizeof(key), "bench/%04u", i);
		if (bucket_put(b, &call, key, &body, NULL) < 0) {
			fprintf(stderr, "%s\n", error.text);
			return 1;
		}
	}
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct s3_config config = { .endpoint = getenv("S3_ENDPOINT"), .region = getenv("AWS_REGION"), .bucket = getenv("S3_BUCKET") };
	unsigned n = argc > 3 ? (unsigned)atoi(argv[2]) : 0;
	size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	struct bucket_error error;
	struct bucket *b;
	int r;

	if (n == 0 || size == 0)
		return 2;
	if (s3_open(&config, &b, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	if (strcmp(argv[1], "put") == 0)
		r = put_all(b, n, size);
	else
		r = get_all(b, n, size, argc > 4 ? (unsigned)atoi(argv[4]) : 1, argc > 5 ? (unsigned)atoi(argv[5]) : 1);
	(void) bucket_free(b);
	return r;
}
