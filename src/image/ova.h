// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The rooms of the OVA reader: a tar of a descriptor (OVF, DMTF DSP0243), disks and perhaps a manifest with
 * their digests. Members are windows of the file.
 */
#ifndef IMAGE_OVA_H
#define IMAGE_OVA_H

#include "backproof/ovf.h"
#include "backproof/format.h"

/* The same twice: before the tar row gets to see it, and as what it is. */
extern const struct format image_ova, image_ova_tar;

#define OVA_MAX_TEXT (8 * MIB)

struct ova_member {
	char *name;
	uint64_t offset, length;
	int64_t mtime;
	struct source *source; /* owned */
	struct image image;    /* once somebody asked for it */
	bool open, opening;
};

struct ova {
	struct source *src; /* borrowed */
	VEC(struct ova_member) members;
	struct companions companions; /* the members among themselves */
	struct image_context context; /* valid while it is opened */
};

/* All members; UNSUPPORTED for what is no plain file or directory, CORRUPT when it is cut or a checksum is wrong. */
int ova_walk(struct ova *o, const struct image_context *c, struct error *e) must_check;
/* By the last part of the name, or NULL. */
struct ova_member *ova_member(struct ova *o, const char *name);
/* The only member with this suffix: NULL and no error when there is none. AMBIGUOUS for two. */
int ova_suffix(struct ova *o, const char *suffix, struct ova_member **out, struct error *e) must_check;
/* All of a small member, with a NUL behind it. */
char *ova_text(const struct ova_member *m, struct error *e) must_check;

/* Digests every member. Findings "ova.manifest"; *covered when each is listed and matches. No manifest: false. */
int ova_manifest_check(struct ova *o, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		       struct error *e) must_check;

#endif
