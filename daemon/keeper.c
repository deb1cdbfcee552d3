/* SPDX-License-Identifier: MIT */
/* States of the keeper, and what moves it on:
 *
 *   OPENING   the server opens the volume        OPENED -> mount, send MOUNTED -> STARTING
 *   STARTING  waits for the answer to INIT       READY -> tell whoever mounted -> SERVING
 *   SERVING                                      server ends with 0 -> done (it was unmounted)
 *   any       server dies                        start another (OPENING, warm), unless it was the
 *                                                fifth crash within a minute
 *   SERVING   requests wait, server does nothing  SIGKILL for the server (watchdog.h), which is a crash
 *   SERVING   UPGRADE                            after UPGRADE_PAUSE_MS kill the server and start one of the
 *                                                new program; when it ends before READY, or is not READY
 *                                                after UPGRADE_MAX_MS, one of the old again
 *   any       SIGTERM, SIGINT                    unmount; when busy, ask the server to stop
 *
 * Beside the server waits the next one, started already: what takes over is not delayed by starting a
 * program, and does not fail for want of memory or processes just then. Whoever looks for the server by the
 * volume that it has open (an administrator's script) always finds one below the keeper, and does not take
 * the keeper for it.
 *
 * A crash is an end by the server's own fault: by a signal of the processor's, by abort(), or because the
 * kernel ran out of memory. Who kills a server by hand has done that, not the request that it was at.
 *
 * One thread, no locks: it waits in poll(2) for signals and for its server's messages. A server that
 * dies before the first READY has nothing to hand over: its reason is reported and the keeper ends. */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "daemon/link.h"
#include "daemon/lock.h"
#include "daemon/mount.h"
#include "daemon/launch.h"
#include "daemon/watchdog.h"

#define CRASHES_MAX 5
#define CRASH_WINDOW_MS 60000
#define UPGRADE_PAUSE_MS 200 /* in which whoever asked for it gets its answer */
#define UPGRADE_MAX_MS 60000u

enum state { OPENING, STARTING, SERVING };

struct keeper {
	const struct keeper_config *config;
	enum state state;
	pid_t server;    /* 0: none */
	int link;        /* our end of the socketpair; -1: none */
	struct launched spare; /* owned; the next server, once one has served */
	int fuse_fd;     /* -1 until mounted */
	int handles_fd;  /* memfd of the handle table; fs/ lays it out */
	int config_fd;   /* memfd of the configuration in use; reload.c lays it out */
	int signal_fd;
	struct id128 mount;
	bool served;     /* READY was seen once */
	bool stopping;   /* we were asked to end */
	uint64_t crashes[CRASHES_MAX]; /* times of the last ones, a ring */
	unsigned n_crashes;
	bool crashed;          /* the last end was a crash */
	bool whole;            /* a server has said so of the catalog, and none has crashed since */
	uint64_t oom_kills;    /* of the whole machine, when the server was started */
	struct watchdog watchdog;
	unsigned hangs;        /* servers killed because they did nothing */
	int program_fd;        /* what servers are started from; -1: our own program */
	int offered_fd;        /* an upgrade that is to begin; -1: none */
	int previous_fd;       /* while `trying`: what to go back to */
	bool trying;           /* the program has not served yet */
	uint64_t tried_ms;     /* since when */
	unsigned upgrades, refused;
	char refusal[256];
	char failure[LINK_TEXT_MAX]; /* what the server said before it ended */
};

/* sd_notify(3) without the library: one datagram to $NOTIFY_SOCKET. */
static void notify_service_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void) sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

/* Tells whoever ran `brainy mount`, once. */
static void report(struct keeper *k, const char *text)
{
	if (k->config->report_fd >= 0) {
		(void) io_write(k->config->report_fd, text, strlen(text));
		(void) close(k->config->report_fd);
		((struct keeper_config *)k->config)->report_fd = -1;
	} else if (*text) {
		(void) log_error(0, "%s", text);
	}
	if (!*text)
		notify_service_manager("READY=1");
}

