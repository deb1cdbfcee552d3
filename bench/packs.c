/* SPDX-License-Identifier: MIT */
/* packs TEXT FOLDER [packing]: packs a large text file, cut into frames of several sizes, and the files of a folder, without and
 * with a dictionary, into memory files, and reads frames back. One `name<TAB>value` a line: speeds in MB/s of plain
 * bytes and processor time of one thread, so that other work on the machine disturbs them little; latencies by the
 * clock. `packing`: only how fast frames of the size in use, and files with a dictionary, are packed. */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "crypto/keyring.h"
#include "tiers/pack/pack_dictionary.h"
#include "tiers/pack/pack_reader.h"
#include "tiers/pack/pack_writer.h"

#define TEXT_MAX  (256u << 20)
#define FILES_MAX 200000u
#define READS     2000u

struct small_file {
	struct pack_inode inode;
	char *name;
	size_t from, len; /* in small_bytes */
};

static struct keyring *keys;
static struct pack_opener *opener;
static struct buf text, small_bytes;
static struct small_file *files;
static size_t n_files;

static double cpu_seconds(void)
{
	return (double)clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e9;
}

static void say(const char *name, double value)
{
	printf("%s\t%.4g\n", name, value);
	fflush(stdout);
}

static void must(int r, const char *what)
{
	if (r < 0)
		errx(1, "%s: %s", what, strerror(-r));
}

/* ---- what is packed */

static void read_text(const char *path)
{
	must(io_read_file_at(AT_FDCWD, path, TEXT_MAX, &text), path);
}

static void read_small(int dirfd, const char *name)
{
	struct small_file *f = &files[n_files];
	struct stat st;

	if (n_files == FILES_MAX || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size == 0 || st.st_size > PACK_FRAME_MAX)
		return;
	f->from = small_bytes.len;
	must(io_read_file_at(dirfd, name, TEXT_MAX, &small_bytes), name);
	f->len = small_bytes.len - f->from;
	f->name = strdup(name);
	f->inode = (struct pack_inode){
		.ino = st.st_ino,
		.mode = st.st_mode,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.size = f->len,
		.atime = st.st_atim,
		.mtime = st.st_mtim,
		.ctime = st.st_ctim,
		.btime = st.st_ctim,
		.content_lsn = 1000 + 3 * n_files,
	};
	n_files++;
}

static void read_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		err(1, "%s", path);
	files = calloc(FILES_MAX, sizeof(*files));
	while ((e = readdir(d)))
		read_small(dirfd(d), e->d_name);
	closedir(d);
}

/* ---- packing */

struct totals {
	struct pack_writer *w;
	const struct pack_dictionary *dictionary;
	int small_level, fd;
	uint64_t stored, table, dictionaries;
	unsigned packs;
	double seconds;
};

static void begin_pack(struct totals *t)
{
	struct pack_writer_config config = { .keys = keys, .dictionary = t->dictionary, .small_level = t->small_level };

	t->fd = memfd_create("pack", MFD_CLOEXEC);
	config.fd = t->fd;
	must(t->fd < 0 ? -errno : pack_writer_new(&config, &t->w), "pack");
}

static void end_pack(struct totals *t, bool keep)
{
	struct pack_summary s;

	must(pack_writer_finish(t->w, &s), "finishing a pack");
	t->w = pack_writer_free(t->w);
	t->stored += s.stored_size;
	t->table += s.table_stored;
	t->dictionaries += s.dictionary_stored;
	t->packs++;
	if (!keep)
		(void) close(t->fd);
}

static int add_small(struct totals *t, const struct small_file *f)
{
	struct pack_frame frame;
	int r = pack_writer_begin_file(t->w, &f->inode);

	if (r >= 0)
		r = pack_writer_add_name(t->w, 1, f->name, strlen(f->name));
	if (r >= 0)
		r = pack_writer_add_bytes(t->w, 0, small_bytes.data + f->from, f->len, &frame);
	return r;
}

