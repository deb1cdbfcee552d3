/* SPDX-License-Identifier: MIT */
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/cli.h"
#include "daemon/link.h"
#include "daemon/problems.h"
#include "daemon/program.h"

static bool busy(void *context, uint64_t ino)
{
	return fs_is_busy(((struct server *)context)->fs, ino);
}

static int describe(void *context, const char *name, struct buf *ret_text)
{
	return server_describe(context, name, ret_text);
}

static int control(void *context, const char *line, struct buf *ret_answer)
{
	return server_control(context, line, ret_answer);
}

static void ready(void *context)
{
	(void) link_send_text(((struct server *)context)->link, LINK_READY, "");
}

/* Waits for the keeper's word to stop; its silence means that it is gone. */
static void *watch_keeper(void *context)
{
	struct server *s = context;
	struct link_message m;

	(void) prctl(PR_SET_NAME, "brainy-link");
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

static int receive_hello(struct server *s, struct link_message *ret_m, int *ret_handles_fd)
{
	int fds[2];
	int r = link_receive(s->link, ret_m, fds, 2);

	if (r == 0)
		r = ret_m->kind == LINK_HELLO && ret_m->len <= sizeof(ret_m->body.keys)
			    ? keyring_import(ret_m->body.keys, ret_m->len, &s->keys)
			    : -EPROTO;
	explicit_bzero(&ret_m->body, sizeof(ret_m->body));
	if (r < 0)
		return r;
	s->volume_dirfd = fds[0];
	*ret_handles_fd = fds[1];
	return 0;
}

static int open_volume(struct server *s, const char *config_path, bool warm, char **ret_why)
{
	_cleanup_free_ char *program_dir = NULL;
	struct stack_options o = { .read_only = s->read_only, .warm = warm, .index = true };
	int r = config_load(s->volume_dirfd, config_path, &s->config, ret_why);

	if (r < 0)
		return r;
	r = program_directory(&program_dir);
	if (r < 0)
		return r;
	o.program_dir = program_dir;
	s->stack.volume_dirfd = s->volume_dirfd;
	s->stack.keys = s->keys;
	s->stack.is_busy = busy;
	s->stack.context = s;
	r = stack_open(&s->stack, &s->config, &o, ret_why);
	if (r == 0 && s->stack.replay.anchor_damaged)
		(void) log_warn(-EBADMSG, "wal/anchor does not open; that the log is complete is known from its end");
	return r;
}

static void trouble(void *server)
{
	problems_notice(((struct server *)server)->problems);
}

/* Serves until the volume is unmounted; returns an exit status. */
static int serve(struct server *s, const struct link_message *hello, int handles_fd, bool noatime)
{
	struct fs_config config = {
		.catalog = s->stack.catalog,
		.files = s->stack.files,
		.index = s->stack.index,
		.handles_fd = handles_fd,
		.mount = hello->mount,
		.resumed = hello->resumed,
		.mount_point = s->mount_point,
		.owner_uid = geteuid(),
		.read_only = s->read_only,
		.noatime = noatime,
		.describe = describe,
		.control = control,
		.ready = ready,
		.trouble = trouble,
		.context = s,
	};
	struct link_message m;
	pthread_t watcher;
	int r = link_send_text(s->link, LINK_OPENED, "");

	if (r == 0)
		r = link_receive(s->link, &m, &config.fuse_fd, 1);
	if (r < 0 || m.kind != LINK_MOUNTED)
		return CLI_FAILED; /* the keeper knows why */
	r = fs_new(&config, &s->fs);
	if (r == 0)
		r = stack_start(&s->stack);
	if (r < 0)
		return fail(s, strerrordesc_np(-r));
	if (pthread_create(&watcher, NULL, watch_keeper, s) == 0)
		(void) pthread_detach(watcher);
	r = problems_start(s, &s->problems);
	if (r < 0)
		(void) log_warn(r, "problems will not be looked for");
	r = fs_run(s->fs);
	s->problems = problems_stop(s->problems);
	if (r < 0)
		(void) log_error(r, "serving ended");
	return r < 0 ? CLI_FAILED : CLI_OK;
}

static int run(struct server *s, const char *config_path, bool noatime)
{
	struct link_message hello;
	_cleanup_free_ char *why = NULL;
	int handles_fd, r, status;

	r = receive_hello(s, &hello, &handles_fd);
	if (r < 0)
		return fail(s, "the keeper's message does not make sense");
	r = open_volume(s, config_path, hello.warm, &why);
	if (r < 0) {
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "cannot open %s: %s", s->volume, why ? why : strerrordesc_np(-r)) < 0)
			text = NULL;
		return fail(s, text ? text : "out of memory");
	}
	status = serve(s, &hello, handles_fd, noatime);
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
		{ "link", required_argument, NULL, 'l' },    { "config", required_argument, NULL, 'c' },
		{ "noatime", no_argument, NULL, 'n' },       { "atime", no_argument, NULL, 'a' },
		{ "read-only", no_argument, NULL, 'r' },     { "read-write", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	static struct server s = { .link = -1 };
	const char *config_path = NULL;
	bool noatime = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'l')
			s.link = atoi(optarg);
		else if (option == 'c')
			config_path = optarg;
		else if (option == 'n')
			noatime = true;
		else if (option == 'r')
			s.read_only = true;
	}
	if (s.link < 0 || argc - optind != 2)
		return cli_usage(&command_serve, "is started by the keeper, not by hand");
	s.volume = argv[optind];
	s.mount_point = argv[optind + 1];
	s.started_ms = clock_mono_ms();
	(void) fcntl(s.link, F_SETFD, FD_CLOEXEC);
	(void) prctl(PR_SET_NAME, "brainy-server");
	(void) signal(SIGPIPE, SIG_IGN);
	/* The memory goes with the process; closing every layer would only make a clean stop slower. */
	return run(&s, config_path, noatime);
}

const struct command command_serve = { "serve", serve_main, "VOLUME MNT --link FD", NULL, NULL };
