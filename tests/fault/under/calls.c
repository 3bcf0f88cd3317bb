// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The calls of calls.list, each before the C library's own. Allocations are those of our own objects alone, which the
 * linker wraps (FAULTS in the Makefile): what a library does when there is no memory is its own affair, and some abort.
 */
#include "under.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backproof/door.h"

typedef int (*chosen64)(const struct dirent64 *);
typedef int (*order64)(const struct dirent64 **, const struct dirent64 **);
/* Those that no header tells of. */
int __open64_2(const char *path, int how);
int __openat64_2(int at, const char *path, int how);
char *__realpath_chk(const char *path, char *out, size_t n);

#define CALL(kind, type, failed, name, params, args, fd, path)                                     \
	static type(*system_##name) params;                                                        \
	type name params                                                                           \
	{                                                                                          \
		struct under u = under_call(UNDER_##kind, #name, fd, path, UNDER_CALLER);                        \
		if (u.error) {                                                                     \
			errno = u.error;                                                           \
			return failed;                                                             \
		}                                                                                  \
		return system_##name args;                                                         \
	}
#define SOME(kind, type, failed, name, params, args, fd, path, n)                                  \
	static type(*system_##name) params;                                                        \
	type name params                                                                           \
	{                                                                                          \
		struct under u = under_call(UNDER_##kind, #name, fd, path, UNDER_CALLER);                        \
		if (u.error) {                                                                     \
			errno = u.error;                                                           \
			return failed;                                                             \
		}                                                                                  \
		n = under_shorter(u, n);                                                           \
		return system_##name args;                                                         \
	}
#include "calls.list"
#undef CALL
#undef SOME

/* Those that are not like the others. */
static int (*system_openat)(int, const char *, int, ...);
static int (*system_close)(int);
static int (*system_fclose)(FILE *);
static int (*system_execve)(const char *, char *const[], char *const[]);
static int (*system_fexecve)(int, char *const[], char *const[]);
static int (*system_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
			   char *const[], char *const[]);
static int (*system_thread)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static int open_with(int at, const char *path, int how, mode_t mode, const char *name, const void *caller)
{
	struct under u = under_call(UNDER_OPEN, name, -1, path, caller);
	if (u.error) {
		errno = u.error;
		return -1;
	}
	int fd = system_openat(at, path, how, mode), number, end = 0;
	/* As src/cli/reopen.c does, which gives way to this. */
	if (fd >= 0 || errno != EACCES || (how & O_ACCMODE) != O_RDONLY ||
	    sscanf(path, "/proc/self/fd/%d%n", &number, &end) != 1 || path[end])
		return fd;
	return door_again(number);
}

#define MODE(last)                                                                                 \
	mode_t mode = 0;                                                                           \
	if (last & (O_CREAT | O_TMPFILE)) {                                                        \
		va_list ap;                                                                        \
		va_start(ap, last);                                                                \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
	}
int open(const char *path, int how, ...)
{
	MODE(how)
	return open_with(AT_FDCWD, path, how, mode, "open", UNDER_CALLER);
}
int open64(const char *path, int how, ...)
{
	MODE(how)
	return open_with(AT_FDCWD, path, how, mode, "open", UNDER_CALLER);
}
int openat(int at, const char *path, int how, ...)
{
	MODE(how)
	return open_with(at, path, how, mode, "openat", UNDER_CALLER);
}
int openat64(int at, const char *path, int how, ...)
{
	MODE(how)
	return open_with(at, path, how, mode, "openat", UNDER_CALLER);
}

/* As Linux does it: it is closed, whatever is said. */
int close(int fd)
{
	struct under u = under_call(UNDER_CLOSE, "close", fd, NULL, UNDER_CALLER);
	int rc = system_close(fd);
	if (!u.error)
		return rc;
	errno = u.error;
	return -1;
}
int fclose(FILE *f)
{
	struct under u = under_call(UNDER_CLOSE, "fclose", -1, NULL, UNDER_CALLER);
	int rc = system_fclose(f);
	if (!u.error)
		return rc;
	errno = u.error;
	return EOF;
}

/* A program that is started with another environment has the faults, too. */
int execve(const char *path, char *const argv[], char *const envp[])
{
	struct under u = under_call(UNDER_PROCESS, "execve", -1, path, UNDER_CALLER);
	char **all = under_environment(envp);
	if (u.error || !all) {
		errno = u.error ? u.error : ENOMEM;
		return -1;
	}
	return system_execve(path, argv, all);
}
int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}
int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct under u = under_call(UNDER_PROCESS, "fexecve", fd, NULL, UNDER_CALLER);
	char **all = under_environment(envp);
	if (u.error || !all) {
		errno = u.error ? u.error : ENOMEM;
		return -1;
	}
	return system_fexecve(fd, argv, all);
}
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
		char *const argv[], char *const envp[])
{
	struct under u = under_call(UNDER_PROCESS, "posix_spawn", -1, path, UNDER_CALLER);
	char **all = under_environment(envp);
	if (u.error || !all)
		return u.error ? u.error : ENOMEM;
	return system_spawn(pid, path, actions, attr, argv, all);
}
int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	struct under u = under_call(UNDER_THREAD, "pthread_create", -1, NULL, UNDER_CALLER);
	return u.error ? u.error : system_thread(t, attr, run, arg);
}

