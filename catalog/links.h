/* SPDX-License-Identifier: MIT */
/* Links between files: those that a user sets (the xattrs user.brainy.link.VERB) and those that were found
 * in a file's content. A link goes from inode to inode, so it follows its target through renames; what has
 * no target yet waits for a file of its name.
 *
 *   'L' from, to, verb   packed sets (packed_set.h): what a file links to, and what links to it. n: how many
 *   'l' to, from, verb   found links say so, and LINK_BY_USER for each time that a user does
 *   'w' hash, from       how many links of a file wait for a file whose stem has this hash (file_sets.h); of a
 *                        message the hash is of its id behind a byte 1
 *   'W' from, u8 part    found links, up to a hundred: u8 version, 1; of each u8 form, varint verb, varint
 *                        inode that it is bound to (0: it waits), varint length, target as it is written.
 *                        Part 0 alone when there are 64 links at most, otherwise 64 parts by a keyed hash of
 *                        form, verb and target
 *   'W' ino, 255         path of what had links to it when it lost its last name
 *   'X'                  the xattr "\1link.VERB" has what a user set: pieces (pieces.h), of which a number is an
 *                        inode, and text the path of what is not there
 *
 * 'L', 'l' and 'w' follow from the rest (derive.h). Inodes with 'W' parts have INODE_LINKS, those that
 * something links to INODE_LINKED; both flags stay. A link hangs on the inodes, not on their names: which
 * has none is unlinked, and who asks leaves it out. When it goes for good, links to it look for another
 * target or wait, a batch each, and its own go.
 *
 * Verbs are labels below LABEL_ROOT_VERBS and stay for good. Here each is what it is called; of some it is
 * known what they are from the other end (verbs.h).
 *
 * How a target that is written is found:
 *   wiki     by the last step, folded (base/fold.h), with or without its ending; steps before it must be the
 *            end of the folder's path. Of several the nearest: the fewest steps in the tree (more than 63 are
 *            as many), then that very name, then a note, then the lowest inode. Files of a stem beyond
 *            LINK_CANDIDATES are not looked at
 *   path     from the folder of the file's first name, or from the root; symlinks are not followed
 *   message  the lowest inode whose field message-id (found.h) it is
 * Once bound, a link stays bound while its target has a name and the link stands in the file, whatever
 * comes nearer. When the target goes, the file that lies at its last path is the new one, since programs save
 * by putting another file in the place of one; if none does, it is looked for anew, or waited for.
 *
 * What is linked to by content is a regular file. A user may set links to anything; what is waited for is
 * a file. Symlinks and hard links are no links here. Nobody's permissions are asked: who may see a link, and
 * what it leads to, is for others to say.
 *
 * Thread-safety: as tree.h. */
#pragma once

#include <stdint.h>

#include "catalog/packed_set.h"

struct tree_request;

#define LINK_VERB_MAX_LEN 64u
#define LINK_BY_USER (1u << 16)
/* What is found in one file; the rest is left out. */
#define LINKS_FOUND_MAX 4096u
#define LINKS_FOUND_BYTES (256u << 10)
/* Of what a user sets at once. */
#define LINKS_SET_BYTES (60u << 10)
#define LINK_CANDIDATES 512u

/* ---- verbs */

/* [A-Za-z0-9_-], 1 to LINK_VERB_MAX_LEN. */
bool link_verb_is_good(const char *name, size_t len);
/* -ENOENT. */
int link_verb_find(struct catalog *c, const char *name, size_t len, uint32_t *ret_verb);
/* Appends it. -ENOENT. */
int link_verb_name(struct catalog *c, uint32_t verb, struct buf *ret_name);

/* ---- reading. Ends may have no name any more */

/* a is the inode that the file links to, or that links to it; b the verb. */
struct packed_walk links_from(struct catalog *c, uint64_t ino);
struct packed_walk links_to(struct catalog *c, uint64_t ino);
/* Is there one to, or from, this inode with this verb? 1, 0 or -errno. Of `links`, as it comes from the above, nothing
 * is walked. */
int links_have(const struct packed_walk *links, uint64_t ino, uint32_t verb);
/* All there are, ascending by `from`, `to`, `verb`. A return that is not 0 ends it, and is returned. */
int links_foreach(struct catalog *c, int (*link)(void *context, uint64_t from, uint64_t to, uint32_t verb),
		  void *context);

struct found_link {
	char form;          /* 'w' a wiki name, 'p' a path, 'm' a message id */
	uint32_t verb;
	const char *target; /* borrowed, not terminated */
	size_t len;
	uint64_t bound;     /* 0: it waits */
};
/* What was found in a file, in no order. */
int links_foreach_found(struct catalog *c, uint64_t ino,
			int (*link)(void *context, const struct found_link *l), void *context);

/* What a user set, in order of verbs; those that wait are paths. */
int links_foreach_set(struct catalog *c, uint64_t ino, int (*link)(void *context, const struct found_link *l),
		      void *context);
/* Who does not see every file: may one know of this target, or that there is nothing of this path? 1, 0 or
 * -errno. */
struct link_sight {
	int (*target)(void *context, uint64_t ino);
	int (*path)(void *context, const char *path, size_t len);
	void *context;
};
/* Appends the value of the xattr `name`, of links that a user set, without what is not to be known. -ENODATA:
 * nothing is left of it. */
int links_get_set(struct catalog *c, uint64_t ino, const char *name, const struct link_sight *sight,
		  struct buf *ret_text);
/* Is it such an xattr? */
bool links_is_xattr(const char *name);

/* ---- setting one link, without a look at the others of its verb: a batch each */

struct link_target {
	uint64_t ino;     /* 0: what `path` names from the root, now or later */
	const char *path; /* borrowed; NUL-terminated */
};
/* Behind those that there are. 0 also when it is there. -EINVAL: the verb. -E2BIG, -ENOENT. */
int tree_add_link(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *verb,
		  const struct link_target *to);
/* -ENODATA: no user has set it. */
int tree_remove_link(struct catalog *c, struct tree_request *rq, uint64_t ino, const char *verb,
		     const struct link_target *to);
/* Both, where `from` and `to` are other places. */
struct link_place {
	uint64_t ino;
	const char *verb;
};
int tree_move_link(struct catalog *c, struct tree_request *rq, const struct link_place *from,
		   const struct link_place *to, const struct link_target *target);

/* ---- news */

/* A file is new, has another name or lies elsewhere, or has become another message: its links that wait
 * are looked at again, and those of others that may wait for it. A batch for each that changes. What is no
 * file any more is none: 0. */
int links_appeared(struct catalog *c, uint64_t ino);
