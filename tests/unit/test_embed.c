/* SPDX-License-Identifier: MIT */
/* The built-in model against its golden ids and vectors; refusals of damaged models; kernels. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "index/embed/embed.h"
#include "index/embed/model.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"

#define DIMENSIONS 256

static struct embed_model *open_builtin(char **ret_dir)
{
	struct embed_model *m = NULL;
	char *why = NULL;
	int r = embed_find(ret_dir);

	CHECK_EQ(r, 0);
	if (r == 0)
		CHECK_EQ(embed_open(*ret_dir, &m, &why), 0);
	if (why)
		fprintf(stderr, "%s\n", why);
	free(why);
	return m;
}

static json_t *load_golden(const char *dir)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/golden.json", dir) < 0)
		return NULL;
	return json_load_file(path, JSON_ALLOW_NUL, NULL);
}

static double cosine_text(const struct embed_model *m, const char *a, const char *b)
{
	float x[DIMENSIONS], y[DIMENSIONS];
	_cleanup_buf_ struct buf ids = BUF_INIT, other = BUF_INIT;
	double sum = 0;

	CHECK_EQ(embed_tokenise(m, a, strlen(a), &ids, NULL), 0);
	CHECK_EQ(embed_tokenise(m, b, strlen(b), &other, NULL), 0);
	embed_vector(m, (uint32_t *)ids.data, ids.len / 4, NULL, x);
	embed_vector(m, (uint32_t *)other.data, other.len / 4, NULL, y);
	for (unsigned d = 0; d < DIMENSIONS; d++)
		sum += (double)x[d] * y[d];
	return sum;
}

static void check_ids(const struct embed_model *m, json_t *item, struct buf *ret_ids)
{
	json_t *text = json_object_get(item, "text"), *ids = json_object_get(item, "ids"), *id;
	_cleanup_buf_ struct buf offsets = BUF_INIT;
	size_t i;

	CHECK_EQ(embed_tokenise(m, json_string_value(text), json_string_length(text), ret_ids, &offsets), 0);
	CHECK_EQ(ret_ids->len, offsets.len);
	CHECK_EQ(ret_ids->len / 4, json_array_size(ids));
	if (ret_ids->len / 4 != json_array_size(ids))
		return;
	json_array_foreach(ids, i, id)
	{
		CHECK_EQ(((uint32_t *)ret_ids->data)[i], json_integer_value(id));
		CHECK(((uint32_t *)offsets.data)[i] < json_string_length(text));
	}
}

static void check_golden_texts(const struct embed_model *m, json_t *golden)
{
	json_t *texts = json_object_get(golden, "texts"), *item, *value;
	size_t i, d;

	CHECK(json_array_size(texts) >= 40);
	json_array_foreach(texts, i, item)
	{
		_cleanup_buf_ struct buf ids = BUF_INIT;
		float vector[DIMENSIONS];

		check_ids(m, item, &ids);
		embed_vector(m, (uint32_t *)ids.data, ids.len / 4, NULL, vector);
		json_array_foreach(json_object_get(item, "vector"), d, value)
			CHECK(fabs(vector[d] - json_number_value(value)) < 1e-4);
	}
}

static void check_golden_pairs(const struct embed_model *m, json_t *golden)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(golden, "pairs"), i, item)
	{
		double got = cosine_text(m, json_string_value(json_object_get(item, "query")),
					 json_string_value(json_object_get(item, "document")));

		CHECK(fabs(got - json_number_value(json_object_get(item, "cosine"))) < 1e-4);
	}
}

static void test_golden(void)
{
	_cleanup_free_ char *dir = NULL;
	struct embed_model *m = open_builtin(&dir);
	_cleanup_json_ json_t *golden = m ? load_golden(dir) : NULL;

	CHECK(golden != NULL);
	if (golden) {
		CHECK_EQ(embed_dimensions(m), DIMENSIONS);
		CHECK_EQ(embed_vocabulary(m), 29523);
		CHECK(strcmp(embed_name(m), "brainy-static-256") == 0);
		CHECK_EQ(strlen(embed_checksum(m)), 32);
		check_golden_texts(m, golden);
		check_golden_pairs(m, golden);
	}
	CHECK(embed_close(m) == NULL);
}

static void test_vectors(void)
{
	_cleanup_free_ char *dir = NULL;
	struct embed_model *m = open_builtin(&dir);
	uint32_t ids[] = { 5, 900, 5, 4000000000u };
	float weights[] = { 1, 1, 1, 7 }, plain[DIMENSIONS], weighted[DIMENSIONS];

	if (!m)
		return;
	embed_vector(m, NULL, 0, NULL, plain);
	for (unsigned d = 0; d < DIMENSIONS; d++)
		CHECK(plain[d] == 0);
	embed_vector(m, ids, 4, NULL, plain);
	embed_vector(m, ids, 4, weights, weighted);
	for (unsigned d = 0; d < DIMENSIONS; d++)
		CHECK(fabsf(plain[d] - weighted[d]) < 1e-6f);
	weights[1] = 0;
	embed_vector(m, ids, 2, weights, weighted);
	embed_vector(m, ids, 1, NULL, plain);
	for (unsigned d = 0; d < DIMENSIONS; d++)
		CHECK(fabsf(plain[d] - weighted[d]) < 1e-6f);
	(void) embed_close(m);
}

/* More rows than int32 sums would bear, each of the largest size. */
static void test_many_rows(void)
{
	int8_t row[64];
	struct embed_model m = { .rows = row, .dimensions = 64, .vocabulary = 1 };
	size_t n = (1u << 24) + 1000000;
	_cleanup_free_ uint32_t *ids = calloc(n, sizeof(*ids));
	float vector[64];

	memset(row, 127, sizeof(row));
	row[1] = -128;
	CHECK(ids != NULL);
	if (!ids)
		return;
	embed_vector(&m, ids, n, NULL, vector);
	CHECK(fabsf(vector[0] - 0.125f) < 1e-3f);
	CHECK(vector[1] < -0.125f);
}

