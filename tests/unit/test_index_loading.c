/* SPDX-License-Identifier: MIT */
/* Files are made, written, renamed and removed while the index is being loaded: afterwards it knows each as it is.
 * And an index that is stopped while it loads, or asked before it is ready. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "index_box.h"
#include "tests/fakes/plain_extractor.h"

#define FILES 400u
#define ROUNDS 12u

struct file {
	uint64_t ino;     /* 0: there is none */
	unsigned version; /* of its bytes */
};

struct hands {
	struct box *b;
	struct file files[FILES];
	uint64_t dice;
	unsigned changes;
	_Atomic bool stop;
};

static uint64_t dice(struct hands *h, uint64_t below)
{
	h->dice = h->dice * 6364136223846793005ull + 1442695040888963407ull;
	return (h->dice >> 33) % below;
}

static void name_of(unsigned n, char ret_name[32])
{
	(void) snprintf(ret_name, 32, "f%u.txt", n);
}

static void write_one(struct hands *h, unsigned n)
{
	struct file *f = &h->files[n];
	char name[32], text[96];

	f->version++;
	name_of(n, name);
	(void) snprintf(text, sizeof(text), "file%u version%ux%u of the heron\n", n, n, f->version);
	if (f->ino)
		box_write(h->b, f->ino, text, strlen(text));
	else
		f->ino = box_file(h->b, ROOT_INO, name, text);
}

static void remove_one(struct hands *h, unsigned n)
{
	char name[32];

	name_of(n, name);
	if (h->files[n].ino)
		box_unlink(h->b, ROOT_INO, name);
	h->files[n].ino = 0;
}

static void change_something(struct hands *h)
{
	unsigned n = (unsigned)dice(h, FILES);

	if (dice(h, 4) == 0)
		remove_one(h, n);
	else
		write_one(h, n);
	h->changes++;
}

static void *change_things(void *context)
{
	struct hands *h = context;

	while (!atomic_load(&h->stop)) {
		change_something(h);
	}
	return NULL;
}

static void check_word(struct hands *h, const char *word, unsigned n)
{
	char name[32], query[96], want[40] = "", *got;

	name_of(n, name);
	if (h->files[n].ino)
		(void) snprintf(want, sizeof(want), "%s\n", name);
	(void) snprintf(query, sizeof(query), "format=paths&mode=text&q=%s", word);
	got = box_ask_in(h->b, ROOT_INO, query);
	if (strcmp(got, want) != 0) {
		fprintf(stderr, "%s gives '%s', not '%s'\n", word, got, want);
		check_failures++;
	}
	free(got);
}

static void check_one(struct hands *h, unsigned n)
{
	char word[64];

	(void) snprintf(word, sizeof(word), "file%u", n);
	check_word(h, word, n);
	(void) snprintf(word, sizeof(word), "version%ux%u", n, h->files[n].version);
	check_word(h, word, n);
}

static void check_all(struct hands *h)
{
	struct index_stats st;
	unsigned there = 0;

	box_wait(h->b);
	for (unsigned n = 0; n < FILES; n++) {
		check_one(h, n);
		there += h->files[n].ino != 0;
	}
	index_get_stats(h->b->index, &st);
	CHECK_EQ(st.indexed, there);
	CHECK_EQ(st.pending, 0);
}

static void test_changes_meanwhile(void)
{
	struct hands *h = calloc(1, sizeof(*h));
	pthread_t thread;

	h->b = box_new();
	h->dice = clock_mono_ns();
	printf("seed %llu\n", (unsigned long long)h->dice);
	h->b->config.load_later = true;
	box_open_index(h->b);
	for (unsigned n = 0; n < FILES; n += 2)
		write_one(h, n);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round % 3)
			box_wait(h->b);
		box_close_index(h->b, round % 2);
		atomic_store(&h->stop, false);
		/* The mount, too, is not written to before the index is there to hear of it. */
		box_open_index_unstarted(h->b);
		CHECK_EQ(thread_start(&thread, "hands", change_things, h), 0);
		CHECK_EQ(index_start(h->b->index), 0);
		while (index_is_loading(h->b->index))
			(void) usleep(100);
		(void) usleep(2000);
		atomic_store(&h->stop, true);
		(void) pthread_join(thread, NULL);
		check_all(h);
	}
	printf("%u changes\n", h->changes);
	box_free(h->b);
	free(h);
}

/* Nothing is answered, and what waits is more than nothing. */
static void test_not_ready(void)
{
	struct box *b = box_new();
	struct query q = { 0 };
	struct query_scope scope = { .top = ROOT_INO };
	struct answer answer = { 0 };
	struct index_stats st;
	char *why = NULL;

	b->config.load_later = true;
	box_open_index_unstarted(b);
	(void) box_file(b, ROOT_INO, "a.txt", "herons");
	CHECK(index_is_loading(b->index));
	CHECK_EQ(index_pending(b->index), 2);
	CHECK_EQ(index_wait(b->index, 10), -ETIMEDOUT);
	index_get_stats(b->index, &st);
	CHECK(st.loading && st.pending == 2 && st.indexed == 0);
	CHECK_EQ(query_parse_name("q=herons", &q, &why), 0);
	CHECK_EQ(index_query(b->index, &q, &scope, &answer, &why), -EAGAIN);
	query_done(&q);
	CHECK_EQ(index_start(b->index), 0);
	box_wait(b);
	CHECK_ASK(b, "q=herons", "a.txt");
	box_close_index(b, true);
	box_open_index_unstarted(b);
	box_close_index(b, true); /* never started */
	box_open_index(b);
	box_close_index(b, true); /* perhaps while it loads */
	b->index = NULL;
	box_free(b);
}

int main(void)
{
	test_not_ready();
	test_changes_meanwhile();
	return check_result();
}
