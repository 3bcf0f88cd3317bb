// SPDX-License-Identifier: GPL-3.0-or-later
/* The header and table of a dynamic or differencing VHD, checked at open. Reading is in vhd_read.c. */
#include "vhd_map.h"

#define BLOCKS_MOST (UINT32_C(1) << 24) /* 64 MiB of table; 2 TiB in blocks of 2 MiB are one million */
#define BLOCK_MOST (UINT32_C(256) << 20)

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void broken(const struct image_context *c, uint64_t at, const char *what, uint32_t count, uint32_t first)
{
	finding_add(c->f, PROOF_STRUCTURE, "vhd.map", c->subject, OUTCOME_BROKEN,
		    &(struct finding_text){.offset = (int64_t)at, .has_offset = true, .error = ERROR_CORRUPT},
		    "%u blocks %s, the first of them block %u of the disk", count, what, first);
}

/* A span of the file that is not for blocks. */
struct span {
	uint64_t at, length;
};

static bool overlaps(uint64_t at, uint64_t length, const struct span *s)
{
	return at < s->at + s->length && s->at < at + length;
}

/* Blocks inside the file, beside its structures, and not on each other. */
static int judge_blocks(const struct vhd_map *m, const struct image_context *c, const struct span *spans,
			size_t span_count, uint64_t data_end, struct error *e)
{
	autofree uint32_t *sorted = malloc((size_t)m->blocks * sizeof *sorted + 1);
	uint64_t whole = m->bitmap_size + (uint64_t)m->block_size;
	uint32_t used = 0, cut = 0, first_cut = 0, bad = 0, first_bad = 0, shared = 0;
	if (!sorted)
		return error_nomem(e);
	for (uint32_t i = 0; i < m->blocks; i++) {
		if (m->bat[i] == VHD_FREE)
			continue;
		uint64_t at = (uint64_t)m->bat[i] * VHD_SECTOR, need = m->size - (uint64_t)i * m->block_size;
		need = m->bitmap_size + (need < m->block_size ? need : m->block_size);
		sorted[used++] = m->bat[i];
		if (at + need > data_end && !cut++)
			first_cut = i;
		bool on = false;
		for (size_t k = 0; k < span_count; k++)
			on |= overlaps(at, need, &spans[k]);
		if (on && !bad++)
			first_bad = i;
	}
	qsort(sorted, used, sizeof *sorted, compare_u32);
	uint64_t shared_at = 0;
	for (uint32_t i = 1; i < used; i++)
		if ((uint64_t)(sorted[i] - sorted[i - 1]) * VHD_SECTOR < whole && !shared++)
			shared_at = (uint64_t)sorted[i] * VHD_SECTOR;
	if (cut)
		broken(c, (uint64_t)m->bat[first_cut] * VHD_SECTOR, "reach beyond the end of the file", cut, first_cut);
	if (bad)
		broken(c, (uint64_t)m->bat[first_bad] * VHD_SECTOR, "lie on the file's own structures", bad, first_bad);
	if (shared)
		finding_add(c->f, PROOF_STRUCTURE, "vhd.map", c->subject, OUTCOME_BROKEN,
			    &(struct finding_text){.offset = (int64_t)shared_at, .has_offset = true},
			    "%u blocks lie on other blocks", shared);
	if (!cut && !bad && !shared)
		finding_add(c->f, PROOF_STRUCTURE, "vhd.map", c->subject, OUTCOME_HELD, NULL,
			    "%u of %u blocks are stored, each in the file and in a place of its own", used, m->blocks);
	return 0;
}

static int read_bat(struct source *src, struct vhd_map *m, uint64_t at, struct error *e)
{
	m->bat = malloc((size_t)m->blocks * sizeof *m->bat);
	m->state = calloc(m->blocks, sizeof *m->state);
	if (!m->bat || !m->state)
		return error_nomem(e);
	if (source_read_at(src, at, m->bat, (size_t)m->blocks * sizeof *m->bat, e) < 0)
		return error_prefix(e, "VHD: the table of blocks");
	for (uint32_t i = 0; i < m->blocks; i++)
		m->bat[i] = get_be32(&m->bat[i]);
	return 0;
}

