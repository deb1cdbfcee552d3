/* SPDX-License-Identifier: MIT */
/* Why the last query of each user failed: the text of .query/last-error. Thread-safety: safe. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct errors;

int errors_new(struct errors **ret_e);
struct errors *errors_free(struct errors *e);
/* Takes `text` over (may be NULL). The users heard of last are remembered. */
void errors_set(struct errors *e, uint32_t uid, char *text);
/* Appends the text and a newline; nothing when this user's queries have not failed. */
int errors_get(struct errors *e, uint32_t uid, struct buf *ret_text);
