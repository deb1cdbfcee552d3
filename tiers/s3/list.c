/* SPDX-License-Identifier: MIT */
/* ListObjectsV2, page after page, in the caller's thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/s3_impl.h"

#define PAGE_KEYS "1000"

struct lister {
	struct s3 *s3; /* borrowed, as what follows */
	const struct bucket_call *call;
	const char *prefix; /* of ours and the caller's */
	size_t skip;        /* bytes of ours, which callers do not see */
	bucket_object_fn object;
	void *context;
};

/* Servers that answer more than what was asked for exist; ours are those below the prefix. */
static int listed(void *context, const char *key, const struct bucket_object *o)
{
	struct lister *l = context;

	if (strncmp(key, l->prefix, strlen(l->prefix)) != 0 || !key[l->skip])
		return 0;
	return l->object(l->context, key + l->skip, o);
}

static struct job *make_page(const struct lister *l, const char *token)
{
	struct job *j = job_new(l->s3, l->call, BUCKET_LIST, "GET", NULL);

	if (!j)
		return NULL;
	j->whole = true;
	if (job_add_query(j, "list-type", "2") < 0 || job_add_query(j, "max-keys", PAGE_KEYS) < 0 ||
	    job_add_query(j, "encoding-type", "url") < 0 || job_add_query(j, "prefix", l->prefix) < 0 ||
	    (token && job_add_query(j, "continuation-token", token) < 0))
		return job_free(j);
	return j;
}

/* Returns what the caller's function did, when that ended it. */
static int list_page(struct lister *l, const char *token, char **ret_next)
{
	struct bucket_error *ret_error = l->call->ret_error;
	struct job *j = make_page(l, token);
	int r;

	if (!j)
		return s3_fail_local(ret_error, -ENOMEM);
	r = s3_run(l->s3, j, ret_error, NULL);
	if (r >= 0) {
		r = answer_parse_list(j->http.text.data, j->http.text.len, listed, l, ret_next);
		if (r == -EBADMSG)
			r = bucket_fail(ret_error, BUCKET_NONSENSE, 0,
					"%.120s sent something that is no ListBucketResult",
					l->s3->address.host);
		else if (r == -ENOMEM)
			r = s3_fail_local(ret_error, r);
	}
	job_free(j);
	return r;
}

int s3_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object,
	    void *context)
{
	struct s3 *s = (struct s3 *)b;
	_cleanup_buf_ struct buf whole = BUF_INIT;
	_cleanup_free_ char *token = NULL;
	struct lister l = {
		.s3 = s, .call = c, .skip = strlen(s->address.prefix), .object = object, .context = context};
	int r;

	if (buf_add_str(&whole, s->address.prefix) < 0 || buf_add_str(&whole, prefix) < 0 ||
	    !buf_cstr(&whole))
		return s3_fail_local(c->ret_error, -ENOMEM);
	l.prefix = (const char *)whole.data;
	do {
		char *next = NULL;

		r = list_page(&l, token, &next);
		free(token);
		token = next;
	} while (r == 0 && token);
	return r;
}
