/* SPDX-License-Identifier: MIT */
/* The configuration of a running mount: read again when its file changes. A file that does not make sense
 * changes nothing and stands in status.json until it is mended; so do keys that wait for the next mount.
 *
 * The last text that made sense is kept in a memfd of the keeper's: a server that is started after a crash
 * goes on with it, whatever stands in the file by then.
 *
 * Thread-safety: safe, except new and free. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "daemon/config.h"

struct server;
struct reload;

/* What the server begins with: the text that the server before it left in `kept_fd`, or the file's. Appends
 * the text. Negative with *ret_why. */
int reload_first(int kept_fd, int dirfd, const char *path, struct buf *ret_text, struct config *ret_c,
		 char **ret_why);

/* `text` is what s->config was made from; takes it over. `s`, `path` (NULL: brainy.conf in the volume) and
 * kept_fd are borrowed. */
int reload_new(struct server *s, const char *path, int kept_fd, struct buf *text, struct reload **ret_r);
struct reload *reload_free(struct reload *r);
/* Watches the file from now on, and reads it a first time; news for s->problems, which outlives that. */
int reload_start(struct reload *r);
void reload_stop(struct reload *r);

/* Reads the file now. -EINVAL and others with *ret_why, which the caller frees. */
int reload_now(struct reload *r, char **ret_why);

/* Appends what stands in the file now. Errors as those of config_read(). */
int reload_get_text(struct reload *r, struct buf *ret_text, char **ret_why);
/* Replaces the file whole, so that a power cut leaves one or the other, if it still is `before`; reads it
 * then, and puts `before` back when that fails. -ESTALE: somebody else has changed it. Errors as those of
 * reload_now(). */
int reload_replace(struct reload *r, const struct buf *before, const struct buf *text, char **ret_why);

/* Why the file is not in use, and which keys wait for the next mount; empty when there is nothing to say. */
void reload_describe(struct reload *r, char *ret_refused, char *ret_waiting, size_t size);
