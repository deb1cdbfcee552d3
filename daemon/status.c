/* SPDX-License-Identifier: MIT */
/* What .brainy/status.json and its neighbours say. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "crypto/volume.h"
#include "daemon/metrics.h"
#include "daemon/audit.h"
#include "daemon/problems.h"
#include "daemon/reload.h"
#include "daemon/server.h"
#include "version.h"

/* One field of /proc/PID/status, in bytes. */
static uint64_t proc_bytes(pid_t pid, const char *field)
{
	char path[64], line[256];
	unsigned long long kib = 0;
	FILE *f;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			(void) sscanf(line + strlen(field), ": %llu", &kib);
	(void) fclose(f);
	return kib * 1024;
}

static uint64_t own_memory(pid_t pid)
{
	return proc_bytes(pid, "RssAnon") + proc_bytes(pid, "RssShmem");
}

/* The keeper's and that of its children: ours, and the server that waits for our end. */
static uint64_t whole_memory(void)
{
	uint64_t sum = own_memory(getppid());
	char path[64];
	FILE *f;
	int pid;

	(void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children", getppid(), getppid());
	f = fopen(path, "re");
	if (!f)
		return sum + own_memory(getpid());
	while (fscanf(f, "%d", &pid) == 1)
		sum += own_memory(pid);
	(void) fclose(f);
	return sum;
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *describe_index(struct server *s)
{
	struct index_stats x = { .model = "" };

	if (s->stack.index)
		index_get_stats(s->stack.index, &x);
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "loading", x.loading, "pending",
			 number(x.pending), "indexed", number(x.indexed), "skipped", number(x.skipped),
			 "failed", number(x.failed), "passages", number(x.passages), "segments",
			 number(x.segments), "model", x.model ? x.model : "");
}

static json_t *describe_tier(const struct files_tier_stats *t)
{
	return json_pack("{s:o, s:o, s:o}", "files", number(t->files), "bytes", number(t->bytes),
			 "stored_bytes", number(t->stored_bytes));
}

static json_t *describe_tiers(struct server *s)
{
	struct files_tiers t;

	(void) files_get_tiers(s->stack.files, &t);
	return json_pack("{s:o, s:o, s:o}", "hot", describe_tier(&t.hot), "warm", describe_tier(&t.warm),
			 "cold", describe_tier(&t.cold));
}

static bool is_any(const struct memory_part *p)
{
	return true;
}

static bool is_of_index(const struct memory_part *p)
{
	return strncmp(p->name, "index_", 6) == 0 || strcmp(p->name, "waiting") == 0;
}

static bool is_bounded(const struct memory_part *p)
{
	return p->bound > 0;
}

static uint64_t sum_of(const struct memory_parts *m, bool (*counts)(const struct memory_part *p))
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->n; i++)
		sum += counts(&m->parts[i]) ? m->parts[i].bytes : 0;
	return sum;
}

static json_t *describe_parts(const struct memory_parts *m)
{
	json_t *parts = json_object();

	for (unsigned i = 0; parts && i < m->n; i++) {
		const struct memory_part *p = &m->parts[i];
		json_t *bound = p->bound ? number(p->bound) : json_null();

		(void) json_object_set_new(parts, p->name,
					   json_pack("{s:o, s:o}", "bytes", number(p->bytes), "bound", bound));
	}
	return parts;
}

static json_t *describe_memory(struct server *s)
{
	struct memory_parts m = { 0 };

	catalog_add_memory(s->stack.catalog, &m);
	files_add_memory(s->stack.files, &m);
	fs_add_memory(s->fs, &m);
	if (s->stack.index)
		index_add_memory(s->stack.index, &m);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rss_bytes", number(whole_memory()),
			 "server_bytes", number(own_memory(getpid())), "mapped_bytes",
			 number(proc_bytes(getpid(), "RssFile")), "index_bytes",
			 number(sum_of(&m, is_of_index)), "cache_bytes", number(sum_of(&m, is_bounded)),
			 "counted_bytes", number(sum_of(&m, is_any)), "parts", describe_parts(&m));
}

