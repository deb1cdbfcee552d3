/* SPDX-License-Identifier: MIT */
/* The catalog of a store that cannot be opened: every record that its pages still hold and whose seal opens
 * goes into the overlay over an empty store. Which of them counted the facts say: where a page lost them,
 * those of an earlier checkpoint are taken, and every kind of record is in doubt. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/catalog_impl.h"
#include "catalog/lmdb_salvage.h"

struct salvaging {
	struct catalog *c;
	struct facts facts, found;
	bool have_facts, live_facts;
	struct buf value;
	int error;
};

/* The newest; those of an earlier checkpoint only say from where on the log matters. */
static void take_facts(struct salvaging *s, bool stale)
{
	struct facts f;

	if (facts_decode(s->value.data, s->value.len, &f) < 0)
		return;
	if (s->have_facts && f.number <= s->facts.number)
		return;
	s->facts = f;
	s->have_facts = true;
	s->live_facts = !stale;
}

static int take(struct salvaging *s, const void *key, size_t key_len, const void *sealed, size_t len, bool stale)
{
	struct catalog *c = s->c;
	int r;

	buf_reset(&s->value);
	r = value_open(c->opener, key, key_len, sealed, len, &s->value);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	if (*(const uint8_t *)key == *FACTS_KEY) {
		take_facts(s, stale);
		return 0;
	}
	if (stale || overlay_get(c->active, UINT64_MAX, key, key_len))
		return 0;
	facts_add(&s->found, &c->facts_key, key, key_len, sealed, len);
	r = overlay_reserve(c->active, 1, key_len + s->value.len);
	if (r >= 0)
		overlay_put(c->active, 0, key, key_len, s->value.data, s->value.len);
	return r;
}

static void record(void *context, const void *key, size_t key_len, const void *value, size_t len, bool stale)
{
	struct salvaging *s = context;

	if (s->error >= 0 && (!stale || *(const uint8_t *)key == *FACTS_KEY))
		s->error = take(s, key, key_len, value, len, stale);
}

static int adopt(struct catalog *c, const struct salvaging *s)
{
	c->facts = s->facts;
	c->facts_unsure = !s->live_facts;
	for (unsigned i = 0; i < 256; i++) {
		bool good = !c->facts_unsure && facts_agree(&s->found.letters[i], &s->facts.letters[i]);

		atomic_store(&c->letters[i], good ? LETTER_GOOD : LETTER_DAMAGED);
	}
	c->vetting.state = VETTING_DONE;
	c->store = store_close(c->store);
	c->salvaged = true;
	return store_new_empty(&c->store);
}

/* Facts of an earlier checkpoint would miss what is newer. */
static bool all_agree(const struct salvaging *s)
{
	for (unsigned i = 0; i < 256; i++)
		if (!facts_agree(&s->found.letters[i], &s->facts.letters[i]))
			return false;
	return true;
}

int salvage_store(struct catalog *c)
{
	_cleanup_close_ int fd = openat(c->catalog_dirfd, STORE_FILE, O_RDONLY | O_CLOEXEC);
	struct salvaging s = { .c = c };
	int r;

	if (fd < 0 && errno != ENOENT)
		return -errno;
	r = fd < 0 ? 0 : lmdb_salvage(fd, record, &s);
	s.live_facts &= r == 0 || all_agree(&s);
	r = r < 0 && r != -EBADMSG ? r : s.error;
	if (r >= 0)
		r = adopt(c, &s);
	buf_done(&s.value);
	return r;
}