static int send_hello(struct keeper *k)
{
	struct link_message m = { .kind = LINK_HELLO,
				  .mount = k->mount,
				  .warm = k->served,
				  .resumed = k->served,
				  .whole = k->whole,
				  .crashed = k->crashed,
				  .hangs = k->hangs,
				  .upgrades = k->upgrades + k->trying,
				  .refused = k->refused };
	_Static_assert(sizeof(m.refusal) == sizeof(k->refusal), "they are copied");
	int fds[] = { k->handles_fd, k->config_fd };
	ssize_t n = keyring_export(k->config->keys, m.body.keys, sizeof(m.body.keys));
	int r;

	if (n < 0)
		return (int)n;
	m.len = (uint32_t)n;
	memcpy(m.refusal, k->refusal, sizeof(m.refusal));
	r = link_send(k->link, &m, fds, ARRAY_SIZE(fds));
	explicit_bzero(&m, sizeof(m));
	return r;
}

/* How often the kernel has killed somebody for memory; 0 when it does not say. */
static uint64_t count_oom_kills(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *line;

	if (io_read_file_at(AT_FDCWD, "/proc/vmstat", 1 << 16, &text) < 0 || !buf_cstr(&text))
		return 0;
	line = strstr((const char *)text.data, "\noom_kill ");
	return line ? strtoull(line + strlen("\noom_kill "), NULL, 10) : 0;
}

static void keep_spare(struct keeper *k)
{
	if (k->spare.pid == 0 && launch_server(k->config, k->program_fd, &k->spare) < 0)
		k->spare = LAUNCHED_NONE; /* the next server is started when it is needed */
}

static int take_spare(struct keeper *k)
{
	struct launched next = k->spare;
	int r = 0;

	k->spare = LAUNCHED_NONE;
	if (next.pid == 0)
		r = launch_server(k->config, k->program_fd, &next);
	if (r < 0)
		return r;
	closep(&k->link);
	k->link = next.link;
	k->server = next.pid;
	return 0;
}

static int start_server(struct keeper *k)
{
	int r;

	k->oom_kills = count_oom_kills();
	watchdog_reset(&k->watchdog);
	r = take_spare(k);
	if (r < 0)
		return r;
	k->state = OPENING;
	k->failure[0] = '\0';
	r = send_hello(k);
	if (k->served)
		keep_spare(k);
	return r == -EPIPE ? 0 : r; /* it has ended already: that comes as SIGCHLD */
}

/* The volume is open: mount it, unless that was done by a server before this one. */
static int handle_opened(struct keeper *k)
{
	struct link_message m = { .kind = LINK_MOUNTED };
	const struct mount_options *o = k->config->options;
	_cleanup_free_ char *why = NULL;
	int r = 0;

	if (k->fuse_fd < 0)
		r = mount_attach(k->config->mount_point, o->fsname ? o->fsname : k->config->volume, o,
				 &k->fuse_fd, &why);
	if (r < 0) {
		(void) snprintf(k->failure, sizeof(k->failure), "cannot mount at %s: %s",
				k->config->mount_point, why ? why : strerrordesc_np(-r));
		m.kind = LINK_STOP;
		(void) link_send(k->link, &m, NULL, 0);
		return 0;
	}
	k->state = STARTING;
	return link_send(k->link, &m, &k->fuse_fd, 1);
}

/* ---- upgrades */

static void forget_fd(int *fd)
{
	if (*fd >= 0)
		(void) close(*fd);
	*fd = -1;
}

static void begin_upgrade(struct keeper *k)
{
	k->previous_fd = k->program_fd;
	k->program_fd = k->offered_fd;
	k->offered_fd = -1;
	k->trying = true;
	k->tried_ms = clock_mono_ms();
	k->whole = false; /* the new program may look for more */
	launch_discard(&k->spare); /* of the old program */
	(void) kill(k->server, SIGKILL);
}

static void end_upgrade(struct keeper *k)
{
	forget_fd(&k->previous_fd);
	k->trying = false;
	k->upgrades++;
	log_info("upgraded: another program serves from now on");
}

/* The new program cannot: the old one goes on. */
static int undo_upgrade(struct keeper *k)
{
	(void) snprintf(k->refusal, sizeof(k->refusal), "%.255s", k->failure);
	(void) log_error(0, "the upgrade failed, the old program goes on: %s", k->refusal);
	launch_discard(&k->spare);
	forget_fd(&k->program_fd);
	k->program_fd = k->previous_fd;
	k->previous_fd = -1;
	k->trying = false;
	k->refused++;
	return start_server(k);
}

/* ---- messages and ends */

