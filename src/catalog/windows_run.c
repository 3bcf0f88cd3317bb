// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A run of Windows' own backup writes into the disks of the one before, and calls their directory by its time. The
 * volumes that it was asked for are of it; another one's file may have been left from a run that was asked for more.
 */
#include "windows_run.h"

#include <ctype.h>
#include <fcntl.h>

#include "peek_rows.h"

/* The GUID that a name begins with, lower case, or part of it. */
static void read_guid(const char *name, char guid[PEEK_GUID + 1])
{
	size_t i;
	for (i = 0; i < PEEK_GUID && name[i]; i++)
		guid[i] = (char)tolower((unsigned char)name[i]);
	guid[i] = '\0';
}

int windows_run_since(struct restore_point *p, const char *specs, int64_t when, struct error *e)
{
	struct strings named = {0};
	struct error why = {0};
	char guid[PEEK_GUID + 1];
	bool older = false;
	vec_each (p, f)
		older = older || (!f->note && f->mtime < when);
	int rc = older ? peek_file(PEEK_VOLUMES, AT_FDCWD, specs, &named, &why) : 0;
	strings_sort(&named);
	vec_each (p, f) {
		read_guid(path_base(f->path), guid);
		if (!f->note && strings_sorted_has(&named, guid))
			f->since = when;
	}
	strings_free(&named);
	/* A specification that can't be read is told of where it is asked what it names. */
	if (rc < 0 && why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	return 0;
}
