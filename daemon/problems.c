/* SPDX-License-Identifier: MIT */
#include "daemon/problems.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "daemon/cold_facts.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "daemon/verifying.h"
#include "index/extract/extract.h"

#define STEP_MS 1000u    /* between two looks, at least */
#define AGAIN_MS 60000u  /* while something is wrong, at most */
#define DETAIL_MAX COLD_TEXT_MAX
#define SKEW_S 300 /* that requests need not be corrected for by most servers */

struct facts {
	struct catalog_stats catalog;
	struct files_stats files;
	uint64_t damage, damaged_ino; /* replies of EIO for damage, and the last inode */
	int walls;                    /* enum extractor_missing */
	unsigned hangs;
	int index_failed;
	struct cold_facts cold;
	uint64_t scrub_damaged;       /* files that verifying found damaged */
	char refused[DETAIL_MAX], waiting[DETAIL_MAX]; /* of the configuration; see reload_describe() */
};

/* One row a problem: is it there, and what is left? */
struct kind {
	const char *what, *way_out;
	bool (*present)(const struct facts *f);
	void (*detail)(const struct facts *f, char *ret_text, size_t size); /* may be NULL */
	bool calm; /* logged when it comes up or is another, not every minute */
	void (*extend)(struct server *s, json_t *problem); /* tells the owner more; may be NULL */
};

struct problem {
	uint64_t since_s;            /* 0: not there */
	unsigned long long logged_ms;
	char detail[DETAIL_MAX];
};

static bool sync_failed(const struct facts *f)
{
	return f->catalog.failed != 0 && f->catalog.failed != -EBADMSG;
}

static bool store_damaged(const struct facts *f)
{
	return f->catalog.failed == -EBADMSG;
}

static bool disk_full(const struct facts *f)
{
	return f->files.full || f->catalog.no_space;
}

static void describe_room(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%llu MB are left beside the reserve of %llu MB",
			(unsigned long long)(f->files.free_bytes >> 20),
			(unsigned long long)(f->files.reserve_bytes >> 20));
}

static bool records_damaged(const struct facts *f)
{
	return f->catalog.damaged != 0;
}

static bool bytes_damaged(const struct facts *f)
{
	return f->damage != 0;
}

static void describe_damage(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%llu requests got EIO, the last for inode %llu",
			(unsigned long long)f->damage, (unsigned long long)f->damaged_ino);
}

static bool scrub_damaged(const struct facts *f)
{
	return f->scrub_damaged != 0;
}

static void describe_scrub(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%llu file%s", (unsigned long long)f->scrub_damaged,
			f->scrub_damaged == 1 ? "" : "s");
}

static bool walls_missing(const struct facts *f)
{
	return (f->walls & (EXTRACTOR_NO_LANDLOCK | EXTRACTOR_NO_SECCOMP)) != 0;
}

static bool index_failed(const struct facts *f)
{
	return f->index_failed != 0;
}

static bool config_refused(const struct facts *f)
{
	return f->refused[0] != '\0';
}

static void describe_refused(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%s", f->refused);
}

static bool config_waiting(const struct facts *f)
{
	return f->waiting[0] != '\0';
}

static void describe_waiting(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%s", f->waiting);
}

static bool bucket_failing(const struct facts *f)
{
	return f->cold.failing;
}

static bool bucket_absent(const struct facts *f)
{
	return f->cold.absent;
}

static bool bucket_foreign(const struct facts *f)
{
	return f->cold.foreign;
}

static bool keeps_versions(const struct facts *f)
{
	return f->cold.versions;
}

static void describe_bucket(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%s", f->cold.bucket);
}

static bool bucket_refuses(const struct facts *f)
{
	return f->cold.refused[0] != '\0';
}

static void describe_refusal(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%s", f->cold.refused);
}

static bool objects_lost(const struct facts *f)
{
	return f->cold.lost[0] != '\0';
}

static void describe_lost(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%s", f->cold.lost);
}

static bool clock_is_off(const struct facts *f)
{
	return llabs(f->cold.skew_s) >= SKEW_S;
}

static void describe_clock(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "it is %lld seconds %s", llabs(f->cold.skew_s),
			f->cold.skew_s > 0 ? "behind" : "ahead");
}

static bool moves_suspended(const struct facts *f)
{
	return f->cold.suspended_s > 0;
}

static bool is_capped(const struct facts *f)
{
	return f->cold.capped;
}

static bool server_hung(const struct facts *f)
{
	return f->hangs != 0;
}

static void describe_hangs(const struct facts *f, char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "%u times since the mount began", f->hangs);
}

