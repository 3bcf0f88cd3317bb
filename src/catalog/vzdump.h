// SPDX-License-Identifier: GPL-3.0-or-later
/* What vzdump's names and logs say. */
#ifndef CATALOG_VZDUMP_H
#define CATALOG_VZDUMP_H

#include "name.h"

enum vzdump_kind { VZDUMP_NONE, VZDUMP_ARCHIVE, VZDUMP_LOG, VZDUMP_NOTES, VZDUMP_BESIDE, VZDUMP_UNFINISHED };

/* stem: bytes of name that all files of one backup share. */
enum vzdump_kind vzdump_name(const char *name, size_t *stem, struct span *number, struct civil *c);

/* What files tell of a backup. */
struct vzdump_told {
	char *guest;		/* whose it is; owned; NULL: nothing tells */
	char *unread;		/* why its notes, which may say whose it is, can't be read; owned; NULL: they can */
	const char *unfinished; /* why it does not count as a finished one: the first reason. NULL: it does */
};
extern const char vzdump_only_log[]; /* unfinished, where there is nothing but a log of a job that did not fail */
/* Adds what the file name in the directory dir says. -1: memory is out. */
int vzdump_tell(struct vzdump_told *t, int dir, const char *name, enum vzdump_kind kind, struct error *e) must_check;

#endif
