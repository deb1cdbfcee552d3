/* SPDX-License-Identifier: MIT */
/* One thread, one loop: requests come by the control socket, ends of children by a signalfd.
 *
 * A request has one process, or two when the document looks like a PDF: pdftotext in its own sandbox, and
 * the worker that reads its pipes. No worker can fork, so that each process of a request is known here and
 * can be killed. When the worker ends, pdftotext is killed if it still runs; when both are gone, their
 * statuses go out by `done` and the slot is free. A pid is waited for by us only, so that kill() cannot
 * meet a stranger. */
#include "index/extract/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "index/extract/formats.h"
#include "index/extract/packet.h"
#include "index/extract/protocol.h"
#include "index/extract/sandbox.h"
#include "index/extract/worker.h"
#include "index/extract/xml.h"

#define JOBS_MAX 64

struct job {
	uint64_t id;  /* 0: free slot */
	pid_t worker; /* 0: gone */
	pid_t reader; /* 0: gone, or there was none */
	int done;     /* owned */
	struct extract_done status;
};

static struct job jobs[JOBS_MAX];

static struct job *find_job(uint64_t id)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static void kill_job(const struct job *j)
{
	if (j->worker)
		(void) kill(j->worker, SIGKILL);
	if (j->reader)
		(void) kill(j->reader, SIGKILL);
}

static void end_job(struct job *j)
{
	if (j->worker || j->reader)
		return;
	(void)!write(j->done, &j->status, sizeof(j->status));
	(void) close(j->done);
	j->id = 0;
}

static void note_end(pid_t pid, int status)
{
	for (struct job *j = jobs; j < jobs + JOBS_MAX; j++) {
		if (!j->id || (pid != j->worker && pid != j->reader))
			continue;
		if (pid == j->reader) {
			j->status.reader = status;
			j->reader = 0;
		} else {
			j->status.worker = status;
			j->worker = 0;
			kill_job(j);
		}
		end_job(j);
		return;
	}
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(pid, status);
}

struct pdf_pipes {
	int text[2], errors[2]; /* owned; read end, write end */
};

static void close_pipes(struct pdf_pipes *p)
{
	closep(&p->text[0]);
	closep(&p->text[1]);
	closep(&p->errors[0]);
	closep(&p->errors[1]);
}

/* Starts pdftotext. Without it the worker says that it cannot read the document. */
static pid_t start_reader(const struct extract_request *q, int document, struct pdf_pipes *p)
{
	pid_t pid;

	if (pipe2(p->text, O_CLOEXEC) < 0 || pipe2(p->errors, O_CLOEXEC) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		worker_run_pdftotext(q, document, p->text[1], p->errors[1]);
	closep(&p->text[1]);
	closep(&p->errors[1]);
	p->text[1] = p->errors[1] = -1;
	return MAX(pid, 0);
}

static void start_run(struct job *j, const struct extract_request *q, const int *fds)
{
	_cleanup_(close_pipes) struct pdf_pipes p = { { -1, -1 }, { -1, -1 } };
	struct worker_fds w = { .document = fds[0], .result = fds[1], .pdf_text = -1, .pdf_errors = -1 };

	if (q->pdf) {
		j->reader = start_reader(q, fds[0], &p);
		w.pdf_text = p.text[0];
		w.pdf_errors = p.errors[0];
	}
	j->worker = fork();
	if (j->worker == 0)
		worker_run(q, &w);
}

static void start_shared(struct job *j, const int *fds)
{
	j->worker = fork();
	if (j->worker == 0)
		worker_run_shared(fds[0]);
}

/* Takes over the last descriptor, `done`; closing it unwritten tells the daemon to ask again. */
static void start_job(const struct extract_request *q, int *fds, unsigned n_fds)
{
	struct job *j = find_job(0);

	if (!j || q->id == 0 || n_fds != (q->verb == EXTRACT_RUN ? 3 : 2))
		return;
	*j = (struct job){ .id = q->id };
	j->done = steal_fd(&fds[n_fds - 1]);
	if (q->verb == EXTRACT_RUN)
		start_run(j, q, fds);
	else
		start_shared(j, fds);
	if (j->worker > 0)
		return;
	j->worker = 0;
	kill_job(j);
	j->status.worker = W_EXITCODE(1, 0);
	end_job(j);
}

static void handle(const struct extract_request *q, int *fds, unsigned n_fds)
{
	struct job *j;

	if (q->verb == EXTRACT_RUN || q->verb == EXTRACT_SHARED) {
		start_job(q, fds, n_fds);
		return;
	}
	j = q->verb == EXTRACT_KILL && q->id ? find_job(q->id) : NULL;
	if (j)
		kill_job(j);
}

/* False when the daemon is gone. */
static bool serve_one(void)
{
	int fds[PACKET_FDS_MAX] = { -1, -1, -1 };
	unsigned n_fds = PACKET_FDS_MAX;
	struct extract_request q;
	ssize_t n = packet_receive(EXTRACT_CONTROL_FD, &q, sizeof(q), fds, &n_fds);

	if (n < 0)
		return n == -EINTR || n == -EAGAIN;
	if (n == 0)
		return false;
	q.name[EXTRACT_NAME_MAX] = '\0';
	if (n == sizeof(q))
		handle(&q, fds, n_fds);
	for (unsigned i = 0; i < PACKET_FDS_MAX; i++)
		closep(&fds[i]);
	return true;
}

static int serve(int signals)
{
	struct pollfd p[2] = { { .fd = EXTRACT_CONTROL_FD, .events = POLLIN },
			       { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents && read(signals, &info, sizeof(info)) > 0)
			reap();
		if (p[0].revents && !serve_one())
			return 0;
	}
}

static int open_signals(void)
{
	sigset_t child;

	(void) sigemptyset(&child);
	(void) sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &child, NULL) < 0)
		return -errno;
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Standard input and output lead nowhere; stderr stays for our own complaints. */
static int close_standard(void)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -errno;
	return 0;
}

static int prepare(void)
{
	/* Opened before the sandbox makes that impossible, for ourselves too. */
	_cleanup_close_ int autogroup = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	struct extract_hello hello = { .version = EXTRACT_VERSION };
	int r = close_standard();

	if (r >= 0)
		r = sandbox_enter(&hello.missing);
	if (r >= 0)
		r = format_warm();
	if (r < 0)
		return r;
	xml_warm();
	return packet_send(EXTRACT_CONTROL_FD, &hello, sizeof(hello), &autogroup, autogroup >= 0);
}

int zygote_run(void)
{
	_cleanup_close_ int signals = open_signals();
	int r = signals < 0 ? -errno : prepare();

	(void) signal(SIGPIPE, SIG_IGN);
	if (r >= 0)
		r = serve(signals);
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].id)
			kill_job(&jobs[i]);
	if (r < 0)
		(void) log_error(r, "extraction of texts cannot start");
	return r < 0;
}