static const struct kind kinds[] = {
	{ "a sync to disk failed: the mount is read-only (EROFS), so that nothing is acknowledged that may be lost",
	  "look at the disk below the volume (dmesg), then unmount and mount again", sync_failed, NULL },
	{ "the disk below the volume is full: writes get ENOSPC; deleting works",
	  "delete files, or give the disk more room", disk_full, describe_room },
	{ "the catalog's file is damaged: the mount is read-only (EROFS)",
	  "unmount and mount again: the next mount looks for the state before first; 'brainy fsck VOLUME' "
	  "says more",
	  store_damaged, NULL },
	{ "records of the catalog are missing or altered",
	  "unmount and run 'brainy fsck VOLUME'; restore what it names from a backup", records_damaged,
	  NULL },
	{ "stored bytes are altered or missing: their reads get EIO",
	  "'brainy name INODE' says which file; unmount and run 'brainy fsck VOLUME'", bytes_damaged,
	  describe_damage },
	{ "verifying found damaged bytes: reading them gets EIO, other files are fine",
	  "'brainy tier status' lists them; restore those files from a backup, or remove them, and look at "
	  "the disk or the bucket",
	  scrub_damaged, describe_scrub, .calm = true, .extend = verifying_add_files },
	{ "this kernel lacks landlock or seccomp: documents are read with fewer walls",
	  "use a kernel with both (5.13 or later)", walls_missing, NULL },
	{ "the index could not be loaded: queries get errors",
	  "look into the log, then unmount and mount again", index_failed, NULL },
	{ "the configuration has an error, so what it said before stays in use",
	  "mend the file: it is read again at once", config_refused, describe_refused },
	{ "a change of the configuration takes effect at the next mount",
	  "unmount and mount again, or take it back", config_waiting, describe_waiting, .calm = true },
	{ "the cold tier cannot be used: files in it get EIO, and nothing moves there",
	  "look at [cold] in brainy.conf and at the bucket; it is tried again by each run", bucket_absent,
	  describe_bucket },
	{ "the bucket is not this mount's to change: nothing moves to or from it; files in it are read",
	  "look at [cold] url; 'brainy cold attach' says more", bucket_foreign, describe_bucket,
	  .calm = true },
	{ "the bucket keeps old versions: what is deleted from it, or replaced, goes on costing",
	  "give it a lifecycle rule for noncurrent versions and expired delete markers, or suspend its "
	  "versioning",
	  keeps_versions, NULL, .calm = true },
	{ "the bucket does not do what it is asked: reads of cold files wait or get EIO, and nothing moves there",
	  "look at the network, the credentials and the bucket; it is tried again by itself", bucket_failing,
	  describe_bucket },
	{ "the bucket takes nothing: files that should go there stay here; what it has can be read",
	  "look at what the bucket allows and how full it is; each run tries again", bucket_refuses,
	  describe_refusal },
	{ "bytes in the bucket are gone or altered: reads of their files get EIO; all others can be read",
	  "put the objects back, from old versions or a copy of the bucket: each run looks for them; 'brainy "
	  "fsck --cold VOLUME' reads all others",
	  objects_lost, describe_lost, .extend = cold_facts_add_files },
	{ "the clock of this machine and that of the bucket differ; requests go by the bucket's",
	  "set the clock", clock_is_off, describe_clock, .calm = true },
	{ "most moves between tiers failed, so that they pause",
	  "mend what failed; 'brainy tier run' tries at once", moves_suspended, NULL },
	{ "what the bucket may be asked in a day is used up: moves wait for midnight UTC, and perhaps reads",
	  "wait, or raise requests_per_day or bytes_per_day in [limits]", is_capped, NULL },
	{ "the server had stopped answering and was started again; nothing was lost",
	  "look into the log for what it was doing, and report it", server_hung, describe_hangs,
	  .calm = true },
};

struct problems {
	struct server *server; /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;  /* rank 60: guards all below */
	pthread_cond_t wake;
	bool stopping;
	bool checking;         /* the catalog looks at itself: what it finds is to be noticed */
	_Atomic bool noticed;
	struct problem list[ARRAY_SIZE(kinds)];
};

static void collect(struct server *s, struct facts *ret_f)
{
	*ret_f = (struct facts){ 0 };
	catalog_get_stats(s->stack.catalog, &ret_f->catalog);
	files_get_stats(s->stack.files, &ret_f->files);
	ret_f->damage = fs_damage(s->fs, &ret_f->damaged_ino);
	ret_f->hangs = s->hangs;
	ret_f->index_failed = index_failure(s->stack.index);
	ret_f->walls = index_missing_walls(s->stack.index);
	cold_facts_collect(s, &ret_f->cold);
	ret_f->scrub_damaged = scrub_count_damage(s->stack.scrub);
	if (s->reload)
		reload_describe(s->reload, ret_f->refused, ret_f->waiting, DETAIL_MAX);
}

