// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * LVM2 on the disk, after lib/format_text/layout.h of LVM2: a label in one of the first four sectors, which names
 * the metadata areas; in each a header and a ring of texts. Three checksums, all the same CRC-32 without the usual
 * inversions.
 */
#include "group.h"

#define CRC_START 0xf597a6cfu
#define SECTOR 512
#define MDA_HEADER 512
#define MAX_TEXT (4 * MIB)
#define MAX_AREAS 8
#define IGNORED 1u

static uint32_t lvm_crc(uint32_t c, const void *data, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	for (const uint8_t *p = data, *end = p + len; p < end; p++) {
		c = (c >> 4) ^ nibble[(c ^ *p) & 15];
		c = (c >> 4) ^ nibble[(c ^ (*p >> 4)) & 15];
	}
	return c;
}

/* 32 characters as 6-4-4-4-4-4-6, the way texts have them. */
static void id_text(const uint8_t *raw, char out[40])
{
	static const int groups[] = {6, 4, 4, 4, 4, 4, 6};
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		for (int i = 0; i < groups[g]; i++, raw++)
			*out++ = *raw > ' ' && *raw < 127 ? (char)*raw : '?';
		*out++ = g + 1 < ARRAY_SIZE(groups) ? '-' : '\0';
	}
}

/* The newest of each group keeps its tree; an older one or a different one of the same number is told. */
static void weigh(struct lvm_scan *s, struct lvm_copy *it, const char *name)
{
	const char *id = lvm_text(&it->tree, it->group, "id");
	for (size_t i = 0; i < s->copies.count; i++) {
		struct lvm_copy *other = &s->copies.items[i];
		if (other == it || !other->chosen || strcmp(lvm_text(&other->tree, other->group, "id"), id))
			continue;
		if (other->seqno != it->seqno)
			group_say(s->a, "lvm.copies", name, OUTCOME_BROKEN,
				  "metadata of group %s: version %llu in one place, %llu in another",
				  it->tree.items[it->group].key, (unsigned long long)other->seqno,
				  (unsigned long long)it->seqno);
		else if (other->crc != it->crc)
			group_say(s->a, "lvm.copies", name, OUTCOME_BROKEN,
				  "metadata of group %s: two texts that differ claim to be version %llu",
				  it->tree.items[it->group].key, (unsigned long long)it->seqno);
		it->chosen = it->seqno > other->seqno;
		other->chosen = !it->chosen;
		lvm_tree_free(it->chosen ? &other->tree : &it->tree);
		return;
	}
	it->chosen = true;
}

static int take_text(struct lvm_scan *s, char *text, size_t length, uint32_t crc, size_t pv, const char *name,
		     struct error *e)
{
	struct lvm_copy it = {.crc = crc, .pv = pv};
	struct error why;
	if (lvm_parse(text, length, &it.tree, &why) < 0) {
		lvm_tree_free(&it.tree);
		if (why.cls == ERROR_INTERNAL) {
			*e = why;
			return -1;
		}
		finding_error(s->a->f, PROOF_STRUCTURE, "lvm.metadata", name, &why);
		return 0;
	}
	for (uint32_t n = it.tree.items[0].child; n && !it.group; n = it.tree.items[n].next)
		if (!it.tree.items[n].text && it.tree.items[n].child)
			it.group = n;
	if (!it.group || !lvm_number(&it.tree, it.group, "seqno", &it.seqno) || !*lvm_text(&it.tree, it.group, "id")) {
		group_say(s->a, "lvm.metadata", name, OUTCOME_BROKEN, "the text tells of no volume group");
		lvm_tree_free(&it.tree);
		return 0;
	}
	struct lvm_copy *c = vec_push(&s->copies);
	if (!c) {
		lvm_tree_free(&it.tree);
		return error_nomem(e);
	}
	*c = it;
	group_say(s->a, "lvm.metadata", name, OUTCOME_HELD, "metadata of group %s, version %llu: checksums hold",
		  it.tree.items[it.group].key, (unsigned long long)it.seqno);
	weigh(s, c, name);
	return 0;
}

static int read_text(struct lvm_scan *s, size_t pv, uint64_t area, uint64_t size, const uint8_t *locn,
		     struct error *e)
{
	const struct volume_member *m = &s->a->members[s->pvs.items[pv].member];
	uint64_t offset = get_le64(locn), length = get_le64(locn + 8);
	uint32_t crc = get_le32(locn + 16);
	if (get_le32(locn + 20) & IGNORED)
		return 0;
	if (!offset || !length) {
		s->pvs.items[pv].unused = true;
		return 0;
	}
	if (offset < MDA_HEADER || offset >= size || length > size - MDA_HEADER || length > MAX_TEXT) {
		group_say(s->a, "lvm.metadata", m->name, OUTCOME_BROKEN, "the text lies outside its area");
		return 0;
	}
	autofree char *text = malloc((size_t)length + 1);
	if (!text)
		return error_nomem(e);
	/* A ring: what does not fit at the end goes on behind the header. */
	uint64_t first = size - offset < length ? size - offset : length;
	if (source_read_at(m->source, area + offset, text, (size_t)first, e) < 0 ||
	    source_read_at(m->source, area + MDA_HEADER, text + first, (size_t)(length - first), e) < 0)
		return -1;
	text[length] = '\0';
	if (lvm_crc(CRC_START, text, (size_t)length) != crc) {
		group_say(s->a, "lvm.metadata", m->name, OUTCOME_BROKEN,
			  "the text at offset %llu does not match its checksum", (unsigned long long)(area + offset));
		return 0;
	}
	return take_text(s, take(text), (size_t)length, crc, pv, m->name, e);
}

