/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/cli.h"
#include "daemon/program.h"
#include "daemon/wire.h"

static const char *const folders[] = { "wal", "catalog", "hot", "warm", "index", "cache" };

static int parse_cipher(const char *text, enum cipher *ret)
{
	if (strcmp(text, "auto") == 0)
		*ret = 0;
	else if (strcmp(text, "aes256gcm") == 0)
		*ret = CIPHER_AES256GCM;
	else if (strcmp(text, "xchacha20") == 0)
		*ret = CIPHER_XCHACHA20;
	else
		return -EINVAL;
	return 0;
}

/* Makes the folder, or takes an empty one. */
static int make_folder(const char *path, int *ret_dirfd)
{
	_cleanup_close_ int fd = -1;
	DIR *d;
	bool empty = true;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return cli_fail_errno(errno, "cannot make %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail_errno(errno, "cannot open %s", path);
	if (faccessat(fd, VOLUME_FILE, F_OK, 0) == 0)
		return cli_fail("cannot make %s: it is a volume already", path);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;)
		empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, "lost+found") == 0;
	if (d)
		(void) closedir(d);
	if (!empty)
		return cli_fail("cannot make %s: the folder is not empty", path);
	*ret_dirfd = steal_fd(&fd);
	return 0;
}

/* Writes everything but volume.json, which comes last and makes the folder a volume. */
static int fill_folder(int dirfd, struct keyring *keys)
{
	struct config config = { 0 };
	struct stack stack = { .volume_dirfd = dirfd, .keys = keys };
	struct stack_options o = { 0 };
	_cleanup_free_ char *why = NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		if (mkdirat(dirfd, folders[i], 0700) < 0)
			r = cli_fail_errno(errno, "cannot make %s/", folders[i]);
	if (r != 0)
		return r;
	r = stack_open(&stack, &config, &o, &why);
	if (r < 0)
		return cli_fail("%s", why ? why : strerrordesc_np(-r));
	r = stack_start(&stack);
	if (r == 0)
		r = tree_make_root(stack.catalog, geteuid(), getegid(), 0755);
	if (r == 0)
		r = stack_stop(&stack);
	stack_close(&stack);
	return r < 0 ? cli_fail_errno(r, "cannot write the volume") : 0;
}

static void tell(const char *path, const struct secret *secret, const struct buf *recovery)
{
	printf("volume %s made\n", path);
	if (secret->value.kind == KEYSLOT_KEY_FILE)
		printf("key file: %s (whoever can read this file can read the volume; keep a copy elsewhere)\n",
		       secret->path);
	printf("recovery key, shown only now; write it down: %.*s\n", (int)recovery->len, (const char *)recovery->data);
}

static int make_volume(const char *path, const struct secret_options *o, enum cipher cipher)
{
	_cleanup_(secret_done) struct secret secret = { 0 };
	_cleanup_(buf_wipe) struct buf recovery = BUF_INIT;
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	_cleanup_close_ int dirfd = -1;
	struct id128 id = id128_random();
	int r = make_folder(path, &dirfd);

	if (r != 0)
		return r;
	r = secret_make(o, id, &secret);
	if (r != 0)
		return r;
	r = volume_new(id, cipher, &secret.value, &recovery, &v, &keys);
	if (r == -EOPNOTSUPP)
		return cli_fail("cannot make %s: this CPU has no AES instructions; use --cipher xchacha20", path);
	if (r < 0)
		return cli_fail_errno(r, "cannot make %s", path);
	r = fill_folder(dirfd, keys);
	if (r != 0)
		return r;
	r = volume_store(v, keys, dirfd);
	if (r < 0)
		return cli_fail_errno(r, "cannot write %s/" VOLUME_FILE, path);
	tell(path, &secret, &recovery);
	return CLI_OK;
}

static int init_main(int argc, char **argv)
{
	static const struct option options[] = { SECRET_LONG_OPTIONS, { "cipher", required_argument, NULL, 'c' }, { 0 } };
	struct secret_options secret = SECRET_OPTIONS_INIT;
	enum cipher cipher = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (secret_option(&secret, option, optarg))
			continue;
		if (option != 'c')
			return cli_usage(&command_init, "unknown option");
		if (parse_cipher(optarg, &cipher) < 0)
			return cli_usage(&command_init, "--cipher %s: allowed are auto, aes256gcm, xchacha20", optarg);
	}
	if (argc - optind != 1)
		return cli_usage(&command_init, "one VOLUME is wanted");
	return make_volume(argv[optind], &secret, cipher);
}

const struct command command_init = {
	"init", init_main, "VOLUME [--key-file F | --passphrase-fd N] [--cipher auto|aes256gcm|xchacha20]",
	"make a volume",
	"F is made (mode 0600) when it does not exist and used when it does. Without an option brainy asks for a\n"
	"passphrase on a terminal; elsewhere it makes ~/.config/brainy/keys/ID.key and finds it again at mount.",
};
