// SPDX-License-Identifier: GPL-3.0-or-later
#include "candidate.h"

#include <errno.h>
#include <fcntl.h>

void candidates_free(struct candidates *cs)
{
	arena_free(&cs->texts);
	vec_free(cs);
}

bool candidates_add_lost(struct candidates *cs, const struct candidate *c)
{
	struct candidate *to = vec_push(cs);
	if (!to)
		return false;
	*to = *c;
	to->looked = true;
	to->link = false;
	cs->lost++;
	return true;
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
		c->lost = c->link && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
		return c->lost || errno == ENOENT || errno == ENOTDIR ? 0 : error_sys(e, "%s", shown);
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
