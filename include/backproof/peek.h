// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What files of a repository say of the backups in it, as far as that is needed to find them: names that a descriptor,
 * a log or the head of an image holds. Whoever wrote a backup wrote them, so somebody else may be set to look into
 * them, and what he answers is no more trusted than what they say.
 */
#ifndef BACKPROOF_PEEK_H
#define BACKPROOF_PEEK_H

#include "backproof/base.h"

enum peek_kind {
	PEEK_BACKING, /* of an image: the last parts of the names of its parent, its extents, the file with its data */
	/* Of libvirt's XML: the guest ("": it has no name), its disks; two may be called alike. None: no domain's. */
	PEEK_DOMAIN,
	PEEK_VOLUMES, /* of Windows' BackupSpecs.xml: GUIDs of volumes, lower case */
	PEEK_EXPORT,  /* of an OVF: names of files, "d" before a disk's, "o" before another's */
	PEEK_LOG,     /* of vzdump: the guest ("": it is not said), a letter of enum peek_end */
	PEEK_NOTES,   /* of vzdump: the guest, or none */
	PEEK_KINDS
};
/* How a job ended. */
enum peek_end { PEEK_FINISHED = 'f', PEEK_FAILED = 'e', PEEK_NO_END = 'n' };

#define PEEK_NAME_MOST 4096   /* bytes of a name */
#define PEEK_COUNT_MOST 65536 /* of them */
#define PEEK_DISKS_MOST 1024  /* of a domain */
#define PEEK_BACKING_MOST 64  /* of what is behind one image; more of it is not found by itself */

/*
 * Adds to out (empty) what the file says that fd is open on; no name in it leads to another directory. -1: *e; out is
 * empty then. Any thread.
 */
int peek(enum peek_kind kind, int fd, struct strings *out, struct error *e) must_check;

/* Whoever looks instead; NULL: this process. Set before threads are there. */
typedef int peek_fn(enum peek_kind kind, int fd, struct strings *out, struct error *e);
void peek_by(peek_fn *fn);
/* This process itself looks. */
peek_fn peek_here must_check;

/*
 * For peek: *fd is open on a regular file, path relative to the directory dir (or AT_FDCWD); -1: there is none. -1:
 * that could not be told.
 */
int peek_open(int dir, const char *path, int *fd, struct error *e) must_check;
/* What could not be told is told to others. */
bool peek_forbidden(const struct error *e);
/* Both. 1: out is what it says. 0: there is no such file. -1: *e names the file. */
int peek_file(enum peek_kind kind, int dir, const char *path, struct strings *out, struct error *e) must_check;

#endif
