/* SPDX-License-Identifier: MIT */
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "crypto/volume.h"
#include "daemon/announcer.h"
#include "daemon/audit.h"
#include "daemon/cli.h"
#include "daemon/config_policy.h"
#include "daemon/link.h"
#include "daemon/notifier.h"
#include "daemon/problems.h"
#include "daemon/program.h"
#include "daemon/reload.h"
#include "daemon/server_calls.h"
#include "daemon/upgrade.h"
#include "fs/shared.h"
#include "version.h"

/* A server that takes over waits so long for a part of the program that is being replaced. */
#define UPGRADE_PATIENCE_MS 30000u
/* From its birth on the next server leaves so long to the one that serves. */
#define PREPARE_AFTER_MS 200
/* Bytes; larger blocks are mapped one by one, and go back to the system when they are freed. Requests are smaller. */
#define MAPPED_FROM (3 << 19)

/* Waits for the keeper's word to stop; its silence means that it is gone. */
static void *watch_keeper(void *context)
{
	struct server *s = context;
	struct link_message m;

	while (link_receive(s->link, &m, NULL, 0) == 0 && m.kind != LINK_STOP)
		;
	fs_stop(s->fs);
	return NULL;
}

static int fail(struct server *s, const char *why)
{
	(void) link_send_text(s->link, LINK_FAILED, why);
	return CLI_FAILED;
}

/* What it was called with. */
struct server_call {
	const char *config_path; /* NULL: brainy.conf in the volume */
};

/* What the keeper hands over. */
struct handed {
	int handles_fd, config_fd;
};

static int receive_hello(struct server *s, struct link_message *ret_m, struct handed *ret_h)
{
	int fds[2];
	int r = link_receive(s->link, ret_m, fds, 2);

	if (r < 0)
		return r;
	r = ret_m->kind == LINK_HELLO && ret_m->len <= sizeof(ret_m->body.keys)
		    ? keyring_import(ret_m->body.keys, ret_m->len, &s->keys)
		    : -EPROTO;
	explicit_bzero(&ret_m->body, sizeof(ret_m->body));
	if (r < 0)
		return r;
	s->resumed = ret_m->resumed;
	s->hangs = ret_m->hangs;
	s->upgrades = ret_m->upgrades;
	s->refused = ret_m->refused;
	(void) snprintf(s->refusal, sizeof(s->refusal), "%.255s", ret_m->refusal);
	s->left = ret_m->resumed ? shared_view(fds[0]) : NULL;
	*ret_h = (struct handed){ .handles_fd = fds[0], .config_fd = fds[1] };
	return 0;
}

static int open_volume(struct server *s, const struct link_message *hello, char **ret_why)
{
	_cleanup_free_ char *program_dir = NULL;
	struct stack_options o = { .read_only = s->read_only, .warm = hello->warm, .whole = hello->whole,
				   .index = true, .answer_first = true };
	int r = program_directory(hello->warm ? UPGRADE_PATIENCE_MS : 0, &program_dir);

	if (r < 0) {
		*ret_why = strdup(
			"brainy-extract, which belongs beside brainy, is not there; install both again");
		return r;
	}
	o.program_dir = program_dir;
	config_set_zone(&s->config);
	s->stack.volume_dirfd = s->volume_dirfd;
	s->stack.keys = s->keys;
	server_calls_of_stack(s);
	r = stack_open(&s->stack, &s->config, &o, ret_why);
	if (r == 0 && s->stack.replay.anchor_damaged)
		(void) log_warn(-EBADMSG,
				"wal/anchor does not open; that the log is complete is known from its end");
	return r;
}

/* Those whose absence stops nothing. */
static void start_helpers(struct server *s, const char *config_path, int config_fd, struct buf *config_text)
{
	pthread_t watcher;
	int r;

	if (thread_start(&watcher, "brainy-link", watch_keeper, s) == 0)
		(void) pthread_detach(watcher);
	(void) reload_new(s, config_path, config_fd, config_text, &s->reload);
	r = problems_start(s, &s->problems);
	if (r < 0)
		(void) log_warn(r, "problems will not be looked for");
	r = s->reload ? reload_start(s->reload) : -ENOMEM;
	if (r < 0)
		(void) log_warn(r, "changes of the configuration will not be noticed before the next mount");
}

/* While it is the next server it reads what it can, unless the one that serves has only just begun and needs
 * the processor. */
static void prepare(struct server *s)
{
	struct pollfd p = { .fd = s->link, .events = POLLIN };

	if (poll(&p, 1, PREPARE_AFTER_MS) == 0)
		stack_prepare(&s->stack);
}

/* Tells the keeper that the volume is open, and waits until it has mounted it. Less than 0: the keeper knows
 * why not. */
static int wait_for_mount(struct server *s, int *ret_fuse_fd)
{
	struct link_message m;
	int r = link_send_text(s->link, LINK_OPENED, "");

	if (r == 0)
		r = link_receive(s->link, &m, ret_fuse_fd, 1);
	return r >= 0 && m.kind != LINK_MOUNTED ? -EPROTO : r;
}