static void handle_ready(struct keeper *k)
{
	k->state = SERVING;
	if (k->trying)
		end_upgrade(k);
	if (k->served) {
		log_info("the server was started again");
		return;
	}
	k->served = true;
	if (watchdog_init(&k->watchdog, k->handles_fd, k->config->volume_dirfd) < 0)
		(void) log_warn(0, "a server that hangs will not be noticed");
	mount_read_ahead(k->config->mount_point);
	(void) lock_describe(k->config->lock_fd, getpid(), k->config->mount_point, "serving");
	report(k, "");
	keep_spare(k);
}

static void handle_message(struct keeper *k)
{
	struct link_message m;
	_cleanup_close_ int fd = -1;
	int r = link_receive(k->link, &m, &fd, 1);

	if (r < 0) {
		closep(&k->link); /* its end comes as SIGCHLD */
		k->link = -1;
		return;
	}
	if (m.kind == LINK_OPENED)
		r = handle_opened(k);
	else if (m.kind == LINK_UPGRADE && fd >= 0 && k->offered_fd < 0)
		k->offered_fd = steal_fd(&fd);
	else if (m.kind == LINK_READY)
		handle_ready(k);
	else if (m.kind == LINK_WHOLE)
		k->whole = true;
	else if (m.kind == LINK_FAILED)
		(void) snprintf(k->failure, sizeof(k->failure), "%.*s",
				(int)MIN(m.len, (uint32_t)LINK_TEXT_MAX - 1), m.body.text);
	if (r < 0)
		(void) log_warn(r, "cannot talk to the server");
}

static bool is_crash(const struct keeper *k, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGKILL)
		return k->watchdog.hung || count_oom_kills() != k->oom_kills;
	return sig != SIGTERM && sig != SIGINT && sig != SIGHUP;
}

/* True when this is the fifth crash within a minute. */
static bool crashes_too_often(struct keeper *k)
{
	uint64_t now = clock_mono_ms();

	k->crashes[k->n_crashes++ % CRASHES_MAX] = now;
	return k->n_crashes >= CRASHES_MAX && now - k->crashes[k->n_crashes % CRASHES_MAX] < CRASH_WINDOW_MS;
}

static void describe_end(struct keeper *k, int status)
{
	if (k->failure[0])
		return;
	if (k->watchdog.hung)
		(void) snprintf(k->failure, sizeof(k->failure),
				"the server hung: requests waited and it did nothing for %u s",
				WATCHDOG_HANG_S);
	else if (WIFSIGNALED(status))
		(void) snprintf(k->failure, sizeof(k->failure), "the server was killed by signal %d (%s)",
				WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
	else
		(void) snprintf(k->failure, sizeof(k->failure), "the server ended with status %d",
				WEXITSTATUS(status));
}

/* 1: the keeper's work is done, cleanly. Negative: it ends with this error. 0: goes on. */
static int handle_server_end(struct keeper *k, int status)
{
	k->server = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !k->failure[0])
		return 1;
	describe_end(k, status);
	if (!k->served) {
		report(k, k->failure);
		return -EIO;
	}
	if (k->trying && !k->stopping) /* while it says SERVING, that was the old one */
		return k->state == SERVING ? start_server(k) : undo_upgrade(k);
	(void) log_error(0, "%s", k->failure);
	if (k->stopping || WIFEXITED(status))
		return -EIO; /* it said why it cannot go on: another one could not either */
	k->crashed = is_crash(k, status);
	k->whole &= !k->crashed;
	k->hangs += k->watchdog.hung;
	if (k->crashed && crashes_too_often(k)) {
		(void) log_error(
			0,
			"%d crashes within a minute: the mount ends; everything acknowledged is in the "
			"volume",
			CRASHES_MAX);
		return -EIO;
	}
	return start_server(k);
}

/* One that was killed is followed by another; one that has ended by itself would only do so again. */
static void handle_spare_end(struct keeper *k, int status)
{
	k->spare.pid = 0;
	launch_discard(&k->spare);
	if (WIFSIGNALED(status))
		keep_spare(k);
}

static int handle_children(struct keeper *k)
{
	int status, r = 0;
	pid_t pid;

	while (r == 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->server)
			r = handle_server_end(k, status);
		else if (pid == k->spare.pid)
			handle_spare_end(k, status);
	}
	return r;
}

