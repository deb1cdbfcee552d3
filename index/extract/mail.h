/* SPDX-License-Identifier: MIT */
/* Mails (RFC 5322, MIME), by GMime; aborts when memory runs out, as GLib does. */
#pragma once

#include "index/extract/extract.h"

/* Once, before the sandbox closes. */
void mail_warm(void);

/* Between the two files. */
struct _GMimeMessage;

/* Fields, tags and links of the headers; -ENOMEM. */
int mail_headers(struct _GMimeMessage *m, struct document *d);
/* The text of a message and what it contains. -ENOMEM. */
int mail_body(struct _GMimeMessage *m, struct document *d);
