// SPDX-License-Identifier: GPL-3.0-or-later
/* Sidecars while they are looked for and read: what sidecar.c and sidecar_lines.c share. */
#ifndef CATALOG_SIDECAR_LOADER_H
#define CATALOG_SIDECAR_LOADER_H

#include <sys/types.h>

#include "backproof/sidecar.h"
#include "sidecar_target.h"

struct sidecar_seen {
	dev_t dev;
	ino_t ino;
	char *dir;
};

/* What a line names, and is not there. */
struct sidecar_absent {
	unsigned line;
	char *full;
};

struct sidecar_loader {
	struct sidecar_target *targets;
	size_t count;
	VEC(struct sidecar_seen) seen;
	struct strings dirs; /* directories whose lists were looked for */
	struct sidecars *out;
	struct findings *f;
	char *strangers; /* a list beside the files that names none of them */
	bool nomem;
	bool unclear; /* one was not understood: it may hold any digest */
	/* Of those that need not be ours: bytes that were read, how many were left out, and where */
	uint64_t bytes;
	size_t left;
	char *left_in;
	/* The sidecar being read */
	const char *path, *dir;
	int64_t written; /* ctime, in seconds */
	bool list, own; /* own: it is there for one of our files */
	size_t good, matched;
	VEC(struct sidecar_absent) absent;
};

/* A line of the sidecar being read; ctx: the loader. -1: memory, and l->nomem. */
sidecar_line_fn sidecar_on_line;
/* Behind its last line: what it names besides, and is not there. name: the sidecar's. */
void sidecar_tell_absent(struct sidecar_loader *l, const char *name);
void sidecar_forget_absent(struct sidecar_loader *l);

#endif
