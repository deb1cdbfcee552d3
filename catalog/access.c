/* SPDX-License-Identifier: MIT */
#include "catalog/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/acl.h"
#include "catalog/tree_impl.h"

static int compare_ids(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int identity_init(struct identity *who, uint32_t uid, const uint32_t *groups, size_t n)
{
	uint32_t *sorted = calloc(n + 1, sizeof(*sorted));
	uint32_t kept = 0;

	if (!sorted)
		return -ENOMEM;
	if (n > 0) {
		memcpy(sorted, groups, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), compare_ids);
	}
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || sorted[i] != sorted[kept - 1])
			sorted[kept++] = sorted[i];
	*who = (struct identity){ .uid = uid, .n_groups = kept, .groups = sorted };
	return 0;
}

void identity_done(struct identity *who)
{
	free(who->groups);
	*who = (struct identity){ 0 };
}

bool identity_is_same(const struct identity *a, const struct identity *b)
{
	return a->uid == b->uid && a->n_groups == b->n_groups &&
	       (a->n_groups == 0 || memcmp(a->groups, b->groups, a->n_groups * sizeof(*a->groups)) == 0);
}

bool identity_has_group(const struct identity *who, uint32_t gid)
{
	return who->n_groups > 0 &&
	       bsearch(&gid, who->groups, who->n_groups, sizeof(*who->groups), compare_ids) != NULL;
}

/* -ENODATA: it has no list. One that cannot be read permits nothing. */
static int permits_by_acl(struct catalog *c, const struct identity *who, const struct inode *i, unsigned want)
{
	_cleanup_buf_ struct buf acl = BUF_INIT;
	int r = tree_getxattr(c, i->ino, XATTR_ACL_ACCESS, &acl);

	if (r < 0)
		return r;
	r = acl_permits(acl.data, acl.len, who, i->gid, want);
	return r == -EINVAL ? 0 : r;
}

/* In the kernel's order: the owner's bits are in the mode; a list whose mask is empty is passed over. */
int access_permits(struct catalog *c, const struct identity *who, const struct inode *i, unsigned want)
{
	unsigned shift;

	if (who->uid == i->uid)
		return (i->mode >> 6 & want) == want;
	if (i->mode & 070 && i->sets[SET_XATTRS].count > 0) {
		int r = permits_by_acl(c, who, i, want);

		if (r != -ENODATA)
			return r;
	}
	shift = identity_has_group(who, i->gid) ? 3 : 0;
	return (i->mode >> shift & want) == want;
}

int access_directory_of(struct catalog *c, const struct inode *i, unsigned nth, uint64_t *ret_dir)
{
	uint64_t cookie;

	return name_nth(c, i, nth, ret_dir, &cookie);
}
