/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what the files about links (links.h) share. */
#pragma once

#include <stdbool.h>

#include "catalog/links.h"
#include "catalog/pieces.h"
#include "catalog/tree_impl.h"

#define LINK_WIKI 'w'
#define LINK_PATH 'p'
#define LINK_MESSAGE 'm'

#define LINKS_PARTS 64u
/* Stands before the id of a message where it is hashed as a stem. */
#define LINK_MESSAGE_MARK 1u

/* ---- links.c */

struct key links_part_key(uint64_t ino, uint8_t part);
/* Finds or makes the verb. -EINVAL: that is none. */
int link_verb_make(struct batch *b, const char *name, size_t len, uint32_t *ret_verb);
/* `add` to a link's n, in both directions; 'w' likewise. The caller puts `src`. Damage of the sets is none
 * of a link: they are made anew. */
int link_change(struct batch *b, struct inode *src, uint64_t to, uint32_t verb, int32_t add);
int link_wait(struct batch *b, const struct inode *src, const struct found_link *l, int32_t add);
/* May something be bound to it: has it a name? 1, 0, -errno. */
int link_is_alive(struct catalog *c, uint64_t ino);
int link_is_alive_in(struct batch *b, uint64_t ino);
/* The path of what loses its last name, of which `i` is how it will be; and of what has lost it. -ENOENT. */
int links_keep_path(struct batch *b, const struct inode *i);
int links_last_path(struct catalog *c, uint64_t ino, struct buf *ret_path);

/* ---- links_resolve.c: names are those that are committed; a batch that asks has changed none */

/* What a link of `src` names; of one whose target has lost its name first what lies in its place: programs save
 * by putting another file there. 1, 0: nothing, -errno. */
int link_look_for(struct catalog *c, const struct inode *src, const struct found_link *l, uint64_t *ret_ino);
int link_resolve_path(struct catalog *c, uint64_t dir, const char *path, size_t len, struct inode *ret_i);
/* False: it does not name a file of this stem (or message), which is not folded. */
bool link_may_name(const struct found_link *l, const char *stem, size_t len);
/* The stems whose files it may name: how many, at most 2. */
int link_stems(struct catalog *c, const struct found_link *l, uint64_t ret_hashes[2]);

/* ---- links_found.c */

struct links_wanted {
	uint64_t gone;    /* what is bound to this inode, which has no name; 0: what waits, */
	const char *stem; /* for a file of this stem, or a message with a byte 1 before its id; NULL: for anything */
	size_t stem_len;
	uint64_t hash;    /* of the stem */
};
/* Takes the place of what was found before; `links`: form, verb NUL, target NUL of each. Batches of its
 * own. */
int links_set_found(struct catalog *c, uint64_t ino, uint64_t content_lsn, const char *links, size_t len);
/* Looks for targets again. */
int links_settle_found(struct catalog *c, uint64_t ino, const struct links_wanted *wanted);
/* Some of what was found goes, with the inode. 1: something went, 0: there is none left. The caller puts
 * `i`. */
int links_forget_found(struct batch *b, struct inode *i);
/* Puts a part's links back into sets that have none of them. What is bound to an inode that is lost waits.
 * -ENOENT: a verb is lost. The caller puts `i`. */
int links_attach_found(struct batch *b, struct inode *i, uint8_t part);
/* All parts away, and nothing else. */
void links_drop_found(struct batch *b, struct inode *i);

/* ---- links_list.c */

/* Has the xattr the name of a link, with whatever verb? */
bool link_is_xattr(const char *name);
/* The verb in a name that programs use, or in one that is stored; NULL: it is not that of a link. */
const char *link_verb_of_xattr(const char *name);
const char *link_verb_of_stored(const char *name, size_t len, size_t *ret_len);
#define LINK_XATTR "user.brainy.link."
#define LINK_STORED "\1link."
#define LINK_STORED_MAX (sizeof(LINK_STORED) + LINK_VERB_MAX_LEN)
void link_stored_name(const char *verb, char ret_name[LINK_STORED_MAX]);

/* A piece for what a path names, or for the path. */
int link_add_path(struct catalog *c, struct buf *list, const char *path, size_t len);

/* From the text of the xattr to what is stored, and back; both append. `sight` NULL: of all. */
int links_encode(struct catalog *c, const void *text, size_t len, struct buf *ret_list);
int links_decode(struct catalog *c, const void *list, size_t len, const struct link_sight *sight, struct buf *ret_text);
/* ---- links_user.c */

/* Makes the sets agree with a new list. */
int links_change_list(struct batch *b, struct inode *i, const char *verb, const struct buf *old,
		      const struct buf *now);
int links_settle_user(struct catalog *c, uint64_t ino);
/* As those of found links; attaching also converts what older versions stored. */
int links_forget_user(struct batch *b, struct inode *i);
int links_attach_user(struct batch *b, struct inode *i, const char *name, size_t len);

/* ---- links_derive.c: `L`, `l` and `w` */

/* Into sets that are empty. Batches of its own; labels are there. */
int links_derive(struct catalog *c);
/* 1: they are what follows from the rest. 0. */
int links_verify(struct catalog *c);

/* ---- links_news.c */

/* Links to an inode without a name look for another target. */
int links_forsake(struct catalog *c, uint64_t ino);
/* A step of forgetting the inode: 1: some of its links went, 0: there is none left. The caller puts `i`. */
int links_forget(struct batch *b, struct inode *i);
