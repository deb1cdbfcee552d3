/* SPDX-License-Identifier: MIT */
/* `brainy bench fill`: makes a large volume quickly, for tests of scale. It works on the catalog and the
 * tiers themselves, by the same calls as the mount, so that the volume is like any other: files with text in
 * them, which wait in the queue of the index. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/cli.h"
#include "daemon/lock.h"
#include "daemon/wire.h"

#define FILES_MAX 1000000000ull
#define FOLDERS_MAX 10000000ull
#define BYTES_MAX (1ull << 30)
#define PER_FOLDER 1000u
#define SIZE_DEFAULT 1000u
#define CHUNK (1u << 20)
/* Files between two looks at the clock, and the time between two lines of progress. */
#define STEP 1024u
#define TELL_MS 500u

struct fill {
	const char *volume; /* as it was named */
	const char *into;   /* folder below the root */
	uint64_t files, folders, size;
	struct stack stack;
	const char *text;   /* borrowed; words, 2 * CHUNK bytes */
	char *piece;        /* borrowed; CHUNK bytes, of the next write */
	uint64_t made;      /* files */
	uint64_t told_ms;   /* progress was last told; 0: never */
};

static const char *const words[] = {
	"valve",  "pump",    "river",  "sluice", "engine", "bearing", "noise",	 "flood",  "keeper", "signal", "bridge",
	"weight", "harbour", "spring", "copper", "gauge",  "timber",  "granite", "ledger", "needle", "rudder", "winter",
};

/* The same words in each volume: what is measured on two of them is comparable. */
static char *make_text(void)
{
	char *text = malloc(2 * CHUNK + 16);
	uint64_t seed = 88172645463325252ull;

	for (size_t at = 0; text && at < 2 * CHUNK;) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at += (size_t)sprintf(text + at, "%s ", words[(seed >> 33) % ARRAY_SIZE(words)]);
	}
	return text;
}

/* ---- making */

static int make(struct fill *f, uint64_t dir, const char *name, mode_t mode, struct inode *ret_i)
{
	struct tree_request rq = { .uid = geteuid(), .gid = getegid() };
	struct tree_make what = { .mode = mode };

	return tree_make(f->stack.catalog, &rq, dir, name, &what, ret_i);
}

static void put_number(struct fill *f, size_t len)
{
	char number[32];
	int n = snprintf(number, sizeof(number), "item%llu ", (unsigned long long)f->made);

	memcpy(f->piece, number, MIN(len, (size_t)n));
}

/* Each file begins with its number and goes on at some place of the text. */
static int write_bytes(struct fill *f, uint64_t ino)
{
	struct tree_request rq = { 0 };
	ssize_t n = 0;

	for (uint64_t at = 0; n >= 0 && at < f->size; at += (uint64_t)n) {
		size_t len = (size_t)MIN(f->size - at, (uint64_t)CHUNK);

		memcpy(f->piece, f->text + (f->made * 7919 + at) % CHUNK, len);
		if (at == 0)
			put_number(f, len);
		n = file_write(f->stack.files, &rq, ino, at, f->piece, len, false, false);
	}
	return n < 0 ? (int)n : 0;
}

static int make_file(struct fill *f, uint64_t dir)
{
	struct inode i;
	char name[32];
	int r;

	(void) snprintf(name, sizeof(name), "f%07llu.txt", (unsigned long long)f->made);
	r = make(f, dir, name, S_IFREG | 0644, &i);
	return r < 0 ? r : write_bytes(f, i.ino);
}

static void tell_progress(struct fill *f)
{
	uint64_t now = clock_mono_ms();

	if (f->made % STEP != 0 || now - f->told_ms < TELL_MS || !isatty(STDERR_FILENO))
		return;
	f->told_ms = now;
	fprintf(stderr, "\r%llu of %llu files", (unsigned long long)f->made, (unsigned long long)f->files);
}

/* The n-th folder and its share of the files. */
static int make_folder(struct fill *f, uint64_t top, uint64_t n)
{
	uint64_t until = (uint64_t)((unsigned __int128)f->files * (n + 1) / f->folders);
	struct inode dir;
	char name[32];
	int r;

	(void) snprintf(name, sizeof(name), "d%05llu", (unsigned long long)n);
	r = make(f, top, name, S_IFDIR | 0755, &dir);
	while (r >= 0 && f->made < until) {
		r = make_file(f, dir.ino);
		f->made += r >= 0;
		tell_progress(f);
	}
	return r;
}

static int make_all(struct fill *f)
{
	struct inode top;
	int r = make(f, ROOT_INO, f->into, S_IFDIR | 0755, &top);

	for (uint64_t n = 0; r >= 0 && n < f->folders; n++)
		r = make_folder(f, top.ino, n);
	if (f->told_ms)
		fprintf(stderr, "\n");
	return r;
}

/* ---- the volume */

