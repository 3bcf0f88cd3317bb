// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How much room a reader takes. It keeps to the limit of scratch by itself; one that has been taken over does not, and
 * no limit of the kernel counts the files of a process together.
 */
#include "reader_life.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/text.h"

#define LOOK_NS 300000000
#define SLACK (64 * MIB) /* what lies in blocks takes more than it has bytes; and a little is in memory files */
#define DEPTH_MOST 16
#define FILES_MOST 200000
#define UNNAMED_MOST 4096

struct room {
	uint64_t bytes;
	unsigned files;
	bool beyond; /* so many files, or so deep, as no reader makes */
};

static uint64_t blocks_of(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

static void add_directory(struct room *m, int at, const char *name, int depth)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;
	if (!d) {
		close_auto(&fd);
		return;
	}
	m->beyond |= depth > DEPTH_MOST;
	while (!m->beyond && (de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		m->bytes += blocks_of(&st);
		m->beyond = ++m->files > FILES_MOST;
		if (S_ISDIR(st.st_mode))
			add_directory(m, fd, de->d_name, depth + 1);
	}
	closedir(d);
}

static bool has_met(const struct stat *met, size_t count, const struct stat *st)
{
	for (size_t i = 0; i < count; i++)
		if (met[i].st_ino == st->st_ino && met[i].st_dev == st->st_dev)
			return true;
	return false;
}

/* Files without a name, on a disk or in memory; each once. Where the kernel does not let us look, none. */
static void add_unnamed(struct room *m, const struct reader_life *r)
{
	char path[64];
	size_t count = 0;
	autofree struct stat *met = calloc(UNNAMED_MOST, sizeof *met);
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)r->pid);
	DIR *d = met ? opendir(path) : NULL;
	struct dirent *de;
	struct stat st;
	while (d && (de = readdir(d))) {
		if (fstatat(dirfd(d), de->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode) || st.st_nlink ||
		    has_met(met, count, &st) || reader_keeper_has(r->keeper, &st))
			continue;
		m->bytes += blocks_of(&st);
		if (count < UNNAMED_MOST)
			met[count++] = st;
	}
	if (d)
		closedir(d);
}

int reader_life_watch(struct reader_life *r, int64_t now)
{
	char is[32], may[32];
	uint64_t limit = r->p->policy->scratch_limit;
	struct room m = {0};
	if (!limit || !r->p->scratch || now < r->look_at)
		return 0;
	r->look_at = now + LOOK_NS;
	add_directory(&m, scratch_fd(r->p->scratch), ".", 0);
	add_unnamed(&m, r);
	if (m.beyond)
		return error_set(&r->why, ERROR_LIMIT, ERROR_NO_OFFSET, "it makes files in scratch without end");
	if (m.bytes < SLACK || m.bytes - SLACK <= limit + limit / 16)
		return 0;
	return error_set(&r->why, ERROR_LIMIT, ERROR_NO_OFFSET, "it has written %s, and may write %s (scratch_limit)",
			 format_size(m.bytes, is), format_size(limit, may));
}
