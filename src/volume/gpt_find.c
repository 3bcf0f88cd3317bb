// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * GUID partition tables, UEFI 2.10 section 5.3: finding both headers and judging each by itself. The sector size is
 * not written anywhere: it shows in where the headers lie.
 */
#include <stdarg.h>

#include "tables.h"

#define HEADER_SIZE 92
#define MAX_HEADER 4096
/* Real tables have 128 entries; a few tools make up to some thousand. */
#define MAX_ENTRIES 16384
#define MAX_ARRAY (8 * MIB)

static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t c = 0xffffffff;
	for (size_t i = 0; i < len; i++) {
		c = (c >> 4) ^ nibble[(c ^ p[i]) & 15];
		c = (c >> 4) ^ nibble[(c ^ (p[i] >> 4)) & 15];
	}
	return ~c;
}

static bool wrong(struct gpt_header *h, const char *fmt, ...) printf_like(2, 3);
static bool wrong(struct gpt_header *h, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(h->problem, sizeof h->problem, fmt, ap);
	va_end(ap);
	return false;
}

/* What a header says, tested against itself and the disk. */
static bool header_holds(struct gpt_header *h, uint8_t *raw, uint32_t ss, uint64_t sectors)
{
	uint32_t size = get_le32(raw + 12), crc = get_le32(raw + 16);
	if (size < HEADER_SIZE || size > ss)
		return wrong(h, "its header size of %u is impossible", size);
	memset(raw + 16, 0, 4);
	uint32_t measured = crc32_of(raw, size);
	if (measured != crc)
		return wrong(h, "its checksum is %08x, not %08x", measured, crc);
	if (get_le32(raw + 8) != 0x00010000)
		return wrong(h, "its revision %08x is unknown", get_le32(raw + 8));
	if (get_le64(raw + 24) != h->lba)
		return wrong(h, "it says it is at sector %llu but is at %llu",
			     (unsigned long long)get_le64(raw + 24), (unsigned long long)h->lba);
	if (h->entry_size < 128 || h->entry_size > 4096 || h->entry_size % 8)
		return wrong(h, "its entry size of %u is impossible", h->entry_size);
	if (!h->count || h->count > MAX_ENTRIES ||
	    (uint64_t)h->count * h->entry_size > MAX_ARRAY)
		return wrong(h, "its entry count of %u is impossible", h->count);
	uint64_t array = ((uint64_t)h->count * h->entry_size + ss - 1) / ss, end;
	if (h->entries_lba < 2 || add_overflows(h->entries_lba, array, &end) || end > sectors)
		return wrong(h, "its entries at sector %llu lie outside the disk",
			     (unsigned long long)h->entries_lba);
	if (h->first > h->last || h->first < 2)
		return wrong(h, "its usable sectors %llu to %llu are impossible",
			     (unsigned long long)h->first, (unsigned long long)h->last);
	if (h->entries_lba <= h->last && end > h->first)
		return wrong(h, "its entries lie among the usable sectors");
	if (h->lba >= h->first && h->lba <= h->last)
		return wrong(h, "it lies among the usable sectors");
	return true;
}

/* Reads the entries of a header that holds. */
static int read_entries(struct scan *s, struct gpt_header *h, uint32_t ss, struct error *e)
{
	size_t len = (size_t)h->count * h->entry_size;
	h->entries = malloc(len);
	if (!h->entries)
		return error_nomem(e);
	if (source_read_at(s->disk, h->entries_lba * ss, h->entries, len, e) < 0)
		return -1;
	uint32_t measured = crc32_of(h->entries, len);
	h->entries_good = measured == h->entries_crc;
	return 0;
}

static int read_header(struct scan *s, uint64_t lba, uint32_t ss, struct gpt_header *h,
		       struct error *e)
{
	uint8_t raw[MAX_HEADER];
	uint64_t sectors = s->size / ss;
	free(h->entries);
	memset(h, 0, sizeof *h);
	h->lba = lba;
	if (lba >= sectors) {
		wrong(h, "sector %llu lies beyond the end of the disk", (unsigned long long)lba);
		return 0;
	}
	if (source_read_at(s->disk, lba * ss, raw, ss, e) < 0)
		return -1;
	h->present = !memcmp(raw, "EFI PART", 8);
	if (!h->present) {
		wrong(h, "there is no header at sector %llu", (unsigned long long)lba);
		return 0;
	}
	h->other = get_le64(raw + 32);
	h->first = get_le64(raw + 40);
	h->last = get_le64(raw + 48);
	memcpy(h->disk_guid, raw + 56, 16);
	h->entries_lba = get_le64(raw + 72);
	h->count = get_le32(raw + 80);
	h->entry_size = get_le32(raw + 84);
	h->entries_crc = get_le32(raw + 88);
	/* Reserved, and zeros by the specification, but covered by no checksum: told twice at least. */
	h->rest_crc = crc32_of(raw + HEADER_SIZE, ss - HEADER_SIZE);
	h->good = header_holds(h, raw, ss, sectors);
	return h->good ? read_entries(s, h, ss, e) : 0;
}

/* 2: a header that holds, 1: a signature, 0: nothing. */
static int rank(const struct gpt_header *h)
{
	return h->good ? 2 : h->present ? 1 : 0;
}

/*
 * The backup belongs where the primary says. Without a primary it is looked for in the last sector, then
 * where the protective MBR ends: a grown disk has it there.
 */
static int find_backup(struct scan *s, const struct mbr *m, uint32_t ss,
		       const struct gpt_header *primary, struct gpt_header *b, struct error *e)
{
	uint64_t sectors = s->size / ss, tries[3] = {0};
	size_t n = 0;
	if (sectors < 3)
		return 0;
	if (primary->good)
		return read_header(s, primary->other, ss, b, e);
	tries[n++] = sectors - 1;
	for (int i = 0; i < 4; i++)
		if (m->entries[i].type == 0xee && n < 2)
			tries[n++] = (uint64_t)m->entries[i].start + m->entries[i].count - 1;
	if (primary->present)
		tries[n++] = primary->other;
	for (size_t i = 0; i < n; i++) {
		if (tries[i] < 2 || tries[i] >= sectors)
			continue;
		if (read_header(s, tries[i], ss, b, e) < 0)
			return -1;
		if (b->good)
			return 0;
	}
	return b->present ? 0 : read_header(s, sectors - 1, ss, b, e);
}

int gpt_find(struct scan *s, const struct mbr *m, struct gpt *g, struct error *e)
{
	static const uint32_t sizes[] = {512, 4096};
	int best = -1;
	memset(g, 0, sizeof *g);
	g->sector_size = 512;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct gpt here = {.sector_size = sizes[i]};
		if (s->size / sizes[i] < 3)
			continue;
		if (read_header(s, 1, sizes[i], &here.primary, e) < 0 ||
		    find_backup(s, m, sizes[i], &here.primary, &here.backup, e) < 0) {
			gpt_free(&here);
			gpt_free(g);
			return -1;
		}
		/* A whole primary decides; the backup does where the primary is damaged. */
		int score = 4 * rank(&here.primary) + rank(&here.backup);
		if (score > best) {
			best = score;
			gpt_free(g);
			*g = here;
		} else {
			gpt_free(&here);
		}
	}
	return 0;
}

void gpt_free(struct gpt *g)
{
	free(g->primary.entries);
	free(g->backup.entries);
	g->primary.entries = g->backup.entries = NULL;
}
