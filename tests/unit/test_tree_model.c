/* SPDX-License-Identifier: MIT */
/* Random changes of the namespace against a model: a table of names and a table of inodes. */
#include "tests/unit/tree_hands.h"

#define M_DIRS 6
#define M_NAMES 400
#define M_INODES 4000

struct m_name {
	uint64_t dir, ino; /* ino 0: free */
	char name[8];
};
struct m_inode {
	uint64_t ino;
	bool directory;
};
static struct m_name m_names[M_NAMES];
static struct m_inode m_inodes[M_INODES];
static unsigned m_inode_count;

static struct m_name *m_find(uint64_t dir, const char *name)
{
	for (unsigned n = 0; n < M_NAMES; n++)
		if (m_names[n].ino && m_names[n].dir == dir && strcmp(m_names[n].name, name) == 0)
			return &m_names[n];
	return NULL;
}

static bool m_is_dir(uint64_t ino)
{
	for (unsigned n = 0; n < m_inode_count; n++)
		if (m_inodes[n].ino == ino)
			return m_inodes[n].directory;
	return true;
}

static void m_add(uint64_t dir, const char *name, uint64_t ino)
{
	for (unsigned n = 0; n < M_NAMES; n++)
		if (!m_names[n].ino) {
			m_names[n] = (struct m_name){ .dir = dir, .ino = ino };
			(void) snprintf(m_names[n].name, sizeof(m_names[n].name), "%s", name);
			return;
		}
	CHECK(!"room in the model");
}

static unsigned m_links(uint64_t ino)
{
	unsigned count = 0;

	for (unsigned n = 0; n < M_NAMES; n++)
		count += m_names[n].ino == ino;
	return count;
}

static unsigned m_entries(uint64_t dir, bool directories_only)
{
	unsigned count = 0;

	for (unsigned n = 0; n < M_NAMES; n++)
		count += m_names[n].ino && m_names[n].dir == dir &&
			 (!directories_only || m_is_dir(m_names[n].ino));
	return count;
}

static bool m_below(uint64_t dir, uint64_t top)
{
	while (dir != top) {
		unsigned n = 0;

		while (n < M_NAMES && m_names[n].ino != dir)
			n++;
		if (n == M_NAMES)
			return false;
		dir = m_names[n].dir;
	}
	return true;
}

static uint64_t m_top;

static uint64_t random_dir(void)
{
	struct m_name *n = &m_names[rand() % M_NAMES];

	return n->ino && m_is_dir(n->ino) && rand() % 4 ? n->ino : m_top;
}

static const char *random_name(void)
{
	static char names[4][8];
	static unsigned next;
	char *name = names[next++ % 4];

	(void) snprintf(name, 8, "n%d", rand() % 25);
	return name;
}

static void random_make(void)
{
	uint64_t dir = random_dir(), ino;
	const char *name = random_name();
	bool is_dir = rand() % 4 == 0;
	int r = make(dir, name, is_dir ? S_IFDIR | 0755 : S_IFREG | 0644, &ino);

	CHECK_EQ(r, m_find(dir, name) ? -EEXIST : 0);
	if (r < 0)
		return;
	m_inodes[m_inode_count++] = (struct m_inode){ ino, is_dir };
	m_add(dir, name, ino);
}

static void random_remove(void)
{
	uint64_t dir = random_dir();
	const char *name = random_name();
	struct m_name *m = m_find(dir, name);
	bool is_dir = m && m_is_dir(m->ino), want_dir = rand() % 2;
	int want = !m ? -ENOENT : is_dir != want_dir ? (is_dir ? -EISDIR : -ENOTDIR) : 0;

	if (want == 0 && is_dir && m_entries(m->ino, false))
		want = -ENOTEMPTY;
	CHECK_EQ(want_dir ? rmdir_name(dir, name) : unlink_name(dir, name), want);
	if (want == 0)
		m->ino = 0;
}

static void random_link(void)
{
	uint64_t dir = random_dir();
	struct m_name *m = m_find(random_dir(), random_name());
	const char *name = random_name();

	if (!m || m_is_dir(m->ino))
		return;
	CHECK_EQ(link_to(m->ino, dir, name), m_find(dir, name) ? -EEXIST : 0);
	if (!m_find(dir, name))
		m_add(dir, name, m->ino);
}

