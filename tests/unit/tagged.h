/* SPDX-License-Identifier: MIT */
/* The files of a tag by its name. */
#pragma once

#include <string.h>

#include "catalog/tags.h"

static inline int foreach_tagged(struct catalog *c, const char *tag, int (*file)(void *context, uint64_t ino), void *context)
{
	uint64_t id;
	int r = tag_find(c, tag, strlen(tag), &id);

	return r < 0 ? r : tag_foreach_file(c, id, file, context);
}

static inline int tagged_any(void *context, uint64_t ino)
{
	return 1;
}

/* Has any file this tag? 1, 0; -ENOENT: there is no such tag. */
static inline int has_tagged(struct catalog *c, const char *tag)
{
	return foreach_tagged(c, tag, tagged_any, NULL);
}
