// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * [MS-VHDX] 2.5: every entry of the table of blocks is looked at once, with one bit for each MiB of the
 * file to see that nothing lies on anything else. Afterwards the table is read where it is needed.
 */
#include "vhdx.h"

#define PIECE 8192u /* entries read at once */
#define CACHE_LINE (64 * 1024)
#define CACHE_LINES 64

enum flaw { FLAW_STATE, FLAW_CUT, FLAW_LENGTHENED, FLAW_SHARED, FLAW_BITMAP, FLAW_COUNT };

struct survey {
	struct vhdx *v;
	uint8_t *used; /* MiBs of the file */
	uint64_t used_bits;
	uint64_t counts[FLAW_COUNT], first[FLAW_COUNT]; /* first: index in the table */
	uint64_t present, bitmaps;
};

static void note(struct survey *s, enum flaw flaw, uint64_t index)
{
	if (!s->counts[flaw]++)
		s->first[flaw] = index;
}

/* Marks MiBs as taken; false when one was. Beyond the end of the file is not its matter. */
static bool mark(struct survey *s, uint64_t at, uint64_t length)
{
	bool alone = true;
	for (uint64_t i = at / MIB; i < (at + length + MIB - 1) / MIB && i < s->used_bits; i++) {
		alone &= !(s->used[i / 8] >> i % 8 & 1);
		s->used[i / 8] |= (uint8_t)(1 << i % 8);
	}
	return alone;
}

/* The place of a block that is in the file. */
static void judge_place(struct survey *s, uint64_t entry, uint64_t length, uint64_t index)
{
	uint64_t at = VHDX_OFFSET(entry), end;
	if (VHDX_RESERVED(entry))
		note(s, FLAW_STATE, index);
	if (add_overflows(at, length, &end) || end > source_size(s->v->view))
		note(s, FLAW_CUT, index);
	else if (end > source_size(s->v->stored))
		note(s, FLAW_LENGTHENED, index);
	if (!mark(s, at, length))
		note(s, FLAW_SHARED, index);
}

static int judge_entry(struct survey *s, uint64_t entry, uint64_t index, struct error *e)
{
	const struct vhdx *v = s->v;
	const uint64_t group = index / (v->ratio + 1), in = index % (v->ratio + 1);
	const enum vhdx_state state = VHDX_STATE(entry);
	if (in == v->ratio) {
		/* Without a parent they mean nothing, and QEMU has left remains in them. */
		if (!v->has_parent || state == VHDX_NOT_PRESENT)
			return 0;
		if (state != VHDX_FULL) {
			note(s, FLAW_STATE, index);
			return 0;
		}
		s->bitmaps++;
		judge_place(s, entry, MIB, index);
		return 0;
	}
	uint64_t block = group * v->ratio + in;
	if (block >= v->blocks || state <= VHDX_UNMAPPED)
		return 0;
	if (state != VHDX_FULL && (state != VHDX_PARTIAL || !v->has_parent)) {
		note(s, FLAW_STATE, index);
		return 0;
	}
	s->present++;
	judge_place(s, entry, vhdx_block_length(v, block), index);
	if (state == VHDX_PARTIAL) {
		uint8_t raw[8];
		if (source_read_at(v->table, vhdx_bitmap_index(v, block) * 8, raw, 8, e) < 0)
			return -1;
		if (VHDX_STATE(get_le64(raw)) != VHDX_FULL)
			note(s, FLAW_BITMAP, index);
	}
	return 0;
}

static int survey_table(struct survey *s, const struct image_context *c, struct error *e)
{
	autofree uint8_t *raw = malloc(PIECE * 8);
	if (!raw)
		return error_nomem(e);
	for (uint64_t i = 0; i < s->v->entries;) {
		uint64_t n = s->v->entries - i < PIECE ? s->v->entries - i : PIECE;
		struct extent x;
		if (c->budget && budget_check(c->budget, e) < 0)
			return -1;
		if (source_extent_at(s->v->table_window, i * 8, &x, e) < 0)
			return -1;
		/* Zeros are entries of blocks that are not there. */
		if (x.zero && x.length >= 8) {
			i += x.length / 8;
			continue;
		}
		if (source_read_at(s->v->table_window, i * 8, raw, (size_t)n * 8, e) < 0)
			return -1;
		for (uint64_t k = 0; k < n; k++)
			if (get_le64(raw + k * 8) && judge_entry(s, get_le64(raw + k * 8), i + k, e) < 0)
				return -1;
		i += n;
	}
	return 0;
}

static void report(const struct survey *s, const struct image_context *c)
{
	static const char *const what[FLAW_COUNT] = {
	    [FLAW_STATE] = "entries of the table of blocks have a state that can't be",
	    [FLAW_CUT] = "blocks reach beyond the end of the file",
	    [FLAW_LENGTHENED] = "blocks lie where replay of the log made the file longer",
	    [FLAW_SHARED] = "blocks lie on other blocks or structures",
	    [FLAW_BITMAP] = "blocks are partly the parent's, and nothing says which parts",
	};
	bool sound = true;
	for (int i = 0; i < FLAW_COUNT; i++) {
		if (!s->counts[i])
			continue;
		sound = false;
		VHDX_FINDING(c, "vhdx.map", i == FLAW_LENGTHENED ? OUTCOME_UNPROVEN : OUTCOME_BROKEN,
			     s->v->bat.at + s->first[i] * 8, "%llu %s, the first of them entry %llu",
			     (unsigned long long)s->counts[i], what[i], (unsigned long long)s->first[i]);
	}
	if (sound)
		finding_add(c->f, PROOF_STRUCTURE, "vhdx.map", c->subject, OUTCOME_HELD, NULL,
			    "%llu of %llu blocks are stored, each in the file and in a place of its own",
			    (unsigned long long)s->present, (unsigned long long)s->v->blocks);
}

int vhdx_check_map(struct vhdx *v, const struct image_context *c, struct error *e)
{
	const struct vhdx_region regions[] = {{0, MIB}, v->header.log, v->bat, v->metadata};
	static const char *const names[] = {"headers", "log", "table of blocks", "metadata"};
	v->table_window = source_window(v->view, v->bat.at, v->bat.length, source_name(v->view), e);
	if (!v->table_window)
		return -1;
	v->table = source_cached(v->table_window, CACHE_LINE, CACHE_LINES, e);
	if (!v->table)
		return -1;
	struct survey s = {.v = v, .used_bits = (source_size(v->view) + MIB - 1) / MIB};
	autofree uint8_t *used = calloc((size_t)(s.used_bits / 8 + 1), 1);
	if (!used)
		return error_nomem(e);
	s.used = used;
	for (size_t i = 0; i < ARRAY_SIZE(regions); i++) {
		uint64_t end;
		if (add_overflows(regions[i].at, regions[i].length, &end) || end > source_size(v->view)) {
			VHDX_FINDING(c, "vhdx.regions", OUTCOME_BROKEN, 0, "the %s can't lie where they should",
				     names[i]);
			continue;
		}
		if (!mark(&s, regions[i].at, regions[i].length))
			VHDX_FINDING(c, "vhdx.regions", OUTCOME_BROKEN, regions[i].at,
				     "the %s lies on another structure", names[i]);
	}
	if (survey_table(&s, c, e) < 0)
		return -1;
	report(&s, c);
	return 0;
}