/* Takes down what is to be said, and tells whether it is time to log it. */
static bool note(struct problem *one, const struct kind *kind, const struct facts *f)
{
	char before[DETAIL_MAX];
	bool fresh = !one->since_s;

	if (fresh)
		one->since_s = clock_real_ns() / 1000000000u;
	memcpy(before, one->detail, sizeof(before));
	if (kind->detail)
		kind->detail(f, one->detail, sizeof(one->detail));
	return kind->calm ? fresh || strcmp(before, one->detail) != 0 : log_due(&one->logged_ms);
}

static void look(struct problems *p)
{
	struct facts f;

	collect(p->server, &f);
	LOCKED(&p->lock);
	p->checking = f.catalog.checking;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct problem *one = &p->list[i];

		if (!kinds[i].present(&f)) {
			*one = (struct problem){ 0 };
			continue;
		}
		if (note(one, &kinds[i], &f))
			(void) log_warn(0, "%s%s%s; way out: %s", kinds[i].what, one->detail[0] ? "; " : "",
					one->detail, kinds[i].way_out);
	}
}

static bool any_present(const struct problems *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (p->list[i].since_s)
			return true;
	return false;
}

/* A mount on which nothing is wrong is waited for without a clock. */
static void wait_for_notice(struct problems *p)
{
	uint64_t now_ms = clock_mono_ms(), again_ms;
	int r = 0;
	LOCKED(&p->lock);

	again_ms = now_ms + (p->checking ? STEP_MS : AGAIN_MS);
	while (r == 0 && !p->stopping && !atomic_load(&p->noticed))
		r = any_present(p) || p->checking ? cond_wait_until(&p->wake, &p->lock, again_ms)
				   : pthread_cond_wait(&p->wake, &p->lock);
}

/* Many notices make one look. False: it is time to end. */
static bool gather(struct problems *p)
{
	uint64_t until_ms = clock_mono_ms() + STEP_MS;
	LOCKED(&p->lock);

	while (!p->stopping && cond_wait_until(&p->wake, &p->lock, until_ms) != -ETIMEDOUT)
		;
	atomic_store(&p->noticed, false);
	return !p->stopping;
}

static void *watch(void *context)
{
	while (gather(context)) {
		look(context);
		wait_for_notice(context);
	}
	return NULL;
}

void problems_notice(struct problems *p)
{
	if (!p || atomic_exchange(&p->noticed, true))
		return;
	(void) pthread_mutex_lock(&p->lock);
	(void) pthread_cond_signal(&p->wake);
	(void) pthread_mutex_unlock(&p->lock);
}

int problems_start(struct server *s, struct problems **ret_p)
{
	struct problems *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->server = s;
	(void) pthread_mutex_init(&p->lock, NULL);
	cond_init(&p->wake);
	r = thread_start(&p->thread, "brainy-problems", watch, p);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret_p = p;
	return 0;
}

struct problems *problems_stop(struct problems *p)
{
	if (!p)
		return NULL;
	(void) pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void) pthread_cond_signal(&p->wake);
	(void) pthread_mutex_unlock(&p->lock);
	(void) pthread_join(p->thread, NULL);
	(void) pthread_cond_destroy(&p->wake);
	(void) pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

static json_t *describe_one(const struct kind *kind, const struct problem *one)
{
	char what[DETAIL_MAX + 256], since[32];
	time_t t = (time_t)one->since_s;
	struct tm utc;

	(void) snprintf(what, sizeof(what), "%s%s%s", kind->what, one->detail[0] ? "; " : "", one->detail);
	(void) strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
	return json_pack("{s:o, s:s, s:s}", "what", json_text(what, strlen(what)), "since", since, "way_out",
			 kind->way_out);
}

unsigned problems_count(struct problems *p)
{
	unsigned n = 0;

	if (!p)
		return 0;
	look(p);
	LOCKED(&p->lock);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		n += p->list[i].since_s != 0;
	return n;
}

/* Under each stands its kind, for what may not be asked with the lock held. */
static size_t list_present(struct problems *p, json_t *list, const struct kind *ret_kinds[ARRAY_SIZE(kinds)])
{
	size_t n = 0;
	LOCKED(&p->lock);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (p->list[i].since_s &&
		    json_array_append_new(list, describe_one(&kinds[i], &p->list[i])) == 0)
			ret_kinds[n++] = &kinds[i];
	return n;
}

json_t *problems_describe(struct problems *p)
{
	const struct kind *present[ARRAY_SIZE(kinds)];
	json_t *list = json_array();
	size_t n;

	if (!p || !list)
		return list;
	look(p);
	n = list_present(p, list, present);
	for (size_t i = 0; i < n; i++)
		if (present[i]->extend)
			present[i]->extend(p->server, json_array_get(list, i));
	return list;
}
