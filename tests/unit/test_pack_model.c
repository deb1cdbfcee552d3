/* SPDX-License-Identifier: MIT */
/* Random packs beside a list of what must be in them: also of what comes after something had no room. */
#include "tests/unit/pack_box.h"

#include <stdio.h>

#define ENTRIES_MAX 400u
#define PIECES_MAX  12u
#define ROUNDS      60u

struct wanted_piece {
	struct pack_piece piece;
	uint64_t seed; /* of the frame's bytes */
};

struct wanted {
	struct pack_inode inode;
	uint64_t parents[4];
	char names[4][16];
	uint32_t n_names, n_xattrs;
	uint32_t xattr_lens[4];
	struct wanted_piece pieces[PIECES_MAX];
	uint32_t n_pieces;
};

static struct keyring *keys;
static struct pack_dictionary *dictionary;
static struct wanted entries[ENTRIES_MAX];
static uint32_t n_entries;
static uint64_t frame_seeds[ENTRIES_MAX * PIECES_MAX];
static uint32_t frame_lens[ENTRIES_MAX * PIECES_MAX], n_frames;
static uint64_t seed;

static uint64_t below(uint64_t n)
{
	return (pack_random(&seed) >> 11) % n;
}

/* Text or noise. */
static void frame_bytes(uint64_t of, uint8_t *ret_bytes, size_t len)
{
	if (of % 3 == 0)
		pack_noise(of, ret_bytes, len);
	else
		pack_text(of, ret_bytes, len);
}

/* 0, or -EFBIG; nothing else may come. */
static int room(int r)
{
	CHECK(r == 0 || r == -EFBIG);
	return r;
}

static int add_names(struct pack_writer *w, struct wanted *e)
{
	uint32_t n = (uint32_t)below(4);

	for (uint32_t k = 0; k < n; k++) {
		int len = snprintf(e->names[k], sizeof(e->names[k]), "n%u", (unsigned)below(1u << 30));

		e->parents[k] = 1 + below(1u << 20);
		if (room(pack_writer_add_name(w, e->parents[k], e->names[k], (size_t)len)) < 0)
			return -EFBIG;
		e->n_names++;
	}
	return 0;
}

static int add_xattrs(struct pack_writer *w, struct wanted *e)
{
	static uint8_t value[8000];
	uint32_t n = below(3) ? 0 : (uint32_t)below(4);

	for (uint32_t k = 0; k < n; k++) {
		e->xattr_lens[k] = (uint32_t)below(below(5) ? 100 : sizeof(value));
		frame_bytes(e->inode.ino * 3 + k, value, e->xattr_lens[k]);
		if (room(pack_writer_add_xattr(w, "user.name", value, e->xattr_lens[k])) < 0)
			return -EFBIG;
		e->n_xattrs++;
	}
	return 0;
}

static int add_bytes(struct pack_writer *w, struct wanted_piece *p)
{
	static uint8_t data[100000];
	size_t len = 1 + below(below(4) ? 3000 : sizeof(data));
	struct pack_frame f;

	p->seed = pack_random(&seed) >> 20;
	p->piece = (struct pack_piece){ .offset = below(1u << 30), .len = len, .frame = n_frames };
	frame_bytes(p->seed, data, len);
	if (room(pack_writer_add_bytes(w, p->piece.offset, data, len, &f)) < 0)
		return -EFBIG;
	CHECK_EQ(f.number, n_frames);
	frame_seeds[n_frames] = p->seed;
	frame_lens[n_frames++] = (uint32_t)len;
	return 0;
}

static int add_shared(struct pack_writer *w, struct wanted_piece *p)
{
	uint32_t frame = (uint32_t)below(n_frames), skip = (uint32_t)below(frame_lens[frame]);
	uint32_t len = 1 + (uint32_t)below(frame_lens[frame] - skip);

	p->seed = frame_seeds[frame];
	p->piece = (struct pack_piece){ .offset = below(1ull << 40), .len = len, .frame = frame, .skip = skip };
	return room(pack_writer_add_piece(w, p->piece.offset, frame, skip, len));
}

static int add_hole(struct pack_writer *w, struct wanted_piece *p)
{
	p->piece = (struct pack_piece){ .offset = below(1ull << 50), .len = 1 + below(1ull << 40), .frame = PACK_HOLE };
	return room(pack_writer_add_hole(w, p->piece.offset, p->piece.len));
}

/* Goes on after what had no room: something smaller may have. */
static void add_pieces(struct pack_writer *w, struct wanted *e)
{
	uint32_t n = (uint32_t)below(PIECES_MAX);

	while (e->n_pieces < n) {
		struct wanted_piece *p = &e->pieces[e->n_pieces];
		uint64_t kind = below(6);
		int r;

		if (kind == 0)
			r = add_hole(w, p);
		else
			r = kind == 1 && n_frames > 0 ? add_shared(w, p) : add_bytes(w, p);
		if (r < 0 && e->n_pieces == 0)
			return; /* the file is not there any more */
		if (r < 0)
			n--;
		else
			e->n_pieces++;
	}
}

