/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/cli.h"
#include "daemon/keeper.h"
#include "daemon/lock.h"
#include "daemon/mount.h"
#include "daemon/remount.h"

struct mount_call {
	const char *volume, *mount_point, *config_path;
	struct secret_options secret;
	struct mount_options options;
	bool foreground;
};

/* A stream of the journal (sd_journal_stream_fd(3) says what it expects), or -1. */
static int open_journal(void)
{
	static const char header[] =
		"brainy\n\n6\n1\n0\n0\n0\n"; /* identifier, unit, priority, level prefix, .. */
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/stdout" };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    io_write(fd, header, sizeof(header) - 1) < 0)
		return -1;
	return steal_fd(&fd);
}

/* Where log lines go once the terminal is left: $BRAINY_LOG, the journal, or nowhere. */
static void redirect_output(void)
{
	const char *path = getenv("BRAINY_LOG");
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int log = -1;

	if (path)
		log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (log < 0) {
		log = open_journal();
		if (log >= 0)
			(void) setenv("JOURNAL_STREAM", "brainy", 1);
	}
	(void) dup2(null, STDIN_FILENO);
	(void) dup2(null, STDOUT_FILENO);
	(void) dup2(log >= 0 ? log : null, STDERR_FILENO);
}

/* Waits for the keeper's one message and turns it into an exit status. */
static int await_keeper(int fd, const char *mount_point)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = io_read_all(fd, 4096, &text);

	if (r < 0)
		return cli_fail_errno(r, "cannot mount at %s", mount_point);
	if (text.len > 0)
		return cli_fail("%.*s", (int)text.len, (const char *)text.data);
	return CLI_OK;
}

static int run_keeper(struct keeper_config *config)
{
	int r = keeper_run(config);

	return r < 0 ? CLI_FAILED : CLI_OK;
}

static int run_in_background(struct keeper_config *config)
{
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return cli_fail_errno(errno, "cannot mount at %s", config->mount_point);
	pid = fork();
	if (pid < 0)
		return cli_fail_errno(errno, "cannot mount at %s", config->mount_point);
	if (pid == 0) {
		(void) close(pipe_fds[0]);
		(void) setsid();
		(void) !chdir("/");
		redirect_output();
		config->report_fd = pipe_fds[1];
		_exit(run_keeper(config));
	}
	(void) close(pipe_fds[1]);
	return await_keeper(pipe_fds[0], config->mount_point);
}

/* Unencrypted swap may hold what the volume seals. zram and dm-crypt are left alone. */
static void warn_of_swap(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (io_read_file_at(AT_FDCWD, "/proc/swaps", 1 << 16, &text) < 0 || !buf_cstr(&text))
		return;
	for (char *line = strchr((char *)text.data, '\n'); line && line[1]; line = strchr(line + 1, '\n'))
		if (strncmp(line + 1, "/dev/zram", 9) != 0 && strncmp(line + 1, "/dev/dm-", 8) != 0) {
			fprintf(stderr,
				"brainy: warning: swap is on and may not be encrypted; parts of files and of "
				"the index can end there (see docs/privacy.md)\n");
			return;
		}
}

