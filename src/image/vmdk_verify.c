// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The Adler-32 of every compressed grain. The tables that say where grains are carry none, and what no
 * table names reads as zeros: so a disk is never covered, however many grains are sound.
 */
#include "vmdk.h"

struct pass {
	struct vmdk_sparse *s;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	uint8_t *out;
	uint64_t good, bad;
};

static int one(struct pass *p, uint64_t grain, uint32_t sector, struct error *e)
{
	struct error why = {0};
	if (sector == VMDK_GRAIN_UNALLOCATED || (sector == VMDK_GRAIN_ZERO && p->s->zero_grains))
		return 0;
	if (p->b && budget_check(p->b, e) < 0)
		return -1;
	if (vmdk_grain_decode(p->s, grain, sector, p->out, &why) == 0) {
		p->good++;
		return 0;
	}
	if (why.cls != ERROR_CORRUPT) {
		*e = why;
		return -1;
	}
	p->bad++;
	finding_error(p->f, PROOF_INTEGRITY, "vmdk.grains", p->subject, &why);
	return 0;
}

static int extent(struct pass *p, struct error *e)
{
	uint64_t grains = (p->s->capacity + p->s->grain - 1) / p->s->grain;
	autofree uint8_t *out = malloc(p->s->grain * VMDK_SECTOR);
	autofree uint32_t *entries = malloc(4 * (size_t)p->s->per_table);
	if (!out || !entries)
		return error_nomem(e);
	p->out = out;
	for (uint64_t first = 0; first < grains; first += p->s->per_table) {
		uint32_t n = grains - first < p->s->per_table ? (uint32_t)(grains - first) : p->s->per_table;
		if (!p->s->directory[first / p->s->per_table])
			continue;
		if (vmdk_tables_get(p->s, first, n, entries, e) < 0)
			return -1;
		for (uint32_t i = 0; i < n; i++)
			if (one(p, first + i, entries[i], e) < 0)
				return -1;
	}
	return 0;
}

int vmdk_verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		struct error *e)
{
	struct vmdk *v = im->self;
	struct pass p = {.subject = subject, .f = f, .b = b};
	*covered = false;
	vec_each(&v->parts, part)
	{
		p.s = &part->sparse;
		if (p.s->compressed && extent(&p, e) < 0)
			return -1;
	}
	if (!p.bad)
		finding_add(f, PROOF_INTEGRITY, "vmdk.grains", subject, OUTCOME_HELD, NULL,
			    "%llu compressed grains match their Adler-32; the tables that place them carry no checksum",
			    (unsigned long long)p.good);
	return 0;
}
