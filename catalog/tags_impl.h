/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what the files about tags (tags.h) share. */
#pragma once

#include "catalog/tags.h"
#include "catalog/tree_impl.h"

/* ---- tags.c */

static inline bool tag_is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\0';
}

/* By its whole name. 1: made, or it was there. 0: this is no name. */
int tag_make(struct batch *b, const char *name, size_t len, uint64_t *ret_id);

/* ---- tags_list.c: lists as they are stored */

struct tag_ids {
	uint64_t *ids; /* owned; sorted, each once */
	size_t n;
};
void tag_ids_done(struct tag_ids *ids);
#define _cleanup_tag_ids_ _cleanup_(tag_ids_done)

/* The labels that a list gives. -EBADMSG: *ret_ids has those before. */
int tag_ids_of(const void *list, size_t len, struct tag_ids *ret_ids);
bool tag_ids_have(const struct tag_ids *ids, uint64_t id);
/* Takes a label out, with all below it, 1, or finds that it is not there, 0. */
int tag_list_lose(struct batch *b, uint64_t id, struct buf *list);
/* Adds a label, 1, or finds that it is there, 0. */
int tag_list_gain(uint64_t id, struct buf *list);