static int m_rename(uint64_t dir, const char *name, uint64_t new_dir, const char *new_name, unsigned flags)
{
	struct m_name *from = m_find(dir, name), *to = m_find(new_dir, new_name);
	uint64_t swapped;

	if (!from || (flags & RENAME_EXCHANGE && !to))
		return -ENOENT;
	if (to && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (to && to->ino == from->ino)
		return 0;
	if (m_is_dir(from->ino) && m_below(new_dir, from->ino))
		return -EINVAL;
	if (to && m_is_dir(to->ino) && m_below(dir, to->ino))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (to && flags & RENAME_EXCHANGE) {
		swapped = to->ino;
		to->ino = from->ino;
		from->ino = swapped;
		return 0;
	}
	if (to && m_is_dir(to->ino) != m_is_dir(from->ino))
		return m_is_dir(to->ino) ? -EISDIR : -ENOTDIR;
	if (to && m_is_dir(to->ino) && m_entries(to->ino, false))
		return -ENOTEMPTY;
	if (to)
		to->ino = 0;
	from->dir = new_dir;
	(void) snprintf(from->name, sizeof(from->name), "%s", new_name);
	return 0;
}

static void random_rename(void)
{
	static const unsigned flags[] = { 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	uint64_t dir = random_dir(), new_dir = rand() % 2 ? dir : random_dir();
	const char *name = random_name(), *new_name = random_name();
	unsigned f = flags[rand() % 4];
	int got = rename_flags(dir, name, new_dir, new_name, f);

	CHECK_EQ(got, m_rename(dir, name, new_dir, new_name, f));
}

/* An inode's names, as tree_path() tells them, are those of the model. */
static void check_names(uint64_t ino, unsigned links)
{
	for (unsigned nth = 0; nth <= links; nth++) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		struct inode i;
		int r = tree_path(c, ino, m_top, nth, &path);

		CHECK_EQ(r, nth < links ? 0 : -ENOENT);
		if (r < 0)
			continue;
		CHECK_EQ(tree_walk(c, m_top, buf_cstr(&path), &i), 0);
		CHECK_EQ(i.ino, ino);
	}
}

static void check_inode(const struct m_inode *m)
{
	unsigned links = m_links(m->ino);
	struct inode i;
	int r = inode_get(c, m->ino, &i);

	CHECK_EQ(r, links ? 0 : -ENOENT);
	if (r < 0)
		return;
	CHECK_EQ(i.nlink, m->directory ? 2 + m_entries(m->ino, true) : links);
	check_names(m->ino, links);
}

static void check_listing(uint64_t dir)
{
	static struct listing l;

	list(dir, &l);
	CHECK_EQ(l.count, m_entries(dir, false));
	for (unsigned n = 0; n < l.count; n++)
		CHECK(m_find(dir, l.names[n]) != NULL);
}

static int count_entry(void *context, const struct queue_entry *e)
{
	((unsigned *)context)[e->why & EVENT_BELOW ? 1 : 0]++;
	return 0;
}

/* Besides directories that were renamed. */
static unsigned queued_files(void)
{
	unsigned n[2] = { 0 };

	CHECK_EQ(queue_foreach(c, count_entry, n), 0);
	CHECK_EQ(queue_count(c), n[0] + n[1]);
	return n[0];
}

static void check_model(void)
{
	struct tree_stats stats;
	uint64_t files = 0, directories = 0;

	for (unsigned n = 0; n < m_inode_count; n++) {
		check_inode(&m_inodes[n]);
		if (!m_links(m_inodes[n].ino))
			continue;
		files += !m_inodes[n].directory;
		directories += m_inodes[n].directory;
	}
	for (unsigned n = 0; n < M_NAMES; n++) {
		if (!m_names[n].ino)
			continue;
		CHECK_EQ(lookup(m_names[n].dir, m_names[n].name), m_names[n].ino);
		if (m_is_dir(m_names[n].ino))
			check_listing(m_names[n].ino);
	}
	check_listing(m_top);
	tree_get_stats(c, &stats);
	CHECK_EQ(stats.files, files);
	CHECK_EQ(stats.directories, directories + 1);
	CHECK_EQ(stats.others, 0);
	CHECK_EQ(queued_files(), files);
}

static int check_sets_of(struct catalog *store, uint64_t ino)
{
	struct inode i = inode(ino);

	return inode_check_set(store, &i, SET_ENTRIES);
}

static void test_model(unsigned seed)
{
	memset(m_names, 0, sizeof(m_names));
	m_inode_count = 0;
	m_top = ROOT_INO;
	srand(seed);
	for (unsigned n = 0; n < 3000; n++) {
		switch (rand() % 8) {
		case 0: case 1: case 2:
			if (m_inode_count < M_INODES && m_entries(m_top, false) < M_NAMES - 50 &&
			    n % 10 < 8)
				random_make();
			break;
		case 3:
			random_link();
			break;
		case 4: case 5:
			random_remove();
			break;
		default:
			random_rename();
		}
		if (n % 300 != 299)
			continue;
		if (rand() % 2)
			c = tree_box_reopen(c);
		check_model();
	}
	check_model();
	c = tree_box_reopen(c);
	for (unsigned n = 0; n < M_NAMES; n++)
		if (m_names[n].ino && m_is_dir(m_names[n].ino))
			CHECK_EQ(check_sets_of(c, m_names[n].ino), 0);
	CHECK_EQ(check_sets_of(c, ROOT_INO), 0);
}

static void test_all(void)
{
	for (unsigned seed = 1; seed <= 3; seed++) {
		tree_hands_open(dentry_hash_bits);
		test_model(seed);
	}
}

int main(void)
{
	return tree_hands_run(test_all);
}
