// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Both ends of the protocol with calls that fail on demand. The linker wraps them (READER_WRAPPED in the Makefile): the
 * Nth call of one name, or all of them, return what they return when they fail. A reader is a fork of the test.
 */
#ifndef READER_HELP_H
#define READER_HELP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../src/gate/reader.h"
#include "backproof/door.h"
#include "protocol_help.h"

/* What is to fail: one name, the Nth call of it (0: each), with an errno. */
static struct {
	const char *call;
	unsigned at, seen, hits;
	int sys;
} rule;
static int64_t time_ahead; /* of the clock, ns */

static bool strikes(const char *call)
{
	if (!rule.call || strcmp(rule.call, call) || (++rule.seen != rule.at && rule.at))
		return false;
	rule.hits++;
	errno = rule.sys;
	return true;
}

static inline void fail_at(const char *call, unsigned at, int sys)
{
	rule.call = NULL; /* not while it is written */
	rule.at = at;
	rule.sys = sys;
	rule.seen = rule.hits = 0;
	rule.call = call;
}

static inline unsigned fail_no_more(void)
{
	rule.call = NULL;
	return rule.hits;
}

#define WRAP(type, failed, name, params, args)                                                     \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return strikes(#name) ? (failed) : __real_##name args;                             \
	}
#define WRAP_MEMORY(type, name, params, args)                                                      \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return strikes("memory") ? NULL : __real_##name args;                              \
	}
WRAP_MEMORY(void *, malloc, (size_t n), (n))
WRAP_MEMORY(void *, calloc, (size_t n, size_t m), (n, m))
WRAP_MEMORY(void *, realloc, (void *p, size_t n), (p, n))
WRAP_MEMORY(char *, strdup, (const char *s), (s))
WRAP_MEMORY(char *, strndup, (const char *s, size_t n), (s, n))
WRAP(int, -1, stat64, (const char *path, struct stat64 *st), (path, st))
WRAP(ssize_t, -1, readlink, (const char *path, char *to, size_t n), (path, to, n))
WRAP(int, -1, openat64, (int at, const char *path, int how), (at, path, how))
WRAP(DIR *, NULL, opendir, (const char *path), (path))
WRAP(DIR *, NULL, fdopendir, (int fd), (fd))
WRAP(FILE *, NULL, fopen64, (const char *path, const char *how), (path, how))
WRAP(int, -1, socketpair, (int domain, int type, int protocol, int fd[2]), (domain, type, protocol, fd))
WRAP(ssize_t, -1, recv, (int fd, void *p, size_t n, int how), (fd, p, n, how))
WRAP(ssize_t, -1, recvmsg, (int fd, struct msghdr *m, int how), (fd, m, how))
WRAP(int, -1, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms))
WRAP(pid_t, -1, waitpid, (pid_t pid, int *status, int how), (pid, status, how))
WRAP(uid_t, 1000, geteuid, (void), ())
WRAP(int, -1, prctl, (int what, unsigned long a, unsigned long b, unsigned long c, unsigned long d), (what, a, b, c, d))
WRAP(int, EAGAIN, pthread_create, (pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg), (t, a, fn, arg))
WRAP(int, -1, flock, (int fd, int how), (fd, how))
WRAP(int, 1, posix_spawn_file_actions_init, (posix_spawn_file_actions_t *a), (a))
WRAP(int, EMFILE, posix_spawn_file_actions_addopen,
     (posix_spawn_file_actions_t *a, int fd, const char *path, int how, mode_t mode), (a, fd, path, how, mode))
WRAP(int, (error_nomem(e)), confine_account, (struct confine_account *out, struct error *e), (out, e))
WRAP(int, (error_nomem(e)), scratch_give, (struct scratch *s, unsigned uid, unsigned gid, struct error *e),
     (s, uid, gid, e))

int __real_fcntl64(int fd, int what, long arg);
int __wrap_fcntl64(int fd, int what, long arg);
int __wrap_fcntl64(int fd, int what, long arg)
{
	return strikes("fcntl64") ? -1 : __real_fcntl64(fd, what, arg);
}

/* Fails, or (errno 0) says that each file is on another disk. */
int __real_fstat64(int fd, struct stat64 *st);
int __wrap_fstat64(int fd, struct stat64 *st);
int __wrap_fstat64(int fd, struct stat64 *st)
{
	bool struck = strikes("fstat64");
	int rc = struck && errno ? -1 : __real_fstat64(fd, st);
	if (struck && !rc)
		st->st_dev += rule.hits;
	return rc;
}

int __real_fstatat64(int dir, const char *path, struct stat64 *st, int how);
int __wrap_fstatat64(int dir, const char *path, struct stat64 *st, int how);
int __wrap_fstatat64(int dir, const char *path, struct stat64 *st, int how)
{
	bool struck = strikes("fstatat64");
	int rc = struck && errno ? -1 : __real_fstatat64(dir, path, st, how);
	if (struck && !rc)
		st->st_dev += rule.hits;
	return rc;
}

