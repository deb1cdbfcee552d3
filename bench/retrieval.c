/* SPDX-License-Identifier: MIT */
/* Search quality and speed of the index alone, on judged collections (corpus.jsonl, queries.jsonl,
 * qrels.tsv in a folder): retrieval FOLDER [hybrid|text|vector]. nDCG@10 with linear gain, recall@100. The
 * catalog is the one for tests and text is not extracted, so figures are the index's own.
 *
 * For development; the same through the mount is measured elsewhere. */
#include <math.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/json.h"
#include "index/ino_map.h"
#include "tests/unit/index_box.h"

#define DEPTH 100

struct collection {
	json_t *inodes;    /* path -> id */
	json_t *queries;   /* id -> text */
	json_t *grades;    /* query id -> {document id: grade} */
};

static char *read_whole(const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	char *text = NULL;
	size_t cap = 0;
	FILE *f;

	if (asprintf(&path, "%s/%s", folder, name) < 0 || !(f = fopen(path, "r")))
		exit(77);
	if (getdelim(&text, &cap, 0, f) < 0)
		exit(1);
	(void) fclose(f);
	return text;
}

static void load_queries(const char *folder, struct collection *c)
{
	_cleanup_free_ char *queries = read_whole(folder, "queries.jsonl"), *judged = read_whole(folder, "qrels.tsv");
	char *save;

	for (char *line = strtok_r(queries, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		_cleanup_json_ json_t *q = json_loads(line, 0, NULL);

		(void) json_object_set(c->queries, json_string_value(json_object_get(q, "_id")), json_object_get(q, "text"));
	}
	(void) strtok_r(judged, "\n", &save);
	for (char *line = strtok_r(NULL, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char query[64], document[64];
		int grade;

		if (sscanf(line, "%63s %63s %d", query, document, &grade) != 3)
			continue;
		if (!json_object_get(c->grades, query))
			(void) json_object_set_new(c->grades, query, json_object());
		(void) json_object_set_new(json_object_get(c->grades, query), document, json_integer(grade));
	}
}

/* Returns bytes written. */
static size_t write_documents(const char *folder, struct box *b, struct collection *c)
{
	_cleanup_free_ char *corpus = read_whole(folder, "corpus.jsonl");
	size_t bytes = 0;
	char *save;

	for (char *line = strtok_r(corpus, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		_cleanup_json_ json_t *d = json_loads(line, 0, NULL);
		_cleanup_free_ char *text = NULL, *name = NULL;
		const char *id = json_string_value(json_object_get(d, "_id"));
		const char *title = json_string_value(json_object_get(d, "title"));
		int len = asprintf(&text, "%s\n\n%s\n", title ? title : "", json_string_value(json_object_get(d, "text")));

		if (len < 0 || asprintf(&name, "%s.txt", id) < 0)
			exit(1);
		(void) box_file_len(b, ROOT_INO, name, text, (size_t)len);
		(void) json_object_set_new(c->inodes, name, json_string(id));
		bytes += (size_t)len;
	}
	return bytes;
}

static int descending(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

static double ideal_gain(json_t *grades)
{
	int sorted[4096];
	size_t n = 0;
	const char *id;
	json_t *grade;
	double gain = 0;

	json_object_foreach(grades, id, grade)
		if (n < ARRAY_SIZE(sorted))
			sorted[n++] = (int)json_integer_value(grade);
	qsort(sorted, n, sizeof(*sorted), descending);
	for (size_t i = 0; i < n && i < 10; i++)
		gain += sorted[i] / log2((double)i + 2);
	return gain;
}

static void judge(struct collection *c, char *answer, json_t *grades, double *ndcg, double *recall)
{
	double gain = 0, ideal = ideal_gain(grades), found = 0, relevant = 0;
	size_t rank = 0;
	const char *id;
	json_t *grade;
	char *save;

	for (char *path = strtok_r(answer, "\n", &save); path; path = strtok_r(NULL, "\n", &save), rank++) {
		json_int_t g = json_integer_value(
			json_object_get(grades, json_string_value(json_object_get(c->inodes, path))));

		gain += rank < 10 ? (double)g / log2((double)rank + 2) : 0;
		found += g > 0;
	}
	json_object_foreach(grades, id, grade)
		relevant += json_integer_value(grade) > 0;
	*ndcg += ideal > 0 ? gain / ideal : 0;
	*recall += relevant > 0 ? found / relevant : 0;
}

static int ascending(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static char *ask(struct box *b, const char *text, const char *mode, double *ret_ms)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt" };
	struct answer answer = { 0 };
	struct query q = { .text = strdup(text), .limit = DEPTH, .alpha = -1, .format = FORMAT_PATHS, .literal = true };
	uint64_t start = clock_mono_ns();
	char *why = NULL, *out;

	q.mode = strcmp(mode, "text") == 0 ? QUERY_TEXT : strcmp(mode, "vector") == 0 ? QUERY_VECTOR : QUERY_HYBRID;
	CHECK_EQ(index_query(b->index, &q, &scope, &answer, &why), 0);
	*ret_ms = (double)(clock_mono_ns() - start) / 1e6;
	out = strdup(answer.bytes.len ? buf_cstr(&answer.bytes) : "");
	answer_done(&answer);
	query_done(&q);
	return out;
}

static void ask_all(struct box *b, struct collection *c, const char *mode, const char *what)
{
	double ndcg = 0, recall = 0, *ms = calloc(json_object_size(c->grades) + 1, sizeof(*ms));
	size_t n = 0;
	const char *id;
	json_t *grades;

	json_object_foreach(c->grades, id, grades) {
		const char *text = json_string_value(json_object_get(c->queries, id));
		char *answer;

		if (!text || ideal_gain(grades) <= 0)
			continue;
		answer = ask(b, text, mode, &ms[n++]);
		judge(c, answer, grades, &ndcg, &recall);
		free(answer);
	}
	qsort(ms, n, sizeof(*ms), ascending);
	printf("%-7s %-9s nDCG@10 %.4f  recall@100 %.4f  p50 %.2f ms  p95 %.2f ms  (%zu queries)\n", mode, what,
	       ndcg / (double)n, recall / (double)n, ms[n / 2], ms[n * 95 / 100], n);
	free(ms);
}

int main(int argc, char **argv)
{
	struct collection c = { .inodes = json_object(), .queries = json_object(), .grades = json_object() };
	struct box *b;
	struct rusage usage;
	struct index_stats st;
	struct memory_parts memory = { 0 };
	uint64_t held = 0;
	uint64_t start;
	size_t bytes, n;

	if (argc < 2)
		return 77;
	b = box_new();
	box_open_index(b);
	load_queries(argv[1], &c);
	start = clock_mono_ns();
	bytes = write_documents(argv[1], b, &c);
	box_wait(b);
	n = json_object_size(c.inodes);
	printf("%zu documents, %.2f MB, %.0f documents/s\n", n, (double)bytes / 1e6,
	       (double)n / ((double)(clock_mono_ns() - start) / 1e9));
	for (int pass = 0; pass < 3; pass++) {
		static const char *const modes[] = { "text", "vector", "hybrid" };

		for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
			if (argc < 3 || strcmp(argv[2], modes[m]) == 0)
				ask_all(b, &c, modes[m], pass == 0 ? "fresh" : pass == 1 ? "remounted" : "again");
		if (pass == 0)
			box_remount(b);
	}
	index_get_stats(b->index, &st);
	index_add_memory(b->index, &memory);
	for (unsigned i = 0; i < memory.n; i++)
		held += memory.parts[i].bytes;
	(void) getrusage(RUSAGE_SELF, &usage);
	printf("index memory %.1f MB, peak rss %.1f MB, %llu segments, %llu passages\n", (double)held / 1e6,
	       (double)usage.ru_maxrss / 1e3, (unsigned long long)st.segments, (unsigned long long)st.passages);
	box_free(b);
	json_decref(c.inodes);
	json_decref(c.queries);
	json_decref(c.grades);
	return check_result();
}
