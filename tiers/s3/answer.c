/* SPDX-License-Identifier: MIT */
/* Lists are asked for with encoding-type=url, since keys may hold bytes that XML cannot; who encodes says so in
 * <EncodingType>. */
#include "tiers/s3/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tiers/s3/date.h"
#include "tiers/s3/document.h"

/* Where no other root will do. */
static int parse_only(const void *text, size_t len, const char *name, xmlDocPtr *ret_doc, xmlNode **ret_root)
{
	int r = document_parse(text, len, name, ret_doc, ret_root);

	return r == -ENOENT ? -EBADMSG : r;
}

/* Cuts what is too long, and makes spaces of control characters. */
static void copy_text(const xmlNode *parent, const char *name, char *ret_text, size_t size)
{
	_cleanup_free_ char *text = document_text(parent, name);
	size_t n = 0;

	for (const char *at = text; at && *at && n + 1 < size; at++)
		ret_text[n++] = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
	ret_text[n] = '\0';
}

static void copy_error(const xmlNode *n, struct answer_error *ret_e)
{
	copy_text(n, "Code", ret_e->code, sizeof(ret_e->code));
	copy_text(n, "Message", ret_e->message, sizeof(ret_e->message));
	copy_text(n, "Region", ret_e->region, sizeof(ret_e->region));
}

int answer_parse_error(const void *text, size_t len, struct answer_error *ret_e)
{
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	xmlNode *root;
	int r = document_parse(text, len, "Error", &doc, &root);

	if (r >= 0)
		copy_error(root, ret_e);
	return r;
}

void answer_copy_etag(const char *text, char ret_etag[BUCKET_ETAG_SIZE])
{
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (len >= BUCKET_ETAG_SIZE)
		len = 0;
	memcpy(ret_etag, text, len);
	ret_etag[len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place, as forms encode: '+' is a space. False: not encoded so, or a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*to++ = *text == '+' ? ' ' : *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		text += 2;
	}
	*to = '\0';
	return true;
}

/* Are the keys encoded? 1, 0 or -ENOMEM. */
static int is_encoded(const xmlNode *root)
{
	_cleanup_free_ char *encoding = document_text(root, "EncodingType");

	return encoding ? strcmp(encoding, "url") == 0 : -ENOMEM;
}

static bool parse_size(const char *text, uint64_t *ret_size)
{
	uint64_t size = 0;

	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(size, 10, &size) ||
		    __builtin_add_overflow(size, (uint64_t)(*text - '0'), &size))
			return false;
	*ret_size = size;
	return size <= INT64_MAX;
}

static int list_entry(const xmlNode *contents, bool encoded, bucket_object_fn object, void *context)
{
	_cleanup_free_ char *key = document_text(contents, "Key"), *size = document_text(contents, "Size");
	_cleanup_free_ char *etag = document_text(contents, "ETag"),
			    *modified = document_text(contents, "LastModified");
	struct bucket_object o = { 0 };

	if (!key || !size || !etag || !modified)
		return -ENOMEM;
	if ((encoded && !decode(key)) || !*key || !parse_size(size, &o.size))
		return -EBADMSG;
	answer_copy_etag(etag, o.etag);
	if (date_parse_iso(modified, &o.modified_s) < 0)
		o.modified_s = 0;
	return object(context, key, &o);
}

/* *ret_next is NULL when the page says that it is the last. */
static int find_next(const xmlNode *root, char **ret_next)
{
	_cleanup_free_ char *truncated = document_text(root, "IsTruncated"), *next = NULL;

	*ret_next = NULL;
	if (!truncated)
		return -ENOMEM;
	if (strcmp(truncated, "true") != 0)
		return 0;
	next = document_text(root, "NextContinuationToken");
	if (!next)
		return -ENOMEM;
	if (!*next) /* it would begin from the start, for ever */
		return -EBADMSG;
	*ret_next = steal_ptr(&next);
	return 0;
}

int answer_parse_list(const void *text, size_t len, bucket_object_fn object, void *context, char **ret_next)
{
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	_cleanup_free_ char *next = NULL;
	xmlNode *root;
	int r = parse_only(text, len, "ListBucketResult", &doc, &root);
	int encoded = r < 0 ? r : is_encoded(root);

	if (encoded < 0)
		return encoded;
	r = find_next(root, &next);
	for (const xmlNode *n = root->children; n && r == 0; n = n->next)
		if (document_is(n, "Contents"))
			r = list_entry(n, encoded, object, context);
	if (r == 0)
		*ret_next = steal_ptr(&next);
	return r;
}

