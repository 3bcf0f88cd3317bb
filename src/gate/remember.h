// SPDX-License-Identifier: GPL-3.0-or-later
/* What a run found out goes into the history. That it can't be is told, and changes no verdict. */
#ifndef GATE_REMEMBER_H
#define GATE_REMEMBER_H

#include "backproof/history.h"
#include "backproof/subject.h"

/* The histories of a run's policies, each opened once. Thread-safe. */
struct histories;
/* later: what is remembered may be written a moment after remember has returned; histories_flush waits for it. */
struct histories *histories_new(bool later, struct error *e) must_check;
void histories_destroy(struct histories *x);
DEFINE_AUTO(struct histories, histories_destroy)
/* notes: what could not be written, a line a history. */
void histories_flush(struct histories *x, struct strings *notes);

/* The path of the history that a policy has runs remembered in, NULL for none. Owned by it, or a literal. */
const char *remember_path(const struct policy *p);
/*
 * Before anything is looked at: p->history and p->history_error by the policy, and p->keep_chunks where the run will be
 * remembered. No lock is held from here to remember.
 */
void remember_open(struct histories *x, struct check_parameters *p);
/*
 * When all checks have run, and collect has: out->record, with all but the verdict. The subject gives its chunks and
 * its sketch away. No record: memory was out.
 */
void remember_collect(struct subject *s, const struct check_parameters *p, struct host_result *out);
/* Which file it is, and as of when. */
void remember_identity(struct history_file *to, const struct stat *st);
/*
 * The same of what another process has found: a record of the run so far (NULL: no memory), and one file after the
 * other. What file it is is looked up here; chunks (NULL: none) are taken over.
 */
struct history_record *remember_record(const struct check_parameters *p, const struct host_result *out) must_check;
int remember_file(struct history_record *r, const struct proved_file *f, bool read_whole,
		  struct chunks *chunks) must_check;
/* What was found out of the files' bytes is not to be relied on. */
void remember_no_digests(struct history_record *r);
/* When the verdict is there: of all points that were judged. What went wrong is in out->notes. */
void remember(struct histories *x, const struct check_parameters *p, struct host_result *out);

#endif
