/* SPDX-License-Identifier: MIT */
/* What takes the client several requests: large objects in parts, lists page by page, removing many. */
#include <stdlib.h>

#include "tests/unit/scripted_bucket.h"

static void check_large(void)
{
	struct s3_config config = quick();
	const uint64_t len = (64u << 20) + 1;
	char *data = calloc(1, len);
	struct bucket_body body = { .data = data, .fd = -1, .len = len };
	struct bucket *b;
	unsigned aborted = 0;

	config.part_size = 32u << 20;
	config.parts_at_once = 1;
	b = open_with(config);
	PLAY({ 200, NULL, "<InitiateMultipartUploadResult><UploadId>up/1</UploadId></InitiateMultipartUploadResult>" },
	     { 200, "ETag: \"1\"\r\n", NULL }, { 403, NULL, XML_ERROR("AccessDenied") }, { 204, NULL, NULL });
	CHECK_EQ(bucket_put(b, &call, "key", &body, NULL), -EACCES);
	for (unsigned i = 0; i < scripted_asked(server); i++)
		aborted += scripted_saw(server, i, "DELETE /bucket/key?uploadId=up%2F1 HTTP/1.1");
	CHECK_EQ(aborted, 1);
	PLAY({ 200, NULL, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>" },
	     { 200, "ETag: \"1\"\r\n", NULL }, { 200, "ETag: \"2\"\r\n", NULL }, { 200, "ETag: \"3\"\r\n", NULL },
	     { 200, NULL, XML_ERROR("InternalError") }, { 200, NULL, XML_ERROR("AccessDenied") }, { 204, NULL, NULL });
	CHECK_EQ(bucket_put(b, &call, "key", &body, NULL), -EACCES);
	CHECK_EQ(scripted_asked(server), 7);
	CHECK_EQ(stats_of(b).by[BUCKET_OTHER].requests[BUCKET_PUT], 9);
	(void) bucket_free(b);
	free(data);
}

static int fail_if_called(void *context, const char *key, const struct bucket_object *o)
{
	(void) context;
	(void) key;
	(void) o;
	return -EEXIST;
}

static int count_keys(void *context, const char *key, const struct bucket_object *o)
{
	(void) o;
	CHECK(key[0] == 'k');
	++*(unsigned *)context;
	return 0;
}

static void check_lists(void)
{
	static const char *const keys[] = { "k1", "k<2>" };
	struct bucket *b = open_with(quick());
	unsigned n = 0;

	PLAY({ 200, NULL, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t/2=</NextContinuationToken>"
			  "<Contents><Key>k1</Key><Size>1</Size></Contents></ListBucketResult>" },
	     { 200, NULL, "<ListBucketResult><IsTruncated>false</IsTruncated>"
			  "<Contents><Key>k2</Key><Size>1</Size></Contents></ListBucketResult>" });
	CHECK_EQ(bucket_list(b, &call, "k", count_keys, &n), 0);
	CHECK_EQ(n, 2);
	CHECK(scripted_saw(server, 1, "GET /bucket?continuation-token=t%2F2%3D&encoding-type=url&list-type=2&max-keys=1000&prefix=k HTTP"));
	PLAY({ 200, NULL, "<html>welcome</html>" });
	CHECK_EQ(bucket_list(b, &call, "k", fail_if_called, NULL), -EBADMSG);
	PLAY({ 404, NULL, XML_ERROR("NoSuchBucket") });
	CHECK_EQ(bucket_list(b, &call, "k", fail_if_called, NULL), -ENXIO);
	PLAY({ 200, NULL, "<DeleteResult><Error><Key>k1</Key><Code>AccessDenied</Code></Error></DeleteResult>" });
	CHECK_EQ(bucket_remove(b, &call, keys, 2), -EACCES);
	told("s3:DeleteObject");
	CHECK(scripted_saw(server, 0, "POST /bucket?delete= HTTP/1.1"));
	CHECK(scripted_saw(server, 0, "x-amz-checksum-sha256: "));
	PLAY({ 200, NULL, "<DeleteResult><Error><Key>k1</Key><Code>InternalError</Code></Error></DeleteResult>" },
	     { 200, NULL, "<DeleteResult/>" });
	CHECK_EQ(bucket_remove(b, &call, keys, 2), 0);
	CHECK_EQ(scripted_asked(server), 2);
	(void) bucket_free(b);
}

static void check_uploads(void)
{
	struct bucket *b = open_with(quick());
	unsigned n = 0;

	PLAY({ 200, NULL, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
			  "<NextUploadIdMarker>i1</NextUploadIdMarker><Upload><Key>k</Key><UploadId>i1</UploadId>"
			  "<Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload></ListMultipartUploadsResult>" },
	     { 204 },
	     { 200, NULL, "<ListMultipartUploadsResult><Upload><Key>young</Key><UploadId>i2</UploadId>"
			  "<Initiated>2999-11-10T20:48:33.000Z</Initiated></Upload><Upload><Key>k</Key><UploadId>i3</UploadId>"
			  "<Initiated>2010-11-10T20:48:33Z</Initiated></Upload></ListMultipartUploadsResult>" },
	     { 404, NULL, XML_ERROR("NoSuchUpload") });
	CHECK_EQ(s3_abort_uploads(b, &call, 3600, &n), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(scripted_asked(server), 4);
	CHECK(scripted_saw(server, 1, "DELETE /bucket/k?uploadId=i1 HTTP"));
	CHECK(scripted_saw(server, 2, "key-marker=k&prefix=&upload-id-marker=i1&uploads= HTTP"));
	CHECK(scripted_saw(server, 3, "DELETE /bucket/k?uploadId=i3 HTTP"));
	/* Of ours alone, whatever the server lists. */
	PLAY({ 200, NULL, "<ListMultipartUploadsResult><Upload><Key>packs</Key><UploadId>i1</UploadId>"
			  "<Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload><Upload><Key>packs/k</Key><UploadId>i2</UploadId>"
			  "<Initiated>2010-11-10T20:48:33Z</Initiated></Upload></ListMultipartUploadsResult>" },
	     { 204 });
	CHECK_EQ(bucket_sweep(b, &call, "packs/", 0, &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(scripted_asked(server), 2);
	CHECK(scripted_saw(server, 0, "prefix=packs%2F&uploads= HTTP"));
	CHECK(scripted_saw(server, 1, "DELETE /bucket/packs/k?uploadId=i2 HTTP"));
	(void) bucket_free(b);
}

static void test_all(void)
{
	check_large();
	check_lists();
	check_uploads();
}

int main(void)
{
	return scripted_bucket_run(test_all);
}
