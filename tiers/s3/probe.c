/* SPDX-License-Identifier: MIT */
#include "tiers/s3/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "tiers/s3/bucket_impl.h"

#define TIMEOUT_MS 30000u
#define SIZE 64u
#define FROM 17u /* of the range that is read */
#define LEN 11u

struct probe {
	struct bucket *b;
	char key[8 + ID128_TEXT_SIZE];
	uint8_t bytes[SIZE], other[SIZE];
	struct probe_result *results;
};

static struct bucket_call call_for(struct probe *p, enum probe_step step)
{
	p->results[step].tried = true;
	return (struct bucket_call){ .cause = BUCKET_OTHER, .timeout_ms = TIMEOUT_MS, .ret_error = &p->results[step].error };
}

/* It answered, but not what it should. */
static int fail(struct probe *p, enum probe_step step, const char *why)
{
	return bucket_fail(&p->results[step].error, BUCKET_BROKEN, 0, "%s", why);
}

/* The first page shows it. */
static int seen(void *context, const char *key, const struct bucket_object *o)
{
	return 1;
}

static int try_list(struct probe *p)
{
	const struct bucket_call call = call_for(p, PROBE_LIST);

	return bucket_list(p->b, &call, "", seen, NULL);
}

static int try_put(struct probe *p)
{
	const struct bucket_call call = call_for(p, PROBE_PUT);
	const struct bucket_body body = { .data = p->bytes, .len = SIZE };

	return bucket_put(p->b, &call, p->key, &body, NULL);
}

static int try_head(struct probe *p)
{
	const struct bucket_call call = call_for(p, PROBE_HEAD);
	struct bucket_object o;
	int r = bucket_head(p->b, &call, p->key, &o);

	return r >= 0 && o.size != SIZE ? fail(p, PROBE_HEAD, "it tells another size than what was written") : r;
}

static int try_get(struct probe *p, enum probe_step step, uint64_t from, size_t len)
{
	const struct bucket_call call = call_for(p, step);
	uint8_t got[SIZE];
	int64_t n = bucket_get(p->b, &call, p->key, from, got, len);

	if (n < 0)
		return (int)n;
	if ((size_t)n != len || memcmp(got, p->bytes + from, len) != 0)
		return fail(p, step, step == PROBE_GET ? "a part of an object is not what was written" :
							 "a second write with If-None-Match: * replaced the first");
	return 0;
}

/* "Only if there is none", where there is one. */
static int try_condition(struct probe *p)
{
	const struct bucket_call call = call_for(p, PROBE_CONDITION);
	const struct bucket_body body = { .data = p->other, .len = SIZE };
	int r = bucket_put_if(p->b, &call, p->key, &body, NULL, NULL);

	if (r == 0)
		return fail(p, PROBE_CONDITION, "If-None-Match: * is ignored");
	if (r != BUCKET_EUNKNOWN)
		return r;
	p->results[PROBE_CONDITION].error = (struct bucket_error){ 0 };
	return try_get(p, PROBE_CONDITION, 0, SIZE);
}

static int try_remove(struct probe *p)
{
	const struct bucket_call call = call_for(p, PROBE_REMOVE);
	const char *key = p->key;
	struct bucket_object o;
	int r = bucket_remove(p->b, &call, &key, 1);

	if (r < 0)
		return r;
	r = bucket_head(p->b, &call, p->key, &o);
	if (r != -ENOENT)
		return r < 0 ? r : fail(p, PROBE_REMOVE, "what was deleted is still there");
	p->results[PROBE_REMOVE].error = (struct bucket_error){ 0 };
	return 0;
}

static void try_all(struct probe *p)
{
	(void) try_list(p);
	if (try_put(p) < 0)
		return;
	(void) try_head(p);
	if (try_get(p, PROBE_GET, FROM, LEN) >= 0)
		(void) try_condition(p);
	(void) try_remove(p);
}

int bucket_probe(struct bucket *b, struct probe_result ret_results[PROBE_STEPS])
{
	struct probe p = { .b = b, .results = ret_results };
	char id[ID128_TEXT_SIZE];

	memset(ret_results, 0, PROBE_STEPS * sizeof(*ret_results));
	(void) snprintf(p.key, sizeof(p.key), "probe-%s", id128_format(id128_random(), id));
	random_bytes(p.bytes, SIZE);
	random_bytes(p.other, SIZE);
	try_all(&p);
	for (unsigned k = 0; k < PROBE_STEPS; k++)
		if (k != PROBE_CONDITION && ret_results[k].error.error < 0)
			return ret_results[k].error.error;
	return 0;
}

const char *probe_step_name(enum probe_step step)
{
	static const char *const names[PROBE_STEPS] = { "list", "write", "look", "read", "write if absent", "delete" };

	return names[step];
}
