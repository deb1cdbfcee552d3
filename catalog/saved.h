/* SPDX-License-Identifier: MIT */
/* Saved searches: labels (labels.h) below LABEL_ROOT_SAVED, and what each asks.
 *
 *   'y' label   of each enum saved_setting, in their order, bytes (varint length before); empty: the default
 *
 * What they mean is the query language's (index/query). A label with such a search is LABEL_KEPT and has no files.
 *
 * Thread-safety: as tree.h. */
#pragma once

#include "catalog/labels.h"
#include "catalog/tree.h"

enum saved_setting { SAVED_QUERY, SAVED_LIMIT, SAVED_MODE, SAVED_SORT, SAVED_SETTINGS };

#define SAVED_SETTING_MAX 65536u

struct saved {
	char *settings[SAVED_SETTINGS]; /* owned; never NULL */
};
/* -ENOENT: no such search. */
int saved_get(struct catalog *c, uint64_t id, struct saved *ret_s);
void saved_done(struct saved *s);

/* Where the files are remembered that it found when it was last looked at (packed_set.h: a the inode); they go with it. */
struct key saved_members(uint64_t id);

/* Where searches of somebody lie who is not the owner of the volume, whose own lie at the root: so nobody learns what
 * others call theirs. -ENOENT: there are none. */
int saved_root_of(struct catalog *c, uint32_t uid, uint64_t *ret_id);
/* Is this what that leads to, and no search? */
bool saved_is_root(const struct label *l);

/* One that asks for its name; `above` 0: the place of the caller of the request. -EEXIST, -EINVAL (a name). */
int tree_make_saved(struct catalog *c, struct tree_request *rq, uint64_t above, const char *name, uint64_t *ret_id);
/* -ENOTEMPTY: others lie below it. */
int tree_remove_saved(struct catalog *c, struct tree_request *rq, uint64_t id);
/* -EEXIST. */
int tree_rename_saved(struct catalog *c, struct tree_request *rq, uint64_t id, uint64_t above, const char *name);
int tree_set_saved(struct catalog *c, struct tree_request *rq, uint64_t id, enum saved_setting which, const char *text);
