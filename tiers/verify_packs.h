/* SPDX-License-Identifier: MIT */
/* fsck's reading of packs: each is read once, whole, from its beginning to its end; extents are then compared with what
 * was found. Takes some 16 bytes of memory a frame. Not thread-safe. */
#pragma once

#include "tiers/file_impl.h"
#include "tiers/pack/pack_reader.h"

enum pack_finding {
	PACK_WHOLE,   /* its table is right; `frames` says which of them open */
	PACK_NO_TABLE, /* what its extents name may open nevertheless */
	PACK_GONE,    /* it is not where its record says */
	PACK_UNREAD,  /* in the bucket, which was not asked */
};

struct checked_frame {
	uint32_t place, stored_len, plain_len;
	bool sound;
};

struct checked_pack {
	struct pack_record record;
	enum pack_finding finding;
	struct checked_frame *frames; /* owned */
	uint32_t n_frames;
	uint64_t bytes, files;        /* counted by the walk over extents */
};

struct checked_packs {
	struct checked_pack *all; /* owned; by number */
	size_t n, cap;
};

void checked_packs_done(struct checked_packs *p);
/* Reads all packs; those in the bucket only if `check` says so. Returns how many frames. Damage is told, once for each
 * pack; errors of the bucket end it. -ENOMEM. */
int64_t checked_packs_load(struct files *f, struct files_check *check, struct checked_packs *ret_p);
/* NULL: no record has that number. */
struct checked_pack *checked_packs_find(const struct checked_packs *p, uint64_t number);
/* Can the extent be read? 1, 0; -ENOMEM. */
int checked_pack_has(struct files *f, const struct checked_pack *p, const struct extent *e);

/* A pack as a source of bytes, wherever it lies. */
struct pack_place {
	struct files *f;
	char key[PACK_KEY_SIZE];
	int fd;                    /* owned; -1: in the bucket */
	struct bucket_error error; /* of the last request */
	struct pack_source source;
};

/* The file in warm/, or the object; its size is what there is. -ENOENT. -EHOSTUNREACH: no bucket is attached. Other errors
 * of the bucket. `ret_at` must not move until pack_place_done(). */
int pack_place_open(struct files *f, const struct pack_record *record, bool cold, struct pack_place *ret_at);
/* An object of the bucket that is attached. */
void pack_place_at_key(struct files *f, const char *key, uint64_t size, struct pack_place *ret_at);
void pack_place_done(struct pack_place *at);
/* Is it an error of the bucket, and none of the pack? It is told then, and must end the check. */
bool pack_place_failed(const struct pack_place *at, struct files_check *check, int error);
/* In a rehearsal: what was told of a pack need not be told again. */
int pack_mark_damaged(struct files *f, struct pack_record *record);
