/* SPDX-License-Identifier: MIT */
#include "index/extract/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "base/cleanup.h"
#include "index/extract/sink.h"

#define ENTRIES_MAX  20000
#define UNPACKED_MAX (256ull << 20) /* of all parts that are read */

static int walk(struct zip *z, int (*each)(struct zip *z, const char *path, void *data), void *data)
{
	struct archive_entry *entry;
	int r = ARCHIVE_OK, e = 0;

	for (unsigned n = 0; n < ENTRIES_MAX && e >= 0; n++) {
		const char *path;

		r = archive_read_next_header(z->archive, &entry);
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			break;
		path = archive_entry_pathname(entry);
		e = path ? each(z, path, data) : 0;
	}
	z->damaged |= r != ARCHIVE_EOF && e >= 0;
	return e;
}

int zip_foreach(struct zip *z, const struct input *in, bool streaming,
		int (*each)(struct zip *z, const char *path, void *data), void *data)
{
	int r = 0;

	z->archive = archive_read_new();
	if (!z->archive)
		return -ENOMEM;
	if (streaming)
		(void) archive_read_support_format_zip_streamable(z->archive);
	else
		(void) archive_read_support_format_zip_seekable(z->archive);
	if (archive_read_open_memory(z->archive, in->data, in->len) == ARCHIVE_OK)
		r = walk(z, each, data);
	else
		z->damaged = true;
	(void) archive_read_free(z->archive);
	z->archive = NULL;
	return r;
}

/* Gives the bytes of a part to `take`. -EBADMSG: damaged; what came before is taken. */
static int read_blocks(struct zip *z, int (*take)(void *to, const void *block, size_t len), void *to)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int r = ARCHIVE_OK, e = 0;

	while (e >= 0 && (r = archive_read_data_block(z->archive, &block, &len, &offset)) == ARCHIVE_OK) {
		z->unpacked += len;
		if (z->unpacked > UNPACKED_MAX)
			return -EFBIG;
		for (size_t at = 0; at < len && e >= 0; at += 1u << 20)
			e = take(to, (const char *)block + at, MIN(len - at, (size_t)1 << 20));
	}
	return e < 0 ? e : r == ARCHIVE_EOF ? 0 : -EBADMSG;
}

static int judge(struct zip *z, int r)
{
	if (r == -EFBIG)
		document_say(z->d, EXTRACT_PARTIAL, "size");
	z->damaged |= r == -EBADMSG;
	return r == -EBADMSG ? 0 : r;
}

static int feed(void *to, const void *block, size_t len)
{
	return xml_feed(to, block, len);
}

int zip_xml(struct zip *z, const struct xml_handler *handler, void *data)
{
	struct xml_reader *x;
	int r = xml_new(handler, data, &x);

	if (r < 0)
		return r;
	r = read_blocks(z, feed, x);
	if (r >= 0)
		r = xml_finish(x);
	(void) xml_free(x);
	return judge(z, r);
}

static int append(void *to, const void *block, size_t len)
{
	return buf_add(to, block, len);
}

int zip_bytes(struct zip *z, struct buf *out)
{
	return judge(z, read_blocks(z, append, out));
}
