/* SPDX-License-Identifier: MIT */
/* Which files somebody sees: who may search every folder above a file and read the file itself. A file with
 * several names is seen by those who reach all of them: what a query finds it by may be any of its names.
 *
 * For each identity that asks a bit a file is kept, filled as it is asked for; news of changes empties what they
 * may have made wrong. A file that cannot be looked at, because its records are damaged, is not seen.
 *
 * Thread-safety: safe; a viewer belongs to one thread from viewers_get() to viewer_put(). */
#pragma once

#include "catalog/access.h"
#include "catalog/catalog.h"

struct viewers;
struct viewer;

int viewers_new(struct catalog *c, struct viewers **ret_v);
struct viewers *viewers_free(struct viewers *v);
/* From the catalog's `committed` callback: quick, takes no catalog lock. */
void viewers_note(struct viewers *v, const struct catalog_event *events, size_t n);

/* Waits until nobody else uses this identity's. What was committed before the call is known. -ENOMEM. */
int viewers_get(struct viewers *v, const struct identity *who, struct viewer **ret_w);
/* Takes NULL, returns NULL. */
struct viewer *viewer_put(struct viewer *w);
/* 1, 0 or -ENOMEM. */
int viewer_sees(struct viewer *w, uint64_t ino);
/* May it search this folder, and all above it? 1, 0 or -ENOMEM. */
int viewer_enters(struct viewer *w, uint64_t dir);
