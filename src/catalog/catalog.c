// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/catalog.h"

#include "candidate.h"
#include "pattern.h"

void point_free(struct restore_point *p)
{
	vec_each(p, f) {
		free(f->path);
		free(f->disk);
		free(f->part);
	}
	free(p->label);
	free(p->missing);
	free(p->items);
	memset(p, 0, sizeof *p);
}

void catalog_free(struct catalog *c)
{
	vec_each(c, p)
		point_free(p);
	strings_free(&c->partial);
	vec_free(c);
}

int catalog_match_check(const char *match, bool *has_host, struct error *e)
{
	autopattern struct pattern *p = pattern_new(match, e);
	if (!p)
		return -1;
	*has_host = pattern_host_level(p) >= 0;
	return 0;
}