/* The header has no second copy: what is wrong with it can't be got round. */
static int read_header(struct source *src, const struct vhd_footer *f, uint8_t *raw, struct vhd_map *m,
		       struct error *e)
{
	const int64_t at = (int64_t)f->header_at;
	if (source_read_at(src, f->header_at, raw, VHD_HEADER, e) < 0)
		return error_prefix(e, "VHD: the header of the dynamic disk");
	if (memcmp(raw, "cxsparse", 8))
		return error_set(e, ERROR_CORRUPT, at, "VHD: there is no header of a dynamic disk");
	const char *flaw = vhd_checksum_flaw(raw, VHD_HEADER, 36);
	if (flaw)
		return error_set(e, ERROR_CORRUPT, at, "VHD: the header of the dynamic disk: %s", flaw);
	if (get_be32(raw + 24) >> 16 != 1)
		return error_set(e, ERROR_UNSUPPORTED, at, "VHD: a header of version %u.%u",
				 get_be32(raw + 24) >> 16, get_be32(raw + 24) & 0xffff);
	uint32_t entries = get_be32(raw + 28);
	m->block_size = get_be32(raw + 32);
	if (m->block_size < VHD_SECTOR || m->block_size > BLOCK_MOST || m->block_size & (m->block_size - 1))
		return error_set(e, ERROR_CORRUPT, at, "VHD: blocks of %u bytes", m->block_size);
	m->bitmap_size = (m->block_size / VHD_SECTOR / 8 + VHD_SECTOR - 1) / VHD_SECTOR * VHD_SECTOR;
	m->size = vhd_disk_size(f, (uint64_t)entries * m->block_size);
	uint64_t blocks = m->size / m->block_size + (m->size % m->block_size != 0);
	if (blocks > entries)
		return error_set(e, ERROR_CORRUPT, at, "VHD: %llu blocks are needed, and the table has %u",
				 (unsigned long long)blocks, entries);
	if (blocks > BLOCKS_MOST)
		return error_set(e, ERROR_LIMIT, at, "VHD: more than %u blocks", BLOCKS_MOST);
	m->blocks = (uint32_t)blocks;
	return 0;
}

static void map_destroy(void *self)
{
	struct vhd_map *m = self;
	if (!m)
		return;
	free(m->bat);
	free(m->state);
	free(m);
}

static const struct image_ops vhd_image_ops = {.verify = NULL, .destroy = map_destroy};

int vhd_open_dynamic(struct source *src, const struct image_context *c, const struct vhd_footer *f,
		     uint64_t data_end, struct image *out, struct error *e)
{
	uint8_t raw[VHD_HEADER];
	struct vhd_map *m = calloc(1, sizeof *m);
	if (!m)
		return error_nomem(e);
	out->ops = &vhd_image_ops;
	out->self = m;
	m->file = src;
	m->differencing = f->type == VHD_DIFFERENCING;
	if (read_header(src, f, raw, m, e) < 0)
		return -1;
	uint64_t bat_at = get_be64(raw + 16);
	if (read_bat(src, m, bat_at, e) < 0)
		return -1;
	finding_add(c->f, PROOF_STRUCTURE, "vhd.header", c->subject, OUTCOME_HELD, NULL,
		    "the checksum of the dynamic disk's header holds");
	const struct span spans[] = {
	    {0, VHD_FOOTER},
	    {f->header_at, VHD_HEADER},
	    {bat_at, (uint64_t)m->blocks * sizeof *m->bat},
	};
	if (judge_blocks(m, c, spans, ARRAY_SIZE(spans), data_end, e) < 0)
		return -1;
	if (overlaps(bat_at, spans[2].length, &spans[1]) || overlaps(bat_at, spans[2].length, &spans[0]))
		return error_set(e, ERROR_CORRUPT, (int64_t)bat_at, "VHD: the table of blocks lies on the header");
	if (m->differencing && vhd_open_parent(src, c, raw, out, &m->parent, e) < 0)
		return -1;
	if (m->parent && source_size(m->parent) != m->size)
		finding_add(c->f, PROOF_STRUCTURE, "vhd.parent", c->subject, OUTCOME_SKIPPED, NULL,
			    "the parent is a disk of %llu bytes, this one of %llu",
			    (unsigned long long)source_size(m->parent), (unsigned long long)m->size);
	struct source *disk = vhd_map_source(m, source_name(src), e);
	return disk ? image_add_disk(out, NULL, disk, e) : -1;
}
