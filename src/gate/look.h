// SPDX-License-Identifier: GPL-3.0-or-later
/* A restore point opened for people to look into: nothing is judged. */
#ifndef GATE_LOOK_H
#define GATE_LOOK_H

#include "reader.h"
#include "backproof/subject.h"

struct look {
	struct policy policy;
	struct budget own, *budget;
	struct findings f;
	struct scratch *scratch;
	struct catalog catalog;
	const struct restore_point *point;
	struct check_parameters p; /* archive_visit may be set before look_open */
	struct subject s;
	bool opened;
};

/* All zeros before. What is to be looked at, and where; budget: NULL for one of its own. */
int look_prepare(struct look *l, const struct strings *paths, const struct gate_overrides *o, struct budget *budget,
		 struct error *e) must_check;
/* In a reader, what was prepared by who started it: p is complete. point is borrowed. */
int look_adopt(struct look *l, const struct check_parameters *p, const struct restore_point *point,
	       struct error *e) must_check;
/* What stood in the way of parts of it is in l->f. */
int look_open(struct look *l, struct error *e) must_check;
struct look_counts {
	uint64_t files, bytes, failed;
};
/*
 * Has a reader do what the request says; lines of text go to out. fd: where the bytes of files go, or the directory to
 * restore below. The code of what it did, or -1: *e.
 */
int look_by_reader(struct look *l, const struct reader_request *what, int fd, struct look_counts *counts,
		   struct text *out, struct error *e) must_check;
/* In a reader: the other end. What there is to show has been shown when it returns. */
int look_inside(struct reader_request *r, struct wire_out *result, struct error *e) must_check;
void look_emit(bool bytes, const char *p, size_t n);
/* Files, see browse.h. The code, or -1. */
int browse_inside(struct reader_request *q, struct look_counts *counts, struct text *out, struct error *e) must_check;
/* Untrusted bytes to somebody's terminal, or as they are to a file. */
int browse_write(int fd, uint8_t *p, size_t n, struct error *e) must_check;
/* What inspect shows, of what was prepared. */
int inspect_here(struct look *l, bool json, struct text *out, struct error *e) must_check;
void look_close(struct look *l);
/* 0 when all could be opened; else the code that fits what stood in the way. */
int look_code(const struct findings *f);

#endif
