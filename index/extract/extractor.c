/* SPDX-License-Identifier: MIT */
/* The daemon's side: gives each document to a worker, and turns whatever comes back, or does not, into a
 * status.
 *
 * Shared workers, each held by one thread at a time, tell the kinds of documents whose names do not, and
 * read plain texts; anything else gets a worker of its own. A document whose worker crashes is tried once
 * more, alone; a worker that takes too long is killed. */
#include "index/extract/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "index/extract/channel.h"
#include "index/extract/kinds.h"
#include "index/extract/launcher.h"
#include "index/extract/result.h"

#define GRACE_MS   4000 /* of wall time beyond the CPU time */
#define KIND_SECONDS 5 /* of CPU time */
#define DONE_MS    2000 /* until the zygote tells how a killed worker ended */
#define PDF_WITHIN 1024 /* bytes in which a PDF's header stands */

struct shared {
	struct shared *next;
	uint64_t id;
	int socket, done; /* owned */
	unsigned runs;
};

struct extractor {
	struct launcher *launcher; /* owned */
	pthread_mutex_t lock;
	struct shared *idle[EXTRACT_TASKS]; /* guarded by lock; owned */
};

/* What came of one attempt. */
struct attempt {
	int received; /* of channel_receive() */
	int ended;    /* of channel_done() */
	struct extract_done done;
	struct buf result; /* owned */
};

static struct shared *shared_free(struct shared *w)
{
	if (!w)
		return NULL;
	(void) close(w->socket);
	(void) close(w->done);
	free(w);
	return NULL;
}
DEFINE_CLEANUP(struct shared *, shared_free)

int extractor_start(const char *path, struct extractor **ret_e)
{
	struct extractor *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	(void) pthread_mutex_init(&e->lock, NULL);
	r = launcher_new(path, &e->launcher);
	if (r < 0) {
		(void) extractor_stop(e);
		return r;
	}
	*ret_e = e;
	return 0;
}

struct extractor *extractor_stop(struct extractor *e)
{
	if (!e)
		return NULL;
	for (unsigned task = 0; task < EXTRACT_TASKS; task++)
		for (struct shared *w = e->idle[task], *next; w; w = next) {
			next = w->next;
			(void) shared_free(w);
		}
	(void) launcher_free(e->launcher);
	(void) pthread_mutex_destroy(&e->lock);
	free(e);
	return NULL;
}

int extractor_missing(struct extractor *e)
{
	return launcher_missing(e->launcher);
}

void extractor_pace(struct extractor *e, bool background)
{
	launcher_pace(e->launcher, background);
}

