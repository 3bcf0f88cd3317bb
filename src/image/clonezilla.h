// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories of Clonezilla: what clonezilla.c, clonezilla_table.c and composite.c share. */
#ifndef IMAGE_CLONEZILLA_H
#define IMAGE_CLONEZILLA_H

#include "backproof/composite.h"

/* A stretch of a composed disk. Between them it reads as zeros. */
struct segment {
	uint64_t start, length;
	uint8_t *bytes;	       /* owned; or */
	struct source *source; /* borrowed, may be shorter: zeros follow; or */
	struct error *error;   /* owned: what a read of it meets */
};
struct composite {
	VEC(struct segment) segments;
};
/* Takes bytes (NULL is fine) and copies error. */
int composite_add(struct composite *c, uint64_t start, uint64_t length, uint8_t *bytes, struct source *source,
		  const struct error *error, struct error *e) must_check;
/* Sorts them. CORRUPT when two of them overlap. Takes c's segments on success. */
struct source *composite_source(struct composite *c, uint64_t size, const char *name, struct error *e) must_check;
void composite_free(struct composite *c);

/* A partition as the dump of sfdisk tells it. */
struct cz_part {
	char name[64];
	uint64_t start, length; /* bytes */
	uint8_t type;		/* of an MBR */
	bool extended, logical, swap;
};
struct cz_disk {
	char name[64];
	bool gpt;
	uint32_t sector;
	uint64_t size; /* bytes */
	VEC(struct cz_part) parts;
};

bool cz_ends_with(const char *s, const char *suffix);
bool cz_encrypted(const struct strings *names);
/* Tells that something is not there, in *told and as a finding. */
void cz_missing(const struct image_context *c, const char *what, struct error *told);
/*
 * The files of a partition. *first: the only one or the first piece, borrowed; NULL when there is none. A piece that
 * is not there is told, and *gap set: what would be joined without it is not the image.
 */
int cz_find_image(const struct strings *names, const struct image_context *c, const char *part, const char **first,
		  bool *gap, struct error *e) must_check;

/* The text of a small file, NUL-terminated. NULL: not there, or it can't be read. len may be NULL. */
char *cz_text(const struct strings *names, const struct image_context *c, const char *name, size_t *len,
	      struct error *e) must_check;
/* 1: d has its table; 0: there is none of that disk. */
int cz_read_table(const struct strings *names, const struct image_context *c, struct cz_disk *d,
		  struct error *e) must_check;
/* Adds the sectors before, between and behind the partitions: boot loader, tables. Sets d->size where the table
 * knows. */
int cz_add_table(const struct strings *names, const struct image_context *c, struct cz_disk *d, struct composite *to,
		 struct error *e) must_check;

#endif
