// SPDX-License-Identifier: GPL-3.0-or-later
/* The rooms that gate_seal goes through. */
#ifndef GATE_SEALING_H
#define GATE_SEALING_H

#include "backproof/gate.h"
#include "backproof/subject.h"
#include "backproof/wire.h"

/* What was found out of a restore point that is to be sealed, beside findings and measures. */
struct sealing_found {
	struct seal seal; /* but path, host, label, against, time and signature */
	struct chunks **chunks; /* chunk_count of them; all there where it is complete. Owned */
	bool *whole; /* as many, in the process that has read: it was read whole. Owned */
	size_t chunk_count;
	bool complete; /* every file was read whole, and is what it was */
	size_t measured;
	struct strings notes;
};
void sealing_found_free(struct sealing_found *x);
/* Opens it and looks at all there is. source: to compare with, or NULL. What can't be sealed is a finding. */
void sealing_look(const struct restore_point *point, const struct check_parameters *p, const char *source,
		  struct sealing_found *out, struct findings *f, struct measures *m);
/* The same by a reader. -1: it came to no result, as *e says. */
int sealing_by_reader(const struct restore_point *point, const struct check_parameters *p, const char *source,
		      struct sealing_found *out, struct findings *f, struct measures *m, struct error *e) must_check;
/* In a reader: the other end. */
struct reader_request;
int sealing_inside(struct reader_request *r, struct wire_out *result, struct error *e) must_check;
void reader_seal_put(struct wire_out *w, const struct sealing_found *x);
void reader_seal_get(struct wire_in *w, const struct restore_point *point, struct sealing_found *out);

/* Fills a seal with all that is known of a restore point that was read whole. -1: memory. */
int sealing_describe(const struct subject *s, struct seal *out, struct error *e) must_check;
/* Where it goes: FIRST.seal, or as asked. Allocated. */
char *sealing_path(const struct restore_point *point, const struct seal_request *r, struct error *e) must_check;
/* Before anything is read: that a seal of these files can be written there. */
int sealing_possible(const struct restore_point *point, const char *path, struct error *e) must_check;

/*
 * What the kernel has measured of files with fs-verity enabled, against what was read: another digest is a broken
 * PROOF_INTEGRITY. Returns how many agree.
 */
size_t sealing_measure(const struct subject *s, struct findings *f);

/* What is in use on a source, as far as the file systems on it tell. Not thread-safe. */
struct used_map;
enum use { USE_UNKNOWN, USE_TAKEN, USE_FREE };
struct used_map *used_map_open(const struct subject *s, const struct subject_disk *d, struct source *source,
			       struct error *e) must_check;
void used_map_free(struct used_map *m);
/* *length > 0: so many bytes from there on are alike. */
enum use used_map_at(struct used_map *m, uint64_t off, uint64_t *length);

/* Holds the disk against its source, block by block: *compared bytes. What differs is a broken PROOF_INTEGRITY. */
void sealing_compare(struct subject *s, const char *source, const struct check_parameters *p, uint64_t *compared,
		     struct strings *notes, struct findings *f);

#endif
