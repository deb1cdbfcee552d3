/* SPDX-License-Identifier: MIT */
#include "tiers/check_found.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void found_packs_done(struct found_packs *p)
{
	free(p->all);
	*p = (struct found_packs){ 0 };
}

static int add(struct found_packs *p, const struct found_pack *found)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct found_pack *more = realloc(p->all, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->all = more;
		p->cap = cap;
	}
	p->all[p->n++] = *found;
	return 0;
}

/* What is no pack of this volume is passed over. */
static int add_pack(struct found_packs *p, struct pack_place *at, const struct id128 *id, uint32_t flags)
{
	struct found_pack found;
	struct pack_summary s;
	struct pack *pack;
	int r = pack_open(p->f->config.keys, &at->source, NULL, &pack);

	if (r < 0)
		return pack_place_failed(at, p->check, r) || r == -ENOMEM ? r : 0;
	pack_get_summary(pack, &s);
	(void) pack_close(pack);
	/* It is looked for by its id. */
	if (!id128_equal(s.run.id, *id) || s.lsn > catalog_last_lsn(p->f->catalog))
		return 0;
	found = (struct found_pack){ packs_record_of(&s), s.created_ns };
	found.record.flags = flags;
	return add(p, &found);
}

static int add_file(struct found_packs *p, const char *name)
{
	struct pack_record record = { 0 };
	struct pack_place at;
	int r;

	if (id128_parse(name, &record.run.id) < 0 || pack_place_open(p->f, &record, false, &at) < 0)
		return 0;
	r = add_pack(p, &at, &record.run.id, PACK_LOCAL);
	pack_place_done(&at);
	return r;
}

static int search_warm(struct found_packs *p)
{
	int fd = openat(p->f->warm_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	p->warm = true;
	if (!dir) {
		closep(&fd);
		return p->f->warm_dirfd < 0 ? 0 : -errno;
	}
	while (r >= 0 && (d = readdir(dir)))
		r = add_file(p, d->d_name);
	(void) closedir(dir);
	return r;
}

/* "packs/ID" or "packs/YYYY/MM/ID". */
static int add_object(void *context, const char *key, const struct bucket_object *o)
{
	struct found_packs *p = context;
	struct pack_place at;
	struct pack_record record = { 0 };
	const char *name = strrchr(key, '/');
	uint32_t flags = PACK_REMOTE | (strchr(key, '/') == name ? 0 : PACK_DATED);
	int r;

	if (!name || strlen(key) >= PACK_KEY_SIZE || id128_parse(name + 1, &record.run.id) < 0)
		return 0;
	pack_place_at_key(p->f, key, o->size, &at);
	r = add_pack(p, &at, &record.run.id, flags);
	pack_place_done(&at);
	return MIN(r, 0);
}

static int search_cold(struct found_packs *p)
{
	struct pack_place at;
	const struct bucket_call call = { .cause = BUCKET_SCRUB, .ret_error = &at.error };
	struct bucket *bucket = packs_get_bucket(p->f->packs);
	int r;

	p->cold = true;
	pack_place_at_key(p->f, "", 0, &at);
	if (!bucket && p->expected)
		(void) pack_place_failed(&at, p->check, -EHOSTUNREACH);
	if (!bucket)
		return p->expected ? -EHOSTUNREACH : 0;
	r = bucket_list(bucket, &call, "packs/", add_object, p);
	if (r < 0 && at.error.fault != BUCKET_FINE)
		(void) pack_place_failed(&at, p->check, r);
	return r;
}

static const struct found_pack *find(const struct found_packs *p, uint64_t number)
{
	const struct found_pack *last = NULL;

	for (size_t k = 0; k < p->n; k++)
		if (p->all[k].record.number == number && (!last || p->all[k].created_ns > last->created_ns))
			last = &p->all[k];
	return last;
}

int found_packs_get(struct found_packs *p, uint64_t number, struct pack_record *ret_record)
{
	const struct found_pack *found;
	int r = p->warm ? 0 : search_warm(p);

	found = r < 0 ? NULL : find(p, number);
	if (r >= 0 && !found && !p->cold) {
		r = search_cold(p);
		found = r < 0 ? NULL : find(p, number);
	}
	if (r < 0 || !found)
		return r < 0 ? r : -ENOENT;
	*ret_record = found->record;
	return 0;
}
