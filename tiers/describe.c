/* SPDX-License-Identifier: MIT */
/* For repair: all extents that the descriptions in the data segments speak of. */
#include <errno.h>

#include "tiers/file_impl.h"

struct describing {
	struct files *f;
	hot_described_fn described;
	void *context;
};

static int visit_object(void *context, const struct extent *object)
{
	struct describing *d = context;
	int r = hot_foreach_part(d->f->hot, object, d->described, d->context);

	return r == -EBADMSG || r == -ENOENT ? 0 : r;
}

static int visit_segment(void *context, uint64_t number, uint64_t size)
{
	struct describing *d = context;
	int r = hot_foreach_object(d->f->hot, number, visit_object, d);

	return r == -EBADMSG || r == -ENOENT || r == -EIO ? 0 : r;
}

int files_foreach_described(struct files *f, hot_described_fn described, void *context)
{
	struct describing d = { f, described, context };
	int r = segments_foreach(hot_segments(f->hot), visit_segment, &d);

	return r < 0 ? r : 0;
}
