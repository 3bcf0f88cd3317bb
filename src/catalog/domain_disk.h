// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files of a directory hold a domain's disk, by what they are called. */
#ifndef CATALOG_DOMAIN_DISK_H
#define CATALOG_DOMAIN_DISK_H

#include "backproof/base.h"

/* How a disk's name became that of a file. */
enum disk_way {
	DISK_NAMED,	/* web01.qcow2 */
	DISK_PACKED,	/* web01.qcow2.zst, web01.qcow2.aa */
	DISK_OF_RUN,	/* web01.qcow2.1763780400: by when "virsh backup-begin" was asked for it */
	DISK_CONVERTED, /* web01.img.zst */
	DISK_NOWHERE,
};
struct disk_file {
	enum disk_way way;
	const char *name; /* borrowed; of pieces, one of them */
	int64_t run;	  /* DISK_OF_RUN: of the latest that there is */
};
/*
 * names: of the directory, sorted. disks: what all disks that may lie there are called, sorted. Ways before least are
 * left out.
 */
struct disk_file disk_file_find(const struct strings *names, const struct strings *disks, const char *disk,
				enum disk_way least);
/* Adds the paths of it, and of the pieces beside it. -1: no memory. */
int disk_file_add(const struct disk_file *f, const struct strings *names, const char *directory,
		  struct strings *to) must_check;

#endif
