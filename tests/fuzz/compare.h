// SPDX-License-Identifier: GPL-3.0-or-later
/* What comparisons with other programs share: running one with limits, on files in memory; damage; a clock. */
#ifndef FUZZ_COMPARE_H
#define FUZZ_COMPARE_H

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "backproof/base.h"
#include "fixture.h"

/* How often, and what was seen. */
struct comparison {
	struct rng rng;
	double until; /* the clock's; 0: not by the clock */
	unsigned least; /* rounds by count where it is 0 */
	char dir[64];
	/* rounds; both took it; only ours, only the other's, none */
	unsigned rounds, both, ours, others, none, failed;
};

static inline double clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline bool comparison_goes_on(struct comparison *c)
{
	c->rounds++;
	return c->until > 0 ? clock_now() < c->until : c->rounds <= c->least;
}

static inline void put_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

/* Up to `most` bytes; NULL: there is no such file. */
static inline uint8_t *get_file(const char *path, size_t most, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	uint8_t *p = malloc(most + 1);
	NEED(p);
	*size = 0;
	for (ssize_t n; (n = read(fd, p + *size, most - *size)) > 0;)
		*size += (size_t)n;
	close(fd);
	p[*size] = 0;
	return p;
}

/*
 * Runs it in c->dir with at most 4 s, 2 GiB of memory and files of 64 MiB; its output goes to c->dir/said. The exit
 * code, or 128 and more. A program that is not there stops the test: nothing was compared.
 */
static inline int run_program(const struct comparison *c, const char *const *argv)
{
	pid_t pid = fork();
	int status = 0;
	NEED(pid >= 0);
	if (!pid) {
		int out = -1, null = open("/dev/null", O_RDWR);
		if (chdir(c->dir) == 0)
			out = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (out < 0 || null < 0)
			_exit(126);
		dup2(null, 0);
		dup2(out, 1);
		dup2(out, 2);
		const struct rlimit files = {64 * MIB, 64 * MIB}, cpu = {4, 4}, memory = {2048 * MIB, 2048 * MIB},
				    core = {0, 0};
		setrlimit(RLIMIT_FSIZE, &files);
		setrlimit(RLIMIT_CPU, &cpu);
		setrlimit(RLIMIT_AS, &memory);
		setrlimit(RLIMIT_CORE, &core);
		setenv("LC_ALL", "C", 1);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (code == 127 || code == 126) {
		fprintf(stderr, "%s is not there\n", argv[0]);
		exit(99);
	}
	return code;
}

/* One byte, a bit, a number, a hole, or the end: what happens to files. *size may become less. */
static inline void damage(struct rng *r, uint8_t *p, size_t *size)
{
	static const uint32_t values[] = {0, 1, 2, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
	if (!*size)
		return;
	size_t reach = rng_below(r, 2) ? *size : *size < 1024 ? *size : 1024, at = (size_t)rng_below(r, reach);
	for (int tries = 0; !p[at] && tries < 30; tries++) /* what is in use is more telling */
		at = (size_t)rng_below(r, reach);
	switch (rng_below(r, 12)) {
	case 0:
		*size = (size_t)rng_below(r, *size);
		break;
	case 1:
		memset(p + at, 0, *size - at < 512 ? *size - at : 512);
		break;
	case 2:
	case 3:
		for (uint32_t v = values[rng_below(r, ARRAY_SIZE(values))], i = 0; i < 4 && at + i < *size; i++)
			p[at + i] = (uint8_t)(v >> 8 * i);
		break;
	case 4:
		p[at] = (uint8_t)(p[at] + 1);
		break;
	default:
		p[at] ^= (uint8_t)(1u << rng_below(r, 8));
	}
}

/* Leaves the pair behind for whoever looks into it. */
static inline void keep_pair(struct comparison *c, const char *name, const void *data, size_t size, const char *why)
{
	char path[300];
	const char *where = getenv("FUZZ_KEEP");
	c->failed++;
	snprintf(path, sizeof path, "%s/%s-%u", where ? where : "/tmp", name, c->rounds);
	put_file(path, data, size);
	fprintf(stderr, "%s: %s; see %s\n", name, why, path);
}

#endif
