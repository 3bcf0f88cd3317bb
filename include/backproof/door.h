// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The way to files by their names, for everything that is looked at while a restore point is read. In a confined reader
 * each of these is a question to the process that started it, which opens files for it: only those of the restore point
 * and what may lie beside them. Elsewhere they are the system's own calls. All are thread-safe, fail with errno, and
 * say EACCES to what is not allowed.
 */
#ifndef BACKPROOF_DOOR_H
#define BACKPROOF_DOOR_H

#include <errno.h>
#include <sys/stat.h>

#include "backproof/base.h"

enum door_how {
	DOOR_READ,   /* O_RDONLY, never waits for a FIFO, never becomes the terminal, closed on exec */
	DOOR_DIRECT, /* the same past the page cache */
};
/* A descriptor, or -1. */
int door_open(const char *path, enum door_how how);
/* As stat, or lstat where links are not followed. */
int door_stat(const char *path, bool follow, struct stat *out);
/* As realpath with NULL: allocated. */
char *door_realpath(const char *path);
/*
 * The names in a directory that wanted says true to (NULL: all), without . and ..; of more than `most`, the first. In
 * no order. A confined reader only gets those of sidecars, lists and seals.
 */
int door_names(const char *directory, bool (*wanted)(const char *name), size_t most, struct strings *out);

/*
 * What the errno of a failed look at a name says: nothing is there that we might see. Everything else leaves open what
 * is there, as when the file server does not answer.
 */
static inline bool door_absent(int sys)
{
	return sys == ENOENT || sys == ENOTDIR || sys == ENAMETOOLONG || sys == ELOOP || sys == EACCES || sys == EPERM;
}

/* What follows is of descriptors that door_open gave. */

/* A writer has the file open, or holds a lock on it. false: none has, or that can't be learned here. */
bool door_written(int fd);
/*
 * out[i], of count pieces of `granule` bytes from off: 1 where anything of it is in the page cache, 0 where nothing is
 * or the kernel does not say.
 */
void door_cached(int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out);
/* The same file, with an offset of its own. A descriptor, or -1. */
int door_again(int fd);

/* Who answers instead of the system. */
struct door_keeper {
	int (*open)(void *self, const char *path, enum door_how how);
	int (*stat)(void *self, const char *path, bool follow, struct stat *out);
	char *(*real)(void *self, const char *path);
	int (*names)(void *self, const char *directory, size_t most, struct strings *out);
	bool (*written)(void *self, int fd);
	void (*cached)(void *self, int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out);
	int (*again)(void *self, int fd);
	void *self;
};
/* Once, before there are other threads. k is borrowed for good. NULL: the system again. */
void door_keep(const struct door_keeper *k);

#endif