int answer_parse_removed(const void *text, size_t len, struct answer_error *ret_first, size_t *ret_failed)
{
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	size_t failed = 0;
	xmlNode *root;
	int r = parse_only(text, len, "DeleteResult", &doc, &root);

	if (r < 0)
		return r;
	for (const xmlNode *n = root->children; n; n = n->next)
		if (document_is(n, "Error") && failed++ == 0)
			copy_error(n, ret_first);
	*ret_failed = failed;
	return 0;
}

int answer_parse_upload(const void *text, size_t len, char **ret_upload_id)
{
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	_cleanup_free_ char *id = NULL;
	xmlNode *root;
	int r = parse_only(text, len, "InitiateMultipartUploadResult", &doc, &root);

	if (r < 0)
		return r;
	id = document_text(root, "UploadId");
	if (!id)
		return -ENOMEM;
	if (!*id)
		return -EBADMSG;
	*ret_upload_id = steal_ptr(&id);
	return 0;
}

void answer_marker_done(struct answer_marker *m)
{
	free(m->key);
	free(m->id);
	*m = (struct answer_marker){ 0 };
}

static int one_upload(const xmlNode *n, bool encoded, answer_upload_fn upload, void *context)
{
	_cleanup_free_ char *key = document_text(n, "Key"), *id = document_text(n, "UploadId");
	_cleanup_free_ char *begun = document_text(n, "Initiated");
	int64_t begun_s;

	if (!key || !id || !begun)
		return -ENOMEM;
	if ((encoded && !decode(key)) || !*key || !*id)
		return -EBADMSG;
	if (date_parse_iso(begun, &begun_s) < 0)
		begun_s = 0;
	return upload(context, key, id, begun_s);
}

static int find_marker(const xmlNode *root, bool encoded, struct answer_marker *ret_m)
{
	_cleanup_free_ char *truncated = document_text(root, "IsTruncated");
	_cleanup_(answer_marker_done) struct answer_marker m = { 0 };

	if (!truncated)
		return -ENOMEM;
	if (strcmp(truncated, "true") != 0)
		return 0;
	m.key = document_text(root, "NextKeyMarker");
	m.id = document_text(root, "NextUploadIdMarker");
	if (!m.key || !m.id)
		return -ENOMEM;
	if (!*m.key || (encoded && !decode(m.key)))
		return -EBADMSG;
	*ret_m = m;
	m = (struct answer_marker){ 0 };
	return 0;
}

int answer_parse_uploads(const void *text, size_t len, answer_upload_fn upload, void *context,
			 struct answer_marker *ret_next)
{
	_cleanup_(answer_marker_done) struct answer_marker next = { 0 };
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	xmlNode *root;
	int r = parse_only(text, len, "ListMultipartUploadsResult", &doc, &root);
	int encoded = r < 0 ? r : is_encoded(root);

	if (encoded < 0)
		return encoded;
	r = find_marker(root, encoded, &next);
	for (const xmlNode *n = root->children; n && r == 0; n = n->next)
		if (document_is(n, "Upload"))
			r = one_upload(n, encoded, upload, context);
	if (r == 0) {
		*ret_next = next;
		next = (struct answer_marker){ 0 };
	}
	return r;
}

int answer_parse_completed(const void *text, size_t len, char ret_etag[BUCKET_ETAG_SIZE])
{
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	_cleanup_free_ char *etag = NULL;
	xmlNode *root;
	int r = parse_only(text, len, "CompleteMultipartUploadResult", &doc, &root);

	if (r < 0)
		return r;
	etag = document_text(root, "ETag");
	if (!etag)
		return -ENOMEM;
	answer_copy_etag(etag, ret_etag);
	return 0;
}

int answer_parse_versioning(const void *text, size_t len, bool *ret_versioned)
{
	_cleanup_(xmlFreeDocp) xmlDocPtr doc = NULL;
	_cleanup_free_ char *status = NULL;
	xmlNode *root;
	int r = parse_only(text, len, "VersioningConfiguration", &doc, &root);

	if (r < 0)
		return r;
	status = document_text(root, "Status");
	if (!status)
		return -ENOMEM;
	/* Suspended: what was kept before is still there. */
	*ret_versioned = strcmp(status, "Enabled") == 0 || strcmp(status, "Suspended") == 0;
	return 0;
}