/* False when nothing of it is in the pack. */
static bool add_file(struct pack_writer *w, struct wanted *e)
{
	uint32_t had = n_frames;

	if (room(pack_writer_begin_file(w, &e->inode)) < 0 || add_names(w, e) < 0 || add_xattrs(w, e) < 0)
		return false;
	add_pieces(w, e);
	/* Without pieces: was it dropped? Then nothing of it can be added. */
	if (e->n_pieces == 0 && pack_writer_add_name(w, 1, "probe", 5) == -EINVAL)
		return false;
	if (e->n_pieces == 0) {
		CHECK_EQ(n_frames, had);
		e->parents[e->n_names] = 1;
		strcpy(e->names[e->n_names++], "probe");
	}
	return true;
}

static bool add_folder(struct pack_writer *w, struct wanted *e)
{
	int len = snprintf(e->names[0], sizeof(e->names[0]), "d%u", (unsigned)e->inode.ino);

	e->inode.mode = S_IFDIR | 0700;
	e->parents[0] = below(1000);
	if (room(pack_writer_add_directory(w, &e->inode, e->parents[0], e->names[0], (size_t)len)) < 0)
		return false;
	e->n_names = 1;
	if (add_xattrs(w, e) < 0) {
		CHECK(!pack_writer_has_directory(w, e->inode.ino));
		return false;
	}
	CHECK(pack_writer_has_directory(w, e->inode.ino));
	return true;
}

static void fill(struct pack_writer *w)
{
	unsigned dropped = 0;

	n_entries = n_frames = 0;
	for (uint32_t k = 0; k < ENTRIES_MAX && dropped < 30; k++) {
		struct wanted *e = &entries[n_entries];

		*e = (struct wanted){ .inode = pack_file_inode(1000 + k, below(1ull << 50)) };
		if (below(5) ? add_file(w, e) : add_folder(w, e))
			n_entries++;
		else
			dropped++;
	}
}

/* ---- comparing */

static void check_piece(struct pack *p, const struct pack_piece *got, const struct wanted_piece *want)
{
	static uint8_t plain[100000], bytes[100000];

	CHECK(got->offset == want->piece.offset && got->len == want->piece.len && got->frame == want->piece.frame &&
	      got->skip == want->piece.skip);
	if (got->frame == PACK_HOLE)
		return;
	CHECK_EQ(pack_read_frame(p, got->frame, plain), 0);
	frame_bytes(want->seed, bytes, frame_lens[got->frame]);
	CHECK(memcmp(plain, bytes, frame_lens[got->frame]) == 0);
}

static void check_entry(struct pack *p, const struct wanted *want)
{
	const struct pack_entry *e = pack_find(p, want->inode.ino);
	static uint8_t value[8000];

	CHECK(e && pack_inode_equal(&e->inode, &want->inode) && e->n_names == want->n_names &&
	      e->n_xattrs == want->n_xattrs && e->n_pieces == want->n_pieces);
	if (!e || e->n_names != want->n_names || e->n_xattrs != want->n_xattrs || e->n_pieces != want->n_pieces)
		return;
	for (uint32_t k = 0; k < e->n_names; k++)
		CHECK(e->names[k].parent == want->parents[k] && strcmp(e->names[k].name, want->names[k]) == 0);
	for (uint32_t k = 0; k < e->n_xattrs; k++) {
		frame_bytes(want->inode.ino * 3 + k, value, want->xattr_lens[k]);
		CHECK_MEM(e->xattrs[k].value, e->xattrs[k].len, value, want->xattr_lens[k]);
	}
	for (uint32_t k = 0; k < e->n_pieces; k++)
		check_piece(p, &e->pieces[k], &want->pieces[k]);
}

static void round_trip(void)
{
	_cleanup_close_ int fd = pack_new_fd();
	struct pack_writer_config config = {
		.keys = keys,
		.fd = fd,
		.dictionary = below(2) ? dictionary : NULL,
		.size_max = (uint32_t)(2000 + below(below(2) ? 30000 : 500000)),
	};
	_cleanup_pack_ struct pack *p = NULL;
	struct pack_writer *w = NULL;
	struct pack_summary s;

	CHECK_EQ(pack_writer_new(&config, &w), 0);
	fill(w);
	CHECK_EQ(pack_writer_finish(w, &s), 0);
	w = pack_writer_free(w);
	CHECK(s.stored_size <= config.size_max);
	CHECK_EQ(s.n_files + s.n_directories, n_entries);
	CHECK_EQ(s.n_frames, n_frames);
	p = pack_box_open(keys, fd);
	if (!p)
		return;
	CHECK_EQ(pack_verify(p, NULL, NULL), 0);
	for (uint32_t k = 0; k < n_entries; k++)
		check_entry(p, &entries[k]);
}

static void train(void)
{
	enum { N = 300, LEN = 500 };
	static uint8_t bytes[N * LEN];
	size_t lens[N];

	for (unsigned k = 0; k < N; k++) {
		lens[k] = LEN;
		pack_text(1000000 + k, bytes + k * LEN, LEN);
	}
	CHECK_EQ(pack_dictionary_train(&(struct pack_samples){ bytes, lens, N }, 2 << 10, &dictionary), 0);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)getpid() * 1000003u + 1;
	unsigned rounds = argc > 1 ? 1 : ROUNDS;

	keys = pack_keys(3);
	train();
	for (unsigned k = 0; k < rounds; k++) {
		int failures = check_failures;

		seed = (first + k) * 0x9e3779b97f4a7c15ull | 1;
		round_trip();
		if (check_failures > failures) {
			fprintf(stderr, "seed %ju\n", (uintmax_t)(first + k));
			break;
		}
	}
	dictionary = pack_dictionary_free(dictionary);
	keys = keyring_free(keys);
	return check_result();
}
