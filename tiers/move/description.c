/* SPDX-License-Identifier: MIT */
#include "tiers/move/description.h"

#include <string.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "tiers/pack/pack.h"

/* Fewer cannot be too large: an xattr has 64 KiB at most, a name 255 bytes. */
#define XATTRS_MANY 128u
#define NAMES_MANY 16384u
/* That the table takes beside the bytes. */
#define ENTRY_BYTES 40u

struct description {
	struct catalog *c;
	uint64_t ino, bytes;
	struct buf value;
};

static int add_name(void *context, uint64_t dir, uint64_t cookie)
{
	struct description *d = context;

	buf_reset(&d->value);
	if (tree_name_at(d->c, dir, cookie, d->ino, &d->value) >= 0)
		d->bytes += d->value.len + ENTRY_BYTES;
	return 0;
}

static void add_xattrs(struct description *d)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	if (tree_listxattr(d->c, d->ino, &names) < 0)
		return;
	for (size_t at = 0; at < names.len; at += strlen((char *)names.data + at) + 1) {
		const char *name = (char *)names.data + at;

		buf_reset(&d->value);
		if (tree_getxattr(d->c, d->ino, name, &d->value) >= 0)
			d->bytes += strlen(name) + d->value.len + ENTRY_BYTES;
	}
}

bool description_fits(struct catalog *c, const struct inode *i)
{
	struct description d = { .c = c, .ino = i->ino };

	if (i->nlink > NAMES_MANY)
		(void) tree_foreach_name(c, i, add_name, &d);
	if (i->sets[SET_XATTRS].count > XATTRS_MANY)
		add_xattrs(&d);
	buf_done(&d.value);
	return d.bytes <= PACK_DESCRIPTION_MAX;
}
