/* SPDX-License-Identifier: MIT */
/* packs make FILE aes|xchacha20: writes a pack with something of everything, under a key that all can know.
 * packs list FILE: says what is in one, a line a file and a line a piece. Run by tests/format/read_pack.sh. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "crypto/checksum.h"
#include "tests/unit/pack_box.h"

#define SAMPLES    400u
#define SAMPLE_LEN 700u

static void must(int r, const char *what)
{
	if (r < 0)
		errx(1, "%s: %s", what, strerror(-r));
}

/* Bytes 0, 1, 2.. are the key of epoch 1, and the same from 100 on that of epoch 2; the volume's id is 50, 51.. */
static struct keyring *known_keys(enum cipher cipher)
{
	uint8_t keys[2 * KEYRING_KEY_SIZE];
	struct keyring *k = NULL;
	struct id128 id;

	for (unsigned n = 0; n < KEYRING_KEY_SIZE; n++) {
		keys[n] = (uint8_t)n;
		keys[KEYRING_KEY_SIZE + n] = (uint8_t)(100 + n);
	}
	for (unsigned n = 0; n < sizeof(id.bytes); n++)
		id.bytes[n] = (uint8_t)(50 + n);
	if (keyring_new(id, cipher, keys, 2, &k) == -EOPNOTSUPP)
		exit(77); /* no AES here */
	must(k ? 0 : -ENOMEM, "keys");
	return k;
}

/* ---- making one */

static struct pack_dictionary *train(void)
{
	static uint8_t bytes[SAMPLES * SAMPLE_LEN];
	struct pack_dictionary *d = NULL;
	size_t lens[SAMPLES];

	for (unsigned k = 0; k < SAMPLES; k++) {
		lens[k] = SAMPLE_LEN;
		pack_text(5000 + k, bytes + k * SAMPLE_LEN, SAMPLE_LEN);
	}
	must(pack_dictionary_train(&(struct pack_samples){ bytes, lens, SAMPLES }, 8192, &d), "training");
	return d;
}

static void add_small(struct pack_writer *w, unsigned k)
{
	size_t len = 1 + k * 29;
	struct pack_inode i = pack_file_inode(100 + k * k, len);
	struct pack_frame f;
	uint8_t text[10000];
	char name[32];

	i.mtime.tv_sec -= (time_t)k * 86400 * 400;
	i.btime.tv_nsec = 999999999 - k;
	must(pack_writer_begin_file(w, &i), "file");
	must(pack_writer_add_name(w, 2, name, (size_t)snprintf(name, sizeof(name), "f\xff%u \n", k)), "name");
	if (k % 3 == 0)
		must(pack_writer_add_name(w, 1, name, (size_t)snprintf(name, sizeof(name), "second %u", k)), "name");
	pack_text(k, text, len);
	if (k % 4 == 0)
		must(pack_writer_add_xattr(w, "user.noise", text, len), "xattr");
	must(pack_writer_add_bytes(w, 0, text, len, &f), "bytes");
}

static void add_large(struct pack_writer *w)
{
	struct pack_inode i = pack_file_inode(7, 3u << 30), other = pack_file_inode(8, 1000);
	static uint8_t bytes[100000];
	struct pack_frame f;

	must(pack_writer_begin_file(w, &i), "file");
	must(pack_writer_add_name(w, 1, "large", 5), "name");
	must(pack_writer_add_hole(w, 0, 3u << 30), "hole");
	pack_text(9, bytes, sizeof(bytes));
	must(pack_writer_add_bytes(w, 1u << 30, bytes, sizeof(bytes), &f), "bytes");
	pack_noise(9, bytes, 20000);
	must(pack_writer_add_bytes(w, 5, bytes, 20000, &f), "bytes");
	must(pack_writer_add_piece(w, 2u << 30, f.number - 1, 7777, 10000), "piece");
	must(pack_writer_begin_file(w, &other), "file");
	must(pack_writer_add_piece(w, 0, f.number, 19000, 1000), "piece");
}

static void add_folders(struct pack_writer *w)
{
	struct pack_inode root = pack_folder_inode(1), folder = pack_folder_inode(2);

	folder.uid = folder.gid = UINT32_MAX;
	folder.atime = (struct timespec){ -62135596800, 1 };
	must(pack_writer_add_directory(w, &root, 0, "", 0), "directory");
	must(pack_writer_add_directory(w, &folder, 1, "folder", 6), "directory");
	must(pack_writer_add_xattr(w, "user.xdg.tags", "one,two", 7), "xattr");
}

