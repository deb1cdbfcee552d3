/* SPDX-License-Identifier: MIT */
/* The server process: an opened volume behind /dev/fuse, started by the keeper. */
#pragma once

#include <stdbool.h>
#include <time.h>

#include "daemon/wire.h"
#include "fs/fs.h"

struct announcer; /* daemon/announcer.h */
struct notifier;  /* daemon/notifier.h */
struct problems; /* daemon/problems.h */
struct reload;   /* daemon/reload.h */
struct shared;   /* fs/shared.h */

struct server {
	struct stack stack;
	struct config config;      /* in use; once it runs, reload.c's */
	struct fs *fs;       /* owned */
	const struct shared *left; /* owned; the table as the server before left it; NULL: there was none */
	struct reload *reload;     /* owned; NULL until it runs */
	struct announcer *announcer; /* owned */
	struct notifier *notifier;   /* owned; goes with the process */
	struct problems *problems; /* owned */
	struct keyring *keys; /* owned */
	const char *volume, *mount_point;
	int link;            /* to the keeper */
	int volume_dirfd;
	bool read_only, noatime;
	bool resumed;        /* there was a server before this one */
	unsigned hangs;      /* servers before this one that stopped answering */
	unsigned upgrades, refused; /* programs that took over, and that could not */
	char refusal[256];   /* why the last one could not */
	uint64_t started_ms;
};

/* The text of .brainy/NAME (daemon/status.c). -ENOENT. */
int server_describe(struct server *s, const char *name, struct buf *ret_text);
/* One line written to .brainy/control (daemon/control.c): appends the answer, whose first line is `ok`
 * or `error: WHY`. */
int server_control(struct server *s, const char *line, struct buf *ret_answer);
