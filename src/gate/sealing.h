// SPDX-License-Identifier: GPL-3.0-or-later
/* The rooms that gate_seal goes through. */
#ifndef GATE_SEALING_H
#define GATE_SEALING_H

#include "backproof/gate.h"
#include "backproof/subject.h"

/* Fills a seal with all that is known of a restore point that was read whole. -1: memory. */
int sealing_describe(const struct subject *s, const struct seal_request *r, const struct check_parameters *p,
		     struct seal *out, struct error *e) must_check;
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
