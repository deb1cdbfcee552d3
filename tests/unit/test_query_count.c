/* SPDX-License-Identifier: MIT */
/* count? against counting by hand: random files with tags, fields, times and places, some of which others may
 * not see. */
#include "query_box.h"

#include "base/zone.h"
#include "tests/fakes/plain_extractor.h"

#define FILES 120u
#define FOLDERS 4u
#define KINDS 8u

static const char *const tags[] = { "sea", "sea/ice", "sea/ice/thin", "hill", "town" };
static const char *const authors[] = { "Ann", "ann", "Bob", "Cem \xc3\xa7" };
static const char *const endings[] = { "txt", "md", "bin" };
static const char *const verbs[KINDS] = { "tag", "author", "rating", "month", "year", "day", "type", "tier" };
static const char *const types[] = { "text/plain", "text/markdown", "application/octet-stream" };

struct file {
	uint64_t ino;
	unsigned folder, ending, author;
	unsigned found_author;   /* ARRAY_SIZE(authors): none, as of `author` */
	unsigned tags;           /* bits */
	int rating, desk_rating; /* 0: none */
	int64_t mtime;
	bool closed;
};

static struct file files[FILES];
static bool folder_closed[FOLDERS + 1];

static void make_file(struct box *b, const uint64_t *folders, unsigned k)
{
	struct file *f = &files[k];
	char name[40], text[200];
	size_t n;

	*f = (struct file){ .folder = (unsigned)rand() % (FOLDERS + 1),
			    .ending = (unsigned)rand() % 3,
			    .author = (unsigned)rand() % 6,
			    .found_author = (unsigned)rand() % 8,
			    .closed = rand() % 4 == 0,
			    .tags = (unsigned)rand() % 4 ? (unsigned)rand() % 32 : 0,
			    .rating = rand() % 4 ? 0 : rand() % 3 + 1,
			    .desk_rating = rand() % 3 ? 0 : rand() % 3 + 1,
			    .mtime = 900000000 + rand() % 200000000 };
	(void) snprintf(name, sizeof(name), "%c%u.%s", 'a' + (char)(k % 3), k, endings[f->ending]);
	n = (size_t)snprintf(text, sizeof(text), "word%u and more\n", k % 5);
	if (f->ending == 1 && f->found_author < ARRAY_SIZE(authors))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "@field author %s\n",
				      authors[f->found_author]);
	else
		f->found_author = ARRAY_SIZE(authors);
	f->ino = box_file_len(b, folders[f->folder], name, text, n);
	text[0] = 0;
	for (unsigned t = 0; t < ARRAY_SIZE(tags); t++)
		if (f->tags & 1u << t)
			(void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s,", tags[t]);
	if (*text)
		box_xattr(b, f->ino, "user.xdg.tags", text);
	if (f->author < ARRAY_SIZE(authors))
		box_xattr(b, f->ino, "user.author", authors[f->author]);
	(void) snprintf(text, sizeof(text), "%d", f->rating);
	if (f->rating)
		box_xattr(b, f->ino, "user.rating", text);
	(void) snprintf(text, sizeof(text), "%d", f->desk_rating);
	if (f->desk_rating)
		box_xattr(b, f->ino, "user.baloo.rating", text);
	box_mtime(b, f->ino, f->mtime);
	if (f->closed)
		box_chmod(b, f->ino, 0600);
}

/* ---- by hand */

static bool has_tag(const struct file *f, const char *name)
{
	size_t len = strlen(name);

	for (unsigned t = 0; t < ARRAY_SIZE(tags); t++)
		if (f->tags & 1u << t && strncmp(tags[t], name, len) == 0 &&
		    (!tags[t][len] || tags[t][len] == '/'))
			return true;
	return false;
}

static bool has_author(const struct file *f, const char *name)
{
	return (f->author < ARRAY_SIZE(authors) && strcmp(authors[f->author], name) == 0) ||
	       (f->found_author < ARRAY_SIZE(authors) && strcmp(authors[f->found_author], name) == 0);
}

static bool has_time(const struct file *f, const char *name)
{
	char text[16];
	time_t at = f->mtime;
	struct tm tm;

	(void) strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&at, &tm));
	return strncmp(text, name, strlen(name)) == 0;
}

static bool has_group(const struct file *f, unsigned kind, const char *name)
{
	switch (kind) {
	case 0:
		return has_tag(f, name);
	case 1:
		return has_author(f, name);
	case 2:
		return f->rating == atoi(name) || f->desk_rating == atoi(name);
	case 6:
		return strcmp(types[f->ending], name) == 0;
	case 7:
		return strcmp("hot", name) == 0;
	default:
		return has_time(f, name);
	}
}

static bool all_pass(const struct file *f)
{
	return true;
}
static bool has_sea(const struct file *f)
{
	return has_tag(f, "sea");
}
static bool is_ann(const struct file *f)
{
	return (has_author(f, "Ann") || has_author(f, "ann")) && f->ending == 1;
}
static bool is_rated(const struct file *f)
{
	return f->rating >= 2 || f->desk_rating >= 2;
}
static bool is_not_hill(const struct file *f)
{
	return !has_tag(f, "hill") && f->folder != 1;
}
static bool has_word(const struct file *f)
{
	return (size_t)(f - files) % 5 == 2 && f->ending != 2;
}

