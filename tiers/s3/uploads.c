/* SPDX-License-Identifier: MIT */
/* Large PUTs that were begun and never ended, since their process was killed: ListMultipartUploads, page after page,
 * and AbortMultipartUpload for the old ones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/answer.h"
#include "tiers/s3/s3_impl.h"

struct sweep {
	struct s3 *s3; /* borrowed, as `call` */
	const struct bucket_call *call;
	const char *prefix; /* of keys, after the bucket's own; borrowed */
	int64_t before_s; /* those begun later are left alone */
	unsigned n;
};

/* One that has ended meanwhile is answered 404, and is as good as aborted. */
static int abort_upload(struct sweep *w, const char *key, const char *id)
{
	struct bucket_error why = { 0 };
	struct job *j = job_new(w->s3, w->call, BUCKET_REMOVE, "DELETE", key);
	int r;

	if (!j || job_add_query(j, "uploadId", id) < 0) {
		job_free(j);
		return s3_fail_local(w->call->ret_error, -ENOMEM);
	}
	j->whole = true;
	r = s3_run(w->s3, j, &why, NULL);
	if (r < 0 && j->http.failure == HTTP_FINE && j->http.status == 404 && why.fault != BUCKET_NONE)
		r = 0;
	if (r < 0 && w->call->ret_error)
		*w->call->ret_error = why;
	job_free(j);
	return r;
}

static int look_at_upload(void *context, const char *key, const char *id, int64_t begun_s)
{
	struct sweep *w = context;
	const char *prefix = w->s3->address.prefix, *ours;
	int r;

	if (strncmp(key, prefix, strlen(prefix)) != 0 || begun_s == 0 || begun_s >= w->before_s)
		return 0;
	ours = key + strlen(prefix);
	if (!*ours || strncmp(ours, w->prefix, strlen(w->prefix)) != 0)
		return 0;
	r = abort_upload(w, ours, id);
	w->n += r >= 0;
	return r;
}

static struct job *make_page(const struct sweep *w, const struct answer_marker *from)
{
	_cleanup_free_ char *prefix = NULL;
	struct job *j;

	if (asprintf(&prefix, "%s%s", w->s3->address.prefix, w->prefix) < 0)
		return NULL;
	j = job_new(w->s3, w->call, BUCKET_LIST, "GET", NULL);
	if (!j)
		return NULL;
	j->whole = true;
	if (job_add_query(j, "uploads", "") < 0 || job_add_query(j, "encoding-type", "url") < 0 ||
	    job_add_query(j, "prefix", prefix) < 0 ||
	    (from->key && job_add_query(j, "key-marker", from->key) < 0) ||
	    (from->id && job_add_query(j, "upload-id-marker", from->id) < 0))
		return job_free(j);
	return j;
}

static int sweep_page(struct sweep *w, struct answer_marker *from)
{
	struct answer_marker next = { 0 };
	struct job *j = make_page(w, from);
	int r;

	if (!j)
		return s3_fail_local(w->call->ret_error, -ENOMEM);
	r = s3_run(w->s3, j, w->call->ret_error, NULL);
	if (r >= 0) {
		r = answer_parse_uploads(j->http.text.data, j->http.text.len, look_at_upload, w, &next);
		if (r == -EBADMSG)
			r = bucket_fail(w->call->ret_error, BUCKET_NONSENSE, 0,
					"%.120s sent something that is no ListMultipartUploadsResult", w->s3->address.host);
	}
	job_free(j);
	answer_marker_done(from);
	*from = next;
	return r;
}

int s3_sweep(struct bucket *b, const struct bucket_call *c, const char *prefix, uint32_t older_than_s, unsigned *ret_n)
{
	struct s3 *s = (struct s3 *)b;
	struct sweep w = { .s3 = s, .call = c, .prefix = prefix };
	struct answer_marker from = { 0 };
	struct bucket_stats stats;
	int r;

	bucket_get_stats(b, &stats);
	w.before_s = (int64_t)(clock_real_ns() / 1000000000u) + stats.clock_skew_s - older_than_s;
	do
		r = sweep_page(&w, &from);
	while (r == 0 && from.key);
	answer_marker_done(&from);
	if (r >= 0)
		*ret_n = w.n;
	return r;
}

int s3_abort_uploads(struct bucket *b, const struct bucket_call *c, uint32_t older_than_s, unsigned *ret_n)
{
	return b->ops->start == s3_start ? bucket_sweep(b, c, "", older_than_s, ret_n) : -EOPNOTSUPP;
}
