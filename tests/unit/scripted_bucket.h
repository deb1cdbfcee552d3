/* SPDX-License-Identifier: MIT */
/* The client beside a server that plays scripts (scripted_server.h). */
#pragma once

#include <errno.h>
#include <locale.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/check.h"
#include "tests/unit/scripted_server.h"
#include "tiers/s3/s3.h"

#define XML_ERROR(code) "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>Said so</Message></Error>"
#define PLAY(...)                                                                                                      \
	do {                                                                                                           \
		const struct scripted_answer played[] = { __VA_ARGS__ };                                               \
		scripted_set(server, played, ARRAY_SIZE(played));                                                      \
	} while (0)
#define RANGE_TEN "Content-Range: bytes 0-9/10\r\n"
#define WHOLE     { 206, RANGE_TEN, "0123456789" }

static struct scripted_server *server;
static struct bucket_error error;
static const struct bucket_call call = { .ret_error = &error };
static _Atomic unsigned loads;

static inline int give_credentials(void *context, struct s3_credentials *ret_c, struct bucket_error *ret_why)
{
	char token[32];
	struct s3_credentials c = { (char *)(uintptr_t)"AKIATEST", (char *)(uintptr_t)"secret", context ? token : NULL };

	(void) ret_why;
	(void) snprintf(token, sizeof(token), "token-%u", ++loads);
	return credentials_copy(&c, ret_c);
}

static inline struct s3_config quick(void)
{
	return (struct s3_config){ .endpoint = server->endpoint, .bucket = "bucket", .credentials = give_credentials,
				   .retry_base_ms = 1, .retry_most_ms = 5, .request_timeout_ms = 2000, .attempts = 4 };
}

static inline struct bucket *open_with(struct s3_config config)
{
	struct bucket *b = NULL;

	CHECK_EQ(s3_open(&config, &b, &error), 0);
	return b;
}

static inline struct bucket_stats stats_of(struct bucket *b)
{
	struct bucket_stats s;

	bucket_get_stats(b, &s);
	return s;
}

static inline int64_t get(struct bucket *b)
{
	char data[16] = "";
	int64_t n = bucket_get(b, &call, "key", 0, data, 10);

	CHECK(n < 0 || (n == 10 && memcmp(data, "0123456789", 10) == 0));
	return n;
}

static inline void told(const char *what)
{
	if (!strstr(error.text, what)) {
		fprintf(stderr, "'%s' does not say '%s'\n", error.text, what);
		check_failures++;
	}
}

static inline int scripted_bucket_run(void (*test)(void))
{
	(void) setlocale(LC_ALL, "");
	server = scripted_start(0);
	test();
	scripted_stop(server);
	return check_result();
}
