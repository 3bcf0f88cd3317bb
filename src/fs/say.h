// SPDX-License-Identifier: GPL-3.0-or-later
/* What file systems say of themselves. */
#ifndef FS_SAY_H
#define FS_SAY_H

#include "backproof/finding.h"

/* One finding of PROOF_STRUCTURE; at < 0: no offset. */
#define fs_finding(f, check, subject, outcome, at, ...)                                            \
	do {                                                                                       \
		int64_t at_ = (int64_t)(at);                                                       \
		struct finding_text text_ = {                                                      \
			.offset = at_,                                                             \
			.has_offset = at_ >= 0,                                                    \
			.error = (outcome) == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE,         \
		};                                                                                 \
		finding_add(f, PROOF_STRUCTURE, check, subject, outcome, &text_, __VA_ARGS__);     \
	} while (0)

#endif
