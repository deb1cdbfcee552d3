/* SPDX-License-Identifier: MIT */
/* Random changes of a tree of files with links, against a model that looks at every file for every link.
 * Files come and go, also in the place of others, have several names, and lie in folders that move; what
 * the index and the reclaimer do about it comes later, in any order. */
#include <ctype.h>

#include "catalog/found.h"
#include "catalog/links.h"
#include "tests/unit/derived.h"
#include "tests/unit/xattr_box.h"

#define DIRS 7
#define FILES 400
#define NAMES 3
#define LINKS 6
#define STEPS 500

struct link {
	char form, verb[8], target[64];
	int bound; /* file, -1: none */
};

struct m_file {
	uint64_t ino;
	bool alive, forgotten;
	struct {
		int dir;
		char name[24];
	} names[NAMES]; /* dir -1: free */
	struct link links[LINKS];
	unsigned n_links;
	struct link set[LINKS]; /* by the user, of one verb; of `bound` the target is not used */
	unsigned n_set;
	char last_path[256];
	bool appears; /* the index has not looked at it yet */
};

static struct {
	uint64_t ino;
	int above;
	char name[24];
} dirs[DIRS];
static struct m_file files[FILES];
static int n_files, n_dirs;
static uint64_t state;

static unsigned below(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* ---- the model */

static const char *const stems[] = { "alpha", "Alpha", "beta", "gamma", "v1.2", "two words" };
static const char *const endings[] = { "", ".md", ".MD", ".txt", ".png" };

static void any_name(char name[24])
{
	(void) snprintf(name, 24, "%s%s", stems[below(ARRAY_SIZE(stems))],
		       endings[below(ARRAY_SIZE(endings))]);
}

static void dir_path(int dir, char *path, size_t size)
{
	char above[256] = "";

	if (dir > 0)
		dir_path(dirs[dir].above, above, sizeof(above));
	(void) snprintf(path, size, "%.200s%s%s", dir > 0 ? above : "", dir > 0 ? dirs[dir].name : "",
		       dir > 0 ? "/" : "");
}

static int find_name(int dir, const char *name)
{
	for (int f = 0; f < n_files; f++)
		for (int n = 0; n < NAMES; n++)
			if (files[f].alive && files[f].names[n].dir == dir &&
			    strcmp(files[f].names[n].name, name) == 0)
				return f;
	return -1;
}

static int dir_named(int above, const char *name)
{
	for (int d = 1; d < n_dirs; d++)
		if (dirs[d].above == above && strcmp(dirs[d].name, name) == 0)
			return d;
	return -1;
}

static int dir_of_ino(uint64_t ino)
{
	for (int d = 0; d < n_dirs; d++)
		if (dirs[d].ino == ino)
			return d;
	return -1;
}

/* The folder of its first name; which of several that is, the catalog knows. */
static int home(const struct m_file *f)
{
	return dir_of_ino(inode(f->ino).parent);
}

static int find_path(int dir, const char *path)
{
	char step[64];

	if (*path == '/')
		dir = 0;
	for (; *path; path += *path == '/') {
		size_t len = strcspn(path, "/");

		(void) snprintf(step, sizeof(step), "%.*s", (int)len, path);
		path += len;
		if (!*step || strcmp(step, ".") == 0)
			continue;
		if (!*path)
			return find_name(dir, step);
		dir = strcmp(step, "..") == 0 ? (dir > 0 ? dirs[dir].above : -1) : dir_named(dir, step);
		if (dir < 0)
			return -1;
	}
	return -1;
}

static unsigned depth(int dir)
{
	return dir > 0 ? 1 + depth(dirs[dir].above) : 0;
}

static unsigned steps_between(int a, int b)
{
	unsigned steps = 0;

	for (; a != b; steps++)
		if (depth(a) > depth(b))
			a = dirs[a].above;
		else
			b = dirs[b].above;
	return steps;
}

/* How well a name fits: 0 best, -1 not. */
static int fits(const char *name, const char *wanted)
{
	char stem[32];

	if (strcasecmp(name, wanted) == 0)
		return 0;
	for (unsigned e = 1; e < ARRAY_SIZE(endings); e++) {
		size_t len = strlen(name), cut = strlen(endings[e]);

		if (len <= cut || strcmp(name + len - cut, endings[e]) != 0)
			continue;
		(void) snprintf(stem, sizeof(stem), "%.*s", (int)(len - cut), name);
		return strcasecmp(stem, wanted) ? -1 : strcmp(endings[e], ".png") == 0 ? 2 : 1;
	}
	return -1;
}

static int find_wiki(int from, const char *target)
{
	const char *slash = strrchr(target, '/'), *wanted = slash ? slash + 1 : target;
	int best = -1;
	unsigned best_rank = 0;

	for (int f = 0; f < n_files; f++)
		for (int n = 0; n < NAMES && files[f].alive; n++) {
			int dir = files[f].names[n].dir,
			    fit = dir < 0 ? -1 : fits(files[f].names[n].name, wanted);
			unsigned rank;

			if (fit < 0 ||
			    (slash &&
			     (dir == 0 || strncasecmp(dirs[dir].name, target, strlen(dirs[dir].name)) ||
			      target[strlen(dirs[dir].name)] != '/')))
				continue;
			rank = steps_between(from, dir) * 4 + (unsigned)fit;
			if (best >= 0 &&
			    (rank > best_rank || (rank == best_rank && files[f].ino > files[best].ino)))
				continue;
			best = f;
			best_rank = rank;
		}
	return best;
}

/* From the root, or else from the nearest folder above that has it. */
static int find_found_path(int dir, const char *path)
{
	int at = find_path(dir, path);

	for (; at < 0 && *path == '/' && dir >= 0; dir = dir > 0 ? dirs[dir].above : -1)
		at = find_path(dir, path + strspn(path, "/"));
	return at;
}

static int resolve(const struct m_file *src, const struct link *l)
{
	if (l->form == 'w')
		return find_wiki(home(src), l->target);
	return l->form == 's' ? find_path(0, l->target) : find_found_path(home(src), l->target);
}

static bool is_bound(const struct link *l)
{
	return l->bound >= 0 && files[l->bound].alive;
}

/* What lies where the target lay last goes before what the text says. */
static void bind_found(const struct m_file *f, struct link *l)
{
	int heir = l->bound >= 0 && !is_bound(l) ? find_path(0, files[l->bound].last_path) : -1;

	if (!is_bound(l))
		l->bound = heir >= 0 ? heir : resolve(f, l);
}

static void model_settle(struct m_file *f)
{
	for (unsigned k = 0; k < f->n_links; k++)
		bind_found(f, &f->links[k]);
	for (unsigned k = 0; k < f->n_set; k++) {
		struct link *l = &f->set[k];

		if (l->bound >= 0 && !is_bound(l))
			(void) snprintf(l->target, sizeof(l->target), "%.63s", files[l->bound].last_path);
		if (!is_bound(l))
			l->bound = resolve(f, l);
	}
}

/* ---- changes */

static int any_file(void)
{
	for (int tries = 0; tries < 50; tries++) {
		int f = n_files ? (int)below((unsigned)n_files) : -1;

		if (f >= 0 && files[f].alive)
			return f;
	}
	return -1;
}

static void any_link(struct link *l)
{
	static const char *const verbs[] = { "links", "embeds" }, *const ups[] = { "", "../", "/", "./",
										   "../../" };
	char name[24], path[128] = "";
	int dir = (int)below((unsigned)n_dirs);

	any_name(name);
	if (below(3) == 0)
		(void) snprintf(name, sizeof(name), "%s", stems[below(ARRAY_SIZE(stems))]);
	l->form = below(2) ? 'w' : 'p';
	l->bound = -1;
	(void) snprintf(l->verb, sizeof(l->verb), "%s", verbs[below(2)]);
	if (l->form == 'w' && dir > 0 && below(2))
		(void) snprintf(path, sizeof(path), "%s/", dirs[dir].name);
	else if (l->form == 'p' && below(2))
		(void) snprintf(path, sizeof(path), "%s", ups[below(ARRAY_SIZE(ups))]);
	else if (l->form == 'p') {
		path[0] = '/';
		dir_path(dir, path + 1, sizeof(path) - 1);
	}
	(void) snprintf(l->target, sizeof(l->target), "%.39s%s", path, name);
}

static bool is_same(const struct link *a, const struct link *b)
{
	return a->form == b->form && strcmp(a->verb, b->verb) == 0 && strcmp(a->target, b->target) == 0;
}

static const struct link *find_link(const struct m_file *f, const struct link *l)
{
	for (unsigned k = 0; k < f->n_links; k++)
		if (is_same(&f->links[k], l))
			return &f->links[k];
	return NULL;
}

/* Some links stay, some go, some come; one that goes and comes again has stayed. */
static void edit_links(struct m_file *f)
{
	const struct m_file before = *f;

	f->n_links = 0;
	for (unsigned k = 0; k < before.n_links; k++)
		if (below(3))
			f->links[f->n_links++] = before.links[k];
	while (f->n_links < LINKS && below(3)) {
		const struct link *old;
		struct link l;

		any_link(&l);
		old = find_link(&before, &l);
		if (!find_link(f, &l))
			f->links[f->n_links++] = old ? *old : l;
	}
}

static void edit(void)
{
	_cleanup_buf_ struct buf links = BUF_INIT;
	struct found found = { .tags = "", .fields = "" };
	int at = any_file();
	struct m_file *f = &files[MAX(at, 0)];

	if (at < 0)
		return;
	edit_links(f);
	for (unsigned k = 0; k < f->n_links; k++) {
		struct link *l = &f->links[k];

		bind_found(f, l);
		CHECK_EQ(buf_add_u8(&links, (uint8_t)l->form), 0);
		CHECK_EQ(buf_add(&links, l->verb, strlen(l->verb) + 1), 0);
		CHECK_EQ(buf_add(&links, l->target, strlen(l->target) + 1), 0);
	}
	found.links = (const char *)links.data;
	found.links_len = links.len;
	CHECK_EQ(tree_set_found(c, f->ino, inode(f->ino).content_lsn, &found), 0);
}

static void set_links(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int at = any_file();
	struct m_file *f = &files[MAX(at, 0)];

	if (at < 0)
		return;
	f->n_set = below(4);
	for (unsigned k = 0; k < f->n_set; k++) {
		struct link *l = &f->set[k];
		char name[24], path[128] = "";

		any_name(name);
		dir_path((int)below((unsigned)n_dirs), path, sizeof(path));
		l->form = 's';
		(void) snprintf(l->target, sizeof(l->target), "%.39s%s", path, name);
		l->bound = resolve(f, l);
		CHECK_EQ(buf_addf(&text, "%s%s", k ? "\n" : "", l->target), 0);
	}
	CHECK_EQ(tree_setxattr(c, &(struct tree_request){ 0 }, f->ino, "user.brainy.link.cites", text.data,
			       text.len, 0),
		 0);
}

static void make_file(void)
{
	struct tree_make m = { .mode = S_IFREG | 0644 };
	struct m_file *f = &files[n_files];
	int dir = (int)below((unsigned)n_dirs);
	struct inode i;

	if (n_files == FILES)
		return;
	*f = (struct m_file){ .names = { { .dir = dir }, { .dir = -1 }, { .dir = -1 } } };
	any_name(f->names[0].name);
	if (find_name(dir, f->names[0].name) >= 0 || dir_named(dir, f->names[0].name) >= 0)
		return;
	CHECK_EQ(tree_make(c, &(struct tree_request){ 0 }, dirs[dir].ino, f->names[0].name, &m, &i), 0);
	f->ino = i.ino;
	f->alive = f->appears = true;
	n_files++;
}

/* The model's part of a name that goes. */
static void lose_name(int at, int dir, const char *name)
{
	struct m_file *f = &files[at];
	bool left = false;

	for (int n = 0; n < NAMES; n++) {
		if (f->names[n].dir == dir && strcmp(f->names[n].name, name) == 0)
			f->names[n].dir = -1;
		left |= f->names[n].dir >= 0;
	}
	if (left)
		return;
	f->alive = false;
	dir_path(dir, f->last_path, sizeof(f->last_path));
	(void) snprintf(f->last_path + strlen(f->last_path), 24, "%s", name);
}

static void unlink_file(void)
{
	int at = any_file(), n = (int)below(NAMES);
	struct m_file *f = &files[MAX(at, 0)];
	struct inode i;
	int dir;

	if (at < 0 || f->names[n].dir < 0)
		return;
	dir = f->names[n].dir;
	CHECK_EQ(tree_unlink(c, &(struct tree_request){ 0 }, dirs[dir].ino, f->names[n].name, NULL, NULL, &i),
		 0);
	lose_name(at, dir, f->names[n].name);
	f->appears |= f->alive; /* it may lie in another folder now */
}

static void rename_file(void)
{
	int at = any_file(), n = (int)below(NAMES), dir = (int)below((unsigned)n_dirs), other;
	struct m_file *f = &files[MAX(at, 0)];
	struct tree_renamed renamed;
	char name[24];

	any_name(name);
	if (at < 0 || f->names[n].dir < 0 || dir_named(dir, name) >= 0)
		return;
	other = find_name(dir, name);
	if (other == at)
		return;
	CHECK_EQ(tree_rename(c, &(struct tree_request){ 0 }, dirs[f->names[n].dir].ino, f->names[n].name,
			     dirs[dir].ino, name, 0, NULL, NULL, &renamed),
		 0);
	if (other >= 0)
		lose_name(other, dir, name);
	f->names[n].dir = dir;
	(void) snprintf(f->names[n].name, sizeof(f->names[n].name), "%s", name);
	f->appears = true;
	if (other >= 0)
		files[other].appears |= files[other].alive;
}

static void link_file(void)
{
	int at = any_file(), n = 1 + (int)below(NAMES - 1), dir = (int)below((unsigned)n_dirs);
	struct m_file *f = &files[MAX(at, 0)];
	struct inode i;
	char name[24];

	any_name(name);
	if (at < 0 || f->names[n].dir >= 0 || dir_named(dir, name) >= 0 || find_name(dir, name) >= 0)
		return;
	CHECK_EQ(tree_link(c, &(struct tree_request){ 0 }, f->ino, dirs[dir].ino, name, &i), 0);
	f->names[n].dir = dir;
	(void) snprintf(f->names[n].name, sizeof(f->names[n].name), "%s", name);
	f->appears = true;
}

static bool dir_is_below(int dir, int top)
{
	for (; dir != top; dir = dirs[dir].above)
		if (dir <= 0)
			return false;
	return true;
}

static void rename_dir(void)
{
	int d = 1 + (int)below((unsigned)n_dirs - 1), above = (int)below((unsigned)n_dirs);
	struct tree_renamed renamed;
	char name[24];

	(void) snprintf(name, sizeof(name), "Dir %u", below(4));
	if (dir_is_below(above, d) || dir_named(above, name) >= 0 || find_name(above, name) >= 0)
		return;
	CHECK_EQ(tree_rename(c, &(struct tree_request){ 0 }, dirs[dirs[d].above].ino, dirs[d].name,
			     dirs[above].ino, name, 0, NULL, NULL, &renamed),
		 0);
	dirs[d].above = above;
	(void) snprintf(dirs[d].name, sizeof(dirs[d].name), "%s", name);
	for (int f = 0; f < n_files; f++)
		for (int n = 0; n < NAMES; n++)
			files[f].appears |= files[f].alive && files[f].names[n].dir >= 0 &&
					    dir_is_below(files[f].names[n].dir, d);
}

/* ---- what happens behind, and whether all is as it should be */

static void catch_up(void)
{
	unsigned from = below((unsigned)n_files + 1);

	for (int k = 0; k < n_files; k++) {
		struct m_file *f = &files[((unsigned)k + from) % (unsigned)n_files];

		if (!f->alive && !f->forgotten)
			CHECK_EQ(tree_forget_inode(c, f->ino), 0);
		f->forgotten |= !f->alive;
		if (f->appears && f->alive)
			CHECK_EQ(links_appeared(c, f->ino), 0);
		f->appears = false;
	}
	for (int f = 0; f < n_files; f++)
		if (files[f].alive)
			model_settle(&files[f]);
}

static uint64_t bound_ino(const struct link *l)
{
	return l->bound < 0 ? 0 : files[l->bound].ino;
}

struct comparing {
	const struct m_file *f;
	unsigned seen;
};

static int compare_link(void *context, const struct found_link *l)
{
	struct comparing *x = context;

	for (unsigned k = 0; k < x->f->n_links; k++) {
		const struct link *m = &x->f->links[k];
		_cleanup_buf_ struct buf verb = BUF_INIT;

		CHECK_EQ(link_verb_name(c, l->verb, &verb), 0);
		if (m->form != l->form || strlen(m->target) != l->len ||
		    memcmp(m->target, l->target, l->len) || strlen(m->verb) != verb.len ||
		    memcmp(m->verb, verb.data, verb.len))
			continue;
		if (l->bound != bound_ino(m))
			fprintf(stderr, "%d %c %s\n", (int)(x->f - files), m->form, m->target);
		CHECK_EQ(l->bound, bound_ino(m));
		x->seen++;
	}
	return 0;
}

static void check_text(const struct m_file *f)
{
	_cleanup_buf_ struct buf want = BUF_INIT;

	for (unsigned k = 0; k < f->n_set; k++) {
		CHECK_EQ(buf_add_str(&want, k ? "\n" : ""), 0);
		if (is_bound(&f->set[k]))
			CHECK_EQ(tree_path(c, bound_ino(&f->set[k]), ROOT_INO, 0, &want), 0);
		else
			CHECK_EQ(buf_add_str(&want, f->set[k].target), 0);
	}
	if (f->n_set)
		check_value(f->ino, "user.brainy.link.cites", buf_cstr(&want));
}

static unsigned n_between(const struct m_file *f, uint64_t to, const char *verb)
{
	unsigned n = 0;

	for (unsigned k = 0; k < f->n_links; k++)
		n += bound_ino(&f->links[k]) == to && strcmp(f->links[k].verb, verb) == 0;
	for (unsigned k = 0; k < f->n_set; k++)
		n += bound_ino(&f->set[k]) == to && strcmp(verb, "cites") == 0 ? LINK_BY_USER : 0;
	return n;
}

/* Every link in the sets is one of the model's, with its number; together they are as many. */
static void check_sets_of(const struct m_file *f)
{
	_cleanup_(packed_walk_done) struct packed_walk w = links_from(c, f->ino);
	struct packed_member m;
	uint64_t sum = 0, want = 0;

	while (packed_walk_next(&w, &m) > 0) {
		_cleanup_buf_ struct buf verb = BUF_INIT;

		CHECK_EQ(link_verb_name(c, (uint32_t)m.b, &verb), 0);
		CHECK_EQ(m.n, n_between(f, m.a, buf_cstr(&verb)));
		sum += m.n;
	}
	for (unsigned k = 0; k < f->n_links; k++)
		want += bound_ino(&f->links[k]) > 0;
	for (unsigned k = 0; k < f->n_set; k++)
		want += bound_ino(&f->set[k]) ? LINK_BY_USER : 0;
	CHECK_EQ(sum, want);
}

static void check_all(void)
{
	for (int f = 0; f < n_files; f++) {
		struct comparing x = { .f = &files[f] };

		if (!files[f].alive)
			continue;
		CHECK_EQ(links_foreach_found(c, files[f].ino, compare_link, &x), 0);
		CHECK_EQ(x.seen, files[f].n_links);
		check_text(&files[f]);
		check_sets_of(&files[f]);
	}
	derived_check(c);
}

static void change(void)
{
	static void (*const changes[])(void) = { make_file,   make_file,   make_file, edit,
						 edit,	      edit,	   set_links, unlink_file,
						 rename_file, rename_file, link_file, rename_dir };

	changes[below(ARRAY_SIZE(changes))]();
}

static void make_dirs(void)
{
	struct tree_make m = { .mode = S_IFDIR | 0755 };
	struct inode i;

	dirs[0].ino = ROOT_INO;
	for (n_dirs = 1; n_dirs < DIRS; n_dirs++) {
		dirs[n_dirs].above = (int)below((unsigned)n_dirs);
		(void) snprintf(dirs[n_dirs].name, sizeof(dirs[n_dirs].name), "dir %d", n_dirs);
		CHECK_EQ(tree_make(c, &(struct tree_request){ 0 }, dirs[dirs[n_dirs].above].ino,
				   dirs[n_dirs].name, &m, &i),
			 0);
		dirs[n_dirs].ino = i.ino;
	}
}

static void run(uint64_t seed)
{
	state = seed;
	n_files = n_dirs = 0;
	xattr_box_open(56);
	CHECK_EQ(derive_run(c), 0);
	make_dirs();
	for (int step = 0; step < STEPS && !check_failures; step++) {
		change();
		if (below(3))
			continue;
		catch_up();
		if (below(60) == 0)
			derived_make_anew(c);
		if (below(100) == 0)
			c = tree_box_reopen(c);
		check_all();
		if (check_failures)
			fprintf(stderr, "seed %llu, step %d\n", (unsigned long long)seed, step);
	}
	tree_box_close(c);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);

	printf("seed %llu\n", (unsigned long long)seed);
	for (unsigned k = 0; k < (argc > 1 ? 1 : 20) && !check_failures; k++)
		run(seed + k);
	return check_result();
}
