/* SPDX-License-Identifier: MIT */
/* Extended attributes. Those below user.brainy. are ours: a few are settings, the rest is computed:
 * it answers getxattr, is not listed (so that cp -a and rsync -X do not copy it), and cannot be set. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links.h"
#include "catalog/pack_record.h"
#include "fs/ops/ops.h"
#include "fs/virtual/link_sight.h"
#include "fs/virtual/virtual.h"

#define OURS "user.brainy."

static const char *after(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 ? name + len : NULL;
}

static bool is_setting(const char *ours)
{
	return strcmp(ours, "tier") == 0 || strcmp(ours, "pin") == 0 || after(ours, "link.");
}

static bool is_computed(const char *name)
{
	const char *ours = after(name, OURS);

	return ours && !is_setting(ours);
}

/* Below system. there is nothing but access control lists that we could keep. */
static bool is_acl(const char *name)
{
	return strcmp(name, "system.posix_acl_access") == 0 || strcmp(name, "system.posix_acl_default") == 0;
}

static bool is_supported(const char *name)
{
	return is_acl(name) || after(name, "user.") || after(name, "trusted.") || after(name, "security.");
}

static bool is_tier(const char *value, size_t len)
{
	static const char *const tiers[] = { "auto", "hot", "warm", "cold" };

	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
		if (len == strlen(tiers[i]) && memcmp(value, tiers[i], len) == 0)
			return true;
	}
	return false;
}

static bool is_quota(const char *name)
{
	const char *ours = after(name, OURS);

	return ours && quota_is_xattr(ours);
}

static int check_change(uint64_t ino, const char *name)
{
	if (is_virtual(ino))
		return -EACCES;
	if (!is_supported(name))
		return -EOPNOTSUPP;
	return is_computed(name) ? -EPERM : 0;
}

/* Does it name files that who asks may not know of? */
static bool is_sight(fuse_req_t req, const char *name)
{
	return links_is_xattr(name) && link_sight_matters(ops_fs(req), fuse_req_ctx(req)->uid);
}

void ops_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	struct tree_request rq = ops_request(req);
	int r;

	if (is_quota(name) && !is_virtual(ino)) {
		quota_set_xattr(req, ino, after(name, OURS), value, size);
		return;
	}
	r = check_change(ino, name);
	if (r == 0 && strcmp(name, OURS "tier") == 0 && !is_tier(value, size))
		r = -EINVAL;
	if (current_request.kill_sgid)
		flags |= TREE_XATTR_KILL_SGID;
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0 && is_sight(req, name))
		r = link_sight_set(req, &rq, ino, name, &(struct iovec){ (void *)value, size }, flags);
	else if (r == 0)
		r = tree_setxattr(ops_fs(req)->config.catalog, &rq, ino, name, value, size, flags);
	ops_reply_status(req, ops_stale(r));
}

void ops_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct tree_request rq = ops_request(req);
	int r;

	if (is_quota(name) && !is_virtual(ino)) {
		quota_set_xattr(req, ino, after(name, OURS), NULL, 0);
		return;
	}
	r = check_change(ino, name);
	if (r == 0 && ops_replayed(req))
		return;
	if (r == 0 && is_sight(req, name))
		r = link_sight_set(req, &rq, ino, name, NULL, 0);
	else if (r == 0)
		r = tree_removexattr(ops_fs(req)->config.catalog, &rq, ino, name);
	ops_reply_status(req, ops_stale(r));
}

static int get_computed(fuse_req_t req, uint64_t ino, const char *ours, struct buf *ret_value)
{
	struct fs *fs = ops_fs(req);
	struct inode i;
	int r = inode_get(fs->config.catalog, ino, &i);

	if (r < 0)
		return r;
	if (!S_ISREG(i.mode))
		return -ENODATA;
	if (strcmp(ours, "tier-now") == 0)
		return buf_add_str(ret_value, inode_tier(fs->config.catalog, &i));
	if (strcmp(ours, "found-tags") == 0 || strcmp(ours, "found-links") == 0)
		return xattr_get_found(req, ino, ours, ret_value);
	return fs->config.index ? index_get_attribute(fs->config.index, ino, ours, ret_value) : -ENODATA;
}

static int get(fuse_req_t req, uint64_t ino, const char *name, struct buf *ret_value)
{
	struct fs *fs = ops_fs(req);

	if (is_virtual(ino))
		return virtual_getxattr(fs, ino, name, ret_value);
	if (!is_supported(name))
		return -EOPNOTSUPP;
	if (is_quota(name))
		return quota_get_xattr(req, ino, after(name, OURS), ret_value);
	if (is_computed(name))
		return get_computed(req, ino, after(name, OURS), ret_value);
	if (is_sight(req, name))
		return link_sight_get(req, ino, name, ret_value);
	return tree_getxattr(fs->config.catalog, ino, name, ret_value);
}

void ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	int r = get(req, ino, name, &value);

	if (r == -EAGAIN)
		r = ops_getxattr_later(req, ino, name, size);
	if (r > 0)
		return;
	if (r < 0)
		ops_reply_status(req, ops_stale(r));
	else
		ops_reply_value(req, value.data, value.len, size);
}

void ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	int r = is_virtual(ino) ? 0 : tree_listxattr(ops_fs(req)->config.catalog, ino, &names);

	if (r >= 0 && names.len && link_sight_matters(ops_fs(req), fuse_req_ctx(req)->uid))
		r = link_sight_filter(req, ino, &names);
	if (r < 0)
		ops_reply_status(req, ops_stale(r));
	else
		ops_reply_value(req, names.data, names.len, size);
}
