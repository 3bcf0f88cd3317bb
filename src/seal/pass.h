// SPDX-License-Identifier: GPL-3.0-or-later
/* What the writer and the reader of passes share. */
#ifndef SEAL_PASS_H
#define SEAL_PASS_H

#include "backproof/pass.h"

#define PASS_STATEMENT "https://in-toto.io/Statement/v1"
#define PASS_STATEMENT_ANY "https://in-toto.io/Statement/"
#define PASS_PREDICATE_ANY "https://in-toto.io/attestation/test-result/"
#define PASS_TEXT_MAX 1024 /* of every other text */
#define PASS_REASONS_MAX 64

#define PASS_WAIVED 87 /* as verdict.h has it */

/* The codes that a pass may carry, and their words. */
struct pass_code {
	int code;
	const char *word;
};
extern const struct pass_code pass_codes[];
extern const size_t pass_code_count;
/* The outcomes that a proof as a whole may have, and the list of the predicate that names it. */
enum { PASS_HELD, PASS_UNPROVEN, PASS_BROKEN, PASS_OUTCOMES };
extern const char *const pass_outcomes[PASS_OUTCOMES], *const pass_lists[PASS_OUTCOMES];

/* Code and word of what a person may waive; NULL: it is nothing of that kind. */
const struct pass_code *pass_code_covered(const struct pass_code *c);
const struct pass_code *pass_code_of(int code, const char *word);
/* "PASSED", "WARNED" or "FAILED" */
const char *pass_result(int code);

/* The statement alone. CORRUPT or UNSUPPORTED as pass_open says. Fills all but key_id and trusted. */
int pass_parse(const char *json, size_t length, struct pass *out, struct error *e) must_check;

#endif
