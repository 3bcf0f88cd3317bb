// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Images: files that hold disks. A reader is a format row with open_image; what it gives is read at
 * random by several threads at once, and holds nothing that it did not find: a place that the file
 * should have and has not is an error of the read, never zeros.
 */
#ifndef BACKPROOF_IMAGE_H
#define BACKPROOF_IMAGE_H

#include "backproof/budget.h"
#include "backproof/finding.h"
#include "backproof/source.h"

struct format;
struct image;

/* A disk, or one volume of a disk that was saved by itself. */
struct image_disk {
	char *name;	       /* "drive-scsi0", "disk1.vmdk"; NULL: the only one */
	struct source *source; /* owned, unless borrowed is set */
	bool borrowed;
};

/* A small file that goes with the disks: a machine's configuration. */
struct image_note {
	char *name;
	char *data; /* NUL-terminated behind length bytes; untrusted */
	size_t length;
};

struct image_ops {
	/*
	 * Reads all that the format's own checksums cover and compares. What does not match is a BROKEN
	 * finding of PROOF_INTEGRITY under subject, with the offset. *covered: every byte of content was
	 * covered by a checksum and matched. -1: it could not be carried out (IO, LIMIT, memory).
	 * NULL: the format has no checksums over content.
	 */
	int (*verify)(struct image *im, const char *subject, struct findings *f, const struct budget *b,
		      bool *covered, struct error *e);
	void (*destroy)(void *self); /* not the disks: image_close does that, before */
};

struct image {
	const struct image_ops *ops; /* NULL: nothing to verify or destroy */
	void *self;
	const struct format *format; /* NULL: raw */
	VEC(struct image_disk) disks; /* at least one, in the order of the file */
	VEC(struct image_note) notes;
	char id[64];  /* what a child names its parent by (UUID or CID as the format writes it), or "" */
	char parent[256]; /* the name of the parent, or "" */
	int64_t made; /* the time of creation that the image carries; 0: none */
	bool in_use;  /* a machine may have lived in this very file since then: made says nothing of its age */
	char host[256]; /* whose it is, where the format says so (a machine's name), or "" */
};

/*
 * Other files of the same restore point, for chains, extents and split images. A name comes from the
 * content and is not trusted: only its last part counts, behind the last "/" or "\", and only files of
 * the restore point are found. Errors: MISSING, with the name; CORRUPT for a file that leads back to
 * itself; what opening it gives.
 */
struct companions {
	void *ctx;
	/* The file's bytes, decompressed where it is compressed. Borrowed. */
	struct source *(*bytes)(void *ctx, const char *name, struct error *e);
	/* The image in it. raw: it is a raw disk whatever it looks like. Borrowed. */
	const struct image *(*image)(void *ctx, const char *name, bool raw, struct error *e);
};

struct image_context {
	const char *subject;	/* for findings: the file's name */
	const char *path;	/* of the file, or NULL where it was decompressed: for libraries that want one */
	struct findings *f;	/* what was checked in headers and maps: PROOF_STRUCTURE, HELD or BROKEN */
	const struct companions *companions; /* NULL: there are none */
	const struct budget *budget;
};

/* Adds a disk; takes source and copies name (may be NULL). -1: memory, and source is destroyed. */
int image_add_disk(struct image *im, const char *name, struct source *source, struct error *e) must_check;
/* Copies both. */
int image_add_note(struct image *im, const char *name, const void *data, size_t length,
		   struct error *e) must_check;
/* Frees all that is in it, not im itself. An image that is all zeros is fine. */
void image_close(struct image *im);
/* companions_bytes/image of c, or MISSING when c has none. */
struct source *companion_bytes(const struct image_context *c, const char *name, struct error *e) must_check;
const struct image *companion_image(const struct image_context *c, const char *name, bool raw,
				    struct error *e) must_check;
/* The last part of a name that a content gave, "/" and "\" both parting. Points into name. */
const char *companion_base(const char *name);
/*
 * The file that a name as QEMU writes it means: "file:a.img" and json:{..., "filename": "a.img"} are a.img. What says
 * more of it than that (several files, a part of one) stays as it is. plain: room for all of name, used where needed.
 */
const char *companion_qemu(const char *name, char *plain);

#endif
