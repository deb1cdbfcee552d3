/* SPDX-License-Identifier: MIT */
/* What the commands share: how they complain, read options, find the mount and open a volume. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "crypto/volume.h"

/* Exit statuses, fixed: scripts rely on them. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit status */
	const char *usage;                 /* after the name */
	const char *summary;
	const char *help; /* what --help adds; may be NULL */
};

extern const struct command command_init, command_mount, command_serve, command_announce, command_notify,
	command_umount, command_wait, command_status, command_find, command_tag, command_link, command_follow,
	command_import, command_watch, command_tier, command_pin, command_unpin, command_cold,
	command_compact, command_scrub, command_fsck, command_rebuild, command_pack, command_upgrade,
	command_name, command_bench, command_complete;
/* All of them, up to a NULL; those without a summary are not for people. */
extern const struct command *const cli_commands[];

/* "brainy: WHAT: WHY" on stderr; returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, ending with the errno's text. */
int cli_fail_errno(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says how the command is used; returns CLI_USAGE. */
int cli_usage(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

DEFINE_CLEANUP(struct volume *, volume_free)
DEFINE_CLEANUP(struct keyring *, keyring_free)

/* ---- keys */

struct secret_options {
	const char *key_file;  /* --key-file */
	int passphrase_fd;     /* --passphrase-fd; -1: not given */
};
#define SECRET_OPTIONS_INIT ((struct secret_options){ .passphrase_fd = -1 })

/* Handles one getopt_long() result; true when it was one of ours. */
enum { OPTION_KEY_FILE = 1000, OPTION_PASSPHRASE_FD, OPTION_HELP, OPTION_JSON, OPTION_COMMON_END };
#define SECRET_LONG_OPTIONS                                                                        \
	{ "key-file", required_argument, NULL, OPTION_KEY_FILE },                                  \
	{                                                                                          \
		"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD                     \
	}
bool secret_option(struct secret_options *o, int option, const char *argument);

/* A secret and the memory it lies in. */
struct secret {
	struct volume_secret value;
	struct buf bytes; /* owned, wiped */
	char *path;       /* owned: of the key file */
};
void secret_done(struct secret *s);

/* Finds the secret for an existing volume: the options, else the key file that init made, else asks on
 * the terminal when the volume has a passphrase slot. Returns 0 or an exit status, having complained. */
int secret_find(const struct secret_options *o, const char *path, const struct volume *v, struct secret *ret);
/* Makes the secret of a new volume: creates or reads the key file, reads or asks for a passphrase. */
int secret_make(const struct secret_options *o, struct id128 volume_id, struct secret *ret);

/* Opens VOLUME and unlocks it. Returns 0 or an exit status, having complained. *ret_read_only is set by
 * an unknown ro_compat feature. */
int cli_open_volume(const char *path, const struct secret_options *o, int *ret_dirfd, struct volume **ret_v,
		    struct keyring **ret_k, bool *ret_read_only);

/* The steps of it, for those who try the copy, too: `document` is VOLUME_FILE or VOLUME_COPY. `secret` is
 * used when it was found before. */
int cli_unlock_volume(const char *path, int dirfd, const char *document, const struct secret_options *o,
		      struct secret *secret, struct volume **ret_v, struct keyring **ret_k,
		      bool *ret_read_only);

/* ---- mounts */

/* The mount point that holds `path` (realpath), when a brainyfs is mounted there. -ENOTCONN otherwise. */
int mount_find(const char *path, char **ret_mount_point);
/* Calls `each` with every place where a brainyfs is mounted, until one result is not 0, and returns that. */
int mount_foreach(int (*each)(const char *mount_point, void *context), void *context);
/* Is something mounted at exactly this path, and is it ours? From the table of mounts: asking the mount
 * itself could hang. */
bool mount_is_ours(const char *mount_point);
/* What MNT/.brainy/status.json holds; the caller releases it. */
int status_read(const char *mount_point, json_t **ret_status);
/* Asks the server: writes `line` to MNT/.brainy/control and appends the answer. -EROFS: the
 * kernel lets nobody write to a read-only mount. */
int control_ask(const char *mount_point, const char *line, struct buf *ret_answer);

/* Creates a path's missing parents, 0700. */
int make_parents(const char *path);
