// SPDX-License-Identifier: GPL-3.0-or-later
/* Names of files that are still being written. */
#include <ctype.h>
#include <strings.h>

#include "backproof/catalog.h"
#include "name.h"

static const char *const suffixes[] = {
	".tmp",	  ".temp",	".part",	".partial",    ".filepart", ".crdownload",
	".swp",	  ".incomplete", ".inprogress", ".unfinished", ".download", ".aria2",
	/* What vzdump writes until it renames. */
	".vma.dat", ".tar.dat",
};

/* Bytes of the suffix that says "not finished", or 0. */
static size_t partial_suffix(const char *base, size_t len)
{
	if (len > 1 && base[len - 1] == '~')
		return 1;
	/* The last letter spares most names the list. */
	if (!len || !strchr("pPtTlLeEdDsS2", base[len - 1]))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);
		if (len > n && base[len - n] == '.' && !strcasecmp(base + len - n, suffixes[i]))
			return !strcasecmp(suffixes[i] + n - 4, ".dat") ? 4 : n;
	}
	return 0;
}

bool is_partial_name(const char *base)
{
	size_t len = strlen(base);
	return base[0] == '.' || (len > 1 && base[0] == '#' && base[len - 1] == '#') ||
	       partial_suffix(base, len);
}

bool partial_finished_name(const char *base, char *out)
{
	size_t len = strlen(base);
	if (!is_partial_name(base) || len > NAME_LIMIT)
		return false;
	bool dot = base[0] == '.', hash = base[0] == '#' && base[len - 1] == '#';
	if (dot || hash) {
		base++;
		len -= hash ? 2 : 1;
	}
	size_t n = partial_suffix(base, len);
	len -= n;
	/* rsync: ".NAME.XXXXXX" */
	if (dot && !n && len > 7 && base[len - 7] == '.') {
		bool random = true;
		for (size_t i = len - 6; i < len; i++)
			random = random && isalnum((unsigned char)base[i]);
		len -= random ? 7 : 0;
	}
	memcpy(out, base, len);
	out[len] = 0;
	return true;
}
