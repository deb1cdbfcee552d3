/* SPDX-License-Identifier: MIT */
/* The client against a server that misbehaves: what is repeated, what is not, and what people are told. */
#include <time.h>

#include "tests/unit/scripted_bucket.h"

static int put(struct bucket *b)
{
	static const struct bucket_body body = { .data = "body", .fd = -1, .len = 4 };

	return bucket_put(b, &call, "key", &body, NULL);
}

static int put_if(struct bucket *b)
{
	static const struct bucket_body body = { .data = "body", .fd = -1, .len = 4 };

	return bucket_put_if(b, &call, "key", &body, NULL, NULL);
}

/* ---- what is repeated ---- */

static void check_repeated(void)
{
	struct bucket *b = open_with(quick());

	PLAY({ 500, NULL, XML_ERROR("InternalError") }, WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(scripted_asked(server), 2);
	CHECK_EQ(stats_of(b).retries, 1);
	PLAY({ .reset = true }, WHOLE);
	CHECK_EQ(get(b), 10);
	PLAY({ 206, RANGE_TEN, "0123456789", .cut = true }, WHOLE);
	CHECK_EQ(get(b), 10);
	PLAY({ 206, RANGE_TEN, "0123456789", .cut = true, .chunked = true }, WHOLE);
	CHECK_EQ(get(b), 10);
	PLAY({ 206, "Content-Range: bytes 0-4/10\r\n", "01234" }, WHOLE); /* fewer than there are */
	CHECK_EQ(get(b), 10);
	PLAY({ 206, "Content-Range: bytes 5-14/20\r\n", "0123456789" }, WHOLE);
	CHECK_EQ(get(b), 10);
	PLAY({ 206, NULL, "0123456789" }, WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(scripted_asked(server), 2);
	PLAY({ 429, NULL, NULL }, { 503, "Retry-After: 0\r\n", XML_ERROR("SlowDown") }, { 200, "ETag: \"e\"\r\n", NULL });
	CHECK_EQ(put(b), 0);
	CHECK_EQ(scripted_asked(server), 3);
	PLAY({ 400, NULL, XML_ERROR("XAmzContentSHA256Mismatch") }, { 200, "ETag: \"e\"\r\n", NULL });
	CHECK_EQ(put(b), 0);
	(void) bucket_free(b);
}

static void check_reused(void)
{
	struct bucket *b = open_with(quick());

	PLAY(WHOLE, WHOLE, WHOLE, { 404, NULL, XML_ERROR("NoSuchKey") }, { 200, "ETag: \"e\"\r\n", NULL }, WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(get(b), -ENOENT);
	CHECK_EQ(put(b), 0);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(stats_of(b).connections, 1);
	(void) bucket_free(b);
}

/* One in five fails, one way or another. */
static void check_faulty(void)
{
	static const struct scripted_answer faults[] = {
		{ 500 }, { .reset = true }, { 206, RANGE_TEN, "0123456789", .cut = true }, { 503 } };
	struct scripted_answer script[SCRIPT_MAX];
	struct bucket *b = open_with(quick());
	unsigned done = 0;

	for (unsigned round = 0; round < 30; round++) {
		for (unsigned i = 0; i < SCRIPT_MAX; i++)
			script[i] = i % 5 == 4 ? faults[(i / 5 + round) % ARRAY_SIZE(faults)] : (struct scripted_answer)WHOLE;
		scripted_set(server, script, SCRIPT_MAX - 1);
		for (unsigned i = 0; i < 48; i++)
			done += get(b) == 10;
	}
	CHECK_EQ(done, 30 * 48);
	CHECK(stats_of(b).retries > 200); /* libcurl repeats some by itself */
	(void) bucket_free(b);
}

static void check_not_repeated(void)
{
	struct bucket *b = open_with(quick());
	struct bucket_object o;

	PLAY({ 200, NULL, "0123456789" }); /* the object is that long */
	CHECK_EQ(get(b), 10);
	PLAY({ 416, NULL, XML_ERROR("InvalidRange") });
	CHECK_EQ(bucket_get(b, &call, "key", 0, &o, 1), 0);
	PLAY({ 404, NULL, XML_ERROR("NoSuchKey") });
	CHECK_EQ(get(b), -ENOENT);
	CHECK_EQ(scripted_asked(server), 1);
	CHECK_EQ(stats_of(b).failed, 0);
	PLAY({ 404, NULL, "<html>not found</html>" }); /* of a proxy, which knows nothing of objects */
	CHECK_EQ(get(b), -EREMOTEIO);
	PLAY({ 200, NULL, "0123456789abcdef" });
	CHECK_EQ(get(b), -EBADMSG);
	told("ranges");
	CHECK_EQ(scripted_asked(server), 1);
	(void) bucket_free(b);
}

static void check_given_up(void)
{
	struct s3_config config = quick();
	struct bucket *b;

	config.retry_budget = 4;
	config.breaker_failures = 100;
	b = open_with(config);
	PLAY({ 500 }, { 500 }, { 500 }, { 500, NULL, XML_ERROR("InternalError") });
	CHECK_EQ(get(b), -EREMOTEIO);
	told("InternalError");
	told("Said so");
	CHECK_EQ(scripted_asked(server), 4); /* attempts */
	told("500");
	PLAY({ 500 });
	CHECK_EQ(get(b), -EREMOTEIO);
	CHECK_EQ(scripted_asked(server), 2); /* one was left of the budget */
	CHECK_EQ(get(b), -EREMOTEIO);
	CHECK_EQ(scripted_asked(server), 3);
	CHECK_EQ(stats_of(b).last.fault, BUCKET_BROKEN);
	CHECK_EQ(stats_of(b).failed, 3);
	PLAY(WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(stats_of(b).last.fault, BUCKET_FINE);
	(void) bucket_free(b);
}

/* ---- conditional PUTs ---- */

static void check_conditional(void)
{
	static const int statuses[] = { 404, 409, 412, 500, 503 };
	struct s3_config config = quick();
	struct bucket *b;

	config.request_timeout_ms = 200;
	b = open_with(config);
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		PLAY({ statuses[i], NULL, XML_ERROR("PreconditionFailed") });
		CHECK_EQ(put_if(b), BUCKET_EUNKNOWN);
		CHECK_EQ(scripted_asked(server), 1);
	}
	PLAY({ .reset = true });
	CHECK_EQ(put_if(b), BUCKET_EUNKNOWN);
	PLAY({ 200, NULL, NULL, .delay_ms = 500 });
	CHECK_EQ(put_if(b), BUCKET_EUNKNOWN);
	CHECK_EQ(scripted_asked(server), 1);
	PLAY({ 403, NULL, XML_ERROR("AccessDenied") });
	CHECK_EQ(put_if(b), -EACCES);
	PLAY({ 404, NULL, XML_ERROR("NoSuchBucket") });
	CHECK_EQ(put_if(b), -ENXIO);
	PLAY({ 200, "ETag: \"e\"\r\n", NULL });
	CHECK_EQ(put_if(b), 0);
	CHECK(scripted_saw(server, 0, "if-none-match: *"));
	CHECK_EQ(bucket_put_if(b, &call, "key", &(struct bucket_body){ .data = "x", .fd = -1, .len = 1 }, "tag", NULL), BUCKET_EUNKNOWN);
	CHECK(scripted_saw(server, 1, "if-match: tag\r\n"));
	(void) bucket_free(b);
}

/* ---- what people are told ---- */

static void check_told(void)
{
	struct bucket *b = open_with(quick());
	struct bucket_object o;

	PLAY({ 301, "x-amz-bucket-region: eu-west-1\r\n", XML_ERROR("PermanentRedirect") });
	CHECK_EQ(get(b), -EREMOTE);
	told("region = eu-west-1");
	PLAY({ 400, NULL, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-north-1</Region></Error>" });
	CHECK_EQ(put(b), -EREMOTE);
	told("bucket is in eu-north-1");
	PLAY({ 307, "Location: http://elsewhere/\r\n", NULL });
	CHECK_EQ(get(b), -EREMOTE);
	PLAY({ 403, NULL, XML_ERROR("AccessDenied") });
	CHECK_EQ(put(b), -EACCES);
	told("s3:PutObject");
	PLAY({ 403, NULL, XML_ERROR("QuotaExceeded") });
	CHECK_EQ(put(b), -ENOSPC);
	told("quota");
	PLAY({ 507, NULL, NULL });
	CHECK_EQ(put(b), -ENOSPC);
	PLAY({ 403, NULL, XML_ERROR("InvalidAccessKeyId") });
	CHECK_EQ(get(b), -EKEYREJECTED);
	told("AWS_ACCESS_KEY_ID");
	PLAY({ 403, NULL, XML_ERROR("SignatureDoesNotMatch") });
	CHECK_EQ(get(b), -EKEYREJECTED);
	told("secret key is wrong");
	/* HEAD has no body: the reason is asked for. */
	PLAY({ 404, "Content-Length: 5\r\n", NULL }, { 404, NULL, XML_ERROR("NoSuchBucket") });
	CHECK_EQ(bucket_head(b, &call, "key", &o), -ENXIO);
	told("no bucket bucket");
	CHECK(scripted_saw(server, 1, "GET /bucket/key HTTP/1.1"));
	CHECK(scripted_saw(server, 1, "range: bytes=0-0"));
	PLAY({ 404 }, { 404, NULL, XML_ERROR("NoSuchKey") });
	CHECK_EQ(bucket_head(b, &call, "key", &o), -ENOENT);
	PLAY({ 404 }, { 206, "Content-Range: bytes 0-0/1\r\n", "x" }, /* it came meanwhile */
	     { 200, "Content-Length: 1\r\nETag: \"e\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL });
	CHECK_EQ(bucket_head(b, &call, "key", &o), 0);
	CHECK_EQ(o.modified_s, 784111777);
	CHECK(strcmp(o.etag, "e") == 0);
	(void) bucket_free(b);
}

static void check_unreachable(void)
{
	struct s3_config config = quick();
	struct bucket *b;

	config.endpoint = "http://127.0.0.1:1";
	config.attempts = 1;
	b = open_with(config);
	CHECK_EQ(get(b), -EHOSTUNREACH);
	told("nothing answers at 127.0.0.1:1");
	told("endpoint");
	CHECK_EQ(put_if(b), -EHOSTUNREACH); /* nothing was sent, so that is known */
	(void) bucket_free(b);
	config.endpoint = "https://127.0.0.1:1";
	config.ca_file = "/nonexistent/ca.pem";
	b = open_with(config);
	CHECK_EQ(get(b), -EHOSTUNREACH);
	(void) bucket_free(b);
	config.ca_file = NULL;
	config.endpoint = "http://no-such-host.invalid";
	b = open_with(config);
	CHECK_EQ(get(b), -EHOSTUNREACH);
	told("no-such-host.invalid");
	(void) bucket_free(b);
}

static void check_no_tls(void)
{
	struct s3_config config = quick();
	char endpoint[64];
	struct bucket *b;

	(void) snprintf(endpoint, sizeof(endpoint), "https://127.0.0.1:%u", server->port);
	config.endpoint = endpoint;
	config.request_timeout_ms = 300;
	config.attempts = 1;
	b = open_with(config);
	PLAY(WHOLE);
	CHECK(get(b) < 0); /* our server waits for the end of a head that does not come, or answers what is no TLS */
	(void) bucket_free(b);
	config.endpoint = "ftp://host";
	CHECK_EQ(s3_open(&config, &b, &error), -EINVAL);
	config.endpoint = "http://host/path";
	CHECK_EQ(s3_open(&config, &b, &error), -EINVAL);
	told("endpoint 'http://host/path'");
}

/* ---- clock, credentials ---- */

static const char *date_at(int64_t offset_s, char line[64])
{
	time_t t = time(NULL) + offset_s;
	struct tm tm;

	(void) gmtime_r(&t, &tm);
	(void) strftime(line, 64, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	return line;
}

static void check_clock(void)
{
	struct bucket *b = open_with(quick());
	char line[64], want[64];
	time_t t;
	struct tm tm;
	int64_t skew_s;

	(void) date_at(7200, line);
	PLAY({ 403, line, XML_ERROR("RequestTimeTooSkewed") }, WHOLE);
	CHECK_EQ(get(b), 10);
	t = time(NULL) + 7200;
	(void) gmtime_r(&t, &tm);
	(void) strftime(want, sizeof(want), "x-amz-date: %Y%m%dT%H", &tm);
	CHECK(scripted_saw(server, 1, want));
	CHECK(!scripted_saw(server, 0, want));
	bucket_get_stats(b, &(struct bucket_stats){ 0 });
	skew_s = stats_of(b).clock_skew_s;
	CHECK(skew_s >= 7190 && skew_s <= 7200);
	PLAY({ 403, line, XML_ERROR("RequestTimeTooSkewed") }, { 403, line, XML_ERROR("RequestTimeTooSkewed") });
	CHECK_EQ(get(b), -ETIME);
	told("seconds behind that of");
	CHECK_EQ(scripted_asked(server), 2);
	PLAY({ 403, NULL, XML_ERROR("RequestTimeTooSkewed") });
	CHECK_EQ(get(b), -ETIME);
	told("clock");
	(void) bucket_free(b);
}

static void check_credentials(void)
{
	struct s3_config config = quick();
	struct bucket *b;

	config.credentials_context = &config; /* with a token that is another each time */
	b = open_with(config);
	loads = 0;
	PLAY({ 403, NULL, XML_ERROR("ExpiredToken") });
	CHECK_EQ(get(b), -EKEYREJECTED); /* loaded a moment ago */
	told("expired");
	CHECK_EQ(loads, 0);
	(void) usleep(1100000);
	PLAY({ 403, NULL, XML_ERROR("ExpiredToken") }, WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK_EQ(loads, 1);
	CHECK(scripted_saw(server, 1, "x-amz-security-token: token-1\r\n"));
	(void) bucket_free(b);
	setenv("AWS_ACCESS_KEY_ID", "", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
	config.credentials = NULL;
	CHECK_EQ(s3_open(&config, &b, &error), -EKEYREJECTED);
	told("/nonexistent/credentials");
}

static void check_request(void)
{
	struct s3_config config = quick();
	char endpoint[64];
	struct bucket *b;

	(void) snprintf(endpoint, sizeof(endpoint), "http://localhost:%u", server->port);
	config.endpoint = endpoint;
	config.addressing = S3_VIRTUAL;
	config.prefix = "pre fix";
	config.credentials_context = &config;
	b = open_with(config);
	PLAY(WHOLE);
	CHECK_EQ(get(b), 10);
	CHECK(scripted_saw(server, 0, "GET /pre%20fix/key HTTP/1.1"));
	CHECK(scripted_saw(server, 0, "ost: bucket.localhost:"));
	CHECK(scripted_saw(server, 0, "range: bytes=0-9\r\n"));
	CHECK(scripted_saw(server, 0, "x-amz-security-token: token-"));
	CHECK(scripted_saw(server, 0, "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	CHECK(scripted_saw(server, 0, "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token"));
	CHECK(!scripted_saw(server, 0, "Accept"));
	(void) bucket_free(b);
}

static void test_all(void)
{
	check_repeated();
	check_reused();
	check_faulty();
	check_not_repeated();
	check_given_up();
	check_conditional();
	check_told();
	check_unreachable();
	check_no_tls();
	check_clock();
	check_credentials();
	check_request();
}

int main(void)
{
	return scripted_bucket_run(test_all);
}
