// SPDX-License-Identifier: GPL-3.0-or-later
/* Expert Witness images: our own walk of the sections of each segment file, then libewf for what is in them. */
#ifndef IMAGE_EWF_H
#define IMAGE_EWF_H

#include "backproof/format.h"

extern const struct format image_ewf;

struct ewf_segment {
	unsigned number; /* from 1 on, as the file says */
	bool last;	 /* it ends the image; else another one follows */
	unsigned sections;
};
/*
 * The sections of a segment file of the first version (libewf's "Expert Witness Compression Format"): each
 * descriptor's Adler-32, one after the other up to the end of the file. CORRUPT when it is cut.
 */
int ewf_segment_check(struct source *src, const struct image_context *c, struct ewf_segment *out,
		      struct error *e) must_check;
/* Of a segment: "disk.E01" and 2 give "disk.E02". Allocates; NULL when memory is out or names have run out. */
char *ewf_segment_name(const char *first, unsigned number);

#endif
