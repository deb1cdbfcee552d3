/* SPDX-License-Identifier: MIT */
/* A query, from its name to its answer. It is parsed where it arrives; then, if files closed before
 * it are not indexed yet, it is parked until they are or its time is over; then a worker runs it. (While the
 * index itself is being loaded, it is parked in any case.) It
 * comes as a LOOKUP below .query, whose answer becomes a file, or as a line written to .query/ask,
 * whose answer goes to the handle.
 *
 * Who may not see every file waits for those that it sees, so that the time tells of no others. Which they
 * are the catalog knows: a worker looks, parks the query for a moment, and looks again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/ops/ops.h"
#include "fs/parking.h"
#include "fs/virtual/virtual.h"
#include "fs/workers.h"

/* The same query by the same user at the same LSN is one run for this long. */
#define SHARED_MS 2000u
/* A queue longer than MANY is watched: when it moves too slowly for the time that the query has, the
 * query does not wait for nothing. */
#define MANY 64u
#define WATCH_MS 150u
/* Between two looks at the files that somebody else than the owner sees. */
#define LOOK_AGAIN_MS 10u

struct ask {
	struct job job;
	struct parked parked;
	struct fs *fs;       /* borrowed */
	fuse_req_t req;
	struct query query;  /* owned */
	char *name;          /* owned */
	char *key;           /* owned; `name` for this caller */
	uint64_t dir;
	struct caller caller; /* owned */
	uint64_t fh;         /* of the stream; unused in a LOOKUP */
	size_t written;      /* 0: a LOOKUP */
	uint64_t unique;
	uint64_t ticket;     /* 0: none is drawn */
	uint64_t deadline_ms, look_ms;
	uint64_t since_ms, pending_then;
};

static struct ask *ask_free(struct ask *a)
{
	if (a) {
		query_done(&a->query);
		caller_done(&a->caller);
		free(a->key);
		free(a->name);
		free(a);
	}
	return NULL;
}
DEFINE_CLEANUP(struct ask *, ask_free)

static void fail(struct ask *a, int r, char *why)
{
	struct virtual *v = a->fs->virtual;

	errors_set(v->errors, a->caller.uid, why);
	if (a->written)
		streams_answer(v->streams, a->fh, NULL);
	ops_reply_status(a->req, r);
}

static void reply(struct ask *a, uint64_t lsn, struct answer *answer)
{
	struct virtual *v = a->fs->virtual;
	const struct answer_key key = { a->dir, a->caller.uid, a->key };
	struct answer_node node;
	int r;

	if (a->written) {
		streams_answer(v->streams, a->fh, &answer->bytes);
		(void) fuse_reply_write(a->req, a->written);
		return;
	}
	r = answers_add(v->answers, &key, a->caller.gid, lsn, answer->pending, &answer->bytes, &node);
	if (r < 0)
		ops_reply_status(a->req, r);
	else
		virtual_reply_answer(a->req, &node);
}

/* Several programs may ask the same at once: the first one's answer serves the others. */
static bool reply_shared(struct ask *a, uint64_t lsn)
{
	struct virtual *v = a->fs->virtual;
	const struct answer_key key = { a->dir, a->caller.uid, a->key };
	struct answer_node node;

	if (a->written || answers_find(v->answers, &key, lsn, SHARED_MS, &node) < 0)
		return false;
	virtual_reply_answer(a->req, &node);
	return true;
}

static void end_waiting(struct ask *a)
{
	if (a->ticket)
		patience_end(a->fs->virtual->patience);
	a->ticket = 0;
}

/* For a caller that sees only some files: is one of those not indexed yet, and is there time left? */
static bool must_wait(const struct ask *a)
{
	return !a->caller.all && clock_mono_ms() < a->deadline_ms &&
	       !(a->ticket && patience_over(a->fs->virtual->patience, a->ticket)) &&
	       index_pending_of(a->fs->config.index, caller_identity(&a->caller)) > 0;
}

static void park(struct ask *a, uint64_t pending);

static void run(struct job *job)
{
	_cleanup_(ask_freep) struct ask *a = (struct ask *)job;
	const struct query_scope scope = { .top = a->dir, .mount_point = a->fs->config.mount_point,
					   .who = caller_identity(&a->caller) };
	uint64_t lsn = catalog_last_lsn(a->fs->config.catalog);
	struct answer answer = { 0 };
	char *why = NULL;
	int r;

	if (must_wait(a)) {
		park(steal_ptr(&a), 0);
		return;
	}
	end_waiting(a);
	if (reply_shared(a, lsn))
		return;
	r = index_query(a->fs->config.index, &a->query, &scope, &answer, &why);
	if (r < 0)
		fail(a, r, why);
	else
		reply(a, lsn, &answer);
	answer_done(&answer);
}

static struct ask *ask_of(struct parked *p)
{
	return (struct ask *)((char *)p - offsetof(struct ask, parked));
}

/* Would the queue, at the speed seen so far, still be there when the time is over twice? */
static bool is_hopeless(const struct ask *a, uint64_t pending)
{
	uint64_t now_ms = clock_mono_ms(), passed = now_ms - a->since_ms;
	uint64_t left = a->parked.deadline_ms > now_ms ? a->parked.deadline_ms - now_ms : 0;

	if (pending <= MANY || passed < WATCH_MS)
		return false;
	if (pending >= a->pending_then)
		return passed > 2 * WATCH_MS;
	return pending * passed / (a->pending_then - pending) > 2 * left;
}

