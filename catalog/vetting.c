/* SPDX-License-Identifier: MIT */
/* Is the store below whole? A mount of a million files need not wait for the answer, because nothing is taken for
 * granted before it is there:
 *
 *   structure  lmdb_check.h reads all of the file. Until it has, nothing is written to it: the first checkpoint waits.
 *   letters    the facts of the last checkpoint (facts.h) say which records of a kind there are. Each kind is
 *              counted by itself when a record of it is missed or its records are walked, and all of them are on
 *              the way through the structure. Until that is known, a scan sees to it that look-ups find what it walks
 *              over (lmdb_scan.c).
 *
 * States of a letter: UNKNOWN -> GOOD or DAMAGED, for good; under letters_lock, and only while the store is as the
 * facts of its opening say. It stays so until the first checkpoint, thus until the structure is known.
 *
 * A damaged structure ends all writing. The file `suspect` tells the next opening, which looks at all first: it can
 * still go back to the state before (lmdb_check.h), a mount that has answered cannot.
 *
 * Who takes over from a server that has just died need not look again at what that one has found whole
 * (catalog_config.whole): between the two nobody else has had the file.
 *
 * The thread is of background priority as long as nobody waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/priority.h"
#include "base/thread.h"
#include "catalog/catalog_impl.h"

#define SUSPECT "suspect"

/* ---- letters */

/* Entries, xattrs and extents have sets of their own, and an inode that is missing is missed by its
 * entry: those many are left to fsck. */
static bool is_counted(const struct catalog *c, uint8_t letter)
{
	return letter != *FACTS_KEY && (c->config.rehearse || !strchr("IDXE", letter));
}

static void settle(struct catalog *c, uint8_t letter, const struct facts *found)
{
	bool good = facts_agree(&found->letters[letter], &c->facts.letters[letter]);

	if (atomic_load(&c->letters[letter]) == LETTER_UNKNOWN)
		atomic_store(&c->letters[letter], good ? LETTER_GOOD : LETTER_DAMAGED);
}

static void settle_all(struct catalog *c, const struct facts *found)
{
	LOCKED(&c->letters_lock);

	for (unsigned i = 0; i < 256; i++)
		if (is_counted(c, (uint8_t)i))
			settle(c, (uint8_t)i, found);
}

/* Adds up the stored records of one letter. */
static int count_stored(struct catalog *c, struct store_scan *scan, uint8_t letter, struct facts *found)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	int r = store_scan_seek(scan, &letter, 1, false);

	while (r == 1) {
		size_t key_len;
		const uint8_t *key = store_scan_key(scan, &key_len);

		if (*key != letter)
			return 0;
		buf_reset(&sealed);
		r = store_scan_value(scan, &sealed);
		if (r < 0)
			return r;
		facts_add(found, &c->facts_key, key, key_len, sealed.data, sealed.len);
		r = store_scan_next(scan);
	}
	return r;
}

static int count_letter(struct catalog *c, uint8_t letter)
{
	_cleanup_free_ struct facts *found = calloc(1, sizeof(*found));
	struct store_scan *scan;
	int r = found ? store_scan_begin(c->store, &scan) : -ENOMEM;

	if (r < 0)
		return r;
	r = count_stored(c, scan, letter, found);
	store_scan_end(scan);
	if (r == -EBADMSG)
		atomic_store(&c->letters[letter], LETTER_DAMAGED);
	else if (r >= 0)
		settle(c, letter, found);
	return r == -EBADMSG ? 0 : r;
}

int vetting_check_letter(struct catalog *c, uint8_t letter)
{
	int r = 0;

	if (c->config.rehearse) /* repair knows which are damaged, and wants what is there */
		return 0;
	if (atomic_load_explicit(&c->letters[letter], memory_order_acquire) == LETTER_UNKNOWN) {
		LOCKED(&c->letters_lock);

		if (atomic_load(&c->letters[letter]) == LETTER_UNKNOWN)
			r = count_letter(c, letter);
	}
	if (r < 0)
		return r;
	return atomic_load(&c->letters[letter]) == LETTER_DAMAGED ? -EBADMSG : 0;
}

/* ---- the whole store */

struct counting {
	struct catalog *c;
	struct facts found;
};

static void count_start(void *context)
{
	struct counting *n = context;

	n->found = (struct facts){ 0 };
}

static void count_record(void *context, const void *key, size_t key_len, const void *value, size_t len)
{
	struct counting *n = context;

	if (is_counted(n->c, *(const uint8_t *)key))
		facts_add(&n->found, &n->c->facts_key, key, key_len, value, len);
}

static struct store_config store_config(struct catalog *c, struct counting *counting)
{
	return (struct store_config){
		.dirfd = c->catalog_dirfd,
		.read_only = c->config.read_only,
		.map_size = c->config.map_size,
		.start = count_start,
		.record = count_record,
		.context = counting,
		.stop = &c->vetting.stop,
	};
}

static bool is_suspect(struct catalog *c)
{
	return faccessat(c->catalog_dirfd, SUSPECT, F_OK, 0) == 0;
}

/* What cannot be noted costs the next opening the way back, nothing else. */
void vetting_note_suspect(struct catalog *c)
{
	_cleanup_close_ int fd = -1;

	if (c->config.read_only)
		return;
	fd = openat(c->catalog_dirfd, SUSPECT, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void) fsync(c->catalog_dirfd);
}

