/* SPDX-License-Identifier: MIT */
#include "daemon/pack_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"

#define ROOT 1u /* its inode number */
#define DEPTH_MAX 4096u
#define DAY_S 86400

static const struct pack_entry *parent_of(const struct pack *p, uint64_t ino)
{
	return ino == ROOT ? NULL : pack_find(p, ino);
}

/* From its end to its beginning, of a table that may have rings. A folder that is not in the table is "?". */
int pack_add_path(const struct pack *p, const struct pack_name *name, struct buf *ret_path)
{
	const struct pack_name *names[DEPTH_MAX];
	const struct pack_entry *dir;
	size_t n = 0;
	int r = 0;

	for (names[n++] = name; n < DEPTH_MAX; n++) {
		dir = parent_of(p, names[n - 1]->parent);
		if (!dir || dir->n_names == 0)
			break;
		names[n] = dir->names;
	}
	if (names[n - 1]->parent != ROOT)
		r = buf_add_str(ret_path, "?/");
	while (r >= 0 && n-- > 0) {
		r = buf_add(ret_path, names[n]->name, names[n]->len);
		if (r >= 0 && n > 0)
			r = buf_add_u8(ret_path, '/');
	}
	return r;
}

static uint64_t bytes_here(const struct pack_entry *e)
{
	uint64_t bytes = 0;

	for (uint32_t k = 0; k < e->n_pieces; k++)
		bytes += e->pieces[k].frame == PACK_HOLE ? 0 : e->pieces[k].len;
	return bytes;
}

/* "-rwxr-xr-x", as ls(1). */
static void mode_text(uint32_t mode, char ret_text[11])
{
	static const char types[] = "?pc?d?b?-?l?s???";

	(void) snprintf(ret_text, 11, "%crwxrwxrwx", types[mode >> 12 & 15]);
	for (unsigned k = 0; k < 9; k++)
		if (!(mode >> (8 - k) & 1))
			ret_text[1 + k] = '-';
	if (mode & S_ISUID)
		ret_text[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		ret_text[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		ret_text[9] = mode & S_IXOTH ? 't' : 'T';
}

/* "2001-02-03 04:05:06" in UTC; of its 32 bytes, the first 10 are the day. */
static void time_text(int64_t s, char ret_text[32])
{
	time_t at = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(ret_text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void) snprintf(ret_text, 32, "@%" PRId64, s);
}

/* ---- for people */

void pack_print_escaped(const struct buf *text)
{
	for (size_t k = 0; k < text->len; k++) {
		char c = (char)text->data[k];

		if (c == '\t' || c == '\n' || c == '\\')
			printf("\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : '\\');
		else
			putchar(c);
	}
}

static int list_file(void *context, const struct pack_entry *e)
{
	const struct pack *p = context;
	char mode[11], mtime[32];
	int r = 0;

	mode_text(e->inode.mode, mode);
	time_text(e->inode.mtime.tv_sec, mtime);
	printf("%s\t%u:%u\t%" PRIu64 "\t%s\t%" PRIu64 "\t", mode, e->inode.uid, e->inode.gid, e->inode.size,
	       mtime, bytes_here(e));
	for (uint32_t k = 0; r == 0 && k < e->n_names; k++) {
		_cleanup_buf_ struct buf path = BUF_INIT;

		r = pack_add_path(p, &e->names[k], &path);
		if (k > 0)
			putchar('\t');
		pack_print_escaped(&path);
	}
	putchar('\n');
	return r;
}

static void print_summary(const struct pack_summary *s)
{
	char id[ID128_TEXT_SIZE], made[32], first[32], last[32];

	time_text((int64_t)(s->created_ns / 1000000000u), made);
	time_text((int64_t)s->first_day * DAY_S, first);
	time_text((int64_t)s->last_day * DAY_S, last);
	printf("pack %s, made %s UTC, LSN %" PRIu64 "\n", id128_format(s->run.id, id), made, s->lsn);
	printf("%u files, %u folders, changed last %.10s to %.10s\n", s->n_files, s->n_directories, first,
	       last);
	printf("%" PRIu64 " bytes in %u frames, %u stored; table %u, dictionary %u\n", s->plain_bytes,
	       s->n_frames, s->stored_size, s->table_stored, s->dictionary_stored);
}

int pack_list(struct pack *p)
{
	struct pack_summary s;

	pack_get_summary(p, &s);
	print_summary(&s);
	return pack_foreach_file(p, list_file, p);
}

/* ---- for programs */

struct listing {
	const struct pack *p;
	json_t *files; /* borrowed */
};

/* A number beyond 2^53 is a string. */
static json_t *json_number(uint64_t n)
{
	char text[32];

	if (n <= 1ull << 53)
		return json_integer((json_int_t)n);
	(void) snprintf(text, sizeof(text), "%" PRIu64, n);
	return json_string(text);
}

static json_t *json_paths(const struct pack *p, const struct pack_entry *e)
{
	json_t *paths = json_array();

	for (uint32_t k = 0; paths && k < e->n_names; k++) {
		_cleanup_buf_ struct buf path = BUF_INIT;

		if (pack_add_path(p, &e->names[k], &path) < 0 ||
		    json_array_append_new(paths, json_text(path.data, path.len)) < 0) {
			json_decref(paths);
			return NULL;
		}
	}
	return paths;
}

static int note_file(void *context, const struct pack_entry *e)
{
	const struct listing *l = context;
	char mode[8];
	json_t *file;

	(void) snprintf(mode, sizeof(mode), "%06o", e->inode.mode & 0177777u);
	file = json_pack("{s:o, s:s, s:I, s:I, s:o, s:I, s:I, s:o, s:o}", "inode", json_number(e->inode.ino),
			 "mode", mode, "uid", (json_int_t)e->inode.uid, "gid", (json_int_t)e->inode.gid,
			 "size", json_number(e->inode.size), "mtime", (json_int_t)e->inode.mtime.tv_sec,
			 "mtime_ns", (json_int_t)e->inode.mtime.tv_nsec, "bytes_in_pack",
			 json_number(bytes_here(e)), "paths", json_paths(l->p, e));
	return json_array_append_new(l->files, file) < 0 ? -ENOMEM : 0;
}

static json_t *json_summary(const struct pack_summary *s)
{
	char id[ID128_TEXT_SIZE];

	return json_pack("{s:s, s:o, s:I, s:i, s:i, s:I, s:I, s:I, s:I, s:o, s:I, s:I}", "pack",
			 id128_format(s->run.id, id), "lsn", json_number(s->lsn), "created",
			 (json_int_t)(s->created_ns / 1000000000u), "first_day", (int)s->first_day,
			 "last_day", (int)s->last_day, "file_count", (json_int_t)s->n_files,
			 "directory_count", (json_int_t)s->n_directories, "frame_count",
			 (json_int_t)s->n_frames, "stored_bytes", (json_int_t)s->stored_size, "plain_bytes",
			 json_number(s->plain_bytes), "table_bytes", (json_int_t)s->table_stored,
			 "dictionary_bytes", (json_int_t)s->dictionary_stored);
}

int pack_list_json(struct pack *p)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ json_t *all = NULL;
	struct listing l = { p, json_array() };
	struct pack_summary s;
	int r;

	pack_get_summary(p, &s);
	all = json_summary(&s);
	if (json_object_set_new(all, "files", l.files) < 0)
		return -ENOMEM;
	r = pack_foreach_file(p, note_file, &l);
	if (r == 0)
		r = json_add_to(&text, all);
	if (r == 0)
		printf("%.*s\n", (int)text.len, (char *)text.data);
	return r;
}
