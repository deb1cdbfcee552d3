/* SPDX-License-Identifier: MIT */
/* ask put|get|head|list|remove|putif|versioned|abort KEY [BYTES] - one request to the bucket that S3_ENDPOINT, S3_BUCKET, S3_PREFIX, S3_CA, S3_ADDRESSING and
 * AWS_* name, for shell tests. Prints what came of it in a line; 1: it failed, and the line says why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/s3.h"

static struct bucket_error error;
static const struct bucket_call call = { .ret_error = &error };

static int say_key(void *context, const char *key, const struct bucket_object *o)
{
	(void) context;
	printf("%s %llu\n", key, (unsigned long long)o->size);
	return 0;
}

static int put(struct bucket *b, const char *key, size_t size, bool conditional)
{
	_cleanup_free_ char *data = calloc(1, size + 1);
	struct bucket_body body = { .data = data, .fd = -1, .len = size };

	if (!data)
		return -1;
	return conditional ? bucket_put_if(b, &call, key, &body, NULL, NULL) : bucket_put(b, &call, key, &body, NULL);
}

static int ask(struct bucket *b, const char *verb, const char *key, size_t size)
{
	struct bucket_object o;
	bool versioned;
	unsigned n;
	char data[64];
	int r = -1;

	if (strcmp(verb, "put") == 0 || strcmp(verb, "putif") == 0)
		return put(b, key, size, strcmp(verb, "putif") == 0);
	if (strcmp(verb, "get") == 0)
		return (int)bucket_get(b, &call, key, 0, data, sizeof(data));
	if (strcmp(verb, "head") == 0)
		return bucket_head(b, &call, key, &o);
	if (strcmp(verb, "list") == 0)
		return bucket_list(b, &call, key, say_key, NULL);
	if (strcmp(verb, "remove") == 0)
		return bucket_remove(b, &call, &key, 1);
	if (strcmp(verb, "abort") == 0 && (r = s3_abort_uploads(b, &call, 0, &n)) == 0)
		printf("%u aborted\n", n);
	if (strcmp(verb, "versioned") == 0 && (r = s3_versioned(b, &call, &versioned)) == 0)
		printf("%s\n", versioned ? "versioned" : "not versioned");
	return r;
}

int main(int argc, char **argv)
{
	const char *addressing = getenv("S3_ADDRESSING");
	struct s3_config config = { .endpoint = getenv("S3_ENDPOINT"), .region = getenv("AWS_REGION"), .bucket = getenv("S3_BUCKET"),
				    .prefix = getenv("S3_PREFIX"), .ca_file = getenv("S3_CA"), .attempts = 2,
				    .addressing = addressing && strcmp(addressing, "virtual") == 0 ? S3_VIRTUAL : S3_PATH };
	struct bucket *b;
	int r;

	if (argc < 3)
		return 2;
	r = s3_open(&config, &b, &error);
	if (r >= 0) {
		r = ask(b, argv[1], argv[2], argc > 3 ? strtoul(argv[3], NULL, 10) : 4);
		(void) bucket_free(b);
	}
	if (r < 0)
		printf("%s: %s\n", strerrorname_np(-r), error.text);
	else
		printf("done\n");
	return r < 0;
}
