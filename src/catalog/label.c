// SPDX-License-Identifier: GPL-3.0-or-later
#include "label.h"

#include "backproof/catalog.h"

int label_rank_as(const char *label, const char *base, const char *host)
{
	int best = name_host_rank(base, strlen(base), host);
	for (const char *s = label; strchr(s, '/'); s = strchr(s, '/') + 1) {
		int rank = name_host_rank(s, strcspn(s, "/"), host);
		best = rank > best ? rank : best;
	}
	return best;
}

int label_rank(const char *label, const char *host)
{
	return label_rank_as(label, path_base(label), host);
}

bool label_has_neighbour(const char *label, const char *host)
{
	bool found = false;
	for (const char *s = label;; s++) {
		size_t n = strcspn(s, "/");
		bool has = name_host_rank(s, n, host) > 1;
		if (has && !name_host_has_neighbour(s, n, host))
			return false;
		found = found || has;
		s += n;
		if (!*s)
			return found;
	}
}

char *point_elsewhere(const struct restore_point *p, const char *host)
{
	vec_each (p, f)
		for (const char *s = f->path; *s; s += *s == '/') {
			size_t n = strcspn(s, "/");
			if (n <= NAME_LIMIT && name_host_elsewhere(s, n, host))
				return strndup(s, n);
			s += n;
		}
	return NULL;
}

bool label_time(const char *label, struct civil *c)
{
	struct span where;
	const char *from = path_base(label), *to = from + strlen(from);
	while (!name_time_find(from, (size_t)(to - from), c, &where) && !name_date_pieces(from, c)) {
		if (from == label)
			return false;
		for (to = --from; from > label && from[-1] != '/'; from--)
			;
	}
	return true;
}

bool label_is_older(const char *label, int64_t than)
{
	struct civil c;
	int64_t begin, end;
	if (!label_time(label, &c))
		return false;
	civil_range(&c, &begin, &end);
	return end < than;
}

int label_top_time(const char *top, struct civil *c, struct error *e)
{
	autofree char *name = NULL;
	if (path_last_names(top, &name) < 0)
		return error_nomem(e);
	if (name)
		(void)label_time(name, c);
	return 0;
}
