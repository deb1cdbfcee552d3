/* SPDX-License-Identifier: MIT */
/* Rules of indexing that change while there are documents: in a mount, between two, and when the server is
 * killed at some point between. */
#include <pthread.h>

#include "tests/fakes/plain_extractor.h"
#include "tests/unit/index_box.h"

static void set(struct box *b, const struct index_settings *settings)
{
	char *why = NULL;

	b->config.settings = *settings;
	CHECK_EQ(index_set(b->index, settings, &why), 0);
	free(why);
}

static void set_exclude(struct box *b, const char *exclude)
{
	set(b, &(struct index_settings){ .exclude = exclude });
}

static void test_exclude(void)
{
	struct box *b = box_new();
	uint64_t log, note, object, folder;
	unsigned runs;

	box_open_index(b);
	folder = box_folder(b, ROOT_INO, "build");
	log = box_file(b, ROOT_INO, "a.log", "kestrel log\n");
	note = box_file(b, ROOT_INO, "a.txt", "kestrel note\n");
	object = box_file(b, folder, "a.o", "kestrel object\n");
	box_wait(b);
	CHECK_ASK(b, "q=kestrel&mode=text&sort=name", "a.log a.txt");
	CHECK_ATTRIBUTE(b, object, "state", "skipped:excluded");

	runs = plain_extractor_runs();
	set_exclude(b, "*.log");
	box_wait(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_ASK(b, "q=kestrel&mode=text&sort=name", "build/a.o a.txt");
	CHECK_ATTRIBUTE(b, log, "state", "skipped:excluded");
	CHECK_ATTRIBUTE(b, note, "state", "indexed");
	CHECK_ATTRIBUTE(b, object, "state", "indexed");
	CHECK_EQ(plain_extractor_runs() - runs, 1); /* what had its place is not read again */

	set_exclude(b, "build/\t*.log\n *.none");
	box_wait(b);
	CHECK_ASK(b, "q=kestrel&mode=text", "a.txt");
	set_exclude(b, "");
	box_wait(b);
	CHECK_ASK(b, "q=kestrel&mode=text&sort=name", "a.log build/a.o a.txt");
	box_remount(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_EQ(queue_count(b->catalog), 0);
	CHECK_ATTRIBUTE(b, object, "state", "indexed");
	box_free(b);
}

/* The configuration was changed while the volume was not mounted. */
static void test_between_mounts(void)
{
	struct box *b = box_new();
	unsigned runs;

	b->config.settings.exclude = "*.log";
	box_open_index(b);
	(void) box_file(b, ROOT_INO, "a.log", "kestrel log\n");
	(void) box_file(b, ROOT_INO, "a.txt", "kestrel note\n");
	box_wait(b);
	runs = plain_extractor_runs();
	box_remount(b);
	CHECK_EQ(index_pending(b->index), 0);
	box_close_index(b, true);
	b->config.settings.exclude = "*.txt";
	box_open_index(b);
	box_wait(b);
	CHECK_ASK(b, "q=kestrel&mode=text", "a.log");
	CHECK_EQ(plain_extractor_runs() - runs, 1);
	box_remount(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_ASK(b, "q=kestrel&mode=text", "a.log");
	box_free(b);
}

/* Killed at some point after a change; after that the change stands, or was taken back. */
static void kill_after_change(unsigned delay_us, bool taken_back)
{
	struct box *b = box_new();
	char name[32];

	box_open_index(b);
	for (unsigned n = 0; n < 600; n++) {
		(void) snprintf(name, sizeof(name), "f%u.%s", n, n % 2 ? "log" : "txt");
		(void) box_file(b, ROOT_INO, name, "heron\n");
	}
	box_wait(b);
	box_remount(b);
	set_exclude(b, "*.log");
	(void) usleep(delay_us);
	box_close_index(b, false);
	if (taken_back)
		b->config.settings.exclude = NULL;
	box_open_index(b);
	box_wait(b);
	for (unsigned n = 0; n < 600; n++) {
		struct inode i;

		(void) snprintf(name, sizeof(name), "f%u.%s", n, n % 2 ? "log" : "txt");
		CHECK_EQ(tree_walk(b->catalog, ROOT_INO, name, &i), 0);
		CHECK_ATTRIBUTE(b, i.ino, "state", n % 2 && !taken_back ? "skipped:excluded" : "indexed");
	}
	box_free(b);
}

static void test_kills(void)
{
	static const unsigned delays_us[] = { 0, 300, 3000, 20000, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(delays_us); i++) {
		kill_after_change(delays_us[i], false);
		kill_after_change(delays_us[i], true);
	}
}

/* ---- a change in the middle of the walk that follows from another */

#define WALK_FILES 600u /* more than one step of the walk looks at */

struct second_change {
	struct box *b;
	unsigned first_step; /* files that the first step of the walk queued; 0: it has not come yet */
};

static unsigned count_events(const struct catalog_event *events, size_t n, uint32_t what)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += (events[i].what & what) != 0;
	return count;
}

/* The worker comes here from its walk, between one step and the next. */
static void change_after_step(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	struct second_change *s = context;

	box_committed(s->b, lsn, events, n);
	if (s->first_step || !(s->first_step = count_events(events, n, EVENT_RULES)))
		return;
	set_exclude(s->b, "*.txt");
}

/* The same key changes twice, so that the doubt which the second change raises is there already. */
static void test_change_in_walk(void)
{
	struct box *b = box_new();
	struct second_change second = { .b = b };
	struct catalog_config callbacks = { .committed = change_after_step, .context = &second };
	uint64_t files[WALK_FILES];
	char name[32];

	catalog_set_callbacks(b->catalog, &callbacks);
	box_open_index(b);
	for (unsigned n = 0; n < WALK_FILES; n++) {
		(void) snprintf(name, sizeof(name), "f%u.%s", n, n % 2 ? "log" : "txt");
		files[n] = box_file(b, ROOT_INO, name, "heron\n");
	}
	box_wait(b);
	set_exclude(b, "*.log");
	box_wait(b);
	CHECK(second.first_step > 0 && second.first_step < WALK_FILES / 2);
	for (unsigned n = 0; n < WALK_FILES; n++)
		CHECK_ATTRIBUTE(b, files[n], "state", n % 2 ? "indexed" : "skipped:excluded");
	box_remount(b);
	CHECK_EQ(index_pending(b->index), 0);
	box_free(b);
}

/* ---- folders that get another name */

static void check_state(struct box *b, const char *dir, unsigned n_files, const char *want)
{
	char path[64];

	for (unsigned n = 0; n < n_files; n++) {
		struct inode i;

		(void) snprintf(path, sizeof(path), "%s/%u/f%u.txt", dir, n % 3, n);
		CHECK_EQ(tree_walk(b->catalog, ROOT_INO, path, &i), 0);
		CHECK_ATTRIBUTE(b, i.ino, "state", want);
	}
}

/* A folder with files in three folders below. */
static void make_project(struct box *b, const char *name, unsigned n_files)
{
	uint64_t top = box_folder(b, ROOT_INO, name), below[3];
	char text[32];

	for (unsigned n = 0; n < ARRAY_SIZE(below); n++) {
		(void) snprintf(text, sizeof(text), "%u", n);
		below[n] = box_folder(b, top, text);
	}
	for (unsigned n = 0; n < n_files; n++) {
		(void) snprintf(text, sizeof(text), "f%u.txt", n);
		(void) box_file(b, below[n % 3], text, "heron\n");
	}
}

static void test_renamed_folder(void)
{
	struct box *b = box_new();
	unsigned runs;

	box_open_index(b);
	make_project(b, "project", WALK_FILES);
	box_wait(b);
	runs = plain_extractor_runs();
	box_rename(b, ROOT_INO, "project", ROOT_INO, "plan");
	box_wait(b);
	check_state(b, "plan", WALK_FILES, "indexed");
	CHECK_EQ(plain_extractor_runs() - runs, 0);
	box_rename(b, ROOT_INO, "plan", ROOT_INO, "node_modules");
	box_wait(b);
	check_state(b, "node_modules", WALK_FILES, "skipped:excluded");
	CHECK_ASK(b, "q=heron&mode=text", "");
	CHECK_EQ(plain_extractor_runs() - runs, 0);
	box_rename(b, ROOT_INO, "node_modules", box_folder(b, ROOT_INO, "src"), "modules");
	box_wait(b);
	check_state(b, "src/modules", WALK_FILES, "indexed");
	CHECK_EQ(plain_extractor_runs() - runs, WALK_FILES);
	box_remount(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_EQ(queue_count(b->catalog), 0);
	box_free(b);
}

/* Stopped before the walk, or at some point of it; and one renaming after another. */
static void stop_after_renaming(unsigned delay_us)
{
	struct box *b = box_new();

	box_open_index(b);
	make_project(b, "project", WALK_FILES);
	box_wait(b);
	box_rename(b, ROOT_INO, "project", ROOT_INO, "node_modules");
	(void) usleep(delay_us);
	box_close_index(b, false);
	box_open_index(b);
	box_wait(b);
	check_state(b, "node_modules", WALK_FILES, "skipped:excluded");
	box_close_index(b, true);
	box_rename(b, ROOT_INO, "node_modules", ROOT_INO, "project");
	box_open_index(b);
	(void) usleep(delay_us);
	box_rename(b, ROOT_INO, "project", ROOT_INO, "__pycache__");
	box_rename(b, ROOT_INO, "__pycache__", ROOT_INO, "project");
	box_wait(b);
	check_state(b, "project", WALK_FILES, "indexed");
	box_remount(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_EQ(queue_count(b->catalog), 0);
	box_free(b);
}

static void test_renamed_and_stopped(void)
{
	static const unsigned delays_us[] = { 0, 300, 3000, 20000 };

	for (size_t i = 0; i < ARRAY_SIZE(delays_us); i++)
		stop_after_renaming(delays_us[i]);
}

static void test_size(void)
{
	struct box *b = box_new();
	uint64_t ino;

	b->config.settings.max_file = 10;
	box_open_index(b);
	ino = box_file(b, ROOT_INO, "a.txt", "the first and the last stork\n");
	box_wait(b);
	CHECK_ATTRIBUTE(b, ino, "state", "partial:size");
	set(b, &(struct index_settings){ .max_file = 23 });
	box_wait(b);
	CHECK_ATTRIBUTE(b, ino, "state", "partial:size");
	CHECK_ASK(b, "q=last&mode=text", "a.txt");
	CHECK_ASK(b, "q=stork&mode=text", "");
	set(b, &(struct index_settings){ .max_file = 2000 });
	box_wait(b);
	CHECK_ATTRIBUTE(b, ino, "state", "indexed");
	CHECK_ASK(b, "q=stork&mode=text", "a.txt");
	/* What is known already is kept. */
	set(b, &(struct index_settings){ .max_file = 10 });
	box_wait(b);
	CHECK_ASK(b, "q=stork&mode=text", "a.txt");
	box_free(b);
}

static void test_languages(void)
{
	static const char french[] = "Les chevaux sont dans la rue et ils ne veulent pas que le maire les voie avec nous.\n";
	struct box *b = box_new();
	char *why = NULL;
	uint64_t ino;

	box_open_index(b);
	ino = box_file(b, ROOT_INO, "a.txt", french);
	(void) box_file(b, ROOT_INO, "b.txt", "The houses of the town are old and they are not new.\n");
	box_wait(b);
	CHECK_ASK(b, "q=cheval&mode=text", "");
	CHECK_EQ(index_set(b->index, &(struct index_settings){ .languages = "french klingon" }, &why), -EINVAL);
	CHECK(why && strstr(why, "klingon"));
	free(why);
	CHECK_EQ(index_pending(b->index), 0);
	set(b, &(struct index_settings){ .languages = "french" });
	box_wait(b);
	CHECK_ATTRIBUTE(b, ino, "lang", "fr");
	CHECK_ASK(b, "q=cheval&mode=text", "a.txt");
	CHECK_ASK(b, "q=house&mode=text", "b.txt");
	set(b, &(struct index_settings){ 0 });
	box_wait(b);
	CHECK_ASK(b, "q=cheval&mode=text", "");
	CHECK_ASK(b, "q=chevaux&mode=text", "a.txt");
	box_free(b);
}

/* ---- changes while others write and ask */

struct others {
	struct box *b;
	bool stop;
};

static void *ask(void *context)
{
	struct others *o = context;

	while (!__atomic_load_n(&o->stop, __ATOMIC_RELAXED)) {
		char *answer = box_ask_in(o->b, ROOT_INO, "format=jsonl&q=the kestrel&limit=5");

		free(answer);
	}
	return NULL;
}

static void test_meanwhile(void)
{
	static const struct index_settings all[] = {
		{ .exclude = "*.log" }, { .languages = "french" }, { .max_file = 5 }, { .exclude = "*.txt" }, { 0 },
	};
	struct box *b = box_new();
	struct others o = { .b = b };
	pthread_t asker;
	char name[32];

	box_open_index(b);
	CHECK_EQ(pthread_create(&asker, NULL, ask, &o), 0);
	for (unsigned n = 0; n < 100; n++) {
		(void) snprintf(name, sizeof(name), "f%u.%s", n, n % 2 ? "log" : "txt");
		(void) box_file(b, ROOT_INO, name, "the kestrel and the heron\n");
		if (n % 10 == 9)
			set(b, &all[n / 10 % ARRAY_SIZE(all)]);
	}
	box_wait(b);
	__atomic_store_n(&o.stop, true, __ATOMIC_RELAXED);
	(void) pthread_join(asker, NULL);
	for (unsigned n = 0; n < 100; n++) {
		struct inode i;

		(void) snprintf(name, sizeof(name), "f%u.%s", n, n % 2 ? "log" : "txt");
		CHECK_EQ(tree_walk(b->catalog, ROOT_INO, name, &i), 0);
		CHECK_ATTRIBUTE(b, i.ino, "state", "indexed");
	}
	box_free(b);
}

int main(void)
{
	test_exclude();
	test_between_mounts();
	test_kills();
	test_change_in_walk();
	test_renamed_folder();
	test_renamed_and_stopped();
	test_size();
	test_languages();
	test_meanwhile();
	return check_result();
}