static unsigned count_by_hand(unsigned kind, const char *name, bool (*passes)(const struct file *f),
			      bool other)
{
	unsigned n = 0;

	for (unsigned k = 0; k < FILES; k++)
		n += (!other || (!files[k].closed && !folder_closed[files[k].folder])) && passes(&files[k]) &&
		     (!name || has_group(&files[k], kind, name));
	return n;
}

/* ---- compared */

static unsigned total_of(const char *json)
{
	static const char before[] = "\"total\":";
	size_t at = 0;

	while (json[at] && strncmp(json + at, before, strlen(before)) != 0)
		at++;
	return json[at] ? (unsigned)atoi(json + at + strlen(before)) : ~0u;
}

/* Each group is right; together with their names being different that leaves those that are missing, which
 * the sum of all groups that there could be tells. */
static void check_counts(struct box *b, unsigned kind, const char *q, bool (*passes)(const struct file *f),
			 bool other)
{
	struct identity who = { 0 };
	char name[200], *got, *all, *rest;
	unsigned sum = 0, wanted = 0;

	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	(void) snprintf(name, sizeof(name), "count?by=%s%s%s", verbs[kind], *q ? "&q=" : "", q);
	got = rest = box_query_as(b, ROOT_INO, other ? &who : NULL, name);
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		char *group = strchr(line, '\t');

		CHECK(group);
		CHECK_EQ(atoi(line), count_by_hand(kind, group ? group + 1 : "", passes, other));
		sum += (unsigned)atoi(line);
	}
	for (unsigned k = 0; kind == 0 && k < ARRAY_SIZE(tags); k++)
		wanted += count_by_hand(kind, tags[k], passes, other);
	for (unsigned k = 0; kind == 1 && k < ARRAY_SIZE(authors); k++)
		wanted += count_by_hand(kind, authors[k], passes, other);
	for (unsigned k = 1; kind == 2 && k <= 3; k++)
		wanted += count_by_hand(kind, (char[]){ (char)('0' + k), 0 }, passes, other);
	CHECK_EQ(sum, kind > 2 ? count_by_hand(kind, NULL, passes, other) : wanted);
	(void) snprintf(name, sizeof(name), "count?by=%s&format=json%s%s", verbs[kind], *q ? "&q=" : "", q);
	all = box_query_as(b, ROOT_INO, other ? &who : NULL, name);
	CHECK_EQ(total_of(all), count_by_hand(kind, NULL, passes, other));
	free(all);
	free(got);
	identity_done(&who);
}

static void check_all(struct box *b)
{
	static const struct {
		const char *q;
		bool (*passes)(const struct file *f);
	} queries[] = {
		{ "", all_pass },
		{ "tag:sea", has_sea },
		{ "author:ann type:md", is_ann },
		{ "rating:>1", is_rated },
		{ "-tag:hill -path:d1", is_not_hill },
		{ "word2", has_word },
		{ "\"word2 and\"", has_word },
	};

	for (size_t k = 0; k < ARRAY_SIZE(queries); k++)
		for (unsigned kind = 0; kind < KINDS; kind++)
			for (int other = 0; other < 2; other++)
				check_counts(b, kind, queries[k].q, queries[k].passes, other);
}

/* Where days begin within a quarter of an hour, and at the end of all times: every file counts once. */
static void check_odd_times(void)
{
	static const int64_t times[] = { 0, 86400 - 67 * 60 - 1, 86400 - 67 * 60, 86400 - 67 * 60 + 599, 1ll << 60 };
	struct box *b = box_new();
	char name[8];

	zone_set(false, 67 * 60);
	box_open_index(b);
	for (size_t k = 0; k < ARRAY_SIZE(times); k++) {
		(void) snprintf(name, sizeof(name), "f%zu", k);
		box_mtime(b, box_file(b, ROOT_INO, name, "text\n"), times[k]);
	}
	box_wait(b);
	CHECK_QUERY(b, "count?by=day", "3\t1970-01-01 1\t1970-01-02 1\t31359892-10-23");
	CHECK_QUERY(b, "count?by=day&q=-path:none", "3\t1970-01-01 1\t1970-01-02 1\t31359892-10-23");
	box_free(b);
	zone_set(false, 0);
}

int main(void)
{
	struct box *b = box_new();
	uint64_t folders[FOLDERS + 1] = { ROOT_INO };

	srand(11);
	box_open_index(b);
	for (unsigned k = 1; k <= FOLDERS; k++) {
		folders[k] = box_folder(b, ROOT_INO, (char[]){ 'd', (char)('0' + k), 0 });
		folder_closed[k] = k == 3;
	}
	box_chmod(b, folders[3], 0700);
	for (unsigned k = 0; k < FILES; k++)
		make_file(b, folders, k);
	box_wait(b);
	check_all(b);
	box_remount(b);
	check_all(b);
	CHECK_OTHER(b, "count?by=\xff&q=tag:none&format=json",
		    "{\"by\":\"\xef\xbf\xbd\",\"total\":0,\"pending\":0,\"counts\":[]}");
	REFUSE_QUERY(b, "count?by=", "by=");
	REFUSE_QUERY(b, "count?q=a", "counted by what");
	REFUSE_QUERY(b, "count?by=tag&format=md", "tsv, json or jsonl");
	box_free(b);
	check_odd_times();
	return check_result();
}
