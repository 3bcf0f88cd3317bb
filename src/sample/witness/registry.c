// SPDX-License-Identifier: GPL-3.0-or-later
#include "rows.h"

static const struct witness *const rows[] = {
	&witness_initramfs, &witness_gzip, &witness_xz,  &witness_zstd,   &witness_bzip2, &witness_lz4,
	&witness_zip,  &witness_png, &witness_sqlite, &witness_pe,    &witness_elf,
	&witness_ese,	    &witness_mssql, &witness_bzimage,
};

const struct witness *const *witness_rows(size_t *count)
{
	*count = ARRAY_SIZE(rows);
	return rows;
}

const struct witness *witness_for(const char *path, const uint8_t *head, size_t len)
{
	if (witness_is_testdata(path))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i]->recognise(path, head, len))
			return rows[i];
	return NULL;
}
