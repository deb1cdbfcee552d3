/* SPDX-License-Identifier: MIT */
/* The socketpair between keeper and server: one SOCK_SEQPACKET message each, with descriptors.
 *
 *   keeper -> server   HELLO   what to open; keyring bytes; fds: handle table, configuration in use
 *                      MOUNTED fd: /dev/fuse
 *                      STOP    end cleanly, though it may still be mounted
 *   server -> keeper   OPENED  the volume is open and recovered, mount it
 *                      READY   INIT was answered
 *                      WHOLE   the catalog's store was looked at, and nothing is wrong with it
 *                      FAILED  text: why the volume cannot be served
 *                      UPGRADE fd: the program to go on with
 *
 * An upgrade has a keeper talk to the server of another build: whoever changes a message, how a server is
 * called (launch.c), or the table that fs/shared.h lays out, raises LINK_VERSION. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "crypto/keyring.h"

enum link_kind {
	LINK_HELLO = 1,
	LINK_MOUNTED,
	LINK_STOP,
	LINK_OPENED,
	LINK_READY,
	LINK_FAILED,
	LINK_UPGRADE,
	LINK_WHOLE
};

#define LINK_VERSION 4

#define LINK_TEXT_MAX 1024

struct link_message {
	uint32_t kind;
	uint32_t len; /* bytes used in `body` */
	struct id128 mount;
	uint8_t warm;    /* the volume is handed over by a server that died: nothing was lost below it */
	uint8_t resumed; /* /dev/fuse has been served before */
	uint8_t whole;   /* a server before has said WHOLE, and none has crashed since */
	uint8_t crashed; /* the server before died by its own fault, or had to be killed because it hung */
	uint32_t hangs;  /* how many had to be killed so far */
	uint32_t upgrades, refused; /* programs that took over, and that could not */
	char refusal[256]; /* why the last one could not */
	union {
		uint8_t keys[KEYRING_EXPORT_MAX];
		char text[LINK_TEXT_MAX];
	} body;
};

/* Sends; `fds` may be NULL. -EPIPE: the other side is gone. */
int link_send(int sock, const struct link_message *m, const int *fds, size_t n_fds);
/* Receives one message and up to `max_fds` descriptors (close-on-exec; missing ones are -1).
 * -EPIPE: the other side is gone. */
int link_receive(int sock, struct link_message *ret_m, int *ret_fds, size_t max_fds);
int link_send_text(int sock, enum link_kind kind, const char *text);
