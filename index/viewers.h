/* SPDX-License-Identifier: MIT */
/* Which files somebody sees: who may search every folder above a file and read the file itself. A file with
 * several names is seen by those who reach all of them: what a query finds it by may be any of its names.
 *
 * Most files have one name, no ACL, and the owner, group and mode of thousands of others: their documents remember
 * in which such class they are, and whoever asks is compared with classes and folders only. For other files, and for
 * those that were changed since, the catalog is asked, and for each identity a bit a file is kept; news of changes
 * empties what they may have made wrong. A file that cannot be looked at, because its records are damaged, is not seen.
 *
 * Thread-safety: safe; a viewer belongs to one thread from viewers_get() to viewer_put(). */
#pragma once

#include "catalog/access.h"
#include "catalog/catalog.h"

struct viewers;
struct viewer;

int viewers_new(struct catalog *c, struct viewers **ret_v);
struct viewers *viewers_free(struct viewers *v);
size_t viewers_memory(struct viewers *v);
/* From the catalog's `committed` callback: quick, takes no catalog lock. */
void viewers_note(struct viewers *v, const struct catalog_event *events, size_t n);

/* Waits until nobody else uses this identity's. What was committed before the call is known. -ENOMEM. */
int viewers_get(struct viewers *v, const struct identity *who, struct viewer **ret_w);
/* Takes NULL, returns NULL. */
struct viewer *viewer_put(struct viewer *w);
/* The class of a file with this inode. 0: it has none. Good until there is news of the inode. */
uint32_t viewers_class(struct viewers *v, const struct inode *i);
/* A file of this class whose one name is in `parent`. 1, 0 or -ENOMEM. */
int viewer_sees_class(struct viewer *w, uint32_t class, uint64_t parent);
/* 1, 0 or -ENOMEM. */
int viewer_sees(struct viewer *w, uint64_t ino);
/* May it search this folder, and all above it? 1, 0 or -ENOMEM. */
int viewer_enters(struct viewer *w, uint64_t dir);
