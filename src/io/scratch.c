// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The private directory of one run. It holds a flock for as long as its owner lives, so that the next
 * run can tell what a killed one left behind from what a neighbour is using.
 */
#include "backproof/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include "backproof/text.h"

/* Bytes that scratch leaves free on its file system for others. */
#define KEEP_FREE (64 * MIB)

struct scratch {
	char *parent, *name, *path;
	int parent_fd, fd;
	uint64_t limit;
	_Atomic uint64_t used;
};

/*
 * Restored directories may come without our own permission to change them. Whoever has the scratch directory could
 * put a link in the place of one: nothing is done by its name that would follow it. -1: it is no directory, or not to
 * be had.
 */
static int open_below(int fd, const char *name)
{
	char self[40];
	autoclose int place = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", place);
	(void)!chmod(self, 0700);
	return openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Removes all below fd, without following links. Bounded depth: what lies there was made by us. */
static void empty_directory(int fd, int depth)
{
	int copy = dup(fd);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(d);
	struct dirent *de;
	while ((de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (unlinkat(fd, de->d_name, 0) == 0 || depth > 4096)
			continue;
		autoclose int sub = open_below(fd, de->d_name);
		if (sub >= 0)
			empty_directory(sub, depth + 1);
		unlinkat(fd, de->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

/* As make_private calls them. Where scratch is a place for all, others have directories, too. */
static bool is_run(const char *name)
{
	unsigned long long random;
	int pid, end = 0;
	return sscanf(name, "run-%d-%12llx%n", &pid, &random, &end) == 2 && end && !name[end];
}

static void remove_stale(int parent_fd)
{
	int copy = dup(parent_fd);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(d);
	struct dirent *de;
	while ((de = readdir(d))) {
		struct stat st;
		if (!is_run(de->d_name))
			continue;
		autoclose int fd = openat(parent_fd, de->d_name,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* Root gives them to whom its readers become. */
		if (fd < 0 || fstat(fd, &st) < 0 || (st.st_uid != geteuid() && geteuid()))
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		empty_directory(fd, 0);
		unlinkat(parent_fd, de->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

/* Makes the last component only, and its parent when that is missing too. */
static int make_parent(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -1;
	autofree char *copy = strdup(path);
	char *slash = copy ? strrchr(copy, '/') : NULL;
	if (!slash || slash == copy)
		return -1;
	*slash = 0;
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return -1;
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static int check_parent(int fd, const char *path, struct error *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "scratch %s", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
				 "scratch %s belongs to another user (uid %u)", path, (unsigned)st.st_uid);
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
				 "scratch %s can be written by others; make it 0700", path);
	return 0;
}

/* A directory of our own, locked. Another run's clean-up may take it before the lock is ours: again. */
static int make_private(struct scratch *s, struct error *e)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		free(s->name);
		s->name = text_format("run-%d-%012llx", (int)getpid(),
				      (unsigned long long)(rng_fresh_seed() & UINT64_C(0xffffffffffff)));
		if (!s->name)
			return error_nomem(e);
		if (mkdirat(s->parent_fd, s->name, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return error_sys(e, "scratch %s", s->parent);
		}
		s->fd = openat(s->parent_fd, s->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;
		if (s->fd >= 0 && flock(s->fd, LOCK_EX | LOCK_NB) == 0 && fstat(s->fd, &st) == 0 &&
		    st.st_nlink > 0)
			return 0;
		if (s->fd >= 0)
			close(s->fd);
		s->fd = -1;
		/* Ours, and empty: nobody else is to find it and wonder. */
		unlinkat(s->parent_fd, s->name, AT_REMOVEDIR);
	}
	return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "scratch %s: no private directory to be had",
			 s->parent);
}

static struct scratch *open_in(const char *parent, uint64_t limit, struct error *e)
{
	autodestroy(scratch_destroy_auto) struct scratch *s = calloc(1, sizeof *s);
	if (!s) {
		error_nomem(e);
		return NULL;
	}
	s->fd = s->parent_fd = -1;
	s->limit = limit;
	if (make_parent(parent) < 0) {
		error_sys(e, "scratch %s", parent);
		return NULL;
	}
	s->parent = realpath(parent, NULL);
	if (s->parent)
		s->parent_fd = open(s->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->parent_fd < 0) {
		error_sys(e, "scratch %s", parent);
		return NULL;
	}
	if (check_parent(s->parent_fd, parent, e) < 0)
		return NULL;
	remove_stale(s->parent_fd);
	if (make_private(s, e) < 0)
		return NULL;
	s->path = text_format("%s/%s", s->parent, s->name);
	if (!s->path) {
		error_nomem(e);
		return NULL;
	}
	return take(s);
}

struct scratch *scratch_open(const char *parent, uint64_t limit, struct error *e)
{
	struct scratch *s = open_in(parent, limit, e);
	if (s || strcmp(parent, SCRATCH_DEFAULT))
		return s;
	/* The default place may be root's; another user gets one of his own beside it. */
	autofree char *own = text_format("%s-%u", parent, (unsigned)geteuid());
	return own ? open_in(own, limit, e) : NULL;
}

struct scratch *scratch_adopt(int fd, uint64_t limit, struct error *e)
{
	autodestroy(scratch_destroy_auto) struct scratch *s = calloc(1, sizeof *s);
	if (!s) {
		close(fd);
		error_nomem(e);
		return NULL;
	}
	s->fd = fd;
	s->parent_fd = -1;
	s->limit = limit;
	s->parent = strdup("scratch");
	/* Its full path leads through directories that may be closed to us. */
	s->path = strdup(".");
	if (!s->parent || !s->path) {
		error_nomem(e);
		return NULL;
	}
	return take(s);
}

int scratch_give(struct scratch *s, unsigned uid, unsigned gid, struct error *e)
{
	return fchown(s->fd, uid, gid) < 0 ? error_sys(e, "scratch %s", s->path) : 0;
}

void scratch_destroy(struct scratch *s)
{
	if (!s)
		return;
	if (s->fd >= 0) {
		if (s->name) {
			empty_directory(s->fd, 0);
			unlinkat(s->parent_fd, s->name, AT_REMOVEDIR);
		}
		close(s->fd);
	}
	if (s->parent_fd >= 0)
		close(s->parent_fd);
	free(s->parent);
	free(s->name);
	free(s->path);
	free(s);
}

const char *scratch_path(const struct scratch *s)
{
	return s->path;
}

int scratch_fd(const struct scratch *s)
{
	return s->fd;
}

int scratch_charge(struct scratch *s, uint64_t bytes, struct error *e)
{
	char want[32], have[32];
	uint64_t used = atomic_fetch_add(&s->used, bytes) + bytes;
	struct statvfs v;
	if (s->limit && used > s->limit) {
		atomic_fetch_sub(&s->used, bytes);
		return error_budget(e, "budget.scratch",
				    "scratch needs more than its limit of %s (scratch_limit)",
				    format_size(s->limit, have));
	}
	if (fstatvfs(s->fd, &v) == 0) {
		uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
		if (free_bytes < bytes + KEEP_FREE) {
			atomic_fetch_sub(&s->used, bytes);
			return error_budget(e, "budget.scratch",
					 "scratch needs %s more and %s has %s free",
					 format_size(bytes, want), s->parent, format_size(free_bytes, have));
		}
	}
	return 0;
}

void scratch_refund(struct scratch *s, uint64_t bytes)
{
	atomic_fetch_sub(&s->used, bytes);
}