static int start(struct server *s, const struct fs_config *config)
{
	int r = notifier_new(config->fuse_fd, &s->notifier);

	if (r < 0)
		return r;
	/* Uses that atime is not to show are kept where older programs do not look. */
	r = s->noatime && !s->read_only ? volume_need_feature(s->volume_dirfd, s->keys, VOLUME_USES) : 0;
	if (r == 0)
		r = fs_new(config, &s->fs);
	if (r == 0)
		r = stack_start(&s->stack);
	if (r == 0 && !s->read_only)
		audit_note(s->stack.catalog, s->resumed ? "another server serves" : "mounted",
			   BRAINY_VERSION);
	return r == 0 && !s->read_only ? stack_start_moves(&s->stack, &s->config) : r;
}

static void stop_helpers(struct server *s)
{
	s->announcer = announcer_free(s->announcer);
	reload_stop(s->reload);
	s->problems = problems_stop(s->problems);
	s->reload = reload_free(s->reload);
}

/* Serves until the volume is unmounted; returns an exit status. */
static int serve(struct server *s, const struct link_message *hello, const struct handed *handed,
		 const struct server_call *call, struct buf *config_text)
{
	struct fs_config config;
	int fuse_fd, r = wait_for_mount(s, &fuse_fd);

	if (r < 0)
		return CLI_FAILED;
	config = server_fs_config(s, hello, handed->handles_fd, fuse_fd);
	r = start(s, &config);
	if (r < 0)
		return fail(s, strerrordesc_np(-r));
	start_helpers(s, call->config_path, handed->config_fd, config_text);
	r = fs_run(s->fs);
	if (!s->read_only)
		audit_note(s->stack.catalog, "unmounting", NULL);
	stop_helpers(s);
	if (r == -EPROTO)
		(void) fail(
			s,
			"the kernel was promised more than this program can keep; unmount and mount again");
	if (r < 0)
		(void) log_error(r, "serving ended");
	return r < 0 ? CLI_FAILED : CLI_OK;
}

/* Reads the configuration and opens the volume; complains to the keeper. */
static int open_all(struct server *s, const struct link_message *hello, const struct handed *handed,
		    const struct server_call *call, struct buf *ret_config_text)
{
	_cleanup_free_ char *why = NULL, *text = NULL;
	int r = reload_first(handed->config_fd, s->volume_dirfd, call->config_path, ret_config_text,
			     &s->config, &why);

	if (r == 0)
		r = open_volume(s, hello, &why);
	if (r == 0)
		return 0;
	if (asprintf(&text, "cannot open %s: %s", s->volume, why ? why : strerrordesc_np(-r)) < 0)
		text = NULL;
	return fail(s, text ? text : "out of memory");
}

static int run(struct server *s, const struct server_call *call)
{
	_cleanup_buf_ struct buf config_text = BUF_INIT;
	struct link_message hello;
	struct handed handed;
	int status, r;

	prepare(s);
	r = receive_hello(s, &hello, &handed);

	if (r == -EPIPE)
		return CLI_OK; /* the keeper has ended, and no server was needed */
	(void) prctl(PR_SET_NAME, "brainy-server");
	s->started_ms = clock_mono_ms();
	s->announcer = announcer_new();
	if (r < 0)
		return fail(s, "the keeper's message does not make sense");
	status = open_all(s, &hello, &handed, call, &config_text);
	if (status != 0)
		return status;
	status = serve(s, &hello, &handed, call, &config_text);
	r = stack_stop(&s->stack);
	if (r < 0) {
		(void) log_error(r, "the volume was not closed cleanly");
		(void) fail(s, "the volume was not closed cleanly");
		status = CLI_FAILED;
	}
	return status;
}

static int serve_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "link", required_argument, NULL, 'l' },    { "folder", required_argument, NULL, 'f' },
		{ "config", required_argument, NULL, 'c' },
		{ "noatime", no_argument, NULL, 'n' },       { "atime", no_argument, NULL, 'a' },
		{ "read-only", no_argument, NULL, 'r' },     { "read-write", no_argument, NULL, 'w' },
		{ "handover", no_argument, NULL, 'h' },      { NULL, 0, NULL, 0 },
	};
	static struct server s = { .link = -1, .volume_dirfd = -1 };
	struct server_call call = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'l')
			s.link = atoi(optarg);
		else if (option == 'f')
			s.volume_dirfd = atoi(optarg);
		else if (option == 'c')
			call.config_path = optarg;
		else if (option == 'n')
			s.noatime = true;
		else if (option == 'r')
			s.read_only = true;
		else if (option == 'h')
			return upgrade_say_version();
	}
	if (s.link < 0 || s.volume_dirfd < 0 || argc - optind != 2)
		return cli_usage(&command_serve, "is started by the keeper, not by hand");
	s.volume = argv[optind];
	s.mount_point = argv[optind + 1];
	(void) fcntl(s.link, F_SETFD, FD_CLOEXEC);
	(void) fcntl(s.volume_dirfd, F_SETFD, FD_CLOEXEC);
	(void) prctl(PR_SET_NAME, "brainy-spare");
	/* Otherwise the limit rises with each large block that is freed, up to 32 MiB, and such blocks stay in the heap: of
	 * the arrays for PageRank of 5 million links 140 MB did. */
	(void) mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
	(void) signal(SIGPIPE, SIG_IGN);
	/* The memory goes with the process; closing every layer would only make a clean stop slower. */
	return run(&s, &call);
}

const struct command command_serve = { "serve", serve_main, "VOLUME MNT --link FD --folder FD", NULL, NULL };