/* Memory of our own objects: `failed` with errno set. */
#define MEMORY(type, name, params, args)                                                           \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		struct under u = under_call(UNDER_ALLOC, #name, -1, NULL, NULL);                         \
		if (u.error) {                                                                     \
			errno = u.error;                                                           \
			return NULL;                                                               \
		}                                                                                  \
		return __real_##name args;                                                         \
	}
MEMORY(void *, malloc, (size_t n), (n))
MEMORY(void *, calloc, (size_t n, size_t m), (n, m))
MEMORY(void *, realloc, (void *p, size_t n), (p, n))
MEMORY(void *, reallocarray, (void *p, size_t n, size_t m), (p, n, m))
MEMORY(char *, strdup, (const char *s), (s))
MEMORY(char *, strndup, (const char *s, size_t n), (s, n))

int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
	struct under u = under_call(UNDER_ALLOC, "posix_memalign", -1, NULL, NULL);
	return u.error ? ENOMEM : __real_posix_memalign(p, align, n);
}
/* With fortified headers or without. */
int __real_vasprintf(char **out, const char *format, va_list ap);
static int format_with(char **out, const char *format, va_list ap)
{
	struct under u = under_call(UNDER_ALLOC, "asprintf", -1, NULL, NULL);
	return u.error ? -1 : __real_vasprintf(out, format, ap);
}
int __wrap_vasprintf(char **out, const char *format, va_list ap);
int __wrap_vasprintf(char **out, const char *format, va_list ap)
{
	return format_with(out, format, ap);
}
int __wrap___vasprintf_chk(char **out, int flag, const char *format, va_list ap);
int __wrap___vasprintf_chk(char **out, int flag, const char *format, va_list ap)
{
	(void)flag;
	return format_with(out, format, ap);
}
int __wrap_asprintf(char **out, const char *format, ...);
int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = format_with(out, format, ap);
	va_end(ap);
	return n;
}
int __wrap___asprintf_chk(char **out, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **out, int flag, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = format_with(out, format, ap);
	va_end(ap);
	(void)flag;
	return n;
}

static void find(void *to, const char *name)
{
	*(void **)to = dlsym(RTLD_NEXT, name);
	if (*(void **)to)
		return;
	dprintf(2, "faults: there is no %s\n", name);
	_exit(70);
}

void under_resolve(void)
{
#define CALL(kind, type, failed, name, params, args, fd, path) find(&system_##name, #name);
#define SOME(kind, type, failed, name, params, args, fd, path, n) find(&system_##name, #name);
#include "calls.list"
	find(&system_openat, "openat");
	find(&system_close, "close");
	find(&system_fclose, "fclose");
	find(&system_execve, "execve");
	find(&system_fexecve, "fexecve");
	find(&system_spawn, "posix_spawn");
	find(&system_thread, "pthread_create");
}

int under_fstat(int fd, struct stat *st)
{
	return system_fstat64(fd, (struct stat64 *)st);
}

int under_stat(const char *path, struct stat *st)
{
	return system_stat64(path, (struct stat64 *)st);
}
