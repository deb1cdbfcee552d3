/* SPDX-License-Identifier: MIT */
#include "wal/window.h"

#include <errno.h>
#include <stdlib.h>

#include "base/io.h"

int window_init(struct window *w, uint64_t segment_size)
{
	size_t size = segment_size < WINDOW_SIZE_MAX ? (size_t)segment_size + 1 : WINDOW_SIZE_MAX;

	*w = (struct window){ .size = size };
	w->data = malloc(w->size);
	return w->data ? 0 : -ENOMEM;
}

void window_done(struct window *w)
{
	free(w->data);
	*w = (struct window){ 0 };
}

static int window_fill(struct window *w, const struct segment *s, uint64_t offset)
{
	ssize_t n = io_pread(s->fd, w->data, w->size, offset);

	w->of = NULL;
	if (n < 0)
		return (int)n;
	w->of = s;
	w->start = offset;
	w->len = (size_t)n;
	return 0;
}

int window_at(struct window *w, const struct segment *s, uint64_t offset, size_t len,
	      const uint8_t **ret_data)
{
	*ret_data = NULL;
	if (offset > s->size || len > s->size - offset)
		return 0;
	if (w->of != s || offset < w->start || offset + len > w->start + w->len) {
		int r = window_fill(w, s, offset);

		if (r < 0)
			return r;
		if (len > w->len)
			return 0;
	}
	*ret_data = w->data + (offset - w->start);
	return 0;
}
