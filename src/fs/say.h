// SPDX-License-Identifier: GPL-3.0-or-later
/* What file systems say of themselves. */
#ifndef FS_SAY_H
#define FS_SAY_H

#include "backproof/finding.h"

static inline struct finding_text fs_where(int64_t at, enum outcome outcome)
{
	return (struct finding_text){
		.offset = at,
		.has_offset = at >= 0,
		.error = outcome == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE,
	};
}

/* One finding of PROOF_STRUCTURE; at < 0: no offset. */
#define fs_finding(f, check, subject, result, at, ...)                                             \
	do {                                                                                       \
		enum outcome result_ = (result);                                                   \
		struct finding_text text_ = fs_where((int64_t)(at), result_);                      \
		finding_add(f, PROOF_STRUCTURE, check, subject, result_, &text_, __VA_ARGS__);     \
	} while (0)

#endif
