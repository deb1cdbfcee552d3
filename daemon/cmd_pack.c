/* SPDX-License-Identifier: MIT */
/* `brainy pack`: what is in a pack, with the volume's key and without its catalog. Packs are never changed,
 * so that it does not matter whether the volume is mounted. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/cli.h"
#include "daemon/pack_list.h"
#include "tiers/pack/pack_reader.h"

DEFINE_CLEANUP(struct pack *, pack_close)

struct pack_command {
	const char *path;   /* of the pack */
	const char *volume; /* NULL: the one that it lies in */
	const char *what;   /* of cat: a path or an inode number */
	struct secret_options secret;
	bool json;
	struct pack *pack;
};

/* ---- opening */

/* VOLUME of VOLUME/warm/ID. */
static char *volume_of(const char *path)
{
	char *real = realpath(path, NULL), *slash = real ? strrchr(real, '/') : NULL;

	if (slash) {
		*slash = '\0';
		slash = strrchr(real, '/');
	}
	if (slash && strcmp(slash, "/warm") == 0) {
		*slash = '\0';
		return real;
	}
	free(real);
	return NULL;
}

static int find_keys(const struct pack_command *c, struct keyring **ret_keys)
{
	_cleanup_free_ char *found = c->volume ? NULL : volume_of(c->path);
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_close_ int dirfd = -1;
	bool read_only;

	if (!c->volume && !found)
		return cli_fail("%s: which volume's pack is it? Name it with --volume", c->path);
	return cli_open_volume(c->volume ? c->volume : found, &c->secret, &dirfd, &v, ret_keys, &read_only);
}

static int complain(const struct pack_command *c, int error)
{
	if (error == -EBADMSG)
		return cli_fail("%s: it is no pack of this volume, or its table is damaged", c->path);
	return cli_fail_errno(error, "%s", c->path);
}

static int run_ls(struct pack_command *c)
{
	int r = c->json ? pack_list_json(c->pack) : pack_list(c->pack);

	return r < 0 ? complain(c, r) : CLI_OK;
}

/* ---- verify */

/* Which files have bytes in a frame. */
struct users {
	struct pack_command *c;
	const struct pack_frame *f;
};

static int tell_user(void *context, const struct pack_entry *e)
{
	const struct users *u = context;
	_cleanup_buf_ struct buf path = BUF_INIT;

	for (uint32_t k = 0; k < e->n_pieces; k++) {
		const struct pack_piece *piece = &e->pieces[k];

		if (piece->frame != u->f->number)
			continue;
		if (path.len == 0 && e->n_names > 0 && pack_add_path(u->c->pack, e->names, &path) < 0)
			return -ENOMEM;
		printf("problem: bytes %" PRIu64 " to %" PRIu64 " of inode %" PRIu64 " are lost: ",
		       piece->offset, piece->offset + piece->len - 1, e->inode.ino);
		pack_print_escaped(&path);
		putchar('\n');
	}
	return 0;
}

static int tell_frame(void *context, const struct pack_frame *f, int error)
{
	struct users u = { .c = context, .f = f };

	if (error == 0)
		return 0;
	if (!f) {
		printf("problem: header or dictionary: %s\n", strerrordesc_np(-error));
		return 0;
	}
	printf("problem: frame %u, %u bytes from byte %u of the pack on: %s\n", f->number, f->stored_len,
	       f->place, strerrordesc_np(-error));
	return pack_foreach_file(u.c->pack, tell_user, &u);
}

static int run_verify(struct pack_command *c)
{
	struct pack_summary s;
	int r = pack_verify(c->pack, tell_frame, c);

	pack_get_summary(c->pack, &s);
	if (r == -EBADMSG)
		return cli_fail("%s: damaged", c->path);
	if (r < 0)
		return complain(c, r);
	printf("%s: %u frames, %u files: all is well\n", c->path, s.n_frames, s.n_files);
	return CLI_OK;
}

/* ---- cat */

struct search {
	struct pack_command *c;
	const struct pack_entry *found;
};

static int compare_paths(void *context, const struct pack_entry *e)
{
	struct search *s = context;
	const char *wanted = s->c->what + strspn(s->c->what, "/");

	for (uint32_t k = 0; k < e->n_names; k++) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		const char *text =
			pack_add_path(s->c->pack, &e->names[k], &path) < 0 ? NULL : buf_cstr(&path);

		if (!text)
			return -ENOMEM;
		if (strcmp(text, wanted) != 0)
			continue;
		s->found = e;
		return 1;
	}
	return 0;
}

/* A path, or else an inode number. */
static int find_file(struct pack_command *c, const struct pack_entry **ret_e)
{
	struct search s = { .c = c };
	int r = pack_foreach_file(c->pack, compare_paths, &s);
	const char *digits = c->what;

	if (r < 0)
		return complain(c, r);
	if (!s.found && *digits && strspn(digits, "0123456789") == strlen(digits))
		s.found = pack_find(c->pack, strtoull(digits, NULL, 10));
	if (!s.found || S_ISDIR(s.found->inode.mode))
		return cli_fail("%s: it has no file %s", c->path, c->what);
	*ret_e = s.found;
	return 0;
}

/* The first byte from `at` on that no piece has; e->inode.size when there is none. `*ret_end`: one behind the
 * last such. */