/* Also after a failure what was made stays, and the volume is closed as it should be. */
static int run_stack(struct fill *f)
{
	uint64_t start = clock_mono_ms();
	int r = stack_start(&f->stack), last;

	if (r < 0)
		return cli_fail_errno(r, "bench fill %s", f->volume);
	r = make_all(f);
	last = stack_stop(&f->stack);
	if (r == -EEXIST)
		return cli_fail("bench fill %s: %s is there already; name another folder with --into",
				f->volume, f->into);
	if (r < 0 || last < 0)
		return cli_fail_errno(r < 0 ? r : last, "bench fill %s: after %llu files", f->volume,
				      (unsigned long long)f->made);
	printf("%llu files in %llu folders below %s, %.1f s\n", (unsigned long long)f->made,
	       (unsigned long long)f->folders, f->into, (double)(clock_mono_ms() - start) / 1000);
	return CLI_OK;
}

static int open_and_run(struct fill *f, int dirfd, struct keyring *keys)
{
	struct stack_options o = { .program_dir = "" };
	struct config config = { 0 };
	_cleanup_free_ char *why = NULL;
	int r = config_load(dirfd, NULL, &config, &why);

	f->stack.volume_dirfd = dirfd;
	f->stack.keys = keys;
	if (r == 0)
		r = stack_open(&f->stack, &config, &o, &why);
	config_done(&config);
	if (r < 0)
		return cli_fail("bench fill %s: %s", f->volume, why ? why : strerrordesc_np(-r));
	r = run_stack(f);
	stack_close(&f->stack);
	return r;
}

static bool is_mount_point(const char *path)
{
	_cleanup_free_ char *full = realpath(path, NULL);

	return full && mount_is_ours(full);
}

static int fill_volume(struct fill *f, const struct secret_options *secret)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	_cleanup_close_ int dirfd = -1, lock_fd = -1;
	_cleanup_free_ char *why = NULL;
	bool read_only;
	int r;

	if (is_mount_point(f->volume))
		return cli_fail("bench fill %s: this is a mount; unmount it and name the volume", f->volume);
	r = cli_open_volume(f->volume, secret, &dirfd, &v, &keys, &read_only);
	if (r != 0)
		return r;
	if (read_only)
		return cli_fail("bench fill %s: a newer brainy made this volume; it can only be read",
				f->volume);
	r = lock_take(dirfd, &lock_fd, &why);
	if (r < 0)
		return cli_fail("bench fill %s: %s", f->volume, why ? why : strerrordesc_np(-r));
	return open_and_run(f, dirfd, keys);
}

/* ---- the command */

static int parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n > max)
		return -EINVAL;
	*ret_number = n;
	return 0;
}

enum { OPTION_FILES = OPTION_COMMON_END, OPTION_FOLDERS, OPTION_SIZE, OPTION_INTO };

static int take_option(struct fill *f, int option, const char *argument)
{
	switch (option) {
	case OPTION_FILES:
		return parse_number(argument, FILES_MAX, &f->files);
	case OPTION_FOLDERS:
		return parse_number(argument, FOLDERS_MAX, &f->folders);
	case OPTION_SIZE:
		return parse_number(argument, BYTES_MAX, &f->size);
	case OPTION_INTO:
		f->into = argument;
		return *argument && !strchr(argument, '/') ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int fill_main(int argc, char **argv)
{
	static const struct option options[] = {
		SECRET_LONG_OPTIONS,
		{ "files", required_argument, NULL, OPTION_FILES },
		{ "folders", required_argument, NULL, OPTION_FOLDERS },
		{ "size", required_argument, NULL, OPTION_SIZE },
		{ "into", required_argument, NULL, OPTION_INTO },
		{ 0 },
	};
	_cleanup_free_ char *text = make_text(), *piece = malloc(CHUNK);
	struct secret_options secret = SECRET_OPTIONS_INIT;
	struct fill f = { .into = "fill", .size = SIZE_DEFAULT, .text = text, .piece = piece };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (!secret_option(&secret, option, optarg) && take_option(&f, option, optarg) < 0)
			return cli_usage(&command_bench, "unknown option, or a value that is not allowed");
	if (argc - optind != 1 || f.files == 0)
		return cli_usage(&command_bench, "one VOLUME and --files are wanted");
	if (!text || !piece)
		return cli_fail_errno(ENOMEM, "bench fill");
	if (f.folders == 0)
		f.folders = (f.files + PER_FOLDER - 1) / PER_FOLDER;
	f.volume = argv[optind];
	return fill_volume(&f, &secret);
}

static int bench_main(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "fill") != 0)
		return cli_usage(&command_bench, "'fill' is wanted");
	return fill_main(argc - 1, argv + 1);
}

const struct command command_bench = {
	"bench", bench_main,
	"fill VOLUME --files N [--folders N] [--size BYTES] [--into NAME] [--key-file F | --passphrase-fd N]",
	"fill an unmounted volume for tests of scale",
	"Makes N files of BYTES bytes of text each (1000) in so many folders (one for each 1000 files)\n"
	"below a new folder NAME (fill) of the root. They wait to be indexed, as files that were copied in.",
};
