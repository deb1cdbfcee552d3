/* SPDX-License-Identifier: MIT */
/* What a stop left in warm/. A file that never got the name of its pack goes. So does a pack that no record speaks of,
 * unless it was made after everything that the catalog knows: then the catalog is an older one that was put back, and
 * the bytes may lie nowhere else. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "tiers/move/packing_impl.h"
#include "tiers/pack/pack_reader.h"

struct known {
	struct id128 *ids; /* owned */
	size_t n, cap;
};

static int note_known(void *context, const struct pack_record *record)
{
	struct known *k = context;

	/* Whose object is verified in the bucket has let go of its file. */
	if (pack_record_is_cold(record))
		return 0;
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 64;
		struct id128 *more = realloc(k->ids, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		k->ids = more;
		k->cap = cap;
	}
	k->ids[k->n++] = record->run.id;
	return 0;
}

static bool is_known(const struct known *k, struct id128 id)
{
	for (size_t n = 0; n < k->n; n++)
		if (id128_equal(k->ids[n], id))
			return true;
	return false;
}

static int get_lsn(struct files *f, const char *name, uint64_t *ret_lsn)
{
	_cleanup_close_ int fd = openat(f->warm_dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct pack_source source;
	struct pack_summary s;
	struct pack *pack;
	int r = fd < 0 ? -errno : pack_source_fd(fd, &source);

	if (r >= 0)
		r = pack_open(f->config.keys, &source, NULL, &pack);
	if (r < 0)
		return r;
	pack_get_summary(pack, &s);
	(void) pack_close(pack);
	*ret_lsn = s.lsn;
	return 0;
}

/* 1: it may go. */
static int is_left_over(struct files *f, const struct known *k, const char *name)
{
	struct id128 id;
	uint64_t lsn;
	int r;

	if (strncmp(name, PACKING_UNFINISHED, strlen(PACKING_UNFINISHED)) == 0)
		return 1;
	if (id128_parse(name, &id) < 0 || is_known(k, id))
		return 0;
	r = get_lsn(f, name, &lsn);
	if (r < 0)
		return log_warn(r, "warm/%s is in no record of this volume and cannot be read; it stays", name);
	if (lsn > catalog_last_lsn(f->catalog))
		return log_warn(0, "warm/%s was made after all that the catalog knows, which may be an older copy; it stays",
				name);
	return 1;
}

static void look_at(struct files *f, const struct known *k, const char *name)
{
	if (name[0] == '.' || is_left_over(f, k, name) <= 0)
		return;
	if (unlinkat(f->warm_dirfd, name, 0) < 0)
		(void) log_warn(-errno, "warm/%s is not in use and cannot be removed", name);
}

static int remove_unknown(struct files *f, const struct known *k)
{
	int fd = openat(f->warm_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		closep(&fd);
		return -errno;
	}
	while ((d = readdir(dir)))
		look_at(f, k, d->d_name);
	(void) closedir(dir);
	return 0;
}

int packing_remove_unfinished(struct files *f)
{
	struct known known = { 0 };
	int r = pack_record_foreach(f->catalog, note_known, &known);

	if (r >= 0)
		r = remove_unknown(f, &known);
	free(known.ids);
	return r;
}
