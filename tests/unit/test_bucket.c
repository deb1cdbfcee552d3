/* SPDX-License-Identifier: MIT */
/* What every bucket promises (tiers/s3/bucket.h), of the one in memory, the folder and, when $S3_ENDPOINT names a
 * server (tests/s3/server.sh), the client. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "tests/fakes/mem_bucket.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"
#include "tiers/s3/folder.h"
#include "tiers/s3/s3.h"

#define LARGE (70u << 20)

static struct bucket_error error;
static const struct bucket_call call = { .cause = BUCKET_SCRUB, .ret_error = &error };
static char *large;

static void say(int r)
{
	if (r < 0)
		fprintf(stderr, "  %s\n", error.text);
}

static struct bucket_body body_of(const char *text)
{
	return (struct bucket_body){ .data = text, .fd = -1, .len = strlen(text) };
}

static int put_text(struct bucket *b, const char *key, const char *text)
{
	struct bucket_body body = body_of(text);
	int r = bucket_put(b, &call, key, &body, NULL);

	say(r);
	return r;
}

static bool holds(struct bucket *b, const char *key, const char *text)
{
	char data[256];
	int64_t n = bucket_get(b, &call, key, 0, data, sizeof(data));

	return n == (int64_t)strlen(text) && memcmp(data, text, (size_t)n) == 0;
}

static void check_objects(struct bucket *b)
{
	struct bucket_object o, again;
	struct bucket_body body = body_of("hello, world");
	char data[64];

	CHECK_EQ(bucket_head(b, &call, "a", &o), -ENOENT);
	CHECK_EQ(error.fault, BUCKET_ABSENT);
	CHECK_EQ(bucket_get(b, &call, "a", 0, data, 1), -ENOENT);
	CHECK_EQ(bucket_put(b, &call, "a", &body, &o), 0);
	CHECK_EQ(o.size, 12);
	CHECK(*o.etag && !strchr(o.etag, '"'));
	CHECK_EQ(bucket_head(b, &call, "a", &again), 0);
	CHECK_EQ(again.size, 12);
	CHECK(strcmp(again.etag, o.etag) == 0);
	CHECK(again.modified_s > 1600000000);
	CHECK(holds(b, "a", "hello, world"));
	CHECK_EQ(put_text(b, "a", "other"), 0);
	CHECK(holds(b, "a", "other"));
	CHECK_EQ(put_text(b, "empty", ""), 0);
	CHECK(holds(b, "empty", ""));
	CHECK_EQ(bucket_head(b, &call, "empty", &o), 0);
	CHECK_EQ(o.size, 0);
}

static void check_ranges(struct bucket *b)
{
	char data[64] = "";

	CHECK_EQ(put_text(b, "r", "0123456789"), 0);
	CHECK_EQ(bucket_get(b, &call, "r", 2, data, 3), 3);
	CHECK_MEM(data, 3, "234", 3);
	CHECK_EQ(bucket_get(b, &call, "r", 8, data, 10), 2);
	CHECK_MEM(data, 2, "89", 2);
	CHECK_EQ(bucket_get(b, &call, "r", 9, data, 1), 1);
	CHECK_EQ(bucket_get(b, &call, "r", 10, data, 1), 0);
	CHECK_EQ(bucket_get(b, &call, "r", 1000, data, 5), 0);
	CHECK_EQ(bucket_get(b, &call, "r", 0, data, 0), 0);
}

/* From a file, and from its middle. */
static void check_files(struct bucket *b)
{
	int fd = memfd_create("body", MFD_CLOEXEC);
	struct bucket_body body = { .fd = fd, .offset = 3, .len = 4 };

	CHECK_EQ(write(fd, "abcdefghij", 10), 10);
	CHECK_EQ(bucket_put(b, &call, "f", &body, NULL), 0);
	CHECK(holds(b, "f", "defg"));
	body.len = 100; /* beyond its end */
	CHECK(bucket_put(b, &call, "f", &body, NULL) < 0);
	CHECK(holds(b, "f", "defg"));
	(void) close(fd);
}