static int open_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Where nothing can be changed under the worker's reader. */
static int seal_document(const void *data, size_t len, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = io_pwrite(fd, data, len, 0);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static void copy_name(char *to, const char *name)
{
	size_t n = MIN(strlen(name), (size_t)EXTRACT_NAME_MAX);

	memcpy(to, name + strlen(name) - n, n); /* the end of it, which says the kind */
	to[n] = '\0';
}

/* How the processes ended tells nothing more about a document that is there, unless pdftotext was one. */
static void finish_attempt(struct extractor *e, const struct extract_request *q, int done, struct attempt *a)
{
	if (a->received >= 0 && !q->pdf)
		return;
	if (a->received < 0)
		launcher_kill(e->launcher, q->id);
	a->ended = channel_done(done, clock_mono_ms() + DONE_MS, &a->done);
}

/* One document, one worker. */
static int attempt_alone(struct extractor *e, struct extract_request *q, const void *data, struct attempt *a)
{
	uint64_t deadline = clock_mono_ms() + q->cpu_seconds * 1000ull + GRACE_MS;
	_cleanup_close_ int document = -1, result = -1, done = -1, result_in = -1, done_in = -1;
	int fds[2], r;

	r = seal_document(data, q->len, &document);
	if (r < 0)
		return r;
	r = open_pipe(fds);
	if (r < 0)
		return r;
	result = fds[0];
	result_in = fds[1];
	r = open_pipe(fds);
	if (r < 0)
		return r;
	done = fds[0];
	done_in = fds[1];
	r = launcher_request(e->launcher, q, (int[]){ document, result_in, done_in }, 3);
	if (r < 0)
		return r;
	closep(&result_in);
	closep(&done_in);
	result_in = done_in = -1;
	a->received = channel_receive(result, deadline, &a->result);
	finish_attempt(e, q, done, a);
	return 0;
}

static bool was_signalled(int status, int signal)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

static int say(struct document *d, enum extract_status status, const char *why)
{
	document_done(d);
	d->status = status;
	(void) snprintf(d->why, sizeof(d->why), "%s", why);
	return 0;
}

/* The document is there; pdftotext may still have failed behind it. */
static int judge_reader(int status, struct document *d)
{
	if (was_signalled(status, SIGXCPU))
		return say(d, EXTRACT_SLOW, "slow");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return say(d, EXTRACT_SKIPPED, "no-pdftotext");
	if (WIFSIGNALED(status) && !was_signalled(status, SIGKILL) && d->status == EXTRACT_INDEXED) {
		d->status = EXTRACT_PARTIAL;
		(void) snprintf(d->why, sizeof(d->why), "damaged");
	}
	return 0;
}

/* -EAGAIN: worth another try. */
static int judge(const struct attempt *a, struct document *d)
{
	int r;

	if (a->received == -ETIMEDOUT || (a->ended >= 0 && was_signalled(a->done.worker, SIGXCPU)))
		return say(d, EXTRACT_SLOW, "slow");
	if (a->received < 0)
		return a->received == -ENOMEM ? -ENOMEM : -EAGAIN;
	r = result_decode(a->result.data + 4, a->result.len - 4, d);
	if (r == -EBADMSG)
		return -EAGAIN;
	if (r < 0)
		return r;
	return a->ended >= 0 ? judge_reader(a->done.reader, d) : 0;
}

static int run_alone(struct extractor *e, struct extract_request *q, const void *data, struct document *d)
{
	struct attempt a = { 0 };
	int r;

	for (unsigned tries = 0; tries < 2; tries++) {
		a = (struct attempt){ 0 };
		r = attempt_alone(e, q, data, &a);
		if (r >= 0)
			r = judge(&a, d);
		buf_done(&a.result);
		if (r != -EAGAIN)
			return r;
	}
	/* The zygote itself is gone, or could not fork: not the document's fault. */
	if (a.ended < 0 || (WIFEXITED(a.done.worker) && WEXITSTATUS(a.done.worker)))
		return -EIO;
	return say(d, EXTRACT_FAILED, "crash");
}

static int start_shared(struct extractor *e, struct shared **ret_w)
{
	_cleanup_(shared_freep) struct shared *w = calloc(1, sizeof(*w));
	_cleanup_close_ int socket_in = -1, done_in = -1;
	struct extract_request q = { .verb = EXTRACT_SHARED };
	int fds[2], r;

	if (!w)
		return -ENOMEM;
	w->socket = w->done = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	w->socket = fds[0];
	socket_in = fds[1];
	if (fcntl(w->socket, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = open_pipe(fds);
	if (r < 0)
		return r;
	w->done = fds[0];
	done_in = fds[1];
	r = launcher_request(e->launcher, &q, (int[]){ socket_in, done_in }, 2);
	if (r < 0)
		return r;
	w->id = q.id;
	*ret_w = steal_ptr(&w);
	return 0;
}

static struct shared *pop_idle(struct extractor *e, enum extract_task task)
{
	LOCKED(&e->lock);
	struct shared *w = e->idle[task];

	if (w)
		e->idle[task] = w->next;
	return w;
}

/* Closing its socket ends a worker that has done enough. */
static void put_back(struct extractor *e, enum extract_task task, struct shared *w)
{
	if (++w->runs >= EXTRACT_SHARED_RUNS) {
		(void) shared_free(w);
		return;
	}
	LOCKED(&e->lock);
	w->next = e->idle[task];
	e->idle[task] = w;
}

static int attempt_shared(struct shared *w, enum extract_task task, const struct extract_request *q,
			  const void *data, struct buf *ret)
{
	uint64_t deadline = clock_mono_ms() + q->cpu_seconds * 1000ull + GRACE_MS;
	uint64_t len = task == EXTRACT_TELL_KIND ? MIN(q->len, (uint64_t)EXTRACT_KIND_BYTES) : q->len;
	struct extract_shared head = { .task = task, .name_len = (uint32_t)strlen(q->name),
				       .len = (uint32_t)len };
	struct iovec pieces[] = { { &head, sizeof(head) },
				  { (void *)q->name, head.name_len },
				  { (void *)data, len } };
	int r = channel_send(w->socket, pieces, ARRAY_SIZE(pieces), deadline);

	return r < 0 ? r : channel_receive(w->socket, deadline, ret);
}

/* -EAGAIN: the worker broke; a worker of its own may fare better. */
static int run_shared(struct extractor *e, enum extract_task task, const struct extract_request *q,
		      const void *data, struct document *d)
{
	struct shared *w = pop_idle(e, task);
	struct attempt a = { 0 };
	int r = 0;

	if (!w)
		r = start_shared(e, &w);
	if (r < 0)
		return r;
	a.ended = -EPIPE;
	a.received = attempt_shared(w, task, q, data, &a.result);
	r = judge(&a, d);
	buf_done(&a.result);
	if (a.received >= 0 && r >= 0) {
		put_back(e, task, w);
		return r;
	}
	launcher_kill(e->launcher, w->id);
	(void) shared_free(w);
	return r;
}

/* A document that told nothing of itself is what its name says. */
static void complete_mime(struct document *d, const char *name)
{
	const char *mime = "application/octet-stream";

	if (d->mime[0])
		return;
	(void) kind_of_name(name, &mime);
	(void) snprintf(d->mime, sizeof(d->mime), "%s", mime);
}

/* A name that says nothing may hide a text, whose MIME type is then what its bytes look like. */
static int run_unnamed(struct extractor *e, const struct extract_request *q, const void *data,
		       struct document *d)
{
	_cleanup_(document_done) struct document kind = { 0 };
	int r = run_shared(e, EXTRACT_TELL_KIND, q, data, &kind);

	if (r < 0)
		return r;
	if (kind.status == EXTRACT_SKIPPED) {
		*d = kind;
		kind = (struct document){ 0 };
		return 0;
	}
	if (q->len > EXTRACT_SHARED_MAX || strcmp(kind.why, EXTRACT_IS_PLAIN) != 0)
		return -EAGAIN;
	r = run_shared(e, EXTRACT_READ_PLAIN, q, data, d);
	if (r >= 0 && d->status != EXTRACT_SKIPPED)
		memcpy(d->mime, kind.mime, sizeof(d->mime));
	return r;
}

int extractor_run(struct extractor *e, const char *name, const void *data, size_t len, unsigned cpu_seconds,
		  struct document *ret_d)
{
	struct extract_request q = { .verb = EXTRACT_RUN, .len = len, .cpu_seconds = cpu_seconds };
	struct document d = { 0 };
	int r = -EAGAIN;

	if (len == 0) { /* nobody is needed to read that */
		*ret_d = (struct document){ .status = EXTRACT_INDEXED, .mime = EXTRACT_EMPTY_MIME };
		return 0;
	}
	copy_name(q.name, name);
	q.pdf = len >= 5 && memmem(data, MIN(len, (size_t)PDF_WITHIN), "%PDF-", 5);
	if (len <= EXTRACT_SHARED_MAX && kind_is_plain(q.name, data, len))
		r = run_shared(e, EXTRACT_READ_PLAIN, &q, data, &d);
	else if (!q.pdf && kind_is_open(q.name))
		r = run_unnamed(e, &q, data, &d);
	if (r == -EAGAIN)
		r = run_alone(e, &q, data, &d);
	if (r < 0) {
		document_done(&d);
		return r;
	}
	complete_mime(&d, q.name);
	*ret_d = d;
	return 0;
}

int extractor_kind(struct extractor *e, const char *name, const void *data, size_t len, struct document *ret_d)
{
	struct extract_request q = { .len = len, .cpu_seconds = KIND_SECONDS };
	struct document d = { 0 };
	int r;

	copy_name(q.name, name);
	r = run_shared(e, EXTRACT_TELL_KIND, &q, data, &d);
	if (r < 0) {
		document_done(&d);
		return r;
	}
	complete_mime(&d, q.name);
	*ret_d = d;
	return 0;
}