static json_t *describe_server(struct server *s)
{
	return json_pack("{s:i, s:i, s:i, s:o}", "pid", (int)getpid(), "upgrades", (int)s->upgrades,
			 "refused", (int)s->refused, "refusal", json_text(s->refusal, strlen(s->refusal)));
}

static json_t *describe_status(struct server *s)
{
	char id[ID128_TEXT_SIZE];
	struct tree_stats t = { 0 };
	struct catalog_stats c = { 0 };

	(void) tree_get_stats(s->stack.catalog, &t);
	catalog_get_stats(s->stack.catalog, &c);
	return json_pack(
		"{s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o}",
		"version", BRAINY_VERSION, "volume_id", id128_format(keyring_volume_id(s->keys), id),
		"volume", json_text(s->volume, strlen(s->volume)), "read_only", s->read_only, "noatime",
		s->noatime, "uptime_s", number((clock_mono_ms() - s->started_ms) / 1000), "files",
		number(t.files), "directories", number(t.directories), "bytes", number(t.bytes), "index",
		describe_index(s), "tiers", describe_tiers(s), "wal", "segments", number(c.wal_segments),
		"replayed", number(c.wal_replayed), "last_sync_us", number(c.last_sync_us), "memory",
		describe_memory(s), "server", describe_server(s), "problems", problems_describe(s->problems));
}

/* "ok", or what is wrong, a line each. */
static int describe_health(struct server *s, struct buf *text)
{
	_cleanup_json_ json_t *problems = problems_describe(s->problems);
	json_t *problem;
	size_t i;
	int r = 0;

	if (json_array_size(problems) == 0)
		return buf_add_str(text, "ok\n");
	json_array_foreach(problems, i, problem) {
		r = buf_addf(text, "%s; since %s; %s\n", json_string_value(json_object_get(problem, "what")),
			     json_string_value(json_object_get(problem, "since")),
			     json_string_value(json_object_get(problem, "way_out")));
		if (r < 0)
			break;
	}
	return r;
}

/* What brainy.conf says, as it holds now. */
static int describe_config(struct server *s, struct buf *text)
{
	_cleanup_free_ char *why = NULL;
	int r = s->reload ? reload_get_text(s->reload, text, &why) : 0;

	return r < 0 || text->len ? r : buf_add_str(text, "# no brainy.conf: every key has its default\n");
}

int server_describe(struct server *s, const char *name, struct buf *ret_text)
{
	int r;

	if (strcmp(name, "status.json") == 0) {
		_cleanup_json_ json_t *status = describe_status(s);

		r = status ? json_add_to(ret_text, status) : -ENOMEM;
		return r < 0 ? r : buf_add_str(ret_text, "\n");
	}
	if (strcmp(name, "version") == 0)
		return buf_addf(ret_text, "brainy %s (%s), format %d\n", BRAINY_VERSION, BRAINY_COMMIT,
				VOLUME_FORMAT);
	if (strcmp(name, "tiers") == 0)
		return metrics_tiers(s, ret_text);
	if (strcmp(name, "metrics") == 0)
		return metrics_describe(s, ret_text);
	if (strcmp(name, "health") == 0)
		return describe_health(s, ret_text);
	if (strcmp(name, "config") == 0)
		return describe_config(s, ret_text);
	if (strcmp(name, "audit") == 0)
		return audit_describe(s->stack.catalog, ret_text);
	if (strcmp(name, "coverage") == 0)
		return s->stack.index ? index_describe_coverage(s->stack.index, ret_text) : 0;
	if (strcmp(name, "queue") == 0)
		return s->stack.index ? index_describe_queue(s->stack.index, ret_text) : 0;
	return -ENOENT;
}
