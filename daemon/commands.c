/* SPDX-License-Identifier: MIT */
#include "daemon/cli.h"

const struct command *const cli_commands[] = {
	&command_init,	   &command_mount,    &command_umount,
	&command_wait,	   &command_status,   &command_import,
	&command_watch,	   &command_find,     &command_tag,
	&command_link,	   &command_follow,   &command_tier,
	&command_pin,	   &command_unpin,    &command_cold,
	&command_compact,  &command_scrub,    &command_fsck,
	&command_rebuild,  &command_pack,     &command_name,
	&command_upgrade,  &command_bench,    &command_serve,
	&command_announce, &command_notify,   &command_complete,
	NULL,
};
