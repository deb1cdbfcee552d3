/* SPDX-License-Identifier: MIT */
/* `brainy rebuild`: a new volume out of the packs of one whose catalog is lost. Of that one only volume.json,
 * the key, brainy.conf, warm/ and the bucket are read, and nothing is written. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/cold.h"
#include "daemon/lock.h"
#include "daemon/make_volume.h"
#include "tiers/rebuild/rebuild.h"

#define TELL_MS 500u /* between two lines of progress */

DEFINE_CLEANUP(struct bucket *, bucket_free)

struct rebuild_command {
	const char *from, *to;
	const char *config_path;
	bool from_bucket;       /* without it, it is an error */
	struct secret_options secret;
	struct config config;   /* of the damaged volume */
	struct keyring *keys;   /* owned; of it, too */
	struct bucket *bucket;  /* owned */
	int warm_dirfd;         /* owned */
	struct rebuild_report report;
	uint64_t told_ms;       /* progress was last told; 0: never */
};

static void show_problem(void *context, const char *text)
{
	printf("problem: %s\n", text);
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
	struct rebuild_command *c = context;
	uint64_t now = clock_mono_ms();

	if (now - c->told_ms < TELL_MS || !isatty(STDERR_FILENO))
		return;
	c->told_ms = now;
	fprintf(stderr, "\r%llu of %llu files", (unsigned long long)done, (unsigned long long)total);
}

static int fill(void *context, struct stack *stack)
{
	struct rebuild_command *c = context;
	const struct rebuild_config config = {
		.files = stack->files, .keys = c->keys, .warm_dirfd = c->warm_dirfd, .bucket = c->bucket,
		.problem = show_problem, .progress = show_progress, .context = c,
	};
	int r = rebuild(&config, &c->report);

	if (c->told_ms)
		fprintf(stderr, "\n");
	return r;
}

/* ---- the damaged volume */

/* By volume.json, or by its copy. */
static int unlock(struct rebuild_command *c, int dirfd, struct secret *secret)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	bool read_only;
	int r = cli_unlock_volume(c->from, dirfd, VOLUME_FILE, &c->secret, secret, &v, &c->keys, &read_only);

	if (r != 0 && volume_copies_agree(dirfd) == 0)
		r = cli_unlock_volume(c->from, dirfd, VOLUME_COPY, &c->secret, secret, &v, &c->keys,
				      &read_only);
	return r;
}

static int open_bucket(struct rebuild_command *c, int dirfd)
{
	struct bucket_error why = { 0 };
	_cleanup_free_ char *text = NULL;
	int r = config_load(dirfd, c->config_path, &c->config, &text);

	if (r < 0)
		return cli_fail("rebuild %s: %s", c->from, text ? text : strerrordesc_np(-r));
	r = cold_open(&c->config, &c->bucket, &why);
	if (r < 0)
		return cli_fail(
			"rebuild %s: the bucket cannot be opened: %s; to do without it name an empty file "
			"with --config",
			c->from, why.text);
	if (!c->bucket && c->from_bucket)
		return cli_fail(
			"rebuild %s: no bucket is configured; set [cold] url in its brainy.conf, or name "
			"another file with --config",
			c->from);
	return 0;
}

static int open_sources(struct rebuild_command *c, int dirfd)
{
	c->warm_dirfd = openat(dirfd, "warm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->warm_dirfd < 0 && errno != ENOENT)
		return cli_fail_errno(-errno, "cannot open %s/warm", c->from);
	return open_bucket(c, dirfd);
}

/* ---- the new one */

static int conclude(const struct rebuild_command *c)
{
	const struct rebuild_report *r = &c->report;

	printf("%s: %llu files (%llu bytes) and %llu folders out of %llu packs\n", c->to,
	       (unsigned long long)r->files, (unsigned long long)r->bytes, (unsigned long long)r->directories,
	       (unsigned long long)r->packs);
	if (r->aside)
		printf("in lost+found: %llu\n", (unsigned long long)r->aside);
	if (r->problems)
		return cli_fail(
			"rebuild %s: not everything could be saved to its place: %llu problems, %llu damaged "
			"packs, %llu bytes of files lost",
			c->from, (unsigned long long)r->problems, (unsigned long long)r->packs_damaged,
			(unsigned long long)r->lost_bytes);
	return CLI_OK;
}

static int run_with(struct rebuild_command *c)
{
	_cleanup_close_ int dirfd = open(c->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock_fd = -1;
	_cleanup_(secret_done) struct secret secret = { 0 };
	struct new_volume n = { .path = c->to, .secret = SECRET_OPTIONS_INIT, .fill = fill, .context = c };
	_cleanup_free_ char *why = NULL;
	int r;

	if (dirfd < 0)
		return cli_fail_errno(-errno, "cannot open %s", c->from);
	r = unlock(c, dirfd, &secret);
	if (r != 0)
		return r;
	r = lock_take(dirfd, &lock_fd, &why);
	if (r < 0)
		return cli_fail("rebuild %s: %s", c->from, why ? why : strerrordesc_np(-r));
	r = open_sources(c, dirfd);
	if (r != 0)
		return r;
	/* A key that was named is that of both; without one each volume has its own, where it is looked for.
	 */
	if (secret.value.kind != KEYSLOT_RECOVERY && (c->secret.key_file || c->secret.passphrase_fd != -1))
		n.known = &secret;
	r = make_volume(&n);
	return r == CLI_OK ? conclude(c) : r;
}

static int run(struct rebuild_command *c)
{
	int status = run_with(c);

	(void) bucket_free(c->bucket);
	config_done(&c->config);
	keyring_freep(&c->keys);
	closep(&c->warm_dirfd);
	return status;
}

static int rebuild_main(int argc, char **argv)
{
	enum { OPTION_FROM_BUCKET = OPTION_COMMON_END, OPTION_CONFIG };
	static const struct option options[] = { SECRET_LONG_OPTIONS,
						 { "from-bucket", no_argument, NULL, OPTION_FROM_BUCKET },
						 { "config", required_argument, NULL, OPTION_CONFIG },
						 { 0 } };
	struct rebuild_command c = { .secret = SECRET_OPTIONS_INIT, .warm_dirfd = -1 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == OPTION_FROM_BUCKET)
			c.from_bucket = true;
		else if (option == OPTION_CONFIG)
			c.config_path = optarg;
		else if (!secret_option(&c.secret, option, optarg))
			return cli_usage(&command_rebuild, "unknown option");
	if (argc - optind != 2)
		return cli_usage(&command_rebuild, "VOLUME and NEWVOLUME are wanted");
	c.from = argv[optind];
	c.to = argv[optind + 1];
	return run(&c);
}

const struct command command_rebuild = {
	"rebuild", rebuild_main, "VOLUME NEWVOLUME [--from-bucket] [--config F] [--key-file F | --passphrase-fd N]",
	"make a new volume of the packs of one whose catalog is lost",
	"Saves all that was warm or cold, as it was when it was packed, out of VOLUME/warm and the bucket\n"
	"of brainy.conf, which --from-bucket demands. Files that were hot, empty files and empty folders\n"
	"are in no pack. VOLUME stays as it is. What has lost its place, or some of its bytes, is in\n"
	"lost+found and told; the exit status is 1 then. NEWVOLUME needs room for everything, and the key\n"
	"that was named, or, when none was, one of its own.",
};
