/* SPDX-License-Identifier: MIT */
/* What the client is made of and needs no network for: signatures, dates, addresses, credentials, answers, pace. The
 * signatures without a source are botocore's (tests/s3/sigv4.sh compares a thousand more). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"
#include "tiers/s3/address.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/breaker.h"
#include "tiers/s3/credentials.h"
#include "tiers/s3/date.h"
#include "tiers/s3/pace.h"
#include "tiers/s3/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct bucket_error error;

/* ---- hashes: FIPS 180-4, RFC 4231 ---- */

static void check_hash(const char *text, const char *want)
{
	uint8_t hash[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	struct sha256 h;

	sha256_init(&h);
	for (const char *c = text; *c; c++)
		sha256_add(&h, c, 1);
	sha256_end(&h, hash);
	sha256_hex(hash, hex);
	CHECK(strcmp(hex, want) == 0);
}

static void check_hashes(void)
{
	uint8_t mac[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	check_hash("", EMPTY);
	check_hash("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	sha256_hex(mac, hex);
	CHECK(strcmp(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") == 0);
}

/* The processor's instructions, when it has them, against libsodium: hmac_sha256() is always the latter's. Keys of 64
 * bytes are used as they are, so that HMAC is two hashes (RFC 2104). */
static void check_variants(void)
{
	uint8_t data[1000], inner[64 + sizeof(data)], outer[64 + SHA256_SIZE], want[SHA256_SIZE], got[SHA256_SIZE];
	uint32_t random = 1;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct sha256 h;

		for (size_t i = 0; i < 64; i++) {
			inner[i] = data[i] ^ 0x36;
			outer[i] = data[i] ^ 0x5c;
		}
		memcpy(inner + 64, data, len);
		hmac_sha256(data, 64, data, len, want);
		sha256_init(&h);
		for (size_t at = 0, n; at < 64 + len; at += n) { /* in pieces of any size */
			n = (random = random * 1664525 + 1013904223) >> 24;
			n = MIN(n, 64 + len - at);
			sha256_add(&h, inner + at, n);
		}
		sha256_end(&h, outer + 64);
		sha256_of(outer, sizeof(outer), got);
		CHECK(memcmp(got, want, SHA256_SIZE) == 0);
	}
}

/* ---- signatures ---- */

struct vector {
	const char *method, *path, *payload_hash;
	struct sigv4_pair query[3], headers[4];
	size_t n_query, n_headers;
	const char *token, *signature;
};

/* The first four: "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference. */
static const struct vector vectors[] = {
	{ "GET", "/test.txt", EMPTY, .headers = { { "host", "examplebucket.s3.amazonaws.com" }, { "range", "bytes=0-9" } },
	  .n_headers = 2, .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT", "/test$file.text", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	  .headers = { { "x-amz-storage-class", "REDUCED_REDUNDANCY" },
		       { "host", "examplebucket.s3.amazonaws.com" },
		       { "date", "Fri, 24 May 2013 00:00:00 GMT" } },
	  .n_headers = 3, .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET", "/", EMPTY, .query = { { "lifecycle", "" } }, .n_query = 1,
	  .headers = { { "host", "examplebucket.s3.amazonaws.com" } }, .n_headers = 1,
	  .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "GET", "/", EMPTY, .query = { { "prefix", "J" }, { "max-keys", "2" } }, .n_query = 2,
	  .headers = { { "host", "examplebucket.s3.amazonaws.com" } }, .n_headers = 1,
	  .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
	{ "PUT", "/b//../\xc3\xa4 +=&~*", SIGV4_UNSIGNED, .query = { { "a", "2" }, { "a-b", "1 /" }, { "\xe2\x82\xac", "" } },
	  .n_query = 3, .headers = { { "host", "127.0.0.1:9000" }, { "if-match", "abc" }, { "x-amz-meta-x", "two  spaces" } },
	  .n_headers = 3, .token = "to/ken+==", .signature = "a4f66168be9b2d1a19157bd90d1e98a613bd1d5390501c468a2bc4cdf759cb66" },
};

static void check_signature(const struct vector *v)
{
	struct s3_credentials c = { (char *)(uintptr_t)"AKIAIOSFODNN7EXAMPLE",
				    (char *)(uintptr_t)"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
				    (char *)(uintptr_t)v->token };
	struct sigv4_request q = { v->method, v->path, v->query, v->n_query, v->headers, v->n_headers, v->payload_hash,
				   "us-east-1", 1369353600 };
	_cleanup_buf_ struct buf out = BUF_INIT;

	CHECK_EQ(sigv4_sign(&q, &c, &out), 0);
	CHECK(buf_cstr(&out) && strstr((char *)out.data, v->signature));
	if (out.data && !strstr((char *)out.data, v->signature))
		fprintf(stderr, "%s %s: %s\n", v->method, v->path, (char *)out.data);
	CHECK(strstr((char *)out.data, "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "));
}

static void check_signatures(void)
{
	struct sigv4_pair many[SIGV4_HEADERS_MAX + 1] = { { 0 } };
	struct sigv4_request q = { .headers = many, .n_headers = ARRAY_SIZE(many), .region = "r" };
	struct s3_credentials c = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_signature(&vectors[i]);
	CHECK_EQ(sigv4_sign(&q, &c, &out), -E2BIG);
}

/* ---- dates ---- */

static void check_dates(void)
{
	static const char *const bad[] = { "", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
					   "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nop 1994 08:49:37 GMT",
					   "Sun, 06 Nov 1994 24:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" };
	static const char *const bad_iso[] = { "", "2009-10-12", "2009-10-12T17:50:30", "2009-13-12T17:50:30Z",
					       "2009-10-12T17:50:30.000+01:00", "2009-10-12 17:50:30Z" };
	int64_t s = 0;

	CHECK_EQ(date_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &s), 0);
	CHECK_EQ(s, 784111777);
	CHECK_EQ(date_parse_http("Tue, 29 Feb 2028 23:59:60 GMT", &s), 0);
	CHECK_EQ(s, 1835481599);
	CHECK_EQ(date_parse_iso("2009-10-12T17:50:30.000Z", &s), 0);
	CHECK_EQ(s, 1255369830);
	CHECK_EQ(date_parse_iso("1970-01-01T00:00:00Z", &s), 0);
	CHECK_EQ(s, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(date_parse_http(bad[i], &s), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_iso); i++)
		CHECK_EQ(date_parse_iso(bad_iso[i], &s), -EINVAL);
}

/* ---- addresses ---- */

static void check_address(const char *endpoint, enum s3_addressing addressing, const char *prefix, const char *url)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct address a = { 0 };

	CHECK_EQ(address_init(&a, endpoint, "eu-west-1", "bkt", prefix, addressing, &error), 0);
	CHECK_EQ(buf_addf(&got, "%s %s ", a.scheme, a.host), 0);
	CHECK_EQ(address_add_path(&a, "key", &got), 0);
	CHECK_EQ(buf_add_str(&got, " "), 0);
	CHECK_EQ(address_add_path(&a, NULL, &got), 0);
	CHECK(buf_cstr(&got) && strcmp((char *)got.data, url) == 0);
	address_done(&a);
}

static void check_addresses(void)
{
	static const char *const bad[] = { "", "http://", "http://host/path", "ftp://host", "http://us er@host", "http://host?x",
					   "https://host\r\nx: y" };
	struct address a;

	check_address(NULL, S3_PATH, NULL, "https s3.eu-west-1.amazonaws.com /bkt/key /bkt");
	check_address(NULL, S3_VIRTUAL, "p", "https bkt.s3.eu-west-1.amazonaws.com /p/key /");
	check_address("http://127.0.0.1:9000/", S3_PATH, "p/q/", "http 127.0.0.1:9000 /bkt/p/q/key /bkt");
	check_address("http://host:80", S3_PATH, "", "http host /bkt/key /bkt");
	check_address("https://host:443", S3_PATH, "", "https host /bkt/key /bkt");
	check_address("https://host:80", S3_PATH, "", "https host:80 /bkt/key /bkt");
	check_address("host", S3_PATH, "", "https host /bkt/key /bkt");
	check_address("http://[::1]:81", S3_PATH, "", "http [::1]:81 /bkt/key /bkt");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(address_init(&a, bad[i], "r", "bkt", "", S3_PATH, &error), -EINVAL);
	CHECK_EQ(address_init(&a, NULL, "r", "b", "", S3_PATH, &error), -EINVAL);
	CHECK_EQ(address_init(&a, NULL, "r", "b/c", "", S3_PATH, &error), -EINVAL);
	CHECK_EQ(address_init(&a, NULL, "r\n", "bkt", "", S3_PATH, &error), -EINVAL);
	CHECK_EQ(address_init(&a, NULL, "r", "bkt", "/x", S3_PATH, &error), -EINVAL);
	CHECK(strstr(error.text, "prefix '/x'"));
}

/* ---- credentials ---- */

#define PROFILES                                                                                                       \
	"# comment\n[default]\naws_access_key_id=AK1\naws_secret_access_key = S=1/+ \r\n\n[ other ]\n"               \
	"  aws_access_key_id = AK2\naws_secret_access_key=S2\naws_session_token = T2\nregion = x\n[half]\naws_access_key_id=AK3\n"

static bool is_parsed(const char *text, const char *profile, const char *key, const char *secret, const char *token)
{
	struct s3_credentials c = { 0 };
	bool as_wanted = credentials_parse(text, strlen(text), profile, &c) == 0 && strcmp(c.access_key, key) == 0 &&
			 strcmp(c.secret_key, secret) == 0 &&
			 (token ? c.session_token && strcmp(c.session_token, token) == 0 : !c.session_token);

	credentials_done(&c);
	return as_wanted;
}

static void check_profiles(void)
{
	struct s3_credentials c;
	char *long_token = malloc(2001), *text = NULL;

	CHECK(is_parsed(PROFILES, "default", "AK1", "S=1/+", NULL));
	CHECK(is_parsed(PROFILES, "other", "AK2", "S2", "T2"));
	CHECK_EQ(credentials_parse(PROFILES, strlen(PROFILES), "half", &c), -EINVAL);
	CHECK_EQ(credentials_parse(PROFILES, strlen(PROFILES), "none", &c), -ENOENT);
	CHECK_EQ(credentials_parse("", 0, "default", &c), -ENOENT);
	memset(long_token, 't', 2000);
	long_token[2000] = '\0';
	CHECK(asprintf(&text, "[default]\naws_session_token = %s\naws_access_key_id = A\naws_secret_access_key = S", long_token) > 0);
	CHECK(is_parsed(text, "default", "A", "S", long_token));
	free(text);
	free(long_token);
}

static void check_environment(void)
{
	struct s3_credentials c = { 0 };
	struct temp_folder t;
	char path[128];

	temp_folder_make(&t);
	(void) snprintf(path, sizeof(path), "%s/credentials", t.path);
	CHECK_EQ(io_replace_file_at(t.dirfd, "credentials", PROFILES, strlen(PROFILES), 0600), 0);
	(void) setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	(void) unsetenv("AWS_ACCESS_KEY_ID");
	(void) unsetenv("AWS_PROFILE");
	CHECK_EQ(credentials_load(NULL, &c, &error), 0);
	CHECK(strcmp(c.access_key, "AK1") == 0);
	credentials_done(&c);
	(void) setenv("AWS_PROFILE", "other", 1);
	CHECK_EQ(credentials_load(NULL, &c, &error), 0);
	CHECK(strcmp(c.session_token, "T2") == 0);
	credentials_done(&c);
	(void) setenv("AWS_PROFILE", "missing", 1);
	CHECK_EQ(credentials_load(NULL, &c, &error), -EKEYREJECTED);
	CHECK(strstr(error.text, "[missing]"));
	(void) setenv("AWS_ACCESS_KEY_ID", "AK9", 1);
	(void) unsetenv("AWS_SECRET_ACCESS_KEY");
	CHECK_EQ(credentials_load(NULL, &c, &error), -EKEYREJECTED);
	CHECK(strstr(error.text, "AWS_SECRET_ACCESS_KEY is not"));
	(void) setenv("AWS_SECRET_ACCESS_KEY", "S9", 1);
	CHECK_EQ(credentials_load(NULL, &c, &error), 0);
	CHECK(strcmp(c.secret_key, "S9") == 0);
	credentials_done(&c);
	CHECK_EQ(credentials_load((char *)"other", &c, &error), 0);
	CHECK(strcmp(c.session_token, "T2") == 0);
	credentials_done(&c);
	CHECK_EQ(credentials_load((char *)"nobody", &c, &error), -EKEYREJECTED);
	CHECK(strstr(error.text, "[nobody], which [cold] profile"));
	(void) setenv("AWS_SESSION_TOKEN", "a\nb", 1);
	CHECK_EQ(credentials_load(NULL, &c, &error), -EKEYREJECTED);
	temp_folder_remove(&t);
}

/* ---- answers ---- */

static int add_entry(void *context, const char *key, const struct bucket_object *o)
{
	return buf_addf(context, "%s=%llu@%lld;%s ", key, (unsigned long long)o->size, (long long)o->modified_s, o->etag);
}

static int parse_list(const char *text, struct buf *ret_entries, char **ret_next)
{
	buf_reset(ret_entries);
	return answer_parse_list(text, strlen(text), add_entry, ret_entries, ret_next);
}

static void check_list_answers(void)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	char *next = NULL;

	CHECK_EQ(parse_list("<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
			    "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>"
			    "<Contents><Key>p/a%20b+c%2B</Key><Size>12</Size><ETag>&quot;x&quot;</ETag>"
			    "<LastModified>2009-10-12T17:50:30.000Z</LastModified></Contents>"
			    "<Contents><Key>%C3%A4</Key><Size>0</Size></Contents></ListBucketResult>", &got, &next), 0);
	CHECK(buf_cstr(&got) && strcmp((char *)got.data, "p/a b c+=12@1255369830;x \xc3\xa4=0@0; ") == 0);
	CHECK(next && strcmp(next, "a&b") == 0);
	free(next);
	next = NULL;
	CHECK_EQ(parse_list("<ListBucketResult><Contents><Key>a+%20</Key><Size>1</Size></Contents></ListBucketResult>", &got, &next), 0);
	CHECK(buf_cstr(&got) && strcmp((char *)got.data, "a+%20=1@0; ") == 0); /* not encoded */
	CHECK(!next);
	CHECK_EQ(parse_list("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", &got, &next), -EBADMSG);
	CHECK_EQ(parse_list("<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>", &got, &next), -EBADMSG);
	CHECK_EQ(parse_list("<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>", &got, &next), -EBADMSG);
	CHECK_EQ(parse_list("<ListBucketResult>", &got, &next), -EBADMSG);
	CHECK_EQ(parse_list("", &got, &next), -EBADMSG);
	CHECK_EQ(parse_list("<!DOCTYPE l [<!ENTITY e 'x'>]><ListBucketResult><Contents><Key>&e;</Key><Size>1</Size></Contents></ListBucketResult>", &got, &next), -EBADMSG);
}

static void check_other_answers(void)
{
	static const char refused[] = "<Error><Code>No&lt;</Code><Message>a\nb</Message><Region>r</Region></Error>";
	static const char removed[] = "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Code>X</Code></Error><Error/></DeleteResult>";
	static const char upload[] = "<InitiateMultipartUploadResult><UploadId>i</UploadId></InitiateMultipartUploadResult>";
	static const char completed[] = "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";
	static const char versions[] = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
	struct answer_error e;
	char etag[BUCKET_ETAG_SIZE], *id = NULL;
	bool versioned = false;
	size_t failed;

	CHECK_EQ(answer_parse_error(refused, strlen(refused), &e), 0);
	CHECK(strcmp(e.code, "No<") == 0 && strcmp(e.message, "a b") == 0 && strcmp(e.region, "r") == 0);
	CHECK_EQ(answer_parse_error(removed, strlen(removed), &e), -ENOENT);
	CHECK_EQ(answer_parse_error("<!DOCTYPE Error><Error><Code>X</Code></Error>", 45, &e), -EBADMSG);
	CHECK_EQ(answer_parse_error("<!DOCTYPE Error []><Error><Code>X</Code></Error>", 48, &e), -EBADMSG);
	CHECK_EQ(answer_parse_removed(removed, strlen(removed), &e, &failed), 0);
	CHECK_EQ(failed, 2);
	CHECK(strcmp(e.code, "X") == 0);
	CHECK_EQ(answer_parse_upload(upload, strlen(upload), &id), 0);
	CHECK(id && strcmp(id, "i") == 0);
	free(id);
	CHECK_EQ(answer_parse_completed(completed, strlen(completed), etag), 0);
	CHECK(strcmp(etag, "e-2") == 0);
	CHECK_EQ(answer_parse_versioning(versions, strlen(versions), &versioned), 0);
	CHECK(versioned);
	CHECK_EQ(answer_parse_versioning("<VersioningConfiguration/>", 26, &versioned), 0);
	CHECK(!versioned);
}

/* ---- pace ---- */

static void check_rate(void)
{
	struct rate r;

	rate_init(&r, 100, 1000);
	CHECK_EQ(rate_wait_ms(&r, 1000), 0);
	rate_take(&r, 300);
	CHECK_EQ(rate_wait_ms(&r, 1000), 2001);
	CHECK_EQ(rate_wait_ms(&r, 2000), 1001);
	CHECK_EQ(rate_wait_ms(&r, 3001), 0);
	rate_take(&r, 1);
	CHECK_EQ(rate_wait_ms(&r, 1u << 30), 0); /* full, not more */
	rate_take(&r, 100);
	CHECK(rate_wait_ms(&r, 1u << 30) > 0);
	rate_init(&r, 0, 0);
	rate_take(&r, 1000);
	CHECK_EQ(rate_wait_ms(&r, 0), 0);
	rate_init(&r, 1, 0); /* a byte a second, in steps of a millisecond */
	rate_take(&r, 2);
	for (uint64_t t = 0; t <= 1000; t++)
		CHECK(rate_wait_ms(&r, t) > 0);
	CHECK_EQ(rate_wait_ms(&r, 1001), 0);
	rate_init(&r, UINT64_MAX, 0);
	CHECK_EQ(rate_wait_ms(&r, 0), 0);
}

static void check_window(void)
{
	struct budget budget;
	struct window w;

	inflight_init(&w, 2, 64);
	CHECK_EQ(inflight_size(&w), 64);
	inflight_bad(&w, 10, 20);
	CHECK_EQ(inflight_size(&w), 32);
	inflight_bad(&w, 15, 30); /* was sent before the window narrowed */
	CHECK_EQ(inflight_size(&w), 32);
	for (unsigned i = 0; i < 33; i++)
		inflight_good(&w);
	CHECK_EQ(inflight_size(&w), 33);
	for (unsigned i = 0; i < 20; i++)
		inflight_bad(&w, 100 + i, 100 + i);
	CHECK_EQ(inflight_size(&w), 2);
	budget_init(&budget, 2);
	CHECK(budget_take(&budget) && budget_take(&budget) && !budget_take(&budget));
	budget_success(&budget);
	CHECK(!budget_take(&budget));
	budget_success(&budget);
	CHECK(budget_take(&budget));
	for (uint64_t i = 0; i < 1000; i++)
		CHECK(backoff_ms(3, 100, 20000, i * 7919) <= 400);
	CHECK(backoff_ms(60, 100, 20000, 20000) == 20000);
}

static void check_breaker(void)
{
	const struct bucket_error why = { -EHOSTUNREACH, BUCKET_UNREACHABLE, "down" };
	struct breaker b;

	breaker_init(&b, 2, 100, 300);
	breaker_failure(&b, false, &why, 0);
	CHECK_EQ(breaker_ask(&b, 0), BREAKER_GO);
	breaker_success(&b);
	breaker_failure(&b, false, &why, 0);
	breaker_failure(&b, false, &why, 0);
	CHECK_EQ(breaker_ask(&b, 99), BREAKER_FAIL);
	CHECK_EQ(breaker_wait_ms(&b, 40), 60);
	CHECK_EQ(breaker_ask(&b, 100), BREAKER_PROBE);
	breaker_probing(&b);
	CHECK_EQ(breaker_ask(&b, 100), BREAKER_WAIT);
	breaker_failure(&b, false, &why, 100); /* of one sent before */
	CHECK_EQ(b.state, BUCKET_HALF_OPEN);
	breaker_probe_lost(&b);
	CHECK_EQ(breaker_ask(&b, 101), BREAKER_PROBE);
	breaker_probing(&b);
	breaker_failure(&b, true, &why, 110);
	CHECK_EQ(breaker_ask(&b, 309), BREAKER_FAIL);
	CHECK_EQ(breaker_ask(&b, 310), BREAKER_PROBE);
	breaker_failure(&b, true, &why, 310);
	CHECK_EQ(breaker_wait_ms(&b, 310), 300);
	breaker_success(&b);
	CHECK_EQ(breaker_ask(&b, 311), BREAKER_GO);
	CHECK_EQ(b.opened, 3);
}

int main(void)
{
	check_hashes();
	check_variants();
	check_signatures();
	check_dates();
	check_addresses();
	check_profiles();
	check_environment();
	check_list_answers();
	check_other_answers();
	check_rate();
	check_window();
	check_breaker();
	return check_result();
}