static bool is_ready(struct parked *p)
{
	struct ask *a = ask_of(p);
	uint64_t pending;

	if (!a->caller.all)
		return clock_mono_ms() >= a->look_ms;
	pending = index_pending(a->fs->config.index);
	return pending == 0 || patience_over(a->fs->virtual->patience, a->ticket) || is_hopeless(a, pending);
}

static void resume(struct parked *p, int why)
{
	struct ask *a = ask_of(p);

	if (why == -EINTR) {
		end_waiting(a);
		fail(a, -EINTR, NULL);
		(void) ask_free(a);
	} else {
		workers_add(a->fs->ask, &a->job);
	}
}

static void park(struct ask *a, uint64_t pending)
{
	a->since_ms = clock_mono_ms();
	a->look_ms = a->since_ms + LOOK_AGAIN_MS;
	a->pending_then = pending;
	if (!a->ticket)
		a->ticket = patience_begin(a->fs->virtual->patience);
	a->parked = (struct parked){
		.req = a->req,
		.unique = a->unique,
		.deadline_ms = a->deadline_ms,
		.ready = is_ready,
		.resume = resume,
	};
	parking_add(a->fs->parking, &a->parked);
}

/* Takes `caller` over, also on error. */
static int ask_new(fuse_req_t req, uint64_t dir, const char *name, struct caller *caller, struct ask **ret_a)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a) {
		caller_done(caller);
		return -ENOMEM;
	}
	*a = (struct ask){
		.job.run = run, .fs = ops_fs(req), .req = req, .dir = dir, .unique = request_unique()
	};
	a->caller = *caller;
	a->name = strdup(name);
	a->key = caller_key(&a->caller, name);
	if (!a->name || !a->key) {
		(void) ask_free(a);
		return -ENOMEM;
	}
	*ret_a = a;
	return 0;
}

bool ask_is_query(const char *name)
{
	return query_has_verb(name);
}

static int parse(struct ask *a, char **ret_why)
{
	int r;

	if (!a->fs->config.index) {
		*ret_why = strdup("this mount has no index");
		return -ENOTSUP;
	}
	r = query_parse(a->name, &a->query, ret_why);
	if (r != -ENOENT)
		return r;
	*ret_why = strdup(
		"a query begins with find?, explain?, similar?, count?, related?, path?, graph or "
		"duplicates");
	return -EINVAL;
}

/* Takes `a` over, as all below. */
static void begin_loaded(struct ask *a)
{
	uint64_t pending;

	if (!a->caller.all) {
		workers_add(a->fs->ask, &a->job);
		return;
	}
	pending = index_pending(a->fs->config.index);
	if (pending == 0 && reply_shared(a, catalog_last_lsn(a->fs->config.catalog)))
		(void) ask_free(a);
	else if (pending && a->query.wait_ms)
		park(a, pending);
	else
		workers_add(a->fs->ask, &a->job);
}

static bool is_loaded(struct parked *p)
{
	return !index_is_loading(ask_of(p)->fs->config.index);
}

static void resume_loaded(struct parked *p, int why)
{
	struct ask *a = ask_of(p);

	if (why == 0) {
		begin_loaded(a);
		return;
	}
	fail(a, why, NULL);
	(void) ask_free(a);
}

/* An index that is still being loaded knows too little, whatever the query's patience. */
static void park_until_loaded(struct ask *a)
{
	a->parked = (struct parked){
		.req = a->req,
		.unique = a->unique,
		.deadline_ms = UINT64_MAX,
		.ready = is_loaded,
		.resume = resume_loaded,
	};
	parking_add(a->fs->parking, &a->parked);
}

static void begin(struct ask *a)
{
	char *why = NULL;
	int r = parse(a, &why);

	if (r < 0) {
		fail(a, r, why);
		(void) ask_free(a);
		return;
	}
	a->deadline_ms = clock_mono_ms() + a->query.wait_ms;
	if (index_is_loading(a->fs->config.index))
		park_until_loaded(a);
	else
		begin_loaded(a);
}

void ask_lookup(fuse_req_t req, uint64_t dir, const char *name)
{
	struct caller caller;
	struct ask *a;
	int r = caller_of(req, &caller);

	if (r >= 0)
		r = ask_new(req, dir, name, &caller, &a);
	if (r < 0)
		ops_reply_status(req, r);
	else
		begin(a);
}

/* A handle may come to others, and its opener become another: the answer is for whoever of the opener and the
 * writer sees less. -EACCES: neither does. */
static int who_asks(fuse_req_t req, uint64_t fh, struct caller *ret_c)
{
	struct caller opener, writer;
	bool opener_less;
	int r = streams_opener(ops_fs(req)->virtual->streams, fh, &opener);

	if (r < 0)
		return r;
	r = caller_of(req, &writer);
	if (r < 0) {
		caller_done(&opener);
		return r;
	}
	opener_less = caller_covers(&writer, &opener);
	r = opener_less || caller_covers(&opener, &writer) ? 0 : -EACCES;
	if (r == 0)
		*ret_c = opener_less ? opener : writer;
	if (r < 0 || !opener_less)
		caller_done(&opener);
	if (r < 0 || opener_less)
		caller_done(&writer);
	return r;
}

void ask_line(fuse_req_t req, uint64_t dir, const char *line, uint64_t fh, size_t written)
{
	struct caller caller;
	struct ask *a;
	int r = who_asks(req, fh, &caller);

	if (r >= 0)
		r = ask_new(req, dir, line, &caller, &a);
	if (r < 0) {
		streams_answer(ops_fs(req)->virtual->streams, fh, NULL);
		ops_reply_status(req, r);
		return;
	}
	a->fh = fh;
	a->written = written;
	begin(a);
}
