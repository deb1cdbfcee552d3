/* SPDX-License-Identifier: MIT */
/* The daemon's side: keeps brainy-extract running, gives each document to a worker, and turns whatever
 * comes back, or does not, into a status.
 *
 * A text goes to a shared worker, which one thread at a time holds; anything else gets a worker of its
 * own. A worker that crashes is tried once more, alone; one that takes too long is killed. */
#include "index/extract/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
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
#include "index/extract/protocol.h"
#include "index/extract/result.h"

#define GRACE_MS   4000 /* of wall time beyond the CPU time */
#define DONE_MS    2000 /* until the zygote tells how a killed worker ended */
#define HELLO_MS   20000
#define RESTART_MS 1000 /* between starts */
#define PDF_WITHIN 1024 /* bytes in which a PDF's header stands */
#define PASSED_MAX 3

struct shared {
	struct shared *next;
	uint64_t id;
	int socket, done; /* owned */
	unsigned runs;
};

struct extractor {
	char *path; /* owned */
	pthread_mutex_t lock;
	int control;         /* guarded by lock; -1: not running */
	pid_t pid;           /* guarded by lock */
	uint64_t next_id;    /* guarded by lock */
	uint64_t started_ms; /* guarded by lock */
	int missing;         /* guarded by lock; -1: not yet known */
	struct shared *idle; /* guarded by lock; owned */
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

/* The lock is held. */
static void end_program(struct extractor *e)
{
	while (e->idle) {
		struct shared *w = e->idle;

		e->idle = w->next;
		(void) shared_free(w);
	}
	if (e->control < 0)
		return;
	(void) close(e->control);
	(void) kill(e->pid, SIGKILL); /* its children die with it */
	while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
		;
	e->control = -1;
}

static int spawn(const char *path, int socket, pid_t *ret_pid)
{
	char *const argv[] = { (char *)"brainy-extract", NULL };
	char *const envp[] = { (char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/bin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	(void) sigemptyset(&none);
	(void) sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void) posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	(void) posix_spawnattr_setsigmask(&attributes, &none);
	(void) posix_spawnattr_setsigdefault(&attributes, &all);
	(void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn_file_actions_adddup2(&actions, socket, EXTRACT_CONTROL_FD);
	if (r == 0)
		r = posix_spawn(ret_pid, path, &actions, &attributes, argv, envp);
	(void) posix_spawnattr_destroy(&attributes);
	(void) posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* The lock is held. */
static int start_program(struct extractor *e)
{
	int sockets[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	r = spawn(e->path, sockets[1], &e->pid);
	(void) close(sockets[1]);
	if (r < 0) {
		(void) close(sockets[0]);
		return r;
	}
	e->control = sockets[0];
	e->started_ms = clock_mono_ms();
	return 0;
}

/* The lock is held. A program that dies at once is not started in a loop. */
static int restart_program(struct extractor *e)
{
	if (e->control >= 0 && clock_mono_ms() - e->started_ms < RESTART_MS)
		return -EAGAIN;
	end_program(e);
	return start_program(e);
}

int extractor_start(const char *path, struct extractor **ret_e)
{
	struct extractor *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	(void) pthread_mutex_init(&e->lock, NULL);
	e->control = e->missing = -1;
	e->path = strdup(path);
	r = e->path ? start_program(e) : -ENOMEM;
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
	end_program(e);
	(void) pthread_mutex_destroy(&e->lock);
	free(e->path);
	free(e);
	return NULL;
}

int extractor_missing(struct extractor *e)
{
	LOCKED(&e->lock);
	struct pollfd p = { .fd = e->control, .events = POLLIN };
	struct extract_hello hello;

	if (e->missing >= 0)
		return e->missing;
	if (poll(&p, 1, HELLO_MS) <= 0)
		return -ETIMEDOUT;
	if (recv(e->control, &hello, sizeof(hello), 0) != sizeof(hello))
		return -EPIPE;
	if (hello.version != EXTRACT_VERSION)
		return -EPROTO;
	e->missing = (int)hello.missing;
	return e->missing;
}

static int send_packet(int control, const struct extract_request *q, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PASSED_MAX * sizeof(int))];
	} passed = { 0 };
	struct iovec io = { (void *)q, sizeof(*q) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	if (n > 0) {
		passed.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		passed.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&passed.align), fds, n * sizeof(int));
		m.msg_control = &passed;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	return sendmsg(control, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Gives the request an id and sends it, to a new program if the old one is gone. */
static int request(struct extractor *e, struct extract_request *q, const int *fds, unsigned n)
{
	LOCKED(&e->lock);
	int r;

	q->id = ++e->next_id;
	r = e->control < 0 ? -EPIPE : send_packet(e->control, q, fds, n);
	if (r >= 0)
		return 0;
	r = restart_program(e);
	return r < 0 ? r : send_packet(e->control, q, fds, n);
}

static void request_kill(struct extractor *e, uint64_t id)
{
	LOCKED(&e->lock);
	struct extract_request q = { .verb = EXTRACT_KILL, .id = id };

	if (e->control >= 0)
		(void) send_packet(e->control, &q, NULL, 0);
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
		request_kill(e, q->id);
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
	r = request(e, q, (int[]){ document, result_in, done_in }, 3);
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
	r = request(e, &q, (int[]){ socket_in, done_in }, 2);
	if (r < 0)
		return r;
	w->id = q.id;
	*ret_w = steal_ptr(&w);
	return 0;
}

static struct shared *pop_idle(struct extractor *e)
{
	LOCKED(&e->lock);
	struct shared *w = e->idle;

	if (w)
		e->idle = w->next;
	return w;
}

/* Closing its socket ends a worker that has done enough. */
static void put_back(struct extractor *e, struct shared *w)
{
	if (++w->runs >= EXTRACT_SHARED_RUNS) {
		(void) shared_free(w);
		return;
	}
	LOCKED(&e->lock);
	w->next = e->idle;
	e->idle = w;
}

static int attempt_shared(struct shared *w, const struct extract_request *q, const void *data,
			  struct buf *ret)
{
	uint64_t deadline = clock_mono_ms() + q->cpu_seconds * 1000ull + GRACE_MS;
	struct extract_text head = { .name_len = (uint32_t)strlen(q->name), .len = (uint32_t)q->len };
	struct iovec pieces[] = { { &head, sizeof(head) },
				  { (void *)q->name, head.name_len },
				  { (void *)data, q->len } };
	int r = channel_send(w->socket, pieces, ARRAY_SIZE(pieces), deadline);

	return r < 0 ? r : channel_receive(w->socket, deadline, ret);
}

/* -EAGAIN: the worker broke; a worker of its own may fare better. */
static int run_shared(struct extractor *e, const struct extract_request *q, const void *data,
		      struct document *d)
{
	struct shared *w = pop_idle(e);
	struct attempt a = { 0 };
	int r = 0;

	if (!w)
		r = start_shared(e, &w);
	if (r < 0)
		return r;
	a.ended = -EPIPE;
	a.received = attempt_shared(w, q, data, &a.result);
	r = judge(&a, d);
	buf_done(&a.result);
	if (a.received >= 0 && r >= 0) {
		put_back(e, w);
		return r;
	}
	request_kill(e, w->id);
	(void) shared_free(w);
	return r;
}

int extractor_run(struct extractor *e, const char *name, const void *data, size_t len, unsigned cpu_seconds,
		  struct document *ret_d)
{
	struct extract_request q = { .verb = EXTRACT_RUN, .len = len, .cpu_seconds = cpu_seconds };
	struct document d = { 0 };
	int r = -EAGAIN;

	copy_name(q.name, name);
	q.pdf = len >= 5 && memmem(data, MIN(len, (size_t)PDF_WITHIN), "%PDF-", 5);
	if (len <= EXTRACT_SHARED_MAX && kind_is_plain(q.name, data, len))
		r = run_shared(e, &q, data, &d);
	if (r == -EAGAIN)
		r = run_alone(e, &q, data, &d);
	if (r < 0) {
		document_done(&d);
		return r;
	}
	*ret_d = d;
	return 0;
}
