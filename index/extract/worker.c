/* SPDX-License-Identifier: MIT */
/* The descriptors that a worker needs are moved to fixed low numbers and all others closed, before
 * anything is read: no worker holds the zygote's socket or another document. */
#include "index/extract/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "index/extract/formats.h"
#include "index/extract/result.h"
#include "index/extract/sandbox.h"
#include "index/extract/sink.h"

#define FIRST_FD  3
#define FDS_MAX   4
#define ABOVE_ALL 64 /* more descriptors than a zygote uses at once lie below */

enum { EXIT_NO_SANDBOX = 100, EXIT_NO_RESULT };

/* Moves `fds` to 3, 4, .. in order; negative ones are left out. stderr goes where stdout goes: nowhere. */
static int keep_fds(int *fds[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int high = *fds[i] < 0 ? -1 : fcntl(*fds[i], F_DUPFD_CLOEXEC, ABOVE_ALL);

		if (*fds[i] >= 0 && high < 0)
			return -errno;
		*fds[i] = high;
	}
	for (unsigned i = 0; i < n; i++) {
		if (*fds[i] >= 0 && dup2(*fds[i], FIRST_FD + (int)i) < 0)
			return -errno;
		if (*fds[i] < 0)
			(void) close(FIRST_FD + (int)i);
		else
			*fds[i] = FIRST_FD + (int)i;
	}
	if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		return -errno;
	return close_range((unsigned)FIRST_FD + n, ~0u, 0) < 0 ? -errno : 0;
}

static void die_with_zygote(void)
{
	sigset_t none;

	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) signal(SIGPIPE, SIG_DFL);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void) prctl(PR_SET_NAME, "extract-worker", 0, 0, 0);
}

static void confine(enum sandbox_role role, unsigned cpu_seconds, uint64_t extra)
{
	struct sandbox_limits limits = { .cpu_seconds = cpu_seconds, .extra_bytes = extra };

	if (sandbox_confine(role, &limits) < 0)
		_exit(EXIT_NO_SANDBOX);
}

/* Encodes what came out; out of memory is a result too. */
static void encode(struct document *d, int error, struct buf *out)
{
	if (error < 0) {
		document_done(d);
		document_say(d, EXTRACT_FAILED, error == -ENOMEM ? "memory" : "damaged");
	}
	if (result_encode(d, out) >= 0)
		return;
	buf_reset(out);
	document_done(d);
	document_say(d, EXTRACT_FAILED, "memory");
	if (result_encode(d, out) < 0)
		_exit(EXIT_NO_RESULT);
}

void worker_run(const struct extract_request *q, const struct worker_fds *given)
{
	struct worker_fds fds = *given;
	int *kept[FDS_MAX] = { &fds.document, &fds.result, &fds.pdf_text, &fds.pdf_errors };
	struct input in = { .name = q->name, .len = q->len };
	struct document d = { 0 };
	struct buf out = BUF_INIT;
	void *data = NULL;

	die_with_zygote();
	if (keep_fds(kept, FDS_MAX) < 0)
		_exit(EXIT_NO_SANDBOX);
	confine(SANDBOX_WORKER, q->cpu_seconds, q->len);
	if (q->len) {
		data = mmap(NULL, q->len, PROT_READ, MAP_PRIVATE, fds.document, 0);
		if (data == MAP_FAILED)
			_exit(EXIT_NO_RESULT);
	}
	in.data = data;
	in.pdf_text = fds.pdf_text;
	in.pdf_errors = fds.pdf_errors;
	encode(&d, format_any(&in, &d), &out);
	_exit(io_write(fds.result, out.data, out.len) < 0 ? EXIT_NO_RESULT : 0);
}

/* -ENODATA at the end. */
static int read_exact(int fd, void *data, size_t len)
{
	for (uint8_t *at = data; len > 0;) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int run_shared(int socket, uint8_t *data)
{
	char name[EXTRACT_NAME_MAX + 1];
	struct extract_shared q;
	struct input in = { .name = name, .data = data, .pdf_text = -1, .pdf_errors = -1 };
	struct document d = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r = read_exact(socket, &q, sizeof(q));

	if (r < 0)
		return r;
	if (q.name_len > EXTRACT_NAME_MAX || q.len > EXTRACT_SHARED_MAX)
		return -EBADMSG;
	r = read_exact(socket, name, q.name_len);
	if (r >= 0)
		r = read_exact(socket, data, q.len);
	if (r < 0)
		return r;
	name[q.name_len] = '\0';
	in.len = q.len;
	encode(&d, q.task == EXTRACT_TELL_KIND ? format_kind(&in, &d) : format_plain(&in, &d), &out);
	document_done(&d);
	return io_write(socket, out.data, out.len);
}

void worker_run_shared(int socket)
{
	static uint8_t data[EXTRACT_SHARED_MAX];
	int *kept[] = { &socket };

	die_with_zygote();
	if (keep_fds(kept, 1) < 0)
		_exit(EXIT_NO_SANDBOX);
	confine(SANDBOX_WORKER, 0, 0);
	while (run_shared(socket, data) >= 0)
		;
	_exit(0);
}

void worker_run_pdftotext(const struct extract_request *q, int document, int text, int errors)
{
	char *const argv[] = { (char *)"pdftotext",
			       (char *)"-htmlmeta",
			       (char *)"-enc",
			       (char *)"UTF-8",
			       (char *)"/proc/self/fd/0",
			       (char *)"-",
			       NULL };
	char *const from_stdin[] = { (char *)"pdftotext",
				     (char *)"-htmlmeta",
				     (char *)"-enc",
				     (char *)"UTF-8",
				     (char *)"-",
				     (char *)"-",
				     NULL };
	char *const envp[] = { (char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/bin", (char *)"HOME=/nonexistent",
			       NULL };
	bool proc = access("/proc/self/fd/0", F_OK) == 0;

	die_with_zygote();
	if (dup2(document, 0) < 0 || dup2(text, 1) < 0 || dup2(errors, 2) < 0 || close_range(3, ~0u, 0) < 0)
		_exit(EXIT_NO_SANDBOX);
	confine(SANDBOX_READER, q->cpu_seconds, q->len);
	(void) execve("/usr/bin/pdftotext", proc ? argv : from_stdin, envp);
	_exit(127);
}
