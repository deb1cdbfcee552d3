/* SPDX-License-Identifier: MIT */
/* The files of .brainy: their texts are made at each lookup, so that their size is true; commands run
 * on threads of their own, because some wait for long. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "fs/ops/ops.h"
#include "fs/parking.h"
#include "fs/virtual/virtual.h"
#include "fs/workers.h"

#define FOLDER ".brainy/"
#define COMMANDS_MAX 16u
#define DRAIN_STEP_US 10000u

const char *const texts_names[] = { "status.json", "metrics", "health", "tiers",   "queue",   "coverage",
				    "config",	   "events",  "audit",	"version", "control", NULL };

struct text_job {
	struct job job;
	fuse_req_t req;
	uint32_t uid, gid;
	char name[];       /* with FOLDER before it, so that no query has the same key */
};

static int describe(struct fs *fs, const struct text_job *job, struct answer_node *ret_node)
{
	const struct answer_key key = { 0, job->uid, job->name };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = fs->config.describe(fs->config.context, job->name + strlen(FOLDER), &text);

	return r < 0 ? r : answers_add(fs->virtual->answers, &key, job->gid, 0, 0, &text, ret_node);
}

static void run(struct job *base)
{
	struct text_job *job = (struct text_job *)base;
	struct answer_node node;
	int r = describe(ops_fs(job->req), job, &node);

	if (r < 0)
		ops_reply_status(job->req, r);
	else
		virtual_reply_answer(job->req, &node);
	free(job);
}

void texts_lookup(fuse_req_t req, const char *name)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs *fs = ops_fs(req);
	struct text_job *job = NULL;

	if (fs->config.describe)
		job = malloc(sizeof(*job) + strlen(FOLDER) + strlen(name) + 1);
	if (!job) {
		ops_reply_status(req, fs->config.describe ? -ENOMEM : -ENOENT);
		return;
	}
	*job = (struct text_job){ .job.run = run, .req = req, .uid = ctx->uid, .gid = ctx->gid };
	(void) stpcpy(stpcpy(job->name, FOLDER), name);
	workers_add(fs->ask, &job->job);
}

/* Two hold it, its thread and its place in the parking; the one that lets go last frees it. */
struct command {
	struct parked parked;
	struct fs *fs;         /* borrowed */
	char *line;            /* owned */
	uint64_t fh;
	size_t written;
	struct buf answer;     /* owned; set before `done` */
	int result;
	atomic_bool done;
	atomic_uint holders;
};

static atomic_uint commands_running;

static void command_release(struct command *c)
{
	if (atomic_fetch_sub(&c->holders, 1) > 1)
		return;
	buf_done(&c->answer);
	free(c->line);
	free(c);
}

static void *execute(void *context)
{
	struct command *c = context;

	c->result = c->fs->config.control(c->fs->config.context, c->line, &c->answer);
	atomic_store(&c->done, true);
	command_release(c);
	atomic_fetch_sub(&commands_running, 1);
	return NULL;
}

static bool is_done(struct parked *p)
{
	return atomic_load(&((struct command *)p)->done);
}

/* A program that is interrupted gets its reply; the command goes on without it. */
static void resume(struct parked *p, int why)
{
	struct command *c = (struct command *)p;
	int r = why < 0 ? why : c->result;

	streams_answer(c->fs->virtual->streams, c->fh, r < 0 ? NULL : &c->answer);
	if (r < 0)
		ops_reply_status(p->req, r);
	else
		(void) fuse_reply_write(p->req, c->written);
	command_release(c);
}

static int command_new(fuse_req_t req, const char *line, uint64_t fh, size_t written, struct command **ret_c)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->parked = (struct parked){
		.req = req,
		.unique = request_unique(),
		.deadline_ms = UINT64_MAX,
		.ready = is_done,
		.resume = resume,
	};
	c->fs = ops_fs(req);
	c->fh = fh;
	c->written = written;
	atomic_init(&c->holders, 2);
	c->line = strdup(line);
	if (!c->line) {
		free(c);
		return -ENOMEM;
	}
	*ret_c = c;
	return 0;
}

static int start(struct command *c)
{
	pthread_t thread;
	int r;

	if (atomic_fetch_add(&commands_running, 1) >= COMMANDS_MAX) {
		atomic_fetch_sub(&commands_running, 1);
		return -EBUSY;
	}
	r = thread_start(&thread, "brainy-control", execute, c);
	if (r < 0) {
		atomic_fetch_sub(&commands_running, 1);
		return r;
	}
	(void) pthread_detach(thread);
	return 0;
}

void texts_command(fuse_req_t req, const char *line, uint64_t fh, size_t written)
{
	struct fs *fs = ops_fs(req);
	struct command *c = NULL;
	int r = fs->config.control ? command_new(req, line, fh, written, &c) : -ENOTSUP;

	if (r == 0)
		r = start(c);
	if (r == 0) {
		parking_add(fs->parking, &c->parked);
		return;
	}
	if (c) {
		free(c->line);
		free(c);
	}
	streams_answer(fs->virtual->streams, fh, NULL);
	ops_reply_status(req, r);
}

void texts_drain(struct virtual *v)
{
	while (atomic_load(&commands_running))
		(void) usleep(DRAIN_STEP_US);
}
