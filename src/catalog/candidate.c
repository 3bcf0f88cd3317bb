// SPDX-License-Identifier: GPL-3.0-or-later
#include "candidate.h"

#include <errno.h>
#include <fcntl.h>

void candidates_free(struct candidates *cs)
{
	arena_free(&cs->texts);
	vec_free(cs);
}

int candidate_look(int dir, const char *name, const char *shown, struct candidate *c,
		   struct error *e)
{
	struct stat st;
	int rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
	c->link = !rc && S_ISLNK(st.st_mode);
	if (c->link)
		rc = fstatat(dir, name, &st, 0);
	if (rc < 0) {
		/* Retention may remove files while we look; a link to nothing is no backup. */
		if (errno == ENOENT || errno == ENOTDIR || (c->link && errno == ELOOP))
			return 0;
		return error_sys(e, "%s", shown);
	}
	if (!S_ISREG(st.st_mode) && !(c->partial && S_ISDIR(st.st_mode)))
		return 0;
	c->looked = true;
	c->size = (uint64_t)st.st_size;
	c->mtime = st.st_mtime;
	c->device = st.st_dev;
	c->inode = st.st_ino;
	return 1;
}
