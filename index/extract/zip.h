/* SPDX-License-Identifier: MIT */
/* The parts of a document that is a ZIP archive, in the order in which they lie there.
 *
 * Sizes in the archive are lies until proven: what counts is what comes out, against fixed limits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "index/extract/formats.h"
#include "index/extract/xml.h"

struct archive;

struct zip {
	struct document *d; /* borrowed: told of limits */
	bool damaged;
	struct archive *archive; /* of zip_foreach() */
	uint64_t unpacked;
};

/* Calls `each` for every part, which may read it by one of the functions below, once. `streaming`: by the
 * headers before each part, for archives whose table at the end is missing. -ENOMEM, or a negative result of
 * `each`, which ends it. What is damaged is passed over. */
int zip_foreach(struct zip *z, const struct input *in, bool streaming,
		int (*each)(struct zip *z, const char *path, void *data), void *data);

/* Reads the part as XML. -EFBIG: over a limit, which z->d has been told; -ENOMEM, or what a callback
 * returned. */
int zip_xml(struct zip *z, const struct xml_handler *handler, void *data);
/* Appends its bytes; the same errors. */
int zip_bytes(struct zip *z, struct buf *out);
