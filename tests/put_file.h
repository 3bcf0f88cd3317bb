// SPDX-License-Identifier: GPL-3.0-or-later
/* A small tree of files. */
#ifndef PUT_FILE_H
#define PUT_FILE_H

#include <errno.h>
#include <sys/stat.h>

#include "backproof/base.h"
#include "test.h"

/* ROOT/NAME, or what is absolute; one of the last eight stays valid. */
static inline char *path_below(const char *root, const char *name)
{
	static char buf[8][700];
	static unsigned next;
	char *to = buf[next++ % 8];
	snprintf(to, sizeof buf[0], "%s%s%s", *name == '/' ? "" : root, *name == '/' ? "" : "/", name);
	return to;
}

/* An empty directory, whatever was in it. */
static inline void fresh_root(const char *root)
{
	char cmd[300];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s && chmod 755 %s", root, root, root);
	NEED(system(cmd) == 0);
}

/* Below root, with the directories that it takes. */
static inline void put_file(const char *root, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *s = path + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		NEED(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	FILE *f = fopen(path, "w");
	NEED(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

#endif
