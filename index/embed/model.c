/* SPDX-License-Identifier: MIT */
/* Opens a model folder. The table is a safetensors file: 8 bytes length of a JSON header, the header, then
 * the tensors; ours has one, int8 rows. Everything in it is checked against the file's size. */
#include "index/embed/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "crypto/checksum.h"

#define TABLE_NAME     "static256.safetensors"
#define VOCABULARY_MAX (64u << 20)

static int refuse(char **ret_why, const char *why)
{
	char *copy = strdup(why);

	if (!copy)
		return -ENOMEM;
	*ret_why = copy;
	return -EBADMSG;
}

static int map_table(int dir, struct embed_model *m, char **ret_why)
{
	_cleanup_close_ int fd = openat(dir, TABLE_NAME, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *file;

	if (fd < 0)
		return errno == ENOENT ? refuse(ret_why, "no " TABLE_NAME) : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 8)
		return refuse(ret_why, TABLE_NAME " is cut off");
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		return -errno;
	m->file = file;
	m->file_len = (size_t)st.st_size;
	return 0;
}

/* An array of `n` numbers from 0 to `max` each. */
static bool get_numbers(json_t *array, size_t n, size_t max, size_t *ret)
{
	if (!json_is_array(array) || json_array_size(array) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		json_t *value = json_array_get(array, i);
		json_int_t v = json_integer_value(value);

		if (!json_is_integer(value) || v < 0 || (unsigned long long)v > max)
			return false;
		ret[i] = (size_t)v;
	}
	return true;
}

static int read_tensor(struct embed_model *m, json_t *header, size_t data, char **ret_why)
{
	json_t *tensor = json_object_get(header, "embeddings");
	const char *type = json_string_value(json_object_get(tensor, "dtype"));
	const char *name =
		json_string_value(json_object_get(json_object_get(header, "__metadata__"), "name"));
	size_t shape[2], place[2];

	if (!type || strcmp(type, "I8") != 0 ||
	    !get_numbers(json_object_get(tensor, "shape"), 2, UINT32_MAX / 2, shape) ||
	    !get_numbers(json_object_get(tensor, "data_offsets"), 2, m->file_len - data, place))
		return refuse(ret_why, TABLE_NAME " has no int8 matrix `embeddings`");
	if (shape[1] == 0 || shape[1] > EMBED_DIMENSIONS_MAX || place[0] > place[1] ||
	    place[1] - place[0] != shape[0] * shape[1])
		return refuse(ret_why, TABLE_NAME ": shape and size do not agree");
	m->vocabulary = (unsigned)shape[0];
	m->dimensions = (unsigned)shape[1];
	m->rows = (const int8_t *)m->file + data + place[0];
	(void) snprintf(m->name, sizeof(m->name), "%s", name ? name : "unnamed");
	return 0;
}

static int read_table(struct embed_model *m, char **ret_why)
{
	uint64_t len = load_le64(m->file);
	_cleanup_json_ json_t *header = NULL;

	if (len > m->file_len - 8)
		return refuse(ret_why, TABLE_NAME " is cut off");
	header = json_loadb((const char *)m->file + 8, (size_t)len, 0, NULL);
	if (!header)
		return refuse(ret_why, TABLE_NAME ": the header is no JSON");
	return read_tensor(m, header, 8 + (size_t)len, ret_why);
}

static int read_vocabulary(int dir, struct embed_model *m, char **ret_why)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = io_read_file_at(dir, "vocab.txt", VOCABULARY_MAX, &text);

	if (r == -ENOENT)
		return refuse(ret_why, "no vocab.txt");
	if (r < 0)
		return r;
	r = wordpiece_new((const char *)text.data, text.len, &m->pieces);
	if (r == -EBADMSG)
		return refuse(ret_why, "vocab.txt is not a list of distinct tokens, one a line");
	if (r < 0)
		return r;
	if (wordpiece_size(m->pieces) != m->vocabulary)
		return refuse(ret_why, "vocab.txt and " TABLE_NAME " differ in size");
	checksum_128((struct iovec[]){ { text.data, text.len }, { m->file, m->file_len } }, 2, m->checksum);
	return 0;
}

static int open_model(int dir, struct embed_model *m, char **ret_why)
{
	int r = map_table(dir, m, ret_why);

	if (r >= 0)
		r = read_table(m, ret_why);
	return r < 0 ? r : read_vocabulary(dir, m, ret_why);
}

int embed_open(const char *dir, struct embed_model **ret_m, char **ret_why)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct embed_model *m;
	int r;

	if (fd < 0)
		return -errno;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	r = open_model(fd, m, ret_why);
	if (r < 0) {
		(void) embed_close(m);
		return r;
	}
	*ret_m = m;
	return 0;
}

struct embed_model *embed_close(struct embed_model *m)
{
	if (!m)
		return NULL;
	(void) wordpiece_free(m->pieces);
	if (m->file)
		(void) munmap(m->file, m->file_len);
	free(m);
	return NULL;
}

unsigned embed_dimensions(const struct embed_model *m)
{
	return m->dimensions;
}

unsigned embed_vocabulary(const struct embed_model *m)
{
	return m->vocabulary;
}

const char *embed_name(const struct embed_model *m)
{
	return m->name;
}

const char *embed_checksum(const struct embed_model *m)
{
	return m->checksum;
}
