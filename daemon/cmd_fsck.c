/* SPDX-License-Identifier: MIT */
/* `brainy fsck`: reads everything of an unmounted volume, opens every seal, compares every count and every
 * reference; with --repair it writes what it found to be right.
 *
 * Both do the same: the repair is rehearsed in memory over a volume that is opened read-only, and only
 * at the end, when everything was read and mended, does --repair make it true (catalog/repair.h). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/derive.h"
#include "catalog/quota.h"
#include "catalog/repair.h"
#include "daemon/cli.h"
#include "daemon/lock.h"
#include "daemon/program.h"
#include "daemon/wire.h"

/* With --repair, beyond CLI_OK and CLI_FAILED (found and mended): it could not be done. */
#define FSCK_NOT_MENDED 4

struct fsck {
	const char *path;
	struct stack stack;
	struct config config;
	struct volume *volume; /* owned */
	bool repair, accept_older;
	struct files_check files;
	bool document_damaged; /* volume.json or its copy: to be written again */
	bool unchecked; /* something could not be looked at */
	uint64_t problems;
	uint64_t unmended; /* what still was wrong when all had been mended */
};

static void count_problem(void *context, const char *text)
{
	struct fsck *f = context;

	f->problems++;
	printf("problem: %s\n", text);
}

static int fail(const struct fsck *f, const char *why)
{
	(void) cli_fail("fsck %s: %s", f->path, why);
	return f->repair ? FSCK_NOT_MENDED : CLI_FAILED;
}

/* ---- looking */

static void checked(struct fsck *f, const char *what, int64_t found)
{
	if (found >= 0) {
		printf("%lld %s checked\n", (long long)found, what);
		return;
	}
	f->unchecked = true;
	problem_say(count_problem, f, "%s cannot be checked: %s", what, strerrordesc_np((int)-found));
}

static void say_log_damaged(struct fsck *f)
{
	problem_say(count_problem, f,
		    "the log is damaged after record %llu; %llu records after the last checkpoint "
		    "are good, and later changes are lost",
		    (unsigned long long)f->stack.replay.last_lsn,
		    (unsigned long long)f->stack.replay.replayed);
}

static int foreach_described(void *context, repair_extent_fn extent, void *extent_context)
{
	struct fsck *f = context;

	return files_foreach_described(f->stack.files, extent, extent_context);
}

static int mend_packs(void *context)
{
	struct fsck *f = context;

	return files_check_packs(f->stack.files, &f->files);
}

static void say_unread(const struct fsck *f)
{
	if (f->files.unread)
		printf("%llu packs in the bucket were not read; --cold reads them\n",
		       (unsigned long long)f->files.unread);
	if (f->files.left_over)
		printf("%llu files in warm/ are left over from a stop; the next mount looks at them\n",
		       (unsigned long long)f->files.left_over);
}

static void look(struct fsck *f)
{
	struct repair_config repair = { .problem = count_problem, .foreach_described = foreach_described,
					.mend_packs = mend_packs, .context = f };
	struct stack *s = &f->stack;
	uint64_t before;
	int r;

	f->files.problem = count_problem;
	f->files.context = f;
	f->files.has_bucket = f->config.cold.url && *f->config.cold.url;
	if (s->replay.anchor_damaged)
		count_problem(
			f,
			"wal/anchor is gone or does not open; that the log is complete is known from its "
			"end");
	if (catalog_repair_interrupted(s->catalog))
		count_problem(f, "a repair was interrupted before its last step");
	if (catalog_log_damaged(s->catalog))
		say_log_damaged(f);
	checked(f, "records", catalog_verify(s->catalog, count_problem, f));
	checked(f, "inodes with their names and tags", derive_verify(s->catalog, count_problem, f));
	r = catalog_repair(s->catalog, &repair);
	if (r < 0)
		checked(f, "references", r);
	checked(f, "data blocks and frames", files_verify(s->files, &f->files));
	say_unread(f);
	checked(f, "index blocks", index_verify(s->index, count_problem, f));
	before = f->problems;
	checked(f, "quotas", quota_verify(s->catalog, count_problem, f));
	f->unmended = f->problems - before;
}

/* ---- and what becomes of it */

static int commit(struct fsck *f)
{
	_cleanup_buf_ struct buf kept = BUF_INIT;
	int r = catalog_repair_commit(f->stack.catalog, &kept);

	if (kept.len)
		printf("%.*s", (int)kept.len, (const char *)kept.data);
	return r;
}

static int mend(struct fsck *f)
{
	int r = 0;

	if (f->unchecked)
		return fail(f, "not everything could be read; nothing was changed");
	if (f->problems > f->document_damaged)
		r = commit(f);
	if (r >= 0 && f->document_damaged)
		r = volume_store(f->volume, f->stack.keys, f->stack.volume_dirfd);
	if (r < 0)
		return fail(f, strerrordesc_np(-r));
	if (f->unmended)
		return fail(f, "not everything could be mended; what could, is");
	printf("%s: %llu problems were found and mended\n", f->path, (unsigned long long)f->problems);
	return CLI_FAILED;
}

