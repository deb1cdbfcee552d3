/* SPDX-License-Identifier: MIT */
/* Where the secret that opens a volume comes from. Never from the command line, where ps(1) shows it:
 * a key file, a descriptor, or the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "daemon/cli.h"

#define SECRET_MAX 4096

bool secret_option(struct secret_options *o, int option, const char *argument)
{
	char *end;

	if (option == OPTION_KEY_FILE) {
		o->key_file = argument;
		return true;
	}
	if (option == OPTION_PASSPHRASE_FD) {
		o->passphrase_fd = (int)strtol(argument, &end, 10);
		if (*end || end == argument || o->passphrase_fd < 0)
			o->passphrase_fd = -2; /* complained about where it is used */
		return true;
	}
	return false;
}

void secret_done(struct secret *s)
{
	buf_wipe(&s->bytes);
	free(s->path);
	*s = (struct secret){ 0 };
}

/* The file that init makes when nobody says where: $XDG_CONFIG_HOME/brainy/keys/ID.key. */
static int default_key_path(struct id128 id, char **ret_path)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char text[ID128_TEXT_SIZE];
	int n;

	id128_format(id, text);
	if (!home || !*home) {
		const struct passwd *me = getpwuid(geteuid());

		home = me ? me->pw_dir : "/";
	}
	if (config && config[0] == '/')
		n = asprintf(ret_path, "%s/brainy/keys/%s.key", config, text);
	else
		n = asprintf(ret_path, "%s/.config/brainy/keys/%s.key", home, text);
	return n < 0 ? -ENOMEM : 0;
}

static int take_key_file(struct secret *s, const char *path)
{
	int r = io_read_file_at(AT_FDCWD, path, SECRET_MAX, &s->bytes);

	if (r < 0)
		return r;
	s->value = (struct volume_secret){ KEYSLOT_KEY_FILE, s->bytes.data, s->bytes.len };
	free(s->path);
	s->path = strdup(path);
	return s->path ? 0 : -ENOMEM;
}

static int take_passphrase(struct secret *s)
{
	while (s->bytes.len > 0 && strchr("\r\n", s->bytes.data[s->bytes.len - 1]))
		s->bytes.len--;
	if (s->bytes.len == 0)
		return cli_fail("the passphrase is empty");
	s->value = (struct volume_secret){ KEYSLOT_PASSPHRASE, s->bytes.data, s->bytes.len };
	return 0;
}

static int read_passphrase(struct secret *s, int fd)
{
	int r = fd < 0 ? -EBADF : io_read_all(fd, SECRET_MAX, &s->bytes);

	if (r < 0)
		return cli_fail_errno(r, "cannot read the passphrase from --passphrase-fd");
	return take_passphrase(s);
}

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
	interrupted = signal;
}

static int read_line(int tty, struct buf *ret_line)
{
	ssize_t n;
	char c;

	while ((n = read(tty, &c, 1)) == 1 && c != '\n' && ret_line->len < SECRET_MAX)
		if (buf_add(ret_line, &c, 1) < 0)
			return -ENOMEM;
	return n < 0 ? -errno : 0;
}

/* One line from the terminal. What is typed is not shown, from before the prompt on; who interrupts gets
 * the terminal back as it was. */
static int ask_line(int tty, const char *prompt, struct buf *ret_line)
{
	struct sigaction note = { .sa_handler = note_signal }, before;
	struct termios old, quiet;
	int r;

	if (tcgetattr(tty, &old) < 0)
		return -errno;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void) sigaction(SIGINT, &note, &before);
	(void) tcsetattr(tty, TCSAFLUSH, &quiet);
	(void) !write(tty, prompt, strlen(prompt));
	r = read_line(tty, ret_line);
	(void) tcsetattr(tty, TCSAFLUSH, &old);
	(void) !write(tty, "\n", 1);
	(void) sigaction(SIGINT, &before, NULL);
	if (interrupted)
		(void) raise(interrupted);
	return r;
}

/* `path`: the volume that it opens; NULL: it is for a new one. */
static int ask_passphrase(struct secret *s, const char *path)
{
	_cleanup_close_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	_cleanup_(buf_wipe) struct buf again = BUF_INIT;
	_cleanup_free_ char *prompt = NULL;

	if (tty < 0)
		return cli_fail(
			"no key: give --key-file or --passphrase-fd (there is no terminal to ask at)");
	if (asprintf(&prompt, "%s%s: ", path ? "Passphrase of " : "New passphrase", path ? path : "") < 0) {
		prompt = NULL;
		return cli_fail_errno(ENOMEM, "cannot ask for the passphrase");
	}
	if (ask_line(tty, prompt, &s->bytes) < 0)
		return cli_fail("cannot read from the terminal");
	if (!path) {
		if (ask_line(tty, "Again: ", &again) < 0)
			return cli_fail("cannot read from the terminal");
		if (again.len != s->bytes.len ||
		    (again.len && memcmp(again.data, s->bytes.data, again.len) != 0))
			return cli_fail("the two passphrases differ");
	}
	return take_passphrase(s);
}

/* The recovery key opens wherever a passphrase is asked for; its checksum tells the two apart. */
static int recognise_recovery(struct secret *s, int r)
{
	if (r == 0 && volume_check_recovery(s->value.data, s->value.len) == 0)
		s->value.kind = KEYSLOT_RECOVERY;
	return r;
}

int secret_find(const struct secret_options *o, const char *path, const struct volume *v, struct secret *ret)
{
	_cleanup_free_ char *key = NULL;
	int r;

	if (o->key_file) {
		r = take_key_file(ret, o->key_file);
		return r < 0 ? cli_fail_errno(r, "cannot read the key file %s", o->key_file) : 0;
	}
	if (o->passphrase_fd != -1)
		return recognise_recovery(ret, read_passphrase(ret, o->passphrase_fd));
	r = default_key_path(volume_id(v), &key);
	if (r == 0)
		r = take_key_file(ret, key);
	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return cli_fail_errno(r, "cannot read the key file %s", key ? key : "");
	if (volume_has_slot(v, KEYSLOT_PASSPHRASE))
		return recognise_recovery(ret, ask_passphrase(ret, path));
	return cli_fail("cannot open %s: its key file is not at %s; give --key-file", path, key);
}

static int create_key_file(const char *path)
{
	_cleanup_(buf_wipe) struct buf contents = BUF_INIT;
	int r = make_parents(path);

	return r < 0 ? r : volume_make_key_file(AT_FDCWD, path, &contents);
}

static int use_or_create_key_file(struct secret *s, const char *path)
{
	int r = access(path, F_OK) == 0 ? 0 : create_key_file(path);

	if (r == 0)
		r = take_key_file(s, path);
	if (r < 0)
		return cli_fail_errno(r, "cannot make the key file %s", path);
	if (s->bytes.len < 16)
		return cli_fail("the key file %s has under 16 bytes: too little to be a key", path);
	return 0;
}

int secret_make(const struct secret_options *o, struct id128 id, struct secret *ret)
{
	_cleanup_free_ char *path = NULL;

	if (o->key_file)
		return use_or_create_key_file(ret, o->key_file);
	if (o->passphrase_fd != -1)
		return read_passphrase(ret, o->passphrase_fd);
	if (isatty(STDIN_FILENO))
		return ask_passphrase(ret, NULL);
	if (default_key_path(id, &path) < 0)
		return cli_fail_errno(ENOMEM, "cannot make a key file");
	return use_or_create_key_file(ret, path);
}
