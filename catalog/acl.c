/* SPDX-License-Identifier: MIT */
#include "catalog/acl.h"

#include <errno.h>
#include <stddef.h>

#include "base/bytes.h"

#define ACL_VERSION 2
#define HEAD_SIZE 4
#define ENTRY_SIZE 8

enum tag { TAG_USER_OBJ = 1, TAG_USER = 2, TAG_GROUP_OBJ = 4, TAG_GROUP = 8, TAG_MASK = 16, TAG_OTHER = 32 };

/* Where the permissions stand that the mode's bits mirror. */
struct classes {
	uint8_t *user, *group_obj, *mask, *other;
	bool named; /* users or groups by name */
};

static int find_classes(uint8_t *acl, size_t len, struct classes *ret)
{
	struct classes found = { 0 };

	if (len < HEAD_SIZE || (len - HEAD_SIZE) % ENTRY_SIZE || load_le32(acl) != ACL_VERSION)
		return -EINVAL;
	for (uint8_t *at = acl + HEAD_SIZE; at < acl + len; at += ENTRY_SIZE) {
		switch (load_le16(at)) {
		case TAG_USER_OBJ:
			found.user = at + 2;
			break;
		case TAG_GROUP_OBJ:
			found.group_obj = at + 2;
			break;
		case TAG_MASK:
			found.mask = at + 2;
			break;
		case TAG_OTHER:
			found.other = at + 2;
			break;
		case TAG_USER:
		case TAG_GROUP:
			found.named = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!found.user || !found.group_obj || !found.other || (found.named && !found.mask))
		return -EINVAL;
	*ret = found;
	return 0;
}

/* The mode's group bits are the mask's, where there is one. */
static uint8_t *group_class(const struct classes *at)
{
	return at->mask ? at->mask : at->group_obj;
}

static bool is_minimal(const struct classes *at)
{
	return !at->named && !at->mask;
}

static uint32_t permissions(const struct classes *at)
{
	return (load_le16(at->user) & 7u) << 6 | (load_le16(group_class(at)) & 7u) << 3 | (load_le16(at->other) & 7u);
}

int acl_to_mode(const void *acl, size_t len, uint32_t *mode)
{
	struct classes at;
	int r = find_classes((uint8_t *)acl, len, &at);

	if (r < 0)
		return r;
	*mode = (*mode & ~0777u) | permissions(&at);
	return is_minimal(&at);
}

static void set_permissions(const struct classes *at, uint32_t mode)
{
	store_le16(at->user, mode >> 6 & 7);
	store_le16(group_class(at), mode >> 3 & 7);
	store_le16(at->other, mode & 7);
}

int acl_chmod(struct buf *acl, uint32_t mode)
{
	struct classes at;
	int r = find_classes(acl->data, acl->len, &at);

	if (r >= 0)
		set_permissions(&at, mode);
	return r;
}

int acl_inherit(struct buf *acl, uint32_t *mode)
{
	struct classes at;
	int r = find_classes(acl->data, acl->len, &at);

	if (r < 0)
		return r;
	*mode &= permissions(&at) | ~0777u;
	set_permissions(&at, *mode);
	return is_minimal(&at);
}

/* Of several groups one must give all of it by itself. */
static int permits_groups(const uint8_t *acl, size_t len, const struct identity *who, uint32_t gid, unsigned mask,
			  unsigned want, bool *ret_member)
{
	for (const uint8_t *at = acl + HEAD_SIZE; at < acl + len; at += ENTRY_SIZE) {
		unsigned tag = load_le16(at);

		if (!(tag == TAG_GROUP_OBJ && identity_has_group(who, gid)) &&
		    !(tag == TAG_GROUP && identity_has_group(who, load_le32(at + 4))))
			continue;
		*ret_member = true;
		if ((load_le16(at + 2) & mask & want) == want)
			return 1;
	}
	return 0;
}

int acl_permits(const void *acl, size_t len, const struct identity *who, uint32_t gid, unsigned want)
{
	const uint8_t *bytes = acl;
	bool member = false;
	struct classes at;
	unsigned mask;
	int r = find_classes((uint8_t *)acl, len, &at);

	if (r < 0)
		return r;
	mask = at.mask ? load_le16(at.mask) : 7;
	for (const uint8_t *e = bytes + HEAD_SIZE; e < bytes + len; e += ENTRY_SIZE)
		if (load_le16(e) == TAG_USER && load_le32(e + 4) == who->uid)
			return (load_le16(e + 2) & mask & want) == want;
	r = permits_groups(bytes, len, who, gid, mask, want, &member);
	return member ? r : (load_le16(at.other) & want) == want;
}
