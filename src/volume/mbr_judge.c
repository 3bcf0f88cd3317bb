// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Is the first sector a partition table? FAT and NTFS boot sectors and boot loaders on bare file
 * systems end in 55 aa as well, a damaged table may not, and 4096-byte sectors are not marked at all.
 */
#include "tables.h"

int mbr_load(struct scan *s, struct mbr *m, struct error *e)
{
	memset(m, 0, sizeof *m);
	if (s->size < sizeof m->sector)
		return 0;
	if (source_read_at(s->disk, 0, m->sector, sizeof m->sector, e) < 0)
		return -1;
	m->is_signed = m->sector[510] == 0x55 && m->sector[511] == 0xaa;
	for (int i = 0; i < 4; i++) {
		const uint8_t *p = m->sector + 446 + 16 * i;
		m->entries[i] =
			(struct mbr_entry){p[0], p[4], get_le32(p + 8), get_le32(p + 12)};
	}
	return 0;
}

bool mbr_protective(const struct mbr *m)
{
	for (int i = 0; i < 4; i++)
		if (m->entries[i].type == 0xee)
			return true;
	return false;
}

/* The boot sector of a FAT, exFAT or NTFS volume. */
static bool looks_like_volume(const uint8_t *b)
{
	uint32_t bytes = get_le16(b + 11);
	if (b[0] != 0xeb && b[0] != 0xe9)
		return false;
	if (!memcmp(b + 3, "NTFS    ", 8) || !memcmp(b + 3, "EXFAT   ", 8) ||
	    !memcmp(b + 3, "-FVE-FS-", 8))
		return true;
	return bytes >= 512 && bytes <= 4096 && !(bytes & (bytes - 1)) && b[13] &&
	       !(b[13] & (b[13] - 1)) && get_le16(b + 14) && b[16] && b[16] <= 4 &&
	       (b[21] == 0xf0 || b[21] >= 0xf8);
}

/* How the four entries look as a table of sectors of ss bytes. */
struct shape {
	unsigned used, odd_status;
	bool at_zero;	/* one begins at sector 0: it names the disk itself */
	bool starts_in; /* one begins inside the disk */
	bool fits;	/* all are inside the disk, and none overlap */
};

static struct shape shape_of(const struct scan *s, const struct mbr *m, uint32_t ss)
{
	struct shape h = {.fits = true};
	uint64_t sectors = s->size / ss;
	for (int i = 0; i < 4; i++) {
		const struct mbr_entry *a = &m->entries[i];
		h.odd_status += (a->status & 0x7f) != 0;
		if (!a->count)
			continue;
		h.used++;
		h.at_zero |= !a->start;
		h.starts_in |= a->start < sectors;
		h.fits &= (uint64_t)a->start + a->count <= sectors;
		for (int k = 0; k < i; k++) {
			const struct mbr_entry *b = &m->entries[k];
			if (b->count && a->start < (uint64_t)b->start + b->count &&
			    b->start < (uint64_t)a->start + a->count)
				h.fits = false;
		}
	}
	return h;
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

/* 1 when some partition holds what is known, read with sectors of ss bytes. */
static int holds_content(struct scan *s, const struct mbr *m, uint32_t ss, struct error *e)
{
	for (int i = 0; i < 4; i++) {
		const struct mbr_entry *it = &m->entries[i];
		uint64_t at = (uint64_t)it->start * ss, len = (uint64_t)it->count * ss;
		if (!it->start || !len || at >= s->size || s->size - at < 512)
			continue;
		if (len > s->size - at)
			len = s->size - at;
		if (is_extended(it->type)) {
			uint8_t end[2];
			if (source_read_at(s->disk, at + 510, end, 2, e) < 0)
				return -1;
			if (end[0] == 0x55 && end[1] == 0xaa)
				return 1;
			continue;
		}
		struct content c;
		autosource struct source *w = source_window(s->disk, at, len, "partition", e);
		if (!w || content_probe(w, &c, e) < 0)
			return -1;
		if (*c.type)
			return 1;
	}
	return 0;
}

int mbr_judge(struct scan *s, const struct mbr *m, const struct content *whole,
	      struct mbr_verdict *v, struct error *e)
{
	*v = (struct mbr_verdict){.sector_size = 512};
	struct shape h = shape_of(s, m, 512), big = shape_of(s, m, 4096);
	if (!h.used || h.at_zero || !h.starts_in)
		return 0;
	int content = 0;
	/* Without content to show for it a table is believed only if nothing speaks against it. */
	bool doubtful = !m->is_signed || h.odd_status || !h.fits || *whole->type;
	if ((doubtful || big.fits) && (content = holds_content(s, m, 512, e)) < 0)
		return -1;
	if (!content && big.fits) {
		int at_4096 = holds_content(s, m, 4096, e);
		if (at_4096 < 0)
			return -1;
		if (at_4096) {
			v->sector_size = 4096;
			content = 1;
			h = big;
		}
	}
	v->bad_signature = !m->is_signed;
	v->bad_status = h.odd_status;
	bool volume = looks_like_volume(m->sector);
	if (!m->is_signed)
		return h.fits && !h.odd_status && !volume && content;
	if (volume)
		return h.fits && !h.odd_status;
	/* Two things that speak against it are too many, unless what it names is there. */
	if (h.odd_status || !h.fits)
		return content || (!*whole->type && (h.fits || !h.odd_status));
	return 1;
}
