/* SPDX-License-Identifier: MIT */
/* Processes that the keeper starts to be its servers: each is born with the volume's folder open and our
 * socketpair, and waits for HELLO (link.h). */
#pragma once

#include <sys/types.h>

struct keeper_config;

struct launched {
	pid_t pid; /* 0: none */
	int link;  /* our end of its socketpair; owned; -1: none */
};

#define LAUNCHED_NONE ((struct launched){ .link = -1 })

/* `program_fd`: what it is to run; -1: this program. */
int launch_server(const struct keeper_config *config, int program_fd, struct launched *ret_s);
/* Kills it and waits for its end. Afterwards there is none. */
void launch_discard(struct launched *s);
