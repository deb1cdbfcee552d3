/* SPDX-License-Identifier: MIT */
/* What was found in a file's content: tags and values of fields, as labels (labels.h), so that they go when the content
 * does. Links come this way, too (links.h).
 *
 *   'N' ino   u8 version, 1; varint labels, of each its varint id, ascending, the first as it is and the others less the
 *             one before
 *
 * An inode with such a record has INODE_FOUND.
 *
 * Values of fields are labels below the field's, which lies below LABEL_ROOT_FIELDS; what the xattrs of a user say
 * ("user.author") is there for the reason LABEL_SET, what is found LABEL_FOUND.
 *
 * Thread-safety: as tree.h. */
#pragma once

#include <stdint.h>

#include "catalog/tags.h"

struct found {
	/* Both borrowed; NUL behind each text. */
	const char *tags;   /* whole names */
	size_t tags_len;
	const char *fields; /* name, value, name, value .. */
	size_t fields_len;
	const char *links;  /* u8 form, verb, target (links.h) of each; the byte has no NUL behind it */
	size_t links_len;
};

/* Takes the place of what was found in the file before; links in batches of their own. Nothing, and 0, when it has no
 * name any more or its content is not that of `content_lsn`. What cannot be a label, or is too much, is left out. */
int tree_set_found(struct catalog *c, uint64_t ino, uint64_t content_lsn, const struct found *f);
/* Calls `label` for each. */
int found_foreach_label(struct catalog *c, uint64_t ino, int (*label)(void *context, uint64_t id), void *context);

/* ---- fields */

#define FIELD_VALUE_MAX 255u

/* The label of a value. -ENOENT. */
int field_find(struct catalog *c, const char *field, const char *value, size_t len, uint64_t *ret_id);
/* The label of the field itself. -ENOENT. */
int field_find_name(struct catalog *c, const char *field, uint64_t *ret_id);
/* Is this xattr a field's? Its name or NULL. */
const char *field_of_xattr(const char *name);

/* ---- inside a batch */

/* The xattr of a field gets another value; lengths 0 for none. */
int field_change(struct batch *b, uint64_t ino, const char *field, const void *old, size_t old_len, const void *now,
		 size_t now_len);
/* All that was found off, or on again. */
int found_detach(struct batch *b, struct inode *i);
int found_attach(struct batch *b, const struct inode *i);
/* The record alone goes; the caller puts `i`. */
void found_forget(struct batch *b, struct inode *i);
