/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults under us: what a system call or an allocation of a FAULTS build is to meet, as the variable BACKPROOF_FAULT
 * says (tests/fault/README.md). Nothing of this is in an ordinary build.
 */
#ifndef FAULT_UNDER_H
#define FAULT_UNDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Kinds of calls, in the order in which they are counted. */
#define UNDER_KINDS(K)                                                                             \
	K(ALLOC, "alloc")                                                                          \
	K(READ, "read")                                                                            \
	K(WRITE, "write")                                                                          \
	K(OPEN, "open")                                                                            \
	K(CLOSE, "close")                                                                          \
	K(SYNC, "fsync")                                                                           \
	K(RENAME, "rename")                                                                        \
	K(STAT, "stat")                                                                            \
	K(LIST, "list")                                                                            \
	K(TRUNCATE, "truncate")                                                                    \
	K(REMOVE, "remove")                                                                        \
	K(MAKE, "make")                                                                            \
	K(LOCK, "lock")                                                                            \
	K(SEEK, "seek")                                                                            \
	K(MAP, "map")                                                                              \
	K(THREAD, "thread")                                                                        \
	K(PROCESS, "process")                                                                      \
	K(MESSAGE, "message")

enum under_kind {
#define K(name, text) UNDER_##name,
	UNDER_KINDS(K)
#undef K
	UNDER_KIND_COUNT
};

/* What one call has to meet. */
struct under {
	int error;   /* it fails with this; 0: it does not */
	bool shortly; /* it does a part of what it is asked for */
	unsigned salt; /* how much of it */
};

/*
 * Counts a call, sleeps or raises a signal where that is asked for, and says what else it meets. name: of the function.
 * fd: -1 where there is none; path: NULL where there is none. caller: where it comes from; NULL: our own code.
 * Keeps errno.
 */
struct under under_call(enum under_kind kind, const char *name, int fd, const char *path, const void *caller);
#define UNDER_CALLER __builtin_return_address(0)

/* A shorter length, at least 1 of what is more than that. */
size_t under_shorter(struct under u, size_t n);

/* The environment that a program started by this one gets: what it was given, and the faults. Leaks a little. */
char **under_environment(char *const given[]);

/* Finds the system's own calls. */
void under_resolve(void);
/* fstat and stat of the system. */
int under_fstat(int fd, struct stat *st);
int under_stat(const char *path, struct stat *st);

#endif
