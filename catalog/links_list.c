/* SPDX-License-Identifier: MIT */
/* The lists of links that users set: what they are called, as text and as they are stored (links.h). */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/links_impl.h"

/* ---- names */

bool link_is_xattr(const char *name)
{
	return strncmp(name, LINK_XATTR, sizeof(LINK_XATTR) - 1) == 0;
}

const char *link_verb_of_xattr(const char *name)
{
	const char *verb = link_is_xattr(name) ? name + sizeof(LINK_XATTR) - 1 : NULL;

	return verb && link_verb_is_good(verb, strlen(verb)) ? verb : NULL;
}

const char *link_verb_of_stored(const char *name, size_t len, size_t *ret_len)
{
	static const char prefix[] = LINK_STORED;

	if (len < sizeof(prefix) || memcmp(name, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	*ret_len = len - (sizeof(prefix) - 1);
	return name + sizeof(prefix) - 1;
}

void link_stored_name(const char *verb, char ret_name[LINK_STORED_MAX])
{
	size_t len = strnlen(verb, LINK_VERB_MAX_LEN);

	memcpy(ret_name, LINK_STORED, sizeof(LINK_STORED) - 1);
	memcpy(ret_name + sizeof(LINK_STORED) - 1, verb, len);
	ret_name[sizeof(LINK_STORED) - 1 + len] = 0;
}

/* ---- lists */

int link_add_path(struct catalog *c, struct buf *list, const char *path, size_t len)
{
	struct inode i;
	int r = link_resolve_path(c, ROOT_INO, path, len, &i);

	return r < 0 ? r : piece_add(list, &(struct piece){ r > 0 ? i.ino : 0, path, len });
}

/* ---- text */

static int hex_digit(char ch)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = ch ? strchr(digits, ch >= 'A' && ch <= 'F' ? ch - 'A' + 'a' : ch) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int add_unescaped(struct buf *path, const char *at, const char *end)
{
	int r = 0;

	while (at < end && r >= 0) {
		int high = *at == '%' && end - at > 2 ? hex_digit(at[1]) : -1;
		int low = high >= 0 ? hex_digit(at[2]) : -1;

		r = buf_add_u8(path, low >= 0 ? (uint8_t)(high << 4 | low) : (uint8_t)*at);
		at += low >= 0 ? 3 : 1;
	}
	return r;
}

static int add_escaped(struct buf *text, const uint8_t *at, size_t len)
{
	int r = 0;

	for (size_t k = 0; k < len && r >= 0; k++)
		r = at[k] < ' ' || at[k] == '%' || at[k] == 0x7f ? buf_addf(text, "%%%02X", at[k])
								 : buf_add_u8(text, at[k]);
	return r;
}

int links_encode(struct catalog *c, const void *text, size_t len, struct buf *ret_list)
{
	const char *at = text, *end = at + len;
	int r = 0;

	while (at < end && r >= 0) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		const char *line = at, *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		at = newline ? newline + 1 : end;
		if (stop == line)
			continue;
		r = add_unescaped(&path, line, stop);
		if (r >= 0)
			r = link_add_path(c, ret_list, (const char *)path.data, path.len);
	}
	return r;
}

/* Its path of now, or the one it had last. 0: it is not known. */
static int path_of(struct catalog *c, uint64_t ino, struct buf *ret_path)
{
	int r = tree_path(c, ino, ROOT_INO, 0, ret_path);

	if (r >= 0 && !ret_path->len)
		r = buf_add_u8(ret_path, '/');
	if (r == -ENOENT)
		r = links_last_path(c, ino, ret_path);
	if (r < 0)
		return r == -ENOENT || r == -EBADMSG ? 0 : r;
	return 1;
}

/* The path to be told of a piece. Nothing: there is none, or nobody is to know. */
static int tell_piece(struct catalog *c, const struct piece *p, const struct link_sight *sight, struct buf *ret_path)
{
	int alive = p->number && sight ? link_is_alive(c, p->number) : 0;
	int r = alive < 0 ? alive : p->number ? path_of(c, p->number, ret_path) : buf_add(ret_path, p->text, p->len);

	if (r < 0 || !sight || !ret_path->len)
		return r;
	r = alive ? sight->target(sight->context, p->number)
		  : sight->path(sight->context, (const char *)ret_path->data, ret_path->len);
	if (r <= 0)
		ret_path->len = 0;
	return r;
}

int links_decode(struct catalog *c, const void *list, size_t len, const struct link_sight *sight, struct buf *ret_text)
{
	struct reader in = reader_over(list, len);
	bool first = true;
	struct piece p;
	int r;

	while ((r = piece_next(&in, &p)) > 0) {
		_cleanup_buf_ struct buf path = BUF_INIT;

		r = tell_piece(c, &p, sight, &path);
		if (r < 0)
			return r;
		if (!path.len)
			continue;
		r = first ? 0 : buf_add_u8(ret_text, '\n');
		first = false;
		if (r >= 0)
			r = add_escaped(ret_text, path.data, path.len);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : ret_text->len > XATTR_SIZE_MAX ? -E2BIG : 0;
}