/* Fails, or (errno 0) sends three bytes. */
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int how);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int how);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int how)
{
	if (!strikes("sendmsg"))
		return __real_sendmsg(fd, m, how);
	const struct iovec *v = m->msg_iov->iov_len ? m->msg_iov : m->msg_iov + 1;
	return errno ? -1 : send(fd, v->iov_base, v->iov_len < 3 ? v->iov_len : 3, how);
}

/* After which call allocations begin to fail: the Nth from there on. */
static const char *arm_after;
static unsigned arm_at;

static inline void arm(const char *call)
{
	if (arm_after && !strcmp(arm_after, call))
		fail_at("memory", arm_at, ENOMEM);
}

int __real_fchdir(int fd);
int __wrap_fchdir(int fd);
int __wrap_fchdir(int fd)
{
	arm("fchdir");
	return strikes("fchdir") ? -1 : __real_fchdir(fd);
}

int __real_confine_process(const struct confine_request *r, struct confinement *out, struct error *e);
int __wrap_confine_process(const struct confine_request *r, struct confinement *out, struct error *e);
int __wrap_confine_process(const struct confine_request *r, struct confinement *out, struct error *e)
{
	if (strikes("confine_process"))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "it can't be confined");
	int rc = __real_confine_process(r, out, e);
	arm("confine_process");
	return rc;
}

/* Fails, or (errno 0) does not come to an end for very long. */
struct dirent64 *__real_readdir64(DIR *d);
struct dirent64 *__wrap_readdir64(DIR *d);
struct dirent64 *__wrap_readdir64(DIR *d)
{
	bool struck = strikes("readdir64");
	if (struck && errno)
		return NULL;
	struct dirent64 *it = __real_readdir64(d);
	if (!it && struck && rule.hits < 1000000) {
		rewinddir(d);
		it = __real_readdir64(d);
	}
	return it;
}

/* Fails, or says a hole that no file system says (errno 0). */
off64_t __real_lseek64(int fd, off64_t off, int how);
off64_t __wrap_lseek64(int fd, off64_t off, int how);
off64_t __wrap_lseek64(int fd, off64_t off, int how)
{
	if (!strikes("lseek64"))
		return __real_lseek64(fd, off, how);
	return errno ? -1 : how == SEEK_HOLE ? INT64_MAX : off;
}

int64_t __real_monotonic_ns(void);
int64_t __wrap_monotonic_ns(void);
int64_t __wrap_monotonic_ns(void)
{
	return __real_monotonic_ns() + (strikes("monotonic_ns") ? 3600 * INT64_C(1000000000) : 0) + time_ahead;
}

/* Starts what `reader` points to in a fork of this process, with the descriptors that it would have. */
static void (*reader)(void);
static int passed_on[8][2], passed_on_count;

int __real_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int from, int to);
int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int from, int to);
int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int from, int to)
{
	if (strikes("posix_spawn_file_actions_adddup2"))
		return ENOMEM;
	if (to >= READER_SOCKET && passed_on_count < 8) {
		passed_on[passed_on_count][0] = from;
		passed_on[passed_on_count++][1] = to;
	}
	return __real_posix_spawn_file_actions_adddup2(a, from, to);
}

static void become_reader(void)
{
	fail_no_more();
	time_ahead = 0;
	for (int i = 0; i < passed_on_count; i++)
		if (dup2(passed_on[i][0], passed_on[i][1]) < 0)
			_exit(99);
	for (int i = 0; i < passed_on_count; i++)
		close(passed_on[i][0]);
	signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
	alarm(60);
	reader();
	_exit(0);
}

int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *a, const posix_spawnattr_t *t,
		       char *const args[], char *const env[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *a, const posix_spawnattr_t *t,
		       char *const args[], char *const env[])
{
	(void)a, (void)t;
	NEED(path && args[1] && (!strcmp(args[1], "reader") || !strcmp(args[1], "peeker")) && env);
	if (strikes("posix_spawn"))
		return EAGAIN;
	fflush(NULL);
	*pid = fork();
	if (*pid == 0)
		become_reader();
	return *pid < 0 ? errno : 0;
}

/* A directory with a file of READER_BYTES bytes, and scratch. */
#define READER_BYTES 40000
static char top[64];
static char *at(const char *name)
{
	static char paths[8][300];
	static unsigned next;
	char *p = paths[next++ % 8];
	snprintf(p, 300, "%s/%s", top, name);
	return p;
}

static inline void put_file(const char *name, size_t bytes)
{
	FILE *f = fopen(at(name), "w");
	NEED(f);
	for (size_t i = 0; i < bytes; i++)
		fputc('x', f);
	NEED(fclose(f) == 0);
}

static inline void set_up_top(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(top, sizeof top, "%.40s/reader.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(top) && chmod(top, 0755) == 0);
	put_file("web01.img", READER_BYTES);
}

static inline void remove_top(void)
{
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", top);
	NEED(system(command) == 0);
}

static inline void add_to_point(struct restore_point *p, const char *name, uint64_t size)
{
	struct point_file *f = vec_push(p);
	NEED(f && (f->path = strdup(at(name))));
	f->size = size;
}

static inline void free_point(struct restore_point *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i].path);
	free(p->items);
	free(p->label);
	memset(p, 0, sizeof *p);
}

#endif
