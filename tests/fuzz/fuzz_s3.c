/* SPDX-License-Identifier: MIT */
/* What an S3 server may send (XML answers, dates), and the AWS profile file: any bytes are parsed or refused. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/credentials.h"
#include "tiers/s3/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int check_object(void *context, const char *key, const struct bucket_object *o)
{
	assert(*key && o->size <= INT64_MAX && strlen(o->etag) < BUCKET_ETAG_SIZE);
	return ++*(unsigned *)context == 100 ? 7 : 0;
}

static int check_upload(void *context, const char *key, const char *id, int64_t begun_s)
{
	(void) context;
	assert(*key && *id && begun_s >= 0);
	return 0;
}

static void check_error(const struct answer_error *e)
{
	assert(strlen(e->code) < sizeof(e->code) && strlen(e->region) < sizeof(e->region));
	for (const char *c = e->message; *c; c++)
		assert((unsigned char)*c >= ' ');
}

static void check_answers(const uint8_t *data, size_t len)
{
	char etag[BUCKET_ETAG_SIZE] = "", *next = NULL, *id = NULL;
	struct answer_error e = { 0 }, first = { 0 };
	struct answer_marker marker = { 0 };
	size_t failed = 0;
	unsigned n = 0;
	bool versioned;
	int r;

	r = answer_parse_error(data, len, &e);
	assert(r == 0 || r == -ENOENT || r == -EBADMSG || r == -ENOMEM);
	check_error(&e);
	r = answer_parse_list(data, len, check_object, &n, &next);
	assert(r == 0 || r == 7 || r == -EBADMSG || r == -ENOMEM);
	assert(!next || (r == 0 && *next));
	free(next);
	r = answer_parse_removed(data, len, &first, &failed);
	assert(r == 0 || failed == 0);
	check_error(&first);
	if (answer_parse_upload(data, len, &id) == 0)
		assert(*id);
	free(id);
	if (answer_parse_uploads(data, len, check_upload, NULL, &marker) == 0)
		assert(!marker.key || *marker.key);
	answer_marker_done(&marker);
	(void) answer_parse_completed(data, len, etag);
	assert(strlen(etag) < sizeof(etag));
	(void) answer_parse_versioning(data, len, &versioned);
}

static void check_profile(const uint8_t *data, size_t len)
{
	struct s3_credentials c = { 0 };

	if (credentials_parse((const char *)data, len, "default", &c) < 0)
		return;
	assert(*c.access_key && *c.secret_key && !strpbrk(c.access_key, "\r\n") && !strpbrk(c.secret_key, "\r\n "));
	credentials_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_free_ char *text = strndup((const char *)data, len);
	int64_t s;

	if (!text)
		return 0;
	if (date_parse_http(text, &s) == 0 || date_parse_iso(text, &s) == 0)
		assert(s >= 0 && s < INT64_C(253402300800));
	check_answers(data, len);
	check_profile(data, len);
	return 0;
}
