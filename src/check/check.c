// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

const struct check *const *check_rows(size_t *count)
{
	static const struct check *const rows[] = {
		&check_structure, &check_restore,   &check_identity, &check_freshness,
		&check_coverage,  &check_integrity, &check_presence,
	};
	*count = ARRAY_SIZE(rows);
	return rows;
}
