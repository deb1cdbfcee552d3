/* SPDX-License-Identifier: MIT */
/* What an index has after it was stopped, went without saving, or found its files damaged or older. A
 * process that is killed is in test_index_kill.c. */
#include <dirent.h>

#include "index_box.h"
#include "tests/fakes/plain_extractor.h"

static size_t count_segment_files(struct box *b, char *ret_name)
{
	char folder[96];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	(void) snprintf(folder, sizeof(folder), "%s/index", b->temp.path);
	dir = opendir(folder);
	while (dir && (e = readdir(dir)))
		if (strstr(e->d_name, ".idx")) {
			n++;
			if (ret_name)
				(void) snprintf(ret_name, 200, "%s/%.60s", folder, e->d_name);
		}
	if (dir)
		(void) closedir(dir);
	return n;
}

static void check_hundred(struct box *b)
{
	struct index_stats st;

	index_get_stats(b->index, &st);
	CHECK_EQ(st.indexed, 100);
	CHECK_EQ(st.pending, 0);
	CHECK_ASK(b, "q=word17&mode=text", "f17.txt");
	CHECK_ASK(b, "q=\"number 99 is\"", "f99.txt");
}

static void write_hundred(struct box *b)
{
	for (int n = 0; n < 100; n++) {
		char name[32], text[128];

		(void) snprintf(name, sizeof(name), "f%d.txt", n);
		(void) snprintf(text, sizeof(text), "The number %d is word%d of the heron.\n", n, n);
		(void) box_file(b, ROOT_INO, name, text);
	}
}

static void test_stops(void)
{
	struct box *b = box_new();
	unsigned runs;

	box_open_index(b);
	write_hundred(b);
	box_wait(b);
	check_hundred(b);
	runs = plain_extractor_runs();
	box_remount(b);
	check_hundred(b);
	CHECK_EQ(queue_count(b->catalog), 0);
	CHECK_EQ(plain_extractor_runs(), runs);
	(void) box_file(b, ROOT_INO, "late.txt", "late heron\n");
	box_wait(b);
	box_close_index(b, false);
	box_open_index(b);
	box_wait(b);
	CHECK_ASK(b, "q=late&mode=text", "late.txt");
	CHECK_EQ(plain_extractor_runs() > runs, 1);
	/* Changed while nobody listened: the queue knows. */
	box_close_index(b, true);
	box_unlink(b, ROOT_INO, "late.txt");
	box_unlink(b, ROOT_INO, "f17.txt");
	(void) box_file(b, ROOT_INO, "f17.txt", "The number 17 is word17 again.\n");
	box_open_index(b);
	box_wait(b);
	check_hundred(b);
	box_free(b);
}

/* The documents could not be written anywhere: their places in the queue are all that is left. */
static void test_unsealed(void)
{
	struct box *b = box_new();

	box_open_index(b);
	CHECK_EQ(unlinkat(b->temp.dirfd, "index", AT_REMOVEDIR), 0); /* no segment can be made */
	(void) box_file(b, ROOT_INO, "late.txt", "late heron\n");
	box_wait(b);
	CHECK_ASK(b, "q=late&mode=text", "late.txt");
	CHECK_EQ(queue_count(b->catalog), 1);
	box_close_index(b, false);
	CHECK_EQ(queue_count(b->catalog), 1);
	box_open_index(b);
	box_wait(b);
	CHECK_ASK(b, "q=late&mode=text", "late.txt");
	box_remount(b);
	CHECK_EQ(queue_count(b->catalog), 0);
	CHECK_ASK(b, "q=late&mode=text", "late.txt");
	box_free(b);
}

static void alter(const char *path, size_t at_percent, bool cut)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;
	off_t at;

	CHECK_EQ(fstat(fd, &st), 0);
	at = st.st_size * (off_t)at_percent / 100;
	if (at >= st.st_size)
		at = st.st_size - 1;
	CHECK_EQ(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	if (cut)
		CHECK_EQ(ftruncate(fd, at), 0);
	else
		CHECK_EQ(pwrite(fd, &byte, 1, at), 1);
	(void) close(fd);
}

static unsigned problems;

static void count_problem(void *context, const char *text)
{
	problems++;
}

/* Wherever a segment file is altered: fsck says so, and a query has the file or owns up to what waits. */
static void test_damage(void)
{
	for (unsigned place = 0; place <= 20; place++) {
		struct box *b = box_new();
		char name[200];

		box_open_index(b);
		write_hundred(b);
		box_wait(b);
		box_close_index(b, true);
		CHECK_EQ(count_segment_files(b, name), 1);
		if (place < 20)
			alter(name, place * 5, place % 7 == 6);
		else
			CHECK_EQ(unlink(name), 0);
		problems = 0;
		b->config.read_only = true;
		box_open_index(b);
		CHECK(index_verify(b->index, count_problem, NULL) == 1);
		CHECK_EQ(problems, 1);
		box_close_index(b, false);
		b->config.read_only = false;
		box_open_index(b);
		for (int round = 0; round < 3; round++) {
			char *got = box_ask_in(b, ROOT_INO, "q=word17&format=json");

			CHECK(strstr(got, "f17.txt") || !strstr(got, "\"pending\":0"));
			free(got);
			box_wait(b);
		}
		check_hundred(b);
		box_free(b);
	}
}

/* An older copy under the registered name does not open. */
static void test_older_copy(void)
{
	struct box *b = box_new();
	char name[200], kept[200], command[500];

	box_open_index(b);
	write_hundred(b);
	box_wait(b);
	box_close_index(b, true);
	CHECK_EQ(count_segment_files(b, name), 1);
	(void) snprintf(kept, sizeof(kept), "%s/kept", b->temp.path);
	(void) snprintf(command, sizeof(command), "cp %s %s", name, kept);
	CHECK_EQ(system(command), 0);
	box_open_index(b);
	for (int n = 0; n < 100; n++) {
		char file[32];

		(void) snprintf(file, sizeof(file), "f%d.txt", n);
		box_unlink(b, ROOT_INO, file);
	}
	(void) box_file(b, ROOT_INO, "only.txt", "only\n");
	box_wait(b);
	box_close_index(b, true);
	box_open_index(b);
	(void) usleep(1200000); /* for the sealer to drop the empty one */
	box_close_index(b, true);
	CHECK_EQ(count_segment_files(b, name), 1);
	CHECK_EQ(rename(kept, name), 0);
	box_open_index(b);
	box_wait(b);
	CHECK_ASK(b, "q=only&mode=text", "only.txt");
	CHECK_ASK(b, "q=word17&mode=text", "");
	box_free(b);
}

int main(void)
{
	test_stops();
	test_unsealed();
	test_damage();
	test_older_copy();
	return check_result();
}
