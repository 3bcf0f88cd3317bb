// SPDX-License-Identifier: GPL-3.0-or-later
/* The files of a restore point, put together to what is restored as one, and what kind of thing that is. */
#ifndef REPORT_ROLLBACK_UNITS_H
#define REPORT_ROLLBACK_UNITS_H

#include "backproof/format.h"
#include "backproof/ledger.h"

enum unit_kind {
	UNIT_RAW,	 /* the bytes of a disk or a partition */
	UNIT_DISK,	 /* a container that qemu-img reads */
	UNIT_OVA,
	UNIT_VMA,
	UNIT_TAR,
	UNIT_CPIO,
	UNIT_PARTCLONE,
	UNIT_CLONEZILLA, /* a directory of them */
	UNIT_EWF,
	UNIT_WIM,
	UNIT_OTHER,	 /* recognised, and no reader here */
	UNIT_UNCLEAR,	 /* one of several that the restore point has */
	UNIT_NOTE,	 /* no image: what belongs to it */
};

#define UNIT_CODECS 4
struct unit {
	enum unit_kind kind;
	const char *name;	/* the path of its first file */
	struct strings files;	/* in order */
	const struct format *format; /* of the container; NULL: raw */
	const struct format *codec[UNIT_CODECS]; /* outermost first */
	size_t codecs;
	bool named;		/* the codecs are what the name says */
	size_t piece;		/* the index of its first piece, or PIECE_NONE */
};
struct units {
	struct unit *items;
	size_t count, capacity;
};
void units_free(struct units *u);
/* -1: memory. */
int units_find(const struct patch_record *r, struct units *out) must_check;

#endif
