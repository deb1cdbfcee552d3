/* SPDX-License-Identifier: MIT */
/* Shared by the files that put the layers together. */
#pragma once

#include "daemon/wire.h"

/* *ret_why: "WHAT: " and the errno's text. Returns `error`. */
int wire_fail(char **ret_why, int error, const char *what);

/* ---- wire_moves.c */

/* After the files and the catalog; closed with wire_close_moves(), also when it fails. */
int wire_open_moves(struct stack *s, const struct config *config, char **ret_why);
void wire_close_moves(struct stack *s);
/* The policy, the bucket and the prices from now on. */
int wire_set_moves(struct stack *s, const struct config *config, char **ret_why);
/* How many requests programs have made so far. */
uint64_t wire_requests(void *context);
/* index_config.price: what it would cost to have a file here. */
int wire_price(void *context, const struct inode *i, bool all, struct recall_price *ret);
