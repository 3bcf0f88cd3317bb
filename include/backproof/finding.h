// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Findings: what was looked at and what came out. Append-only, then sealed; the verdict is a pure
 * function of them. UNPROVEN is 0 so that a finding nobody filled in proves nothing.
 */
#ifndef BACKPROOF_FINDING_H
#define BACKPROOF_FINDING_H

#include "backproof/base.h"

enum proof {
	PROOF_PRESENCE,
	PROOF_FRESHNESS,
	PROOF_INTEGRITY,
	PROOF_STRUCTURE,
	PROOF_IDENTITY,
	PROOF_COVERAGE,
	PROOF_RESTORE,
	PROOF_COUNT
};

enum outcome {
	OUTCOME_UNPROVEN = 0, /* looked, and could not tell */
	OUTCOME_HELD,
	OUTCOME_BROKEN,
	OUTCOME_UNREADABLE,  /* the medium failed */
	OUTCOME_UNSUPPORTED, /* no reader for it */
	OUTCOME_SKIPPED,     /* information only: counts neither way */
};

/* Which code a BROKEN finding stands for. BLAME_DEFAULT follows from the proof. */
enum blame {
	BLAME_DEFAULT = 0,
	BLAME_NO_BACKUP,
	BLAME_STALE,
	BLAME_DAMAGED,
	BLAME_INCOMPLETE,
	BLAME_CANNOT_TELL,
	BLAME_BUSY,
};

struct finding {
	enum proof proof;
	enum outcome outcome;
	enum blame blame;
	enum error_class error;
	int64_t offset;	   /* byte offset in subject, or ERROR_NO_OFFSET */
	const char *check; /* static, "zstd.frame" */
	char *subject;	   /* what was looked at; untrusted text */
	char *expected, *measured, *detail; /* may be NULL; untrusted text */
};

struct findings {
	struct finding *items;
	size_t count, capacity;
	size_t dropped[PROOF_COUNT]; /* findings of one check beyond the cap; their outcome still counts */
	bool sealed;
	bool lost; /* memory ran out while adding: nothing may be called held any more */
	void *lock;
};

int findings_init(struct findings *f) must_check;
void findings_free(struct findings *f);
/* After this nothing is added; adding sets `lost`. */
void findings_seal(struct findings *f);

/*
 * The one way to add. `check` must be a literal. Texts are copied; NULL is fine. Thread-safe.
 * Of one check with one outcome only the first 50 are kept in full, the rest are counted.
 */
struct finding_text {
	const char *expected, *measured;
	int64_t offset; /* 0 counts as no offset unless has_offset */
	bool has_offset;
	enum blame blame;
	enum error_class error;
};
void finding_add(struct findings *f, enum proof proof, const char *check, const char *subject,
		 enum outcome outcome, const struct finding_text *more, const char *fmt, ...)
	printf_like(7, 8);
/*
 * A failed operation as a finding: CORRUPT gives BROKEN, IO UNREADABLE, UNSUPPORTED and ENCRYPTED
 * UNSUPPORTED, BUSY a BROKEN blamed as busy, MISSING one blamed as incomplete, all others UNPROVEN.
 */
void finding_error(struct findings *f, enum proof proof, const char *check, const char *subject,
		   const struct error *e);

/*
 * For what was opened a second time: of its findings, those that are neither HELD nor SKIPPED and were
 * not made the first time. Thread-safe on `to`.
 */
void findings_add_news(struct findings *to, const struct findings *from);
/*
 * All findings of a thread that kept its own, in their order; what is neither HELD nor SKIPPED and was said
 * before is not said again. So the order of findings does not depend on how threads ran.
 */
void findings_append(struct findings *to, const struct findings *from);
/* All findings of another list as they are, in their order: parts of one work whose parts kept their own. */
void findings_take(struct findings *to, const struct findings *from);
/*
 * Runs both, side by side where that is possible: the second in a thread, with findings of its own that are appended
 * when the first has ended too.
 */
typedef void findings_fn(void *ctx, struct findings *f);
void findings_beside(struct findings *f, findings_fn *first, void *ctx, findings_fn *second, void *second_ctx);

const char *proof_name(enum proof p);
const char *outcome_name(enum outcome o);
/* -1 when there is no such proof. */
int proof_by_name(const char *name);
/* The proof as a whole: BROKEN if any is, else UNPROVEN if any finding is neither HELD nor SKIPPED,
 * else HELD if any is, else UNPROVEN. */
enum outcome findings_proof(const struct findings *f, enum proof p);

/* Findings of a proof under this subject that are neither HELD nor SKIPPED. */
size_t findings_against(const struct findings *f, enum proof p, const char *subject);

#endif