static void test_kernels(void)
{
#if defined(__x86_64__)
	enum { ROWS = 50, WIDTH = 128 };
	int8_t rows[ROWS * WIDTH];
	uint32_t ids[EMBED_BLOCK], seed = 1;
	int32_t plain[WIDTH] = { 0 }, fast[WIDTH] = { 0 };

	if (!__builtin_cpu_supports("avx2"))
		return;
	for (size_t i = 0; i < sizeof(rows); i++) {
		seed = seed * 1664525 + 1013904223;
		rows[i] = (int8_t)(i % WIDTH == 0 ? -128 : i % WIDTH == 1 ? 127 : (int)(seed >> 24) - 128);
	}
	for (unsigned i = 0; i < EMBED_BLOCK; i++)
		ids[i] = i * 7 % ROWS;
	for (size_t n = 0; n <= EMBED_BLOCK; n += 51) {
		embed_sum_plain(rows, WIDTH, ids, n, plain);
		embed_sum_avx2(rows, WIDTH, ids, n, fast);
		CHECK_MEM(fast, sizeof(fast), plain, sizeof(plain));
	}
#endif
}

static void write_file(int dir, const char *name, const void *data, size_t len)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(io_write(fd, data, len), 0);
}

static int open_made(const char *dir, const char *header, size_t rows_len, const char *vocabulary)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf table = BUF_INIT;
	struct embed_model *m = NULL;
	char *why = NULL;
	void *rows;
	int r;

	CHECK_EQ(buf_add_le64(&table, strlen(header)), 0);
	CHECK_EQ(buf_add_str(&table, header), 0);
	CHECK_EQ(buf_extend(&table, rows_len, &rows), 0);
	memset(rows, 1, rows_len);
	write_file(fd, "static256.safetensors", table.data, table.len);
	write_file(fd, "vocab.txt", vocabulary, strlen(vocabulary));
	r = embed_open(dir, &m, &why);
	CHECK((r == -EBADMSG) == (why != NULL));
	free(why);
	(void) embed_close(m);
	(void) unlinkat(fd, "static256.safetensors", 0);
	(void) unlinkat(fd, "vocab.txt", 0);
	return r;
}

#define HEADER(type, shape, place)                                                                           \
	"{\"embeddings\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" place "}}"

static void test_damaged(void)
{
	struct temp_folder temp;
	const char *dir;
	struct embed_model *m;
	char *why = NULL;

	temp_folder_make(&temp);
	dir = temp.path;
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,8]"), 8, "a\n##b\n"), 0);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,8]"), 7, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,9]"), 9, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("F32", "[2,4]", "[0,8]"), 8, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,-4]", "[0,8]"), 8, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[4294967296,4294967296]", "[0,0]"), 8, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[0,4]", "[0,0]"), 8, ""), -EBADMSG);
	CHECK_EQ(open_made(dir, "{}", 8, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, "junk", 8, "a\n##b\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,8]"), 8, "a\na\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,8]"), 8, "a\n\n"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,8]"), 8, "a\nb"), -EBADMSG);
	CHECK_EQ(open_made(dir, HEADER("I8", "[2,4]", "[0,8]"), 8, "a\nb\nc\n"), -EBADMSG);
	CHECK_EQ(embed_open(dir, &m, &why), -EBADMSG);
	free(why);
	CHECK_EQ(rmdir(dir), 0);
	CHECK_EQ(embed_open(dir, &m, &why), -ENOENT);
	temp_folder_remove(&temp);
}

int main(void)
{
	test_golden();
	test_vectors();
	test_many_rows();
	test_kernels();
	test_damaged();
	return check_result();
}
