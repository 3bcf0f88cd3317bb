// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Mirrors (md RAID1, LVM raid1) are read through one half, but a machine reads them through any: the others have to be
 * the same. Halves that were not copied at one moment are not, and after a restore nobody knows which one counts.
 */
#include "rows.h"

#define CHUNK (1 * MIB)

static bool is_zero_run(struct source *a, struct source *b, uint64_t off, uint64_t *length, struct error *e, int *rc)
{
	struct extent x = {0}, y = {0};
	*rc = source_extent_at(a, off, &x, e) < 0 || source_extent_at(b, off, &y, e) < 0 ? -1 : 0;
	*length = x.length < y.length ? x.length : y.length;
	return !*rc && x.zero && y.zero && *length;
}

/* 1: alike, 0: *where is the first byte that is not, -1: can't be read. */
static int compare(struct source *a, struct source *b, const struct budget *budget, uint64_t *where, struct error *e)
{
	autofree uint8_t *x = malloc(CHUNK), *y = malloc(CHUNK);
	uint64_t size = source_size(a), n;
	int rc;
	if (!x || !y)
		return error_nomem(e);
	*where = size < source_size(b) ? size : source_size(b);
	for (uint64_t off = 0; off < *where; off += n) {
		if (is_zero_run(a, b, off, &n, e, &rc))
			continue;
		n = *where - off < CHUNK ? *where - off : CHUNK;
		if (rc < 0 || budget_check(budget, e) < 0 || source_read_at(a, off, x, (size_t)n, e) < 0 ||
		    source_read_at(b, off, y, (size_t)n, e) < 0)
			return -1;
		if (!memcmp(x, y, (size_t)n))
			continue;
		size_t i = 0;
		while (x[i] == y[i])
			i++;
		*where = off + i;
		return 0;
	}
	return size == source_size(b);
}

/* What is swapped out is of no use after a restore, and differs on healthy mirrors. */
static bool is_swap(const struct subject *s, const struct subject_disk *d)
{
	vec_each(&s->volumes, v) if (v->disk == d && !v->volume->number && !strcmp(v->volume->content.type, "swap"))
		return true;
	return false;
}

void mirrors_check(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	vec_each(&s->disks, it)
	{
		const struct subject_disk *d = *it;
		const struct assembled_volume *a = d->assembled;
		for (size_t i = 0; a && !is_swap(s, d) && i < a->mirror_count; i++) {
			struct error e = {0};
			uint64_t where = 0;
			struct finding_text more = {.error = ERROR_AMBIGUOUS};
			int rc = compare(a->source, a->mirrors[i].source, p->budget, &where, &e);
			if (rc < 0)
				finding_error(f, PROOF_STRUCTURE, "volume.mirror", d->name, &e);
			else if (rc > 0)
				finding_add(f, PROOF_STRUCTURE, "volume.mirror", d->name, OUTCOME_HELD, NULL,
					    "%s holds the same", a->mirrors[i].name);
			else
				finding_add(f, PROOF_STRUCTURE, "volume.mirror", d->name,
					    a->resync ? OUTCOME_SKIPPED : OUTCOME_UNPROVEN, &more,
					    "%s differs from what is read, from byte %llu on: which of them a restored "
					    "machine reads can't be told",
					    a->mirrors[i].name, (unsigned long long)where);
		}
	}
}
