/* SPDX-License-Identifier: MIT */
#define ZSTD_STATIC_LINKING_ONLY /* frames without magic */
#include "tiers/pack/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/cleanup.h"
#include "tiers/pack/dictionary_impl.h"
#include "tiers/pack/pack_format.h"

/* More threads than this at a time make contexts and free them again. */
#define IDLE_MAX 16u
/* Frames of more bytes are packed as pieces of something large. */
#define SMALL_MAX (128u << 10)

struct dictionary_code {
	ZSTD_DDict *d; /* owned */
};

static int code_error(size_t code)
{
	return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
}

int dictionary_code_new(const void *bytes, size_t len, struct dictionary_code **ret_c)
{
	size_t header = ZDICT_getDictHeaderSize(bytes, len);
	struct dictionary_code *c;

	if (ZDICT_isError(header))
		return code_error(header);
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->d = ZSTD_createDDict_byReference(bytes, len);
	if (!c->d) {
		free(c);
		return -ENOMEM;
	}
	*ret_c = c;
	return 0;
}

struct dictionary_code *dictionary_code_free(struct dictionary_code *c)
{
	if (!c)
		return NULL;
	(void) ZSTD_freeDDict(c->d);
	free(c);
	return NULL;
}

size_t dictionary_code_memory(const struct dictionary_code *c)
{
	return sizeof(*c) + ZSTD_sizeof_DDict(c->d);
}

/* ---- packing */

struct packer {
	ZSTD_CCtx *plain, *with; /* owned; `with` the dictionary: NULL without one */
	bool large;              /* what `plain` is set for */
	void *workspace;         /* owned: of the dictionary as `with` knows it */
	int level;
};

/* Also after a frame that did not fit, which leaves the context in the middle of it. */
static int set_flags(ZSTD_CCtx *c, int level)
{
	size_t code = ZSTD_CCtx_reset(c, ZSTD_reset_session_only);

	if (!ZSTD_isError(code))
		code = ZSTD_CCtx_setParameter(c, ZSTD_c_format, ZSTD_f_zstd1_magicless);
	if (!ZSTD_isError(code))
		code = ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
	if (!ZSTD_isError(code))
		code = ZSTD_CCtx_setParameter(c, ZSTD_c_dictIDFlag, 0);
	if (!ZSTD_isError(code))
		code = ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
	return ZSTD_isError(code) ? -EIO : 0;
}

/* In memory of our own: zstd 1.5.4 crashes when it finds none for a dictionary. */
static int add_dictionary(struct packer *p, const struct pack_dictionary *d, int level)
{
	ZSTD_compressionParameters c = ZSTD_getCParams(level, PACK_DICTIONARY_BELOW, d->len);
	size_t size = ZSTD_estimateCDictSize_advanced(d->len, c, ZSTD_dlm_byRef);
	const ZSTD_CDict *dictionary;

	p->with = ZSTD_createCCtx();
	p->workspace = malloc(size);
	if (!p->with || !p->workspace)
		return -ENOMEM;
	dictionary = ZSTD_initStaticCDict(p->workspace, size, d->bytes, d->len, ZSTD_dlm_byRef,
					  ZSTD_dct_fullDict, c);
	if (!dictionary || ZSTD_isError(ZSTD_CCtx_refCDict(p->with, dictionary)))
		return -EBADMSG;
	return set_flags(p->with, level);
}

DEFINE_CLEANUP(struct packer *, packer_free)

int packer_new(const struct pack_dictionary *dictionary, int level, int small_level, struct packer **ret_p)
{
	_cleanup_(packer_freep) struct packer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->level = level ? level : PACK_LEVEL;
	p->plain = ZSTD_createCCtx();
	if (!p->plain)
		return -ENOMEM;
	r = set_flags(p->plain, p->level);
	if (r >= 0 && dictionary)
		r = add_dictionary(p, dictionary, small_level ? small_level : PACK_LEVEL);
	if (r >= 0)
		*ret_p = steal_ptr(&p);
	return r;
}

struct packer *packer_free(struct packer *p)
{
	if (!p)
		return NULL;
	(void) ZSTD_freeCCtx(p->plain);
	(void) ZSTD_freeCCtx(p->with);
	free(p->workspace);
	free(p);
	return NULL;
}

/* By itself zstd takes other tables and shorter matches for up to 256 KiB than for more, which makes text of that
 * size 2 % larger and its reading slower. */
static int set_large(struct packer *p, bool large)
{
	ZSTD_compressionParameters c = ZSTD_getCParams(p->level, PACK_FRAME_MAX, 0);
	const struct {
		ZSTD_cParameter name;
		unsigned value;
	} values[] = {
		{ ZSTD_c_strategy, c.strategy },   { ZSTD_c_hashLog, c.hashLog },
		{ ZSTD_c_chainLog, c.chainLog },   { ZSTD_c_searchLog, c.searchLog },
		{ ZSTD_c_minMatch, c.minMatch },
	};
	size_t code = ZSTD_CCtx_reset(p->plain, ZSTD_reset_session_only);

	for (unsigned k = 0; k < ARRAY_SIZE(values) && !ZSTD_isError(code); k++)
		code = ZSTD_CCtx_setParameter(p->plain, values[k].name, large ? (int)values[k].value : 0);
	p->large = large;
	return ZSTD_isError(code) ? -EIO : 0;
}

static ZSTD_CCtx *context_for(struct packer *p, size_t len, bool *ret_with)
{
	bool large = len > SMALL_MAX;

	*ret_with = p->with && len < PACK_DICTIONARY_BELOW;
	if (*ret_with)
		return p->with;
	if (large != p->large && set_large(p, large) < 0)
		return NULL;
	return p->plain;
}