/* As if it had been looked at. */
static void trust(struct catalog *c)
{
	LOCKED(&c->letters_lock);

	for (unsigned i = 0; i < 256; i++)
		atomic_store(&c->letters[i], LETTER_GOOD);
	store_trust(c->store);
	c->vetting.state = VETTING_DONE;
}

static int open_and_load(struct catalog *c, struct counting *counting, bool later,
			 int (*load)(struct catalog *c, char **ret_why), char **ret_why)
{
	struct store_config config = store_config(c, counting);
	int due, r;

	config.later = later;
	due = store_open(&config, &c->store, ret_why);
	r = due < 0 ? due : load(c, ret_why);
	if (r < 0)
		return r;
	if (due && c->config.whole)
		trust(c);
	else
		c->vetting.state = due ? VETTING_DUE : VETTING_DONE;
	if (due)
		return r;
	settle_all(c, &counting->found);
	if (!c->config.read_only)
		(void) unlinkat(c->catalog_dirfd, SUSPECT, 0);
	return r;
}

/* What cannot even be loaded is looked at whole: there may be a way back. */
int vetting_open_store(struct catalog *c, int (*load)(struct catalog *c, char **ret_why), char **ret_why)
{
	_cleanup_free_ struct counting *counting = calloc(1, sizeof(*counting));
	bool later = c->config.check_later && !is_suspect(c);
	int r;

	for (unsigned i = 0; i < 256; i++)
		atomic_store(&c->letters[i], is_counted(c, (uint8_t)i) ? LETTER_UNKNOWN : LETTER_GOOD);
	if (!counting)
		return -ENOMEM;
	counting->c = c;
	r = open_and_load(c, counting, later, load, ret_why);
	if (r != -EBADMSG || !later)
		return r;
	c->store = store_close(c->store);
	freep(ret_why);
	*ret_why = NULL;
	return open_and_load(c, counting, false, load, ret_why);
}

static int vet(struct catalog *c)
{
	_cleanup_free_ struct counting *counting = calloc(1, sizeof(*counting));
	_cleanup_free_ char *why = NULL;
	struct store_config config;
	int r;

	if (!counting)
		return -ENOMEM;
	counting->c = c;
	config = store_config(c, counting);
	r = store_check(&config, &why);
	if (r >= 0) {
		settle_all(c, &counting->found);
		store_trust(c->store);
	}
	if (r == -EBADMSG)
		vetting_note_suspect(c);
	return r;
}

/* ---- the thread */

static void finish(struct catalog *c, int result)
{
	LOCKED(&c->vetting.lock);

	c->vetting.result = result;
	c->vetting.state = VETTING_DONE;
	c->vetting.tid = 0;
	(void) pthread_cond_broadcast(&c->vetting.done);
}

static bool any_damaged(struct catalog *c)
{
	for (unsigned i = 0; i < 256; i++)
		if (atomic_load(&c->letters[i]) == LETTER_DAMAGED)
			return true;
	return false;
}

/* What is short for the moment is tried again by the next who needs to know. */
static int run_vetting(struct catalog *c)
{
	int r = vet(c);

	if (r == -ENOMEM) {
		LOCKED(&c->vetting.lock);
		c->vetting.state = VETTING_DUE;
		c->vetting.tid = 0;
		(void) pthread_cond_broadcast(&c->vetting.done);
		return r;
	}
	if (r == -EBADMSG)
		(void) catalog_fail(c, r);
	finish(c, r);
	if (r >= 0 && c->config.found_whole && !any_damaged(c))
		c->config.found_whole(c->config.context);
	return r;
}

static void begin_quietly(struct catalog *c)
{
	bool may_return = priority_may_change();
	LOCKED(&c->vetting.lock);

	if (!may_return || c->vetting.waiting)
		return;
	c->vetting.tid = (int)syscall(SYS_gettid);
	priority_lower(0);
}

static void *vetting_main(void *catalog)
{
	begin_quietly(catalog);
	(void) run_vetting(catalog);
	return NULL;
}

int vetting_start(struct catalog *c)
{
	int r;
	LOCKED(&c->vetting.lock);

	if (c->vetting.state != VETTING_DUE || c->vetting.started)
		return 0;
	r = thread_start(&c->vetting.thread, "catalog-vetting", vetting_main, c);
	if (r < 0)
		return r;
	c->vetting.started = true;
	c->vetting.state = VETTING_RUNNING;
	return 0;
}

/* 1: the caller is to do it. */
static int wait_for_thread(struct catalog *c)
{
	struct vetting *v = &c->vetting;
	LOCKED(&v->lock);

	v->waiting++;
	if (v->tid)
		priority_raise(v->tid);
	while (v->state == VETTING_RUNNING)
		(void) pthread_cond_wait(&v->done, &v->lock);
	v->waiting--;
	if (v->state == VETTING_DONE)
		return v->result;
	v->state = VETTING_RUNNING;
	return 1;
}

int vetting_wait(struct catalog *c)
{
	int r = wait_for_thread(c);

	return r == 1 ? run_vetting(c) : r;
}

bool vetting_is_running(struct catalog *c)
{
	LOCKED(&c->vetting.lock);

	return c->vetting.state == VETTING_RUNNING;
}

void vetting_stop(struct catalog *c)
{
	if (!c->vetting.started)
		return;
	atomic_store(&c->vetting.stop, true);
	(void) pthread_mutex_lock(&c->vetting.lock);
	if (c->vetting.tid)
		priority_raise(c->vetting.tid);
	(void) pthread_mutex_unlock(&c->vetting.lock);
	(void) pthread_join(c->vetting.thread, NULL);
	c->vetting.started = false;
}
