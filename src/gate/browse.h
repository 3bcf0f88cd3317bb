// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_BROWSE_H
#define GATE_BROWSE_H

#include "backproof/extract.h"
#include "look.h"

/* One look into a backup for files: a list, their bytes, or copies. */
struct browse {
	struct look look;
	const struct browse_request *r;
	struct strings wanted; /* without slashes around; "" is everything */
	bool *met;
	struct text *out;  /* the list, or the log */
	bool list, json;
	const char *directory; /* to restore below; NULL: it is not wanted */
	struct extractor *to;
	int fd; /* cat, */
	int (*write)(struct browse *b, uint8_t *p, size_t n, struct error *e); /* by this */
	uint8_t *buf;
	uint64_t files, bytes, failed;
	bool doubtful; /* of an archive whose end is still to come, or of a file system without its log */
	int code; /* the worst so far */
};

/* What was prepared (look_prepare or look_adopt) is opened in this process, and gone through. The code, or -1. */
int browse_here(struct browse *b, struct error *e) must_check;

#endif