static uint64_t find_gap(const struct pack_entry *e, uint64_t at, uint64_t *ret_end)
{
	bool moved = true;

	while (moved && at < e->inode.size) {
		moved = false;
		*ret_end = e->inode.size;
		for (uint32_t k = 0; k < e->n_pieces; k++) {
			const struct pack_piece *p = &e->pieces[k];

			if (p->offset <= at && at - p->offset < p->len) {
				at = p->offset + p->len;
				moved = true;
			} else if (p->offset > at) {
				*ret_end = MIN(*ret_end, p->offset);
			}
		}
	}
	return MIN(at, e->inode.size);
}

static int check_gaps(const struct pack_command *c, const struct pack_entry *e)
{
	_cleanup_buf_ struct buf gaps = BUF_INIT;
	uint64_t at = 0, end = 0;

	while ((at = find_gap(e, at, &end)) < e->inode.size) {
		if (buf_addf(&gaps, "%s%" PRIu64 "-%" PRIu64, gaps.len ? ", " : "", at, end - 1) < 0)
			return complain(c, -ENOMEM);
		at = end;
	}
	return gaps.len ? cli_fail("%s: bytes %.*s of %s lie in other packs", c->path, (int)gaps.len,
				   (char *)gaps.data, c->what)
			: 0;
}

static int write_file(const struct pack_command *c, const struct pack_entry *e)
{
	_cleanup_free_ uint8_t *bytes = malloc(PACK_FRAME_MAX);
	uint64_t at = 0;

	while (bytes && at < e->inode.size) {
		ssize_t n = pack_read(c->pack, e, at, bytes, PACK_FRAME_MAX);
		int r;

		if (n == -EBADMSG)
			return cli_fail("%s: bytes of %s from %" PRIu64 " on are damaged", c->path, c->what,
					at);
		if (n <= 0)
			return complain(c, n < 0 ? (int)n : -EBADMSG);
		r = io_write(STDOUT_FILENO, bytes, (size_t)n);
		if (r < 0)
			return cli_fail_errno(r, "cannot write %s", c->what);
		at += (uint64_t)n;
	}
	return bytes ? CLI_OK : complain(c, -ENOMEM);
}

static int run_cat(struct pack_command *c)
{
	const struct pack_entry *e = NULL;
	int r = find_file(c, &e);

	if (r == 0)
		r = check_gaps(c, e);
	return r == 0 ? write_file(c, e) : r;
}

/* ---- the command */

static int open_and_run(struct pack_command *c, int (*verb)(struct pack_command *c))
{
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	_cleanup_(pack_closep) struct pack *pack = NULL;
	_cleanup_close_ int fd = open(c->path, O_RDONLY | O_CLOEXEC);
	struct pack_source source;
	int r;

	if (fd < 0)
		return complain(c, -errno);
	r = find_keys(c, &keys);
	if (r != 0)
		return r;
	r = pack_source_fd(fd, &source);
	if (r >= 0)
		r = pack_open(keys, &source, NULL, &pack);
	if (r < 0)
		return complain(c, r);
	c->pack = pack;
	r = verb(c);
	return fflush(stdout) == 0 ? r : cli_fail_errno(-errno, "cannot write");
}

static int parse_options(struct pack_command *c, int argc, char **argv)
{
	enum { OPTION_VOLUME = OPTION_COMMON_END };
	static const struct option options[] = { SECRET_LONG_OPTIONS,
						 { "volume", required_argument, NULL, OPTION_VOLUME },
						 { "json", no_argument, NULL, OPTION_JSON },
						 { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == OPTION_VOLUME)
			c->volume = optarg;
		else if (option == OPTION_JSON)
			c->json = true;
		else if (!secret_option(&c->secret, option, optarg))
			return cli_usage(&command_pack, "unknown option");
	return 0;
}

static int pack_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct pack_command *c);
		int words;
	} verbs[] = { { "ls", run_ls, 1 }, { "verify", run_verify, 1 }, { "cat", run_cat, 2 } };
	struct pack_command c = { .secret = SECRET_OPTIONS_INIT };
	int r = argc > 1 ? parse_options(&c, argc - 1, argv + 1) : 0;

	if (r != 0)
		return r;
	for (size_t k = 0; k < ARRAY_SIZE(verbs) && argc > 1; k++) {
		char **words = argv + 1 + optind;

		if (strcmp(argv[1], verbs[k].name) != 0)
			continue;
		if (argc - 1 - optind != verbs[k].words)
			return cli_usage(&command_pack, verbs[k].words == 1 ? "one PACK is wanted" :
									      "PACK and PATH, or inode "
									      "number, are wanted");
		c.path = words[0];
		c.what = words[1];
		return open_and_run(&c, verbs[k].run);
	}
	return cli_usage(&command_pack, "ls, verify or cat is wanted");
}

const struct command command_pack = {
	"pack", pack_main,
	"ls|verify|cat PACK [PATH|INODE] [--json] [--volume VOLUME] [--key-file F | --passphrase-fd N]",
	"explain a pack without the catalog",
	"PACK is a file of VOLUME/warm, whose volume is found by itself, or one that was fetched from the\n"
	"bucket. 'ls' lists it: mode, owner, size, mtime (UTC), bytes in this pack and paths, as they were\n"
	"when it was made. 'verify' reads all of it and says what is damaged. 'cat' writes the bytes of a\n"
	"file.",
};