/* The keeper lives in another folder, and follows no link that may lead elsewhere later. */
static int make_absolute(const char *path, char **ret_path)
{
	_cleanup_free_ char *here = path && path[0] != '/' ? getcwd(NULL, 0) : NULL;

	*ret_path = NULL;
	if (!path)
		return 0;
	if (path[0] != '/' && !here)
		return -errno;
	if (asprintf(ret_path, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0) {
		*ret_path = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Volumes that were made before there was a copy have none, and a power cut may have come between the two.
 * Whoever holds the lock mends that: what has just opened is the good one. */
static void renew_copy(const char *path, int dirfd, const struct volume *v, const struct keyring *keys)
{
	int r = volume_copies_agree(dirfd);

	if (r == 0)
		r = volume_store(v, keys, dirfd);
	if (r < 0)
		fprintf(stderr, "brainy: %s: cannot renew " VOLUME_COPY ": %s\n", path, strerrordesc_np(-r));
}

static int mount_volume(struct mount_call *call)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	_cleanup_free_ char *real = NULL, *volume = NULL, *why = NULL, *config_path = NULL;
	_cleanup_close_ int dirfd = -1, lock_fd = -1;
	struct keeper_config config = { .options = &call->options, .report_fd = -1 };
	bool read_only;
	int r = mount_check(call->volume, call->mount_point, &real, &why);

	/* What is wrong with the volume is said first: it is the first argument. */
	if (r < 0 && faccessat(AT_FDCWD, call->volume, F_OK, 0) == 0)
		return cli_fail("cannot mount at %s: %s", call->mount_point, why ? why : strerrordesc_np(-r));
	r = cli_open_volume(call->volume, &call->secret, &dirfd, &v, &keys, &read_only);
	if (r != 0)
		return r;
	if (read_only) {
		call->options.read_only = true;
		call->options.flags |= MS_RDONLY;
	}
	r = make_absolute(call->config_path, &config_path);
	if (r < 0)
		return cli_fail_errno(r, "cannot find %s", call->config_path);
	volume = realpath(call->volume, NULL);
	r = volume ? lock_take(dirfd, &lock_fd, &why) : -errno;
	if (r < 0)
		return cli_fail("cannot mount %s: %s", call->volume, why ? why : strerrordesc_np(-r));
	warn_of_swap();
	if (!call->options.read_only)
		renew_copy(call->volume, dirfd, v, keys);
	config.volume = volume;
	config.config_path = config_path;
	config.mount_point = real;
	config.keys = keys;
	config.volume_dirfd = dirfd;
	config.lock_fd = lock_fd;
	return call->foreground ? run_keeper(&config) : run_in_background(&config);
}

/* mount(8) does not tell its helpers the options that are its defaults, suid and dev among them; without them
 * we mount as fusermount3 does. It does tell nosuid and nodev, where fstab lets users mount. */
static void default_options(const char *called_as, struct mount_options *o)
{
	mount_options_init(o);
	if (strncmp(basename(called_as), "mount.", 6) == 0 && geteuid() == 0)
		o->flags &= ~(unsigned long)(MS_NOSUID | MS_NODEV);
}

static int mount_main(int argc, char **argv)
{
	static const struct option options[] = { SECRET_LONG_OPTIONS,
						 { "config", required_argument, NULL, 'c' },
						 { 0 } };
	struct mount_call call = { .secret = SECRET_OPTIONS_INIT };
	struct mount_options *o = &call.options;
	_cleanup_free_ char *unknown = NULL;
	int option, r = 0;

	default_options(argv[0], o);
	while ((option = getopt_long(argc, argv, "fo:nsvt:", options, NULL)) >= 0) {
		if (secret_option(&call.secret, option, optarg) || (option != '?' && strchr("nsvt", option)))
			continue; /* mount(8) hands the last four to its helpers */
		if (option == 'f')
			call.foreground = true;
		else if (option == 'c')
			call.config_path = optarg;
		else if (option == 'o')
			r = mount_options_add(o, optarg, &unknown);
		else
			return cli_usage(&command_mount, "unknown option");
		if (r < 0)
			return cli_usage(&command_mount, "mount option '%s' is not known",
					 unknown ? unknown : optarg);
	}
	if (argc - optind != 2)
		return cli_usage(&command_mount, "VOLUME and MNT are wanted");
	call.volume = argv[optind];
	call.mount_point = argv[optind + 1];
	if (o->remount)
		return remount(call.mount_point, o);
	return mount_volume(&call);
}

const struct command command_mount = {
	"mount", mount_main, "VOLUME MNT [-f] [-o OPT,..] [--key-file F | --passphrase-fd N] [--config F]",
	"mount a volume; returns when the mount answers",
	"-f stays in front. Options are those of mount(8): ro nosuid nodev noexec noatime allow_other\n"
	"fsname= ..",
};
