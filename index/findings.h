/* SPDX-License-Identifier: MIT */
/* What was found in a document, on its way into the catalog (catalog/found.h): its tags, its links, and
 * those fields of which files may have the same: not titles and descriptions, which are searched. Of notes
 * all short fields are taken: who writes them chose them. */
#pragma once

#include "catalog/inode.h"
#include "index/extract/extract.h"

/* In batches of its own, so with no lock held. What the file had before goes; when its content is another
 * by now, nothing happens. 0 also when labels are damaged, of which others tell. -errno: it is to be tried
 * again. */
int findings_keep(struct catalog *c, const struct inode *i, const struct document *d);