static void make(const char *path, enum cipher cipher)
{
	struct pack_writer_config config = { .keys = known_keys(cipher), .dictionary = train(), .lsn = 1u << 31 };
	struct pack_inode fifo = pack_file_inode(UINT64_MAX, 0);
	struct pack_writer *w = NULL;
	struct pack_summary s;

	config.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (config.fd < 0)
		err(1, "%s", path);
	must(pack_writer_new(&config, &w), "pack");
	add_folders(w);
	add_large(w);
	for (unsigned k = 0; k < 70; k++)
		add_small(w, k);
	fifo.mode = S_IFIFO | 0600;
	must(pack_writer_begin_file(w, &fifo), "file");
	must(pack_writer_finish(w, &s), "finishing");
}

/* ---- listing one */

static void say_time(struct timespec t)
{
	printf(" %lld.%09ld", (long long)t.tv_sec, t.tv_nsec);
}

static void say_bytes(const void *bytes, size_t len)
{
	for (size_t k = 0; k < len; k++)
		printf("%02x", ((const uint8_t *)bytes)[k]);
}

static void say_inode(const struct pack_inode *i)
{
	printf("%ju %o %u %u %ju %ju %ju %ju", (uintmax_t)i->ino, i->mode, i->uid, i->gid, (uintmax_t)i->rdev,
	       (uintmax_t)i->size, (uintmax_t)i->generation, (uintmax_t)i->content_lsn);
	say_time(i->atime);
	say_time(i->mtime);
	say_time(i->ctime);
	say_time(i->btime);
}

static void say_piece(struct pack *p, const struct pack_piece *piece)
{
	static uint8_t plain[PACK_FRAME_MAX];
	char hex[33];

	printf(" piece %ju %ju", (uintmax_t)piece->offset, (uintmax_t)piece->len);
	if (piece->frame == PACK_HOLE) {
		puts(" hole");
		return;
	}
	must(pack_read_frame(p, piece->frame, plain), "frame");
	checksum_128(&(struct iovec){ plain + piece->skip, (size_t)piece->len }, 1, hex);
	printf(" %u %u %s\n", piece->frame, piece->skip, hex);
}

static int say_entry(void *context, const struct pack_entry *e)
{
	say_inode(&e->inode);
	for (uint32_t k = 0; k < e->n_names; k++) {
		printf(" name %ju:", (uintmax_t)e->names[k].parent);
		say_bytes(e->names[k].name, e->names[k].len);
	}
	for (uint32_t k = 0; k < e->n_xattrs; k++) {
		printf(" xattr ");
		say_bytes(e->xattrs[k].name, strlen(e->xattrs[k].name));
		printf(":");
		say_bytes(e->xattrs[k].value, e->xattrs[k].len);
	}
	puts("");
	for (uint32_t k = 0; k < e->n_pieces; k++)
		say_piece(context, &e->pieces[k]);
	return 0;
}

static void list(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct pack_source source;
	struct pack_summary s;
	struct pack *p = NULL;

	if (fd < 0)
		err(1, "%s", path);
	must(pack_source_fd(fd, &source), path);
	must(pack_open(known_keys(CIPHER_XCHACHA20), &source, NULL, &p), path);
	must(pack_verify(p, NULL, NULL), path);
	pack_get_summary(p, &s);
	printf("pack %ju %d %d %u %u\n", (uintmax_t)s.lsn, s.first_day, s.last_day, s.n_frames, s.table_plain);
	must(pack_foreach_directory(p, say_entry, p), path);
	must(pack_foreach_file(p, say_entry, p), path);
	p = pack_close(p);
}

int main(int argc, char **argv)
{
	must(keyring_start(), "keys");
	if (argc == 4 && strcmp(argv[1], "make") == 0)
		make(argv[2], strcmp(argv[3], "aes") == 0 ? CIPHER_AES256GCM : CIPHER_XCHACHA20);
	else if (argc == 3 && strcmp(argv[1], "list") == 0)
		list(argv[2]);
	else
		errx(2, "usage: packs make FILE aes|xchacha20 | packs list FILE");
	return 0;
}