ssize_t packer_pack(struct packer *p, const void *plain, size_t len, uint8_t *ret_packed)
{
	bool with;
	ZSTD_CCtx *c = context_for(p, len, &with);
	size_t n;

	if (!c)
		return -EIO;
	n = ZSTD_compress2(c, ret_packed + 1, len, plain, len);
	if (ZSTD_isError(n) && ZSTD_getErrorCode(n) != ZSTD_error_dstSize_tooSmall)
		return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? -ENOMEM : -EIO;
	if (ZSTD_isError(n) || n >= len) {
		ret_packed[0] = PACK_RAW;
		memcpy(ret_packed + 1, plain, len);
		return (ssize_t)len + 1;
	}
	ret_packed[0] = with ? PACK_ZSTD_DICTIONARY : PACK_ZSTD;
	return (ssize_t)n + 1;
}

size_t packer_bound(size_t len)
{
	return ZSTD_compressBound(len);
}

int packer_append(struct packer *p, const void *plain, size_t len, int level, struct buf *ret_packed)
{
	size_t bound = ZSTD_compressBound(len), n;
	int r = buf_reserve(ret_packed, bound);

	if (r < 0)
		return r;
	r = set_large(p, false);
	if (r >= 0)
		r = set_flags(p->plain, level);
	if (r < 0)
		return r;
	n = ZSTD_compress2(p->plain, ret_packed->data + ret_packed->len, bound, plain, len);
	(void) set_flags(p->plain, p->level);
	if (ZSTD_isError(n))
		return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? -ENOMEM : -EIO;
	ret_packed->len += n;
	return 0;
}

/* ---- unpacking */

struct unpacker {
	pthread_mutex_t lock;
	ZSTD_DCtx *idle[IDLE_MAX]; /* owned; guarded by lock */
	unsigned n_idle;           /* guarded by lock */
	uint64_t idle_bytes;       /* guarded by lock */
	uint64_t largest;          /* bytes of a context; guarded by lock */
};

int unpacker_new(struct unpacker **ret_u)
{
	struct unpacker *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	(void) pthread_mutex_init(&u->lock, NULL);
	*ret_u = u;
	return 0;
}

struct unpacker *unpacker_free(struct unpacker *u)
{
	if (!u)
		return NULL;
	while (u->n_idle > 0)
		(void) ZSTD_freeDCtx(u->idle[--u->n_idle]);
	(void) pthread_mutex_destroy(&u->lock);
	free(u);
	return NULL;
}

void unpacker_memory(struct unpacker *u, uint64_t *ret_bytes, uint64_t *ret_bound)
{
	LOCKED(&u->lock);

	*ret_bytes = sizeof(*u) + u->idle_bytes;
	*ret_bound = sizeof(*u) + IDLE_MAX * u->largest;
}

static ZSTD_DCtx *make_context(void)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();

	if (d && ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_format, ZSTD_f_zstd1_magicless))) {
		(void) ZSTD_freeDCtx(d);
		return NULL;
	}
	return d;
}

static ZSTD_DCtx *take_context(struct unpacker *u)
{
	LOCKED(&u->lock);

	if (u->n_idle == 0)
		return NULL;
	u->idle_bytes -= ZSTD_sizeof_DCtx(u->idle[u->n_idle - 1]);
	return u->idle[--u->n_idle];
}

/* True when it was kept. */
static bool keep_context(struct unpacker *u, ZSTD_DCtx *d)
{
	LOCKED(&u->lock);

	if (u->n_idle == IDLE_MAX)
		return false;
	u->largest = MAX(u->largest, ZSTD_sizeof_DCtx(d));
	u->idle_bytes += ZSTD_sizeof_DCtx(d);
	u->idle[u->n_idle++] = d;
	return true;
}

/* Decompresses in one pass into `ret_plain`: zstd allocates nothing for that and writes no byte beyond. */
static int decompress(struct unpacker *u, const void *packed, size_t len,
		      const struct pack_dictionary *dictionary, void *ret_plain, size_t plain_len)
{
	ZSTD_DCtx *d = take_context(u);
	size_t n;

	if (!d)
		d = make_context();
	if (!d)
		return -ENOMEM;
	n = ZSTD_decompress_usingDDict(d, ret_plain, plain_len, packed, len,
				       dictionary ? dictionary->code->d : NULL);
	if (!keep_context(u, d))
		(void) ZSTD_freeDCtx(d);
	if (ZSTD_isError(n))
		return code_error(n);
	return n == plain_len ? 0 : -EBADMSG;
}

int unpacker_unpack(struct unpacker *u, const uint8_t *packed, size_t len,
		    const struct pack_dictionary *dictionary, void *ret_plain, size_t plain_len)
{
	if (len < 1)
		return -EBADMSG;
	switch (packed[0]) {
	case PACK_RAW:
		if (len - 1 != plain_len)
			return -EBADMSG;
		memcpy(ret_plain, packed + 1, plain_len);
		return 0;
	case PACK_ZSTD:
		return decompress(u, packed + 1, len - 1, NULL, ret_plain, plain_len);
	case PACK_ZSTD_DICTIONARY:
		return dictionary ? decompress(u, packed + 1, len - 1, dictionary, ret_plain, plain_len) :
				    -EBADMSG;
	default:
		return -EBADMSG;
	}
}

int unpacker_expand(struct unpacker *u, const void *packed, size_t len, void *ret_plain, size_t plain_len)
{
	return decompress(u, packed, len, NULL, ret_plain, plain_len);
}