static void check_names(struct bucket *b)
{
	static const char *const keys[] = { "d/e/f", "with space", "plus+and=more", "per%20cent", "ä€", "tilde~star*", "a'b\"c" };
	char long_key[BUCKET_KEY_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		CHECK_EQ(put_text(b, keys[i], keys[i]), 0);
		CHECK(holds(b, keys[i], keys[i]));
	}
	CHECK_EQ(bucket_remove(b, &call, keys, ARRAY_SIZE(keys)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CHECK(!holds(b, keys[i], keys[i]));
	memset(long_key, 'k', sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	CHECK_EQ(bucket_put(b, &call, long_key, &(struct bucket_body){ .data = "", .fd = -1 }, NULL), -EINVAL);
	CHECK_EQ(bucket_put(b, &call, "", &(struct bucket_body){ .data = "", .fd = -1 }, NULL), -EINVAL);
}

struct names {
	char text[512];
	unsigned n, stop_at;
};

static int add_name(void *context, const char *key, const struct bucket_object *o)
{
	struct names *s = context;

	s->n++;
	if (strlen(s->text) + strlen(key) + 2 < sizeof(s->text)) {
		strcat(s->text, key);
		strcat(s->text, " ");
	}
	CHECK(*o->etag);
	CHECK(o->modified_s > 1600000000);
	return s->n == s->stop_at ? 7 : 0;
}

static void check_lists(struct bucket *b)
{
	static const char *const keys[] = { "l/b", "l/a.b", "l/a/b", "l/a b", "l/ä", "m" };
	struct names all = { 0 }, some = { 0 }, none = { 0 }, two = { .stop_at = 2 };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CHECK_EQ(put_text(b, keys[i], "x"), 0);
	CHECK_EQ(bucket_list(b, &call, "l/", add_name, &all), 0);
	CHECK(strcmp(all.text, "l/a b l/a.b l/a/b l/b l/ä ") == 0);
	CHECK_EQ(bucket_list(b, &call, "l/a", add_name, &some), 0);
	CHECK(strcmp(some.text, "l/a b l/a.b l/a/b ") == 0);
	CHECK_EQ(bucket_list(b, &call, "nothing", add_name, &none), 0);
	CHECK_EQ(none.n, 0);
	CHECK_EQ(bucket_list(b, &call, "l/", add_name, &two), 7);
	CHECK_EQ(two.n, 2);
	CHECK_EQ(bucket_remove(b, &call, keys, ARRAY_SIZE(keys)), 0);
	CHECK_EQ(bucket_remove(b, &call, keys, ARRAY_SIZE(keys)), 0);
	CHECK_EQ(bucket_remove(b, &call, keys, 0), 0);
}

static void check_conditions(struct bucket *b)
{
	struct bucket_body one = body_of("one"), two = body_of("two"), three = body_of("three");
	struct bucket_object o, before;

	CHECK_EQ(bucket_put_if(b, &call, "c", &one, "0123", NULL), BUCKET_EUNKNOWN); /* there is none */
	CHECK_EQ(bucket_put_if(b, &call, "c", &one, NULL, &before), 0);
	say(error.error);
	CHECK_EQ(bucket_put_if(b, &call, "c", &two, NULL, NULL), BUCKET_EUNKNOWN);
	CHECK_EQ(error.fault, BUCKET_UNKNOWN);
	CHECK(holds(b, "c", "one"));
	CHECK_EQ(bucket_put_if(b, &call, "c", &two, before.etag, &o), 0);
	CHECK(strcmp(o.etag, before.etag) != 0);
	CHECK(holds(b, "c", "two"));
	CHECK_EQ(bucket_put_if(b, &call, "c", &three, before.etag, NULL), BUCKET_EUNKNOWN);
	CHECK(holds(b, "c", "two"));
	CHECK_EQ(bucket_head(b, &call, "c", &before), 0);
	CHECK_EQ(bucket_put_if(b, &call, "c", &three, before.etag, NULL), 0);
	CHECK(holds(b, "c", "three"));
}

struct counter {
	_Atomic unsigned done, failed, wrong;
};

static void wrote(void *context, const struct bucket_result *result)
{
	struct counter *c = context;

	c->failed += result->error == BUCKET_EUNKNOWN;
	c->wrong += result->error != 0 && result->error != BUCKET_EUNKNOWN;
	c->done++;
}

static void wait_for(const struct counter *c, unsigned n)
{
	for (unsigned i = 0; i < 30000 && c->done < n; i++)
		(void) usleep(1000);
	CHECK_EQ(c->done, n);
}

/* Of those that write at once, one is the first. */
static void check_race(struct bucket *b)
{
	enum { WRITERS = 16 };
	struct counter first = { 0 }, second = { 0 };
	struct bucket_request q = { .op = BUCKET_PUT, .key = "race", .body = body_of("x"), .conditional = true };
	struct bucket_object o = { 0 };
	char texts[WRITERS][8];

	for (unsigned i = 0; i < WRITERS; i++)
		CHECK_EQ(bucket_start(b, &q, wrote, &first), 0);
	wait_for(&first, WRITERS);
	CHECK_EQ(first.failed, WRITERS - 1);
	CHECK_EQ(first.wrong, 0);
	CHECK_EQ(bucket_head(b, &call, "race", &o), 0);
	q.etag = o.etag;
	for (unsigned i = 0; i < WRITERS; i++) {
		(void) snprintf(texts[i], sizeof(texts[i]), "y%u", i); /* another ETag each */
		q.body = body_of(texts[i]);
		CHECK_EQ(bucket_start(b, &q, wrote, &second), 0);
	}
	wait_for(&second, WRITERS);
	CHECK_EQ(second.failed, WRITERS - 1);
	CHECK_EQ(second.wrong, 0);
}

struct slot {
	struct counter *counter;
	char data[16];
	size_t want;
};

static void got(void *context, const struct bucket_result *result)
{
	struct slot *s = context;

	s->counter->failed += result->error < 0;
	s->counter->wrong += result->len != s->want || memcmp(s->data, &"0123456789"[10 - s->want], s->want) != 0;
	s->counter->done++;
}

static void check_async(struct bucket *b)
{
	struct counter c = { 0 };
	struct slot slots[100];

	CHECK_EQ(put_text(b, "async", "0123456789"), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		struct bucket_request q = { .op = BUCKET_GET, .cause = BUCKET_RECALL, .key = "async", .from = i % 10,
					    .data = slots[i].data, .len = 10 };

		slots[i].counter = &c;
		slots[i].want = 10 - i % 10;
		CHECK_EQ(bucket_start(b, &q, got, &slots[i]), 0);
	}
	wait_for(&c, ARRAY_SIZE(slots));
	CHECK_EQ(c.failed, 0);
	CHECK_EQ(c.wrong, 0);
}

static void check_large(struct bucket *b)
{
	struct bucket_body body = { .data = large, .fd = -1, .len = LARGE };
	struct bucket_request q = { .op = BUCKET_PUT, .key = "large", .body = body };
	static const char *const keys[] = { "large" };
	struct bucket_object o;
	char data[100];

	CHECK_EQ(bucket_start(b, &q, got, NULL), -EFBIG);
	CHECK_EQ(bucket_put_if(b, &call, "large", &body, NULL, NULL), -EFBIG);
	CHECK_EQ(bucket_put(b, &call, "large", &body, &o), 0);
	say(error.error);
	CHECK_EQ(o.size, LARGE);
	CHECK_EQ(bucket_head(b, &call, "large", &o), 0);
	CHECK_EQ(o.size, LARGE);
	for (uint64_t at = 0; at + sizeof(data) < LARGE; at += LARGE / 10 - 11) {
		CHECK_EQ(bucket_get(b, &call, "large", at, data, sizeof(data)), sizeof(data));
		CHECK(memcmp(data, large + at, sizeof(data)) == 0);
	}
	CHECK_EQ(bucket_remove(b, &call, keys, 1), 0);
}

/* More than a page of a list, and more than one request removes. */
static void check_many(struct bucket *b)
{
	enum { MANY = 1100 };
	static char names[MANY][16];
	static const char *keys[MANY];
	struct names all = { 0 };

	for (unsigned i = 0; i < MANY; i++) {
		(void) snprintf(names[i], sizeof(names[i]), "many/%05u", i);
		keys[i] = names[i];
		CHECK_EQ(put_text(b, names[i], "x"), 0);
	}
	CHECK_EQ(bucket_list(b, &call, "many/", add_name, &all), 0);
	CHECK_EQ(all.n, MANY);
	CHECK_EQ(bucket_remove(b, &call, keys, MANY), 0);
	all.n = 0;
	CHECK_EQ(bucket_list(b, &call, "many/", add_name, &all), 0);
	CHECK_EQ(all.n, 0);
}

static void check_stats(struct bucket *b)
{
	struct bucket_stats before, after;

	bucket_get_stats(b, &before);
	CHECK_EQ(put_text(b, "s", "12345"), 0);
	CHECK(holds(b, "s", "12345"));
	bucket_get_stats(b, &after);
	CHECK_EQ(after.by[BUCKET_SCRUB].requests[BUCKET_PUT] - before.by[BUCKET_SCRUB].requests[BUCKET_PUT], 1);
	CHECK_EQ(after.by[BUCKET_SCRUB].requests[BUCKET_GET] - before.by[BUCKET_SCRUB].requests[BUCKET_GET], 1);
	CHECK_EQ(after.by[BUCKET_SCRUB].bytes_up - before.by[BUCKET_SCRUB].bytes_up, 5);
	CHECK_EQ(after.by[BUCKET_SCRUB].bytes_down - before.by[BUCKET_SCRUB].bytes_down, 5);
	CHECK_EQ(after.by[BUCKET_BACKUP].requests[BUCKET_PUT], 0);
	CHECK_EQ(after.by[BUCKET_RECALL].requests[BUCKET_GET], 100); /* check_async() */
	CHECK_EQ(after.breaker, BUCKET_CLOSED);
	CHECK_EQ(after.last.fault, BUCKET_FINE);
}

static int keep_key(void *context, const char *key, const struct bucket_object *o)
{
	(void) o;
	return bucket_remove(context, &call, &key, 1);
}

static void check_all(const char *what, struct bucket *b)
{
	int before = check_failures;

	check_objects(b);
	check_ranges(b);
	check_files(b);
	check_names(b);
	check_lists(b);
	check_conditions(b);
	check_race(b);
	check_async(b);
	check_large(b);
	check_many(b);
	check_stats(b);
	CHECK_EQ(bucket_list(b, &call, "", keep_key, b), 0); /* removing while listing */
	fprintf(stderr, "%s: %s\n", what, check_failures == before ? "as promised" : "NOT as promised");
	(void) bucket_free(b);
}

/* What a killed writer left, and what somebody else put there. */
static void check_strangers(const struct temp_folder *t, struct bucket *b)
{
	struct names names = { 0 };
	char data[4];

	temp_folder_shell(t, "cd $V && mkdir -p d && : > d/.tmp-old && touch -d '2 days ago' d/.tmp-old && : > d/.tmp-young && "
			     "ln -s d link && ln -s d/k file && mkfifo fifo");
	CHECK_EQ(put_text(b, "d/k", "x"), 0);
	CHECK_EQ(bucket_list(b, &call, "", add_name, &names), 0);
	CHECK(strcmp(names.text, "d/k ") == 0);
	CHECK(faccessat(t->dirfd, "d/.tmp-old", F_OK, 0) < 0);
	CHECK(faccessat(t->dirfd, "d/.tmp-young", F_OK, 0) == 0);
	CHECK(bucket_get(b, &call, "link/k", 0, data, 1) < 0);
	CHECK_EQ(bucket_get(b, &call, "file", 0, data, 1), -ENOENT);
	CHECK_EQ(bucket_get(b, &call, "fifo", 0, data, 1), -ENOENT);
	CHECK_EQ(bucket_get(b, &call, "d", 0, data, 1), -ENOENT);
	CHECK(put_text(b, "link/new", "x") < 0);
	CHECK_EQ(put_text(b, "d/k/below", "x"), -EISDIR);
	temp_folder_shell(t, "rm -r $V/d $V/link $V/file $V/fifo");
}

/* Of a killed writer below the prefix, however young; elsewhere they may be somebody's who writes now. */
static void check_sweep(const struct temp_folder *t, struct bucket *b)
{
	unsigned n = 9;

	temp_folder_shell(t, "cd $V && mkdir -p d/e f && touch d/.tmp-1 d/e/.tmp-2 f/.tmp-3 .tmp-4 && touch -d '1 hour' d/.tmp-5");
	CHECK_EQ(put_text(b, "d/e/k", "x"), 0);
	CHECK_EQ(bucket_sweep(b, &call, "d/", 3600, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(bucket_sweep(b, &call, "d/", 0, &n), 0);
	CHECK_EQ(n, 3);
	temp_folder_shell(t, "cd $V && test -e f/.tmp-3 && test -e .tmp-4 && test -e d/e/k && rm -r d f .tmp-4");
}

static uint64_t timed_puts(struct bucket *b, unsigned n)
{
	uint64_t begun_ms = clock_mono_ms();

	while (n-- > 0)
		CHECK_EQ(put_text(b, "paced", "0123456789"), 0);
	return clock_mono_ms() - begun_ms;
}

static void *set_free(void *context)
{
	(void) usleep(200000);
	bucket_set_pace(context, &(struct bucket_pace){ 0 });
	return NULL;
}

static void *cancel_it(void *context)
{
	(void) usleep(200000);
	bucket_cancel(context);
	return NULL;
}

/* A pace may be set while somebody waits for the one before. */
static void check_pace(const struct temp_folder *t)
{
	pthread_t thread;
	struct bucket *b;

	CHECK_EQ(folder_open(t->path, &b, &error), 0);
	bucket_set_pace(b, &(struct bucket_pace){ .requests_s = 10 });
	CHECK(timed_puts(b, 14) >= 250);
	bucket_set_pace(b, &(struct bucket_pace){ .up_bytes_s = 40 });
	CHECK(timed_puts(b, 6) >= 250);
	bucket_set_pace(b, &(struct bucket_pace){ .up_bytes_s = 1 });
	CHECK_EQ(pthread_create(&thread, NULL, set_free, b), 0);
	CHECK(timed_puts(b, 4) < 5000);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	bucket_set_pace(b, &(struct bucket_pace){ .up_bytes_s = 1 });
	CHECK_EQ(put_text(b, "paced", "0123456789"), 0);
	CHECK_EQ(pthread_create(&thread, NULL, cancel_it, b), 0);
	CHECK_EQ(put_text(b, "paced", "0123456789"), -ECANCELED);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	(void) bucket_free(b);
	temp_folder_shell(t, "rm -f $V/paced");
}

static void check_folder(void)
{
	struct temp_folder t;
	struct bucket *b;

	temp_folder_make(&t);
	CHECK_EQ(folder_open(t.path, &b, &error), 0);
	CHECK_EQ(put_text(b, "../escape", "x"), -EINVAL);
	CHECK_EQ(put_text(b, "a//b", "x"), -EINVAL);
	CHECK_EQ(put_text(b, "/a", "x"), -EINVAL);
	CHECK_EQ(put_text(b, ".tmp-1", "x"), -EINVAL);
	check_strangers(&t, b);
	check_sweep(&t, b);
	check_pace(&t);
	check_all("folder", b);
	temp_folder_shell(&t, "test -z \"$(find $V -type f ! -name .lock)\"");
	temp_folder_remove(&t);
	CHECK_EQ(folder_open("/nonexistent/folder", &b, &error), -ENXIO);
	CHECK(strstr(error.text, "/nonexistent/folder"));
}

static void check_client(void)
{
	char prefix[48] = "test/";
	struct s3_config config = { .endpoint = getenv("S3_ENDPOINT"), .region = getenv("AWS_REGION"),
				    .bucket = getenv("S3_BUCKET"), .prefix = prefix, .ca_file = getenv("S3_CERT") };
	struct bucket *b;

	if (!config.endpoint) {
		fprintf(stderr, "client: not looked at, S3_ENDPOINT is not set\n");
		return;
	}
	(void) id128_format(id128_random(), prefix + 5);
	CHECK_EQ(s3_open(&config, &b, &error), 0);
	check_all("client", b);
}

static void check_faults(void)
{
	struct mem_faults faults = { .seed = 1, .lost_percent = 100 };
	struct bucket_body body = body_of("x");
	struct bucket *b;
	char data[4];

	CHECK_EQ(mem_bucket_new(&b), 0);
	mem_bucket_set_faults(b, &faults);
	CHECK_EQ(bucket_put(b, &call, "k", &body, NULL), -EHOSTUNREACH);
	CHECK_EQ(bucket_put_if(b, &call, "i", &body, NULL, NULL), BUCKET_EUNKNOWN);
	CHECK_EQ(mem_bucket_count(b, NULL), 2);
	faults = (struct mem_faults){ .fail_percent = 100, .fault = BUCKET_DENIED };
	mem_bucket_set_faults(b, &faults);
	CHECK_EQ(bucket_get(b, &call, "k", 0, data, 1), -EACCES);
	faults = (struct mem_faults){ .corrupt_percent = 100 };
	mem_bucket_set_faults(b, &faults);
	CHECK_EQ(bucket_get(b, &call, "k", 0, data, 1), 1);
	CHECK(data[0] != 'x');
	(void) bucket_free(b);
}

int main(void)
{
	struct bucket *b;

	large = malloc(LARGE);
	if (!large)
		return 1;
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i * 2654435761u >> 13);
	CHECK_EQ(mem_bucket_new(&b), 0);
	check_all("memory", b);
	check_faults();
	check_folder();
	check_client();
	free(large);
	return check_result();
}