/* As good as `brainy umount`: unmount, or, when somebody has files open, drain and end all the same. */
static void handle_stop(struct keeper *k)
{
	struct link_message m = { .kind = LINK_STOP };

	k->stopping = true;
	notify_service_manager("STOPPING=1");
	if (k->fuse_fd >= 0 && mount_detach(k->config->mount_point, false) == 0)
		return;
	if (k->link >= 0)
		(void) link_send(k->link, &m, NULL, 0);
}

static int handle_signal(struct keeper *k)
{
	struct signalfd_siginfo s;

	if (read(k->signal_fd, &s, sizeof(s)) != (ssize_t)sizeof(s))
		return 0;
	if (s.ssi_signo == SIGCHLD)
		return handle_children(k);
	handle_stop(k);
	return 0;
}

/* A new program that is at something for ever is not helped by waiting: the old one can serve. */
static bool tries_too_long(const struct keeper *k)
{
	return k->trying && k->state != SERVING && clock_mono_ms() - k->tried_ms > UPGRADE_MAX_MS;
}

/* Its end comes as SIGCHLD. */
static void look_after(struct keeper *k)
{
	if (k->server <= 0 || !k->served || k->stopping)
		return;
	if (watchdog_look(&k->watchdog, k->server, k->fuse_fd, k->state == SERVING) || tries_too_long(k))
		(void) kill(k->server, SIGKILL);
}

static int loop(struct keeper *k)
{
	int r = 0;

	while (r == 0) {
		bool watches = k->served && watchdog_watches(&k->watchdog);
		struct pollfd fds[] = { { k->signal_fd, POLLIN, 0 }, { k->link, POLLIN, 0 },
					{ k->watchdog.shared && !watches ? k->fuse_fd : -1, POLLIN, 0 } };
		int n = poll(fds, ARRAY_SIZE(fds),
			     k->offered_fd >= 0 ? UPGRADE_PAUSE_MS
			     : watches		? WATCHDOG_LOOK_MS
						: -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && k->offered_fd >= 0 && k->state == SERVING && k->server > 0)
			begin_upgrade(k);
		else if (n == 0)
			look_after(k);
		if (fds[2].revents)
			watchdog_wake(&k->watchdog);
		/* The server's last words come before the news of its end. */
		if (fds[1].revents)
			handle_message(k);
		else if (fds[0].revents)
			r = handle_signal(k);
	}
	return r;
}

static int watch_signals(int *ret_fd)
{
	sigset_t set;

	(void) sigemptyset(&set);
	(void) sigaddset(&set, SIGCHLD);
	(void) sigaddset(&set, SIGTERM);
	(void) sigaddset(&set, SIGINT);
	(void) sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

int keeper_run(const struct keeper_config *config)
{
	struct keeper k = { .config = config,
			    .link = -1,
			    .spare = LAUNCHED_NONE,
			    .fuse_fd = -1,
			    .signal_fd = -1,
			    .mount = id128_random(),
			    .program_fd = -1,
			    .offered_fd = -1,
			    .previous_fd = -1 };
	int r;

	(void) prctl(PR_SET_NAME, "brainy-keeper");
	k.handles_fd = memfd_create("brainy-handles", MFD_CLOEXEC);
	k.config_fd = memfd_create("brainy-config", MFD_CLOEXEC);
	r = k.handles_fd < 0 || k.config_fd < 0 ? -errno : watch_signals(&k.signal_fd);
	if (r == 0)
		r = lock_describe(config->lock_fd, getpid(), config->mount_point, "opening");
	if (r == 0)
		r = start_server(&k);
	if (r == 0)
		r = loop(&k);
	if (r < 0 && !k.failure[0])
		report(&k, strerrordesc_np(-r));
	if (r < 0 && k.server > 0)
		(void) kill(k.server, SIGKILL);
	launch_discard(&k.spare); /* nothing of the volume is open when we end */
	if (k.fuse_fd >= 0 && (r < 0 || k.stopping))
		(void) mount_detach(config->mount_point, true);
	(void) lock_describe(config->lock_fd, getpid(), config->mount_point, r > 0 ? "clean" : "failed");
	watchdog_done(&k.watchdog);
	closep(&k.program_fd);
	closep(&k.offered_fd);
	closep(&k.previous_fd);
	closep(&k.fuse_fd);
	closep(&k.link);
	closep(&k.handles_fd);
	closep(&k.config_fd);
	closep(&k.signal_fd);
	return r > 0 ? 0 : r;
}
