/* SPDX-License-Identifier: MIT */
/* What JPEG, PNG and TIFF pictures say of themselves: the camera, the date, tags. Their pixels are not read.
 */
#pragma once

#include "index/extract/found.h"

struct image {
	struct document *d; /* borrowed */
	struct found found;
};

/* Between the two files: three notations of metadata, each with its bytes. -ENOMEM. */
int image_exif(struct image *i, const uint8_t *tiff, size_t len); /* from its byte order on */
int image_xmp(struct image *i, const void *packet, size_t len);
int image_iptc(struct image *i, const uint8_t *records, size_t len);
/* A field, unless it is there already. */
int image_field(struct image *i, const char *name, struct span value);
