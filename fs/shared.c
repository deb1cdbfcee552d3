/* SPDX-License-Identifier: MIT */
#include "fs/shared.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define RUNNING_PROBES 16u
/* What the first program had; the rest may be missing. */
#define SHARED_MIN offsetof(struct shared, users)

_Static_assert(offsetof(struct shared, init) == 4096, "layout");
_Static_assert(offsetof(struct shared, running) == 8192, "layout");
_Static_assert(offsetof(struct shared, slots) == 40960, "layout");
_Static_assert(offsetof(struct shared_announcements, records) == 4096, "layout");

static int prepare(int fd, bool resumed)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (resumed && st.st_size < (off_t)SHARED_MIN)
		return -EBADMSG;
	if (!resumed && ftruncate(fd, 0) < 0)
		return -errno;
	if ((!resumed || st.st_size < (off_t)sizeof(struct shared)) && ftruncate(fd, sizeof(struct shared)) < 0)
		return -errno;
	return 0;
}

int shared_map(int fd, bool resumed, struct shared **ret_shared)
{
	struct shared *s;
	int r = prepare(fd, resumed);

	if (r < 0)
		return r;
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED)
		return -errno;
	if (resumed && (s->header.magic != SHARED_MAGIC || s->header.init_len > SHARED_INIT_MAX ||
			s->header.slots_used > HANDLE_TABLE_SLOTS)) {
		(void) shared_unmap(s);
		return -EBADMSG;
	}
	s->header.magic = SHARED_MAGIC;
	s->header.servers++;
	*ret_shared = s;
	return 0;
}

const struct shared *shared_view(int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)SHARED_MIN)
		return NULL;
	p = mmap(NULL, sizeof(struct shared), PROT_READ, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

struct shared *shared_unmap(struct shared *shared)
{
	if (shared)
		(void) munmap(shared, sizeof(*shared));
	return NULL;
}

void running_recover(struct shared *shared, bool crashed)
{
	for (unsigned i = 0; i < RUNNING_SLOTS; i++) {
		struct running_slot *s = &shared->running[i];

		if (s->unique && s->active && crashed)
			s->crashes++;
		else if (s->crashes == 0 && s->server + 1 < shared->header.servers)
			s->unique = 0;
		s->active = 0;
	}
}

static struct running_slot *place(struct shared *shared, uint64_t unique, unsigned probe)
{
	return &shared->running[(hash_mix64(unique) + probe) % RUNNING_SLOTS];
}

static struct running_slot *find(struct shared *shared, uint64_t unique)
{
	for (unsigned i = 0; i < RUNNING_PROBES; i++) {
		struct running_slot *s = place(shared, unique, i);

		if (__atomic_load_n(&s->unique, __ATOMIC_ACQUIRE) == unique)
			return s;
	}
	return NULL;
}

unsigned running_begin(struct shared *shared, uint64_t unique, uint32_t opcode)
{
	struct running_slot *s = find(shared, unique);

	for (unsigned i = 0; !s && i < RUNNING_PROBES; i++) {
		struct running_slot *empty = place(shared, unique, i);
		uint64_t none = 0;

		if (__atomic_load_n(&empty->unique, __ATOMIC_RELAXED) == 0 &&
		    __atomic_compare_exchange_n(&empty->unique, &none, unique, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED)) {
			empty->crashes = 0;
			s = empty;
		}
	}
	if (!s)
		return 0;
	s->opcode = opcode;
	s->server = shared->header.servers;
	s->active = 1;
	return s->crashes;
}

void running_set_active(struct shared *shared, uint64_t unique, bool active)
{
	struct running_slot *s = find(shared, unique);

	if (s)
		s->active = active;
}

void running_end(struct shared *shared, uint64_t unique)
{
	struct running_slot *s = find(shared, unique);

	if (!s)
		return;
	s->active = 0;
	s->crashes = 0;
	__atomic_store_n(&s->unique, 0, __ATOMIC_RELEASE);
}

bool running_has(const struct shared *shared, uint64_t unique)
{
	return find((struct shared *)shared, unique) != NULL;
}

unsigned running_count(const struct shared *shared)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RUNNING_SLOTS; i++) {
		const struct running_slot *s = &shared->running[i];

		n += __atomic_load_n(&s->unique, __ATOMIC_RELAXED) &&
		     __atomic_load_n(&s->active, __ATOMIC_RELAXED);
	}
	return n;
}
