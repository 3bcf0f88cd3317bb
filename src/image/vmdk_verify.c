// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The Adler-32 of every compressed grain. The tables that say where grains are carry no checksum, and what
 * no table names reads as zeros. But markers before the grains tell the same in another way: where they
 * can be followed from the first grain to the end, and name the very grains that the tables name, no
 * grain was lost, and the disk is covered.
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
#define MAX_PADDING 4096 /* zero sectors between markers */

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

/* One step along the markers. 1: more follow; 0: this is the end; -2: no marker that could be followed. */
static int step(struct pass *p, uint64_t *at, uint64_t *named, unsigned *padding, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	uint8_t m[16];
	uint32_t entry = 0;
	uint64_t size = source_size(s->src);
	if (size - *at < VMDK_SECTOR)
		return *at == size || !p->s->footer ? 0 : -2;
	if (source_read_at(s->src, *at, m, sizeof m, e) < 0)
		return -1;
	uint64_t value = get_le64(m), grain = value / s->grain, sector = *at / VMDK_SECTOR;
	uint32_t len = get_le32(m + 8), type = get_le32(m + 12);
	if (!len) { /* metadata, or nothing */
		bool nothing = !value && !type;
		if (type > 3 || (nothing && ++*padding > MAX_PADDING) || value > (size - *at) / VMDK_SECTOR)
			return -2;
		*at += (1 + value) * VMDK_SECTOR;
		return 1;
	}
	*padding = 0;
	if (value % s->grain || value >= s->capacity || len > size - *at)
		return -2;
	if (vmdk_tables_get(s, grain, 1, &entry, e) < 0)
		return -1;
	if (entry == sector)
		++*named;
	else {
		p->bad++;
		finding_add(p->f, PROOF_INTEGRITY, "vmdk.grains", p->subject, OUTCOME_BROKEN,
			    &(struct finding_text){.offset = (int64_t)*at, .has_offset = true},
			    "%s: grain %llu is in the file, and the map does not lead to it", source_name(s->src),
			    (unsigned long long)grain);
	}
	*at += (12 + (uint64_t)len + VMDK_SECTOR - 1) / VMDK_SECTOR * VMDK_SECTOR;
	return 1;
}

/* *whole: markers and tables name the same grains. */
static int follow(struct pass *p, bool *whole, struct error *e)
{
	uint64_t at = p->s->lowest * VMDK_SECTOR, named = 0;
	unsigned padding = 0;
	int rc = 1;
	while (rc == 1) {
		if (p->b && budget_check(p->b, e) < 0)
			return -1;
		rc = step(p, &at, &named, &padding, e);
	}
	*whole = rc == 0 && named == p->s->allocated;
	return rc == -1 ? -1 : 0;
}

int vmdk_verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		struct error *e)
{
	struct vmdk *v = im->self;
	struct pass p = {.subject = subject, .f = f, .b = b};
	bool all = !v->parent;
	vec_each(&v->parts, part)
	{
		bool whole = part->kind == VMDK_ZERO;
		p.s = &part->sparse;
		if (p.s->compressed && (extent(&p, e) < 0 || follow(&p, &whole, e) < 0))
			return -1;
		all &= whole && !p.s->contradicted;
	}
	*covered = all && !p.bad;
	if (!p.bad)
		finding_add(f, PROOF_INTEGRITY, "vmdk.grains", subject, OUTCOME_HELD, NULL,
			    "%llu compressed grains match their Adler-32%s", (unsigned long long)p.good,
			    all ? ", and markers and map name the same ones"
				: "; what places them carries no checksum");
	return 0;
}