static void pack_small(struct totals *t)
{
	double start = cpu_seconds();

	begin_pack(t);
	for (size_t k = 0; k < n_files; k++) {
		int r = add_small(t, &files[k]);

		if (r == -EFBIG) {
			end_pack(t, false);
			begin_pack(t);
			r = add_small(t, &files[k]);
		}
		must(r, "adding a file");
	}
	end_pack(t, true);
	t->seconds = cpu_seconds() - start;
}

static void begin_text(struct totals *t)
{
	struct pack_inode i = { .ino = 7, .mode = S_IFREG | 0644, .size = text.len };

	begin_pack(t);
	must(pack_writer_begin_file(t->w, &i), "beginning a file");
}

static void pack_text(struct totals *t, size_t frame_size)
{
	double start = cpu_seconds();

	begin_text(t);
	for (size_t at = 0; at < text.len; at += frame_size) {
		size_t len = MIN(frame_size, text.len - at);
		struct pack_frame f;
		int r = pack_writer_add_bytes(t->w, at, text.data + at, len, &f);

		if (r == -EFBIG) {
			end_pack(t, false);
			begin_text(t);
			r = pack_writer_add_bytes(t->w, at, text.data + at, len, &f);
		}
		must(r, "adding bytes");
	}
	end_pack(t, true);
	t->seconds = cpu_seconds() - start;
}

/* ---- reading */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Opens the pack and reads all of it: with decompressing, and the seals alone. */
static void read_all(int fd, const char *name)
{
	struct pack_source source;
	struct pack_summary s;
	struct pack *p;
	char label[80];
	double start = cpu_seconds();

	must(pack_source_fd(fd, &source), "pack");
	must(pack_open(keys, &source, NULL, &p), "opening a pack");
	snprintf(label, sizeof(label), "%s_open_ms", name);
	say(label, (cpu_seconds() - start) * 1e3);
	pack_get_summary(p, &s);
	start = cpu_seconds();
	must(pack_verify(p, NULL, NULL), "verifying");
	snprintf(label, sizeof(label), "%s_verify_mb_s", name);
	say(label, (double)s.plain_bytes / 1e6 / (cpu_seconds() - start));
	start = cpu_seconds();
	must(pack_verify_seals(p, NULL, NULL), "verifying");
	snprintf(label, sizeof(label), "%s_verify_seals_mb_s", name);
	say(label, (double)s.plain_bytes / 1e6 / (cpu_seconds() - start));
	p = pack_close(p);
}

/* Reads random frames of the pack as a cache miss would, without the table. */
static void read_frames(int fd, const struct pack_dictionary *d, const char *name)
{
	uint8_t *sealed = malloc(PACK_FRAME_STORED_MAX), *plain = malloc(PACK_FRAME_MAX);
	uint64_t *took = calloc(READS, sizeof(*took)), bytes = 0;
	struct pack_source source;
	struct pack_summary s;
	struct pack_run *run;
	struct pack *p;
	double start;
	char label[80];

	must(pack_source_fd(fd, &source), "pack");
	must(pack_open(keys, &source, NULL, &p), "opening a pack");
	pack_get_summary(p, &s);
	must(pack_run_open(keys, &s.run, &run), "opening a run");
	start = cpu_seconds();
	for (unsigned k = 0; k < READS; k++) {
		uint64_t began = clock_mono_ns();
		struct pack_frame f;

		must(pack_get_frame(p, (uint32_t)random() % s.n_frames, &f), "frame");
		must(io_pread_exact(fd, sealed, f.stored_len, f.place), "reading");
		must(pack_frame_open(opener, run, &f, sealed, d, plain), "opening a frame");
		took[k] = clock_mono_ns() - began;
		bytes += f.plain_len;
	}
	snprintf(label, sizeof(label), "%s_read_mb_s", name);
	say(label, (double)bytes / 1e6 / (cpu_seconds() - start));
	qsort(took, READS, sizeof(*took), compare);
	snprintf(label, sizeof(label), "%s_frame_p50_ms", name);
	say(label, (double)took[READS / 2] / 1e6);
	run = pack_run_free(run);
	p = pack_close(p);
	free(sealed);
	free(plain);
	free(took);
}