static int conclude(struct fsck *f)
{
	if (f->problems && f->repair)
		return mend(f);
	if (f->problems)
		return cli_fail("fsck %s: %llu problems; nothing was changed", f->path,
				(unsigned long long)f->problems);
	printf("%s is clean\n", f->path);
	return CLI_OK;
}

static int open_all(struct fsck *f, char **ret_why)
{
	_cleanup_free_ char *program_dir = NULL;
	struct stack_options o = { .read_only = true, .rehearse = true, .index = true,
				   .accept_older = f->accept_older };
	int r = program_directory(0, &program_dir);

	o.program_dir = program_dir ? program_dir : "";
	if (r == 0 || r == -ENOENT)
		r = config_load(f->stack.volume_dirfd, NULL, &f->config, ret_why);
	return r == 0 ? stack_open(&f->stack, &f->config, &o, ret_why) : r;
}

static int check_volume(struct fsck *f)
{
	_cleanup_free_ char *why = NULL;
	int r = open_all(f, &why);

	if (r < 0) {
		r = fail(f, why ? why : strerrordesc_np(-r));
	} else {
		look(f);
		r = conclude(f);
		stack_close(&f->stack);
	}
	config_done(&f->config);
	return r;
}

/* volume.json, or its copy where that is what opens. */
static int unlock(struct fsck *f, const struct secret_options *o, struct keyring **ret_keys,
		  bool *ret_read_only)
{
	_cleanup_(secret_done) struct secret secret = { 0 };
	int agree = volume_copies_agree(f->stack.volume_dirfd), r;

	if (agree < 0)
		return cli_fail_errno(agree, "cannot open %s", f->path);
	r = cli_unlock_volume(f->path, f->stack.volume_dirfd, VOLUME_FILE, o, &secret, &f->volume, ret_keys,
			      ret_read_only);
	if (r == 0 && !agree)
		count_problem(f, VOLUME_COPY " is not what " VOLUME_FILE " is");
	if (r != 0 && !agree) {
		r = cli_unlock_volume(f->path, f->stack.volume_dirfd, VOLUME_COPY, o, &secret, &f->volume,
				      ret_keys, ret_read_only);
		if (r == 0)
			count_problem(f, VOLUME_FILE " is damaged; its copy is good");
	}
	f->document_damaged = f->problems > 0;
	return r;
}

static int run(struct fsck *f, const struct secret_options *o)
{
	_cleanup_(keyring_freep) struct keyring *keys = NULL;
	_cleanup_close_ int dirfd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock_fd = -1;
	_cleanup_free_ char *why = NULL;
	bool read_only = false;
	int r;

	if (dirfd < 0)
		return fail(f, strerrordesc_np(errno));
	f->stack.volume_dirfd = dirfd;
	r = unlock(f, o, &keys, &read_only);
	if (r != 0)
		return f->repair ? FSCK_NOT_MENDED : r;
	if (read_only && f->repair)
		return fail(f, "the volume has features that this version can only read");
	r = lock_take(dirfd, &lock_fd, &why);
	if (r < 0)
		return fail(f, why ? why : strerrordesc_np(-r));
	f->stack.keys = keys;
	return check_volume(f);
}

static int fsck_main(int argc, char **argv)
{
	enum { OPTION_REPAIR = OPTION_COMMON_END, OPTION_ACCEPT_OLDER, OPTION_COLD };
	static const struct option options[] = { SECRET_LONG_OPTIONS,
						 { "repair", no_argument, NULL, OPTION_REPAIR },
						 { "accept-older", no_argument, NULL, OPTION_ACCEPT_OLDER },
						 { "cold", no_argument, NULL, OPTION_COLD }, { 0 } };
	struct secret_options secret = SECRET_OPTIONS_INIT;
	struct fsck f = { 0 };
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (option == OPTION_REPAIR)
			f.repair = true;
		else if (option == OPTION_ACCEPT_OLDER)
			f.accept_older = true;
		else if (option == OPTION_COLD)
			f.files.cold = true;
		else if (!secret_option(&secret, option, optarg))
			return cli_usage(&command_fsck, "unknown option");
	if (argc - optind != 1)
		return cli_usage(&command_fsck, "one VOLUME is wanted");
	if (f.accept_older && !f.repair)
		return cli_usage(&command_fsck, "--accept-older goes with --repair");
	f.path = argv[optind];
	status = run(&f, &secret);
	volume_free(f.volume);
	return status;
}

const struct command command_fsck = {
	"fsck", fsck_main, "VOLUME [--cold] [--repair [--accept-older]] [--key-file F | --passphrase-fd N]",
	"verify every seal, reference and count of an unmounted volume, and mend it",
	"--cold reads the packs in the bucket, too. --accept-older goes on from what is there when the\n"
	"catalog or the log was put back from an older copy.",
};
