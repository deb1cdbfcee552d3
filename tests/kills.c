/* SPDX-License-Identifier: MIT */
#include "tests/kills.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/shared.h"

#define AIMS_MAX 100u
#define BACK_MS 20000u /* within this a killed server must be followed by another */

static pid_t read_keeper(const char *lock_file)
{
	_cleanup_free_ char *line = NULL;
	FILE *f = fopen(lock_file, "re");
	size_t size = 0;
	int pid = 0;

	while (f && getline(&line, &size, f) > 0)
		if (sscanf(line, "pid %d", &pid) == 1)
			break;
	if (f)
		(void) fclose(f);
	return pid;
}

/* Fields of /proc/PID/stat; the state is 0 when there is no such process. */
static char read_stat(pid_t pid, pid_t *ret_parent, char ret_comm[32])
{
	char path[64], state = 0;
	FILE *f;

	(void) snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%*d (%31[^)]) %c %d", ret_comm, &state, ret_parent) != 3)
		state = 0;
	if (f)
		(void) fclose(f);
	return state;
}

static pid_t find_server(pid_t keeper)
{
	DIR *d = opendir("/proc");
	pid_t found = 0, parent;
	char comm[32];

	for (struct dirent *e; d && !found && (e = readdir(d)) != NULL;) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && read_stat(pid, &parent, comm) && parent == keeper && strcmp(comm, "brainy-server") == 0)
			found = pid;
	}
	if (d)
		(void) closedir(d);
	return found;
}

static struct shared *map_table(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct shared *s = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*s), PROT_READ, MAP_SHARED, fd, 0);

	return s == MAP_FAILED ? NULL : s;
}

static struct shared *find_table(pid_t keeper)
{
	char folder[64], path[PATH_MAX], target[64];
	struct shared *s = NULL;
	DIR *d;

	(void) snprintf(folder, sizeof(folder), "/proc/%d/fd", keeper);
	d = opendir(folder);
	for (struct dirent *e; d && !s && (e = readdir(d)) != NULL;) {
		ssize_t n;

		(void) snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n >= 21 && strncmp(target, "/memfd:brainy-handles", 21) == 0)
			s = map_table(path);
	}
	if (d)
		(void) closedir(d);
	return s;
}

bool kills_begin(struct kills *k, const char *lock_file, unsigned seed)
{
	*k = (struct kills){ .keeper = read_keeper(lock_file), .seed = seed };
	if (k->keeper)
		k->table = find_table(k->keeper);
	return k->keeper != 0;
}

static unsigned in_flight(const struct kills *k)
{
	unsigned n = 0;

	for (unsigned i = 0; k->table && i < RUNNING_SLOTS; i++)
		n += k->table->running[i].unique && k->table->running[i].active;
	return n;
}

/* Stops the server, so that what is read of it stays true; returns how many requests it was at. */
static unsigned stop_server(const struct kills *k, pid_t server)
{
	char comm[32];
	pid_t parent;

	(void) kill(server, SIGSTOP);
	for (unsigned i = 0; i < 100 && read_stat(server, &parent, comm) != 'T'; i++)
		(void) usleep(100);
	return in_flight(k);
}

static bool await_another(struct kills *k, pid_t server)
{
	uint64_t start_ms = clock_mono_ms();
	pid_t other;

	while ((other = find_server(k->keeper)) == 0 || other == server) {
		if (clock_mono_ms() - start_ms > BACK_MS || kill(k->keeper, 0) < 0) {
			fprintf(stderr, "the server does not come back\n");
			return false;
		}
		(void) usleep(2000);
	}
	k->slowest_ms = MAX(k->slowest_ms, clock_mono_ms() - start_ms);
	return true;
}

bool kills_next(struct kills *k)
{
	pid_t server;
	unsigned n;

	(void) usleep(500000 + (unsigned)rand_r(&k->seed) % 500000);
	server = find_server(k->keeper);
	if (server == 0)
		return kill(k->keeper, 0) == 0;
	n = stop_server(k, server);
	for (unsigned i = 0; k->table && k->done % 4 && n == 0 && i < AIMS_MAX; i++) {
		(void) kill(server, SIGCONT);
		(void) usleep(100 + i * 37);
		n = stop_server(k, server);
	}
	(void) kill(server, SIGKILL);
	k->hits += n > 0;
	k->requests += n;
	atomic_fetch_add(&k->done, 1);
	return await_another(k, server);
}

void kills_report(const struct kills *k)
{
	printf("%u kills, %u of them hit %u requests in flight; another server after %llu ms\n", k->done, k->hits,
	       k->requests, (unsigned long long)k->slowest_ms);
	if (k->table)
		printf("%llu requests; %llu came again, %llu of them had been executed and were answered from memory\n",
		       (unsigned long long)k->table->header.received, (unsigned long long)k->table->header.resent,
		       (unsigned long long)k->table->header.replayed);
}
