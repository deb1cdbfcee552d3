/* SPDX-License-Identifier: MIT */
#include "tiers/s3/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/bucket_impl.h"

#define PREFIX_MAX 100u

/* Letters, digits and some marks, so that nothing else gets into URLs, headers and log lines. */
static bool made_of(const char *text, size_t len, const char *marks)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr(marks, c)) ||
		    c == '\0')
			return false;
	}
	return true;
}

/* Bucket names are 3 to 63 of lower-case letters, digits, dots and hyphens; older ones may have more. */
static bool bucket_name_fits(const char *bucket)
{
	size_t len = strlen(bucket);

	return len >= 3 && len <= 255 && made_of(bucket, len, ".-_") && bucket[0] != '.';
}

static int refuse(struct address *a, struct bucket_error *ret_why, const char *what, const char *is,
		  const char *want)
{
	address_done(a);
	return bucket_fail(ret_why, BUCKET_LOCAL, -EINVAL, "%s '%.100s' cannot be used: %s", what, is, want);
}

static int out_of_memory(struct address *a, struct bucket_error *ret_why)
{
	address_done(a);
	return bucket_fail(ret_why, BUCKET_LOCAL, -ENOMEM, "out of memory");
}

/* Returns what follows the scheme. */
static const char *split_scheme(const char *endpoint, const char **ret_scheme)
{
	*ret_scheme = "https";
	if (strncmp(endpoint, "https://", 8) == 0)
		return endpoint + 8;
	if (strncmp(endpoint, "http://", 7) == 0) {
		*ret_scheme = "http";
		return endpoint + 7;
	}
	return endpoint;
}

/* The port that needs not be said is not: servers sign what they believe the header to be. */
static size_t host_length(const char *host, const char *scheme)
{
	const char *port = strcmp(scheme, "http") == 0 ? ":80" : ":443";
	size_t len = strlen(host);

	while (len > 0 && host[len - 1] == '/')
		len--;
	if (len > strlen(port) && strncmp(host + len - strlen(port), port, strlen(port)) == 0)
		len -= strlen(port);
	return len;
}

static int set_host(struct address *a, const char *endpoint, const char *region,
		    enum s3_addressing addressing)
{
	_cleanup_free_ char *aws = NULL;
	const char *scheme, *host;
	size_t len;

	if (!endpoint && asprintf(&aws, "s3.%s.amazonaws.com", region) < 0)
		return -ENOMEM;
	host = split_scheme(endpoint ? endpoint : aws, &scheme);
	len = host_length(host, scheme);
	if (len == 0 || len > 255 || !made_of(host, len, ".-:[]_"))
		return -EINVAL;
	a->scheme = strdup(scheme);
	if (asprintf(&a->host, "%s%s%.*s", addressing == S3_VIRTUAL ? a->bucket : "",
		     addressing == S3_VIRTUAL ? "." : "", (int)len, host) < 0)
		a->host = NULL;
	return a->scheme && a->host ? 0 : -ENOMEM;
}

static int set_prefix(struct address *a, const char *prefix)
{
	size_t len = strlen(prefix);

	if (asprintf(&a->prefix, "%s%s", prefix, len > 0 && prefix[len - 1] != '/' ? "/" : "") < 0)
		a->prefix = NULL;
	return a->prefix ? 0 : -ENOMEM;
}

int address_init(struct address *ret_a, const char *endpoint, const char *region, const char *bucket,
		 const char *prefix, enum s3_addressing addressing, struct bucket_error *ret_why)
{
	struct address a = { 0 };
	int r;

	prefix = prefix ? prefix : "";
	if (!bucket || !bucket_name_fits(bucket))
		return refuse(&a, ret_why, "bucket", bucket ? bucket : "",
			      "its name is 3 to 63 letters, digits, dots and hyphens");
	if (!region || !*region || strlen(region) > 64 || !made_of(region, strlen(region), "-_"))
		return refuse(&a, ret_why, "region", region ? region : "", "it is a word like us-east-1");
	if (*prefix == '/' || strlen(prefix) > PREFIX_MAX)
		return refuse(&a, ret_why, "prefix", prefix,
			      "it has at most 100 bytes and does not begin with '/'");
	a.bucket = strdup(bucket);
	if (!a.bucket || asprintf(&a.root, "%s%s", addressing == S3_PATH ? "/" : "",
				  addressing == S3_PATH ? bucket : "") < 0)
		return out_of_memory(&a, ret_why);
	r = set_host(&a, endpoint, region, addressing);
	if (r == -EINVAL)
		return refuse(&a, ret_why, "endpoint", endpoint,
			      "it is like https://HOST or http://HOST:PORT, without a path");
	if (r < 0 || set_prefix(&a, prefix) < 0)
		return out_of_memory(&a, ret_why);
	*ret_a = a;
	return 0;
}

void address_done(struct address *a)
{
	free(a->scheme);
	free(a->host);
	free(a->root);
	free(a->prefix);
	free(a->bucket);
	*a = (struct address){ 0 };
}

int address_add_path(const struct address *a, const char *key, struct buf *out)
{
	int r = buf_add_str(out, a->root);

	if (!key)
		return r >= 0 && !*a->root ? buf_add_str(out, "/") : r;
	if (r >= 0)
		r = buf_add_str(out, "/");
	if (r >= 0)
		r = buf_add_str(out, a->prefix);
	return r < 0 ? r : buf_add_str(out, key);
}
