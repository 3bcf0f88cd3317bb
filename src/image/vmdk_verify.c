// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The Adler-32 of every compressed grain. The tables that say where grains are carry no checksum, and what
 * no table names reads as zeros. But markers before the grains tell the same in another way: where they
 * can be followed from the first grain to the end, and name the very grains that the tables name, no
 * grain was lost, and the disk is covered.
 */
#include "packed.h"
#include "vmdk.h"

struct pass {
	struct vmdk_sparse *s;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	uint64_t good, bad;
};
#define MAX_PADDING 4096 /* zero sectors between markers */

static void *open_tool(struct packed_pass *pass, struct error *e)
{
	return vmdk_decoder_new(((struct pass *)pass->ctx)->s, e);
}

static void close_tool(struct packed_pass *pass, void *tool)
{
	(void)pass;
	vmdk_decoder_free(tool);
}

static int decode(struct packed_pass *pass, void *tool, struct packed *g, const uint8_t *in, struct error *e)
{
	size_t used;
	int rc = vmdk_grain_try(((struct pass *)pass->ctx)->s, tool, g->guest, in, g->room, &used, &g->wrong, e);
	g->used = (uint32_t)used;
	return rc;
}

static void tell(struct packed_pass *pass, const struct packed *g)
{
	const struct pass *p = pass->ctx;
	struct error why = {0};
	(void)vmdk_grain_error(p->s, g->guest, g->at, g->wrong, &why);
	finding_error(p->f, PROOF_INTEGRITY, "vmdk.grains", p->subject, &why);
}

static const struct packed_ops ops = {open_tool, close_tool, decode, tell, false};

static int add_table(struct packed_pass *pass, struct vmdk_sparse *s, uint64_t first, uint32_t *entries,
		     struct error *e)
{
	uint64_t grains = (s->capacity + s->grain - 1) / s->grain, room = vmdk_grain_room(s);
	uint32_t n = grains - first < s->per_table ? (uint32_t)(grains - first) : s->per_table;
	if (vmdk_tables_get(s, first, n, entries, e) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = entries[i] * VMDK_SECTOR, left = source_size(s->src) - at;
		if (entries[i] == VMDK_GRAIN_UNALLOCATED || (entries[i] == VMDK_GRAIN_ZERO && s->zero_grains))
			continue;
		struct packed g = {.at = at, .guest = first + i, .room = (uint32_t)(left < room ? left : room)};
		/* A file system has read it. */
		if (s->decoded && s->decoded[g.guest / 64] >> g.guest % 64 & 1)
			g.used = 1;
		if (packed_add(pass, &g, e) < 0)
			return -1;
	}
	return 0;
}

static int extent(struct pass *p, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	uint64_t grains = (s->capacity + s->grain - 1) / s->grain;
	struct packed_pass pass = {.ops = &ops, .ctx = p, .src = s->src, .budget = p->b};
	pass.tool_bytes = (size_t)(s->grain * VMDK_SECTOR) + 64 * KIB;
	autofree uint32_t *entries = malloc(4 * (size_t)s->per_table);
	if (!entries)
		return error_nomem(e);
	int rc = 0;
	for (uint64_t first = 0; first < grains && !rc; first += s->per_table) {
		if (!s->directory[first / s->per_table])
			continue;
		rc = p->b ? budget_check(p->b, e) : 0;
		if (!rc)
			rc = add_table(&pass, s, first, entries, e);
	}
	if (!rc)
		rc = packed_finish(&pass, e);
	packed_free(&pass);
	p->good += pass.good;
	p->bad += pass.bad;
	return rc;
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