static int read_area(struct lvm_scan *s, size_t pv, uint64_t area, uint64_t size, struct error *e)
{
	static const char magic[] = " LVM2 x[5A%r0N*>";
	const struct volume_member *m = &s->a->members[s->pvs.items[pv].member];
	uint64_t end = source_size(m->source);
	uint8_t h[MDA_HEADER];
	if (area > end || size > end - area || size < 2 * MDA_HEADER) {
		group_say(s->a, "lvm.metadata", m->name, OUTCOME_BROKEN,
			  "a metadata area lies beyond the end of the volume");
		return 0;
	}
	if (source_read_at(m->source, area, h, sizeof h, e) < 0)
		return -1;
	if (lvm_crc(CRC_START, h + 4, sizeof h - 4) != get_le32(h) || memcmp(h + 4, magic, 16) ||
	    get_le32(h + 20) != 1 || get_le64(h + 24) != area || get_le64(h + 32) != size) {
		group_say(s->a, "lvm.metadata", m->name, OUTCOME_BROKEN,
			  "the header of the metadata area at offset %llu is damaged", (unsigned long long)area);
		return 0;
	}
	return read_text(s, pv, area, size, h + 40, e);
}

/* The list of data areas, then that of metadata areas; each ends with zeros. */
static int read_areas(struct lvm_scan *s, size_t pv, const uint8_t *p, const uint8_t *end, struct error *e)
{
	while (p + 16 <= end && get_le64(p))
		p += 16;
	p += 16;
	for (int i = 0; i < MAX_AREAS && p + 16 <= end && get_le64(p); i++, p += 16)
		if (read_area(s, pv, get_le64(p), get_le64(p + 8), e) < 0)
			return -1;
	return 0;
}

/* 1: there is no label in this sector. */
static int read_label(struct lvm_scan *s, size_t member, unsigned sector, const uint8_t *raw, struct error *e)
{
	const struct volume_member *m = &s->a->members[member];
	uint32_t offset = get_le32(raw + 20);
	if (memcmp(raw, "LABELONE", 8) || memcmp(raw + 24, "LVM2 001", 8))
		return 1;
	if (get_le64(raw + 8) != sector || lvm_crc(CRC_START, raw + 20, SECTOR - 20) != get_le32(raw + 16) ||
	    offset < 32 || offset > SECTOR - 72) {
		group_say(s->a, "lvm.label", m->name, OUTCOME_BROKEN, "the label in sector %u is damaged", sector);
		return 0;
	}
	struct lvm_pv it = {.member = member};
	id_text(raw + offset, it.id);
	vec_each(&s->pvs, other)
		if (!strcmp(other->id, it.id)) {
			group_fail(s->a, "lvm.label", m->name, ERROR_AMBIGUOUS,
				   "the physical volume %s is there twice: in %s too", it.id,
				   s->a->members[other->member].name);
			return 0;
		}
	struct lvm_pv *pv = vec_push(&s->pvs);
	if (!pv)
		return error_nomem(e);
	*pv = it;
	uint64_t size = get_le64(raw + offset + 32), have = source_size(m->source);
	if (size > have)
		group_say(s->a, "lvm.label", m->name, OUTCOME_BROKEN, "the physical volume is cut: %llu of %llu bytes",
			  (unsigned long long)have, (unsigned long long)size);
	else
		group_say(s->a, "lvm.label", m->name, OUTCOME_HELD, "physical volume %s: its checksum holds", it.id);
	return read_areas(s, s->pvs.count - 1, raw + offset + 40, raw + SECTOR, e);
}

int lvm_scan_members(struct lvm_scan *s, struct error *e)
{
	for (size_t i = 0; i < s->a->count; i++) {
		struct source *src = s->a->members[i].source;
		for (unsigned sector = 0; sector < 4 && source_size(src) >= (sector + 1) * SECTOR; sector++) {
			uint8_t raw[SECTOR];
			if (source_read_at(src, sector * SECTOR, raw, sizeof raw, e) < 0)
				return -1;
			int rc = read_label(s, i, sector, raw, e);
			if (rc < 0)
				return -1;
			if (!rc)
				break;
		}
	}
	return 0;
}