static void measure_text(size_t frame_size)
{
	struct totals t = { 0 };
	char name[40], label[80];

	snprintf(name, sizeof(name), "text_%zuk", frame_size >> 10);
	pack_text(&t, frame_size);
	snprintf(label, sizeof(label), "%s_ratio", name);
	say(label, (double)(t.stored - t.table) / (double)text.len);
	snprintf(label, sizeof(label), "%s_pack_mb_s", name);
	say(label, (double)text.len / 1e6 / t.seconds);
	read_frames(t.fd, NULL, name);
	read_all(t.fd, name);
	(void) close(t.fd);
}

/* For bench/tiers.sh, which compares with it. */
static void measure_packing(const struct pack_dictionary *d)
{
	struct totals large = { 0 }, small = { .dictionary = d };

	pack_text(&large, PACK_FRAME_TARGET);
	say("text_pack_mb_s", (double)text.len / 1e6 / large.seconds);
	pack_small(&small);
	say("small_pack_mb_s", (double)small_bytes.len / 1e6 / small.seconds);
	(void) close(large.fd);
	(void) close(small.fd);
}

static void measure_small(const struct pack_dictionary *d, int level, const char *name)
{
	struct totals t = { .dictionary = d, .small_level = level };
	char label[80];

	pack_small(&t);
	snprintf(label, sizeof(label), "%s_ratio", name);
	say(label, (double)(t.stored - t.table) / (double)small_bytes.len);
	snprintf(label, sizeof(label), "%s_ratio_without_dictionary", name);
	say(label, (double)(t.stored - t.table - t.dictionaries) / (double)small_bytes.len);
	snprintf(label, sizeof(label), "%s_pack_mb_s", name);
	say(label, (double)small_bytes.len / 1e6 / t.seconds);
	snprintf(label, sizeof(label), "%s_table_bytes_a_file", name);
	say(label, (double)t.table / (double)n_files);
	read_frames(t.fd, d, name);
	read_all(t.fd, name);
	(void) close(t.fd);
}

/* From every so many of the files that PACK_SAMPLES_TARGET are enough. */
static struct pack_dictionary *train(void)
{
	size_t step = small_bytes.len / PACK_SAMPLES_TARGET + 1, n = 0;
	size_t *lens = calloc(n_files, sizeof(*lens));
	struct pack_dictionary *d = NULL;
	struct buf samples = BUF_INIT;
	double start = cpu_seconds();

	for (size_t k = 0; k < n_files; k += step) {
		lens[n] = MIN(files[k].len, (size_t)PACK_DICTIONARY_BELOW);
		must(buf_add(&samples, small_bytes.data + files[k].from, lens[n++]), "samples");
	}
	must(pack_dictionary_train(&(struct pack_samples){ samples.data, lens, n }, 0, &d), "training");
	say("dictionary_train_s", cpu_seconds() - start);
	buf_done(&samples);
	free(lens);
	return d;
}

int main(int argc, char **argv)
{
	uint8_t key[KEYRING_KEY_SIZE] = { 1 };
	struct pack_dictionary *d;

	if (argc != 3 && (argc != 4 || strcmp(argv[3], "packing") != 0))
		errx(2, "usage: packs TEXT FOLDER [packing]");
	must(keyring_start(), "keys");
	if (keyring_new(id128_random(), CIPHER_AES256GCM, key, 1, &keys) < 0)
		must(keyring_new(id128_random(), CIPHER_XCHACHA20, key, 1, &keys), "keys");
	must(pack_opener_new(&opener), "opener");
	read_text(argv[1]);
	read_folder(argv[2]);
	if (argc == 4) {
		measure_packing(train());
		return 0;
	}
	for (size_t size = 128 << 10; size <= PACK_FRAME_MAX; size *= 2)
		measure_text(size);
	say("files", (double)n_files);
	measure_small(NULL, 0, "small_alone");
	d = train();
	measure_small(d, 0, "small_dictionary");
	measure_small(d, 2, "small_dictionary_level2");
	return 0;
}
