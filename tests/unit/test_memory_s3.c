/* SPDX-License-Identifier: MIT */
/* Buckets when there is no memory: a request is done or has failed, whichever allocation it was, libcurl's and
 * libxml2's among them; nothing crashes or hangs, and with memory it can be done. The servers are processes of their
 * own, whose memory does not fail. */
#include <signal.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "tests/fakes/failing_memory.h"
#include "tests/unit/check.h"
#include "tests/unit/scripted_server.h"
#include "tests/unit/temp_folder.h"
#include "tiers/s3/folder.h"
#include "tiers/s3/impatient.h"
#include "tiers/s3/s3.h"

#define TRIES_MAX 5000u
#define LIST                                                                                                           \
	"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>"

static char endpoints[2][48];
static struct temp_folder folder;

/* Answers everything with this. */
static pid_t serve(const struct scripted_answer *answer, char ret_endpoint[48])
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		struct scripted_server *s = scripted_start(0);

		scripted_set_otherwise(s, *answer);
		if (write(fds[1], s->endpoint, sizeof(s->endpoint)) < 0)
			abort();
		for (;;)
			(void) pause();
	}
	if (read(fds[0], ret_endpoint, 48) <= 0)
		abort();
	(void) close(fds[0]);
	(void) close(fds[1]);
	return pid;
}

static int give_credentials(void *context, struct s3_credentials *ret_c, struct bucket_error *ret_why)
{
	struct s3_credentials c = { (char *)(uintptr_t)"AKIATEST", (char *)(uintptr_t)"secret", (char *)(uintptr_t)"token" };

	(void) context;
	(void) ret_why;
	return credentials_copy(&c, ret_c);
}

static int open_client(unsigned server, struct bucket **ret_b)
{
	struct s3_config config = { .endpoint = endpoints[server], .bucket = "bucket", .credentials = give_credentials,
				    .retry_base_ms = 1, .retry_most_ms = 1, .request_timeout_ms = 300, .attempts = 2 };

	return s3_open(&config, ret_b, NULL);
}

static int get_and_put(void)
{
	struct bucket_body body = { .data = "0123456789", .fd = -1, .len = 10 };
	struct bucket *b;
	char data[16];
	int64_t n;
	int r = open_client(0, &b);

	if (r < 0)
		return r;
	n = bucket_get(b, NULL, "key", 0, data, 10);
	CHECK(n < 0 || (n == 10 && memcmp(data, "0123456789", 10) == 0));
	r = n < 0 ? (int)n : bucket_put(b, NULL, "key", &body, NULL);
	(void) bucket_free(b);
	return r;
}

static int count(void *context, const char *key, const struct bucket_object *o)
{
	++*(unsigned *)context;
	CHECK(strcmp(key, "k") == 0 && o->size == 1);
	return 0;
}

static int list(void)
{
	struct bucket *b;
	unsigned n = 0;
	int r = open_client(1, &b);

	if (r < 0)
		return r;
	r = bucket_list(b, NULL, "", count, &n);
	CHECK(r < 0 || n == 1);
	(void) bucket_free(b);
	return r;
}

static int use_folder(void)
{
	static const char *const keys[] = { "k" };
	struct bucket_body body = { .data = "0", .fd = -1, .len = 1 };
	struct bucket *b;
	unsigned n = 0;
	int r = folder_open(folder.path, &b, NULL);

	if (r < 0)
		return r;
	r = bucket_put(b, NULL, "k", &body, NULL);
	if (r >= 0)
		r = bucket_list(b, NULL, "", count, &n);
	CHECK(r < 0 || n == 1);
	if (r >= 0)
		r = bucket_remove(b, NULL, keys, 1);
	(void) bucket_free(b);
	return r;
}

static int use_impatient_folder(void)
{
	static const char *const keys[] = { "k" };
	const struct impatient_config config = { .path = folder.path, .open = folder_open };
	struct bucket_body body = { .data = "0", .fd = -1, .len = 1 };
	struct bucket *b;
	char data[2];
	unsigned n = 0;
	int r = impatient_open(&config, &b, NULL);

	if (r < 0)
		return r;
	r = bucket_put(b, NULL, "k", &body, NULL);
	if (r >= 0)
		r = bucket_list(b, NULL, "", count, &n);
	CHECK(r < 0 || n == 1);
	if (r >= 0)
		r = (int)bucket_get(b, NULL, "k", 0, data, sizeof(data));
	CHECK(r < 0 || r == 1);
	if (r >= 0)
		r = bucket_remove(b, NULL, keys, 1);
	(void) bucket_free(b);
	return r;
}

static void without_memory(const char *name, int (*step)(void), enum memory_lack lack)
{
	unsigned nth = 0, done = 0;
	bool failed = true;

	while (failed && ++nth < TRIES_MAX) {
		memory_fail(nth, lack);
		done += step() >= 0;
		failed = memory_end();
	}
	CHECK(nth < TRIES_MAX);
	CHECK_EQ(step(), 0);
	fprintf(stderr, "%s: %u allocations, done all the same %u times\n", name, nth - 1, done > 0 ? done - 1 : 0);
}

int main(void)
{
	const struct scripted_answer answers[2] = {
		{ 206, "Content-Range: bytes 0-9/10\r\nETag: \"e\"\r\n", "0123456789" },
		{ 200, NULL, LIST },
	};
	pid_t servers[2];

	temp_folder_make(&folder);
	for (unsigned i = 0; i < 2; i++)
		servers[i] = serve(&answers[i], endpoints[i]);
	CHECK_EQ(get_and_put(), 0); /* what libraries make once is there */
	CHECK_EQ(list(), 0);
	without_memory("get and put", get_and_put, MEMORY_ONCE);
	without_memory("get and put, none at all", get_and_put, MEMORY_STAYS);
	without_memory("list", list, MEMORY_ONCE);
	without_memory("list, none at all", list, MEMORY_STAYS);
	without_memory("folder", use_folder, MEMORY_ONCE);
	without_memory("folder, none at all", use_folder, MEMORY_STAYS);
	without_memory("impatient folder", use_impatient_folder, MEMORY_ONCE);
	without_memory("impatient folder, none at all", use_impatient_folder, MEMORY_STAYS);
	for (unsigned i = 0; i < 2; i++) {
		(void) kill(servers[i], SIGKILL);
		(void) waitpid(servers[i], NULL, 0);
	}
	temp_folder_remove(&folder);
	return check_result();
}
