// SPDX-License-Identifier: GPL-3.0-or-later
/* GUID partition tables: what two headers say together, and the partitions that they list. */
#include "backproof/text.h"
#include "tables.h"

#define ATTRIBUTE_LEGACY_BOOT 4u

void guid_text(const uint8_t g[16], char out[40])
{
	snprintf(out, 40, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(g),
		 get_le16(g + 4), get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14],
		 g[15]);
}

/* Linux and firmware heed a GPT only behind an entry of type ee that begins at sector 1. */
static void judge_protective(struct scan *s, const struct mbr *m)
{
	unsigned others = 0, protective = 0, misplaced = 0;
	for (int i = 0; i < 4; i++) {
		const struct mbr_entry *it = &m->entries[i];
		if (it->type == 0xee)
			*(it->start == 1 ? &protective : &misplaced) += 1;
		else if (it->type)
			others++;
	}
	if (!m->is_signed)
		table_finding(s, "gpt.protective", OUTCOME_BROKEN, 510,
			      "the protective MBR has lost its signature: no system would see the GPT");
	else if (!protective)
		table_finding(s, "gpt.protective", OUTCOME_BROKEN, 446,
			      misplaced ? "the protective MBR entry does not begin at sector 1"
					: "the protective MBR is missing: no system would see the GPT");
	else
		table_finding(s, "gpt.protective", OUTCOME_HELD, -1, "protective MBR in place");
	if (others && protective)
		table_finding(s, "gpt.hybrid", OUTCOME_SKIPPED, 446,
			      "hybrid MBR: %u partitions are listed there too", others);
}

static void judge_header(struct scan *s, const char *check, const char *which,
			 const struct gpt_header *h, uint32_t ss)
{
	int64_t at = (int64_t)(h->lba * ss);
	if (h->good)
		table_finding(s, check, OUTCOME_HELD, at, "%s header: checksum and fields hold", which);
	else
		table_finding(s, check, OUTCOME_BROKEN, h->lba < s->size / ss ? at : -1,
			      "%s GPT header: %s", which, h->problem);
}

static void judge_entries(struct scan *s, const char *which, const struct gpt_header *h, uint32_t ss)
{
	if (h->good && !h->entries_good)
		table_finding(s, "gpt.entries", OUTCOME_BROKEN, (int64_t)(h->entries_lba * ss),
			      "%s partition entries do not match their checksum %08x", which,
			      h->entries_crc);
}

/* The two headers must tell of the same table and of each other. */
static void judge_pair(struct scan *s, const struct gpt_header *p, const struct gpt_header *b,
		       uint32_t ss)
{
	const char *what = memcmp(p->disk_guid, b->disk_guid, 16)      ? "disk GUID"
			   : p->first != b->first || p->last != b->last ? "usable sectors"
			   : p->count != b->count || p->entry_size != b->entry_size
				   ? "number and size of entries"
			   : p->entries_crc != b->entries_crc ? "checksum of the entries"
			   : p->rest_crc != b->rest_crc ? "what is reserved behind the header"
			   : p->other != b->lba || b->other != p->lba ? "place of the other header"
			   : p->entries_lba == b->entries_lba	       ? "place of its own entries"
								       : NULL;
	if (what)
		table_finding(s, "gpt.backup", OUTCOME_BROKEN, (int64_t)(b->lba * ss),
			      "primary and backup GPT disagree: %s", what);
}

/* The backup header is the last sector of the disk that was partitioned. Disks grow by more than this;
 * less is something that was appended, but for containers, which round sizes up to cylinders or clusters. */
#define GROWN (1 * MIB)

/* What was added to a disk is zeros; what was appended to a file is something. Of much, both ends are looked at. */
#define WHOLE (8 * MIB)

static bool is_new_space(struct scan *s, uint64_t from)
{
	static const size_t piece = 64 * KIB;
	struct error e;
	autofree uint8_t *buf = malloc(piece);
	bool whole = s->size - from <= WHOLE;
	if (!buf || (s->size - from) % 512)
		return false;
	for (uint64_t off = from; off < s->size;) {
		size_t n = s->size - off < piece ? (size_t)(s->size - off) : piece;
		if (source_read_at(s->disk, off, buf, n, &e) < 0 || !is_zero(buf, n))
			return false;
		off = whole || off + n == s->size ? off + n : s->size - piece;
	}
	return true;
}

static void judge_size(struct scan *s, const struct gpt_header *p, const struct gpt_header *b,
		       uint32_t ss)
{
	uint64_t last = p->good ? p->other : b->lba, expected;
	char want[32], have[32];
	if (add_overflows(last, UINT64_C(1), &expected) ||
	    mul_overflows(expected, (uint64_t)ss, &expected)) {
		table_finding(s, "gpt.size", OUTCOME_BROKEN, (int64_t)ss,
			      "the table puts the end of the disk at sector %llu",
			      (unsigned long long)last);
		return;
	}
	snprintf(want, sizeof want, "%llu", (unsigned long long)expected);
	snprintf(have, sizeof have, "%llu", (unsigned long long)s->size);
	struct finding_text more = {.expected = want, .measured = have, .error = ERROR_CORRUPT};
	if (expected == s->size) {
		more.error = ERROR_NONE;
		finding_add(s->f, PROOF_STRUCTURE, "gpt.size", s->subject, OUTCOME_HELD, &more,
			    "the disk ends where its table says");
	} else if (expected > s->size) {
		finding_add(s->f, PROOF_STRUCTURE, "gpt.size", s->subject, OUTCOME_BROKEN, &more,
			    "the disk is %llu bytes shorter than its table says",
			    (unsigned long long)(expected - s->size));
	} else if ((s->rounded || s->size - expected >= GROWN) && p->good && b->good && is_new_space(s, expected)) {
		/* A disk that was enlarged, or cloned to a larger one, and not repartitioned since: it works,
		 * often for years, and both headers are where the table says. */
		more.error = ERROR_NONE;
		finding_add(s->f, PROOF_STRUCTURE, "gpt.size", s->subject, OUTCOME_SKIPPED, &more,
			    "the disk was enlarged by %llu bytes since it was partitioned",
			    (unsigned long long)(s->size - expected));
	} else {
		finding_add(s->f, PROOF_STRUCTURE, "gpt.size", s->subject, OUTCOME_BROKEN, &more,
			    "the disk is %llu bytes longer than its table says: the backup GPT is "
			    "not at its end",
			    (unsigned long long)(s->size - expected));
	}
}

static int add_entry(struct scan *s, const struct gpt_header *h, uint32_t i, uint32_t ss,
		     struct error *e)
{
	const uint8_t *p = h->entries + (size_t)i * h->entry_size;
	uint64_t first = get_le64(p + 32), last = get_le64(p + 40), offset, size;
	struct volume *v = NULL;
	if (is_zero(p, 16))
		return 0;
	if (first > last || mul_overflows(first, (uint64_t)ss, &offset) ||
	    mul_overflows(last - first + 1, (uint64_t)ss, &size) || last - first == UINT64_MAX) {
		s->outside++;
		table_finding(s, "partition.bounds", OUTCOME_BROKEN,
			      (int64_t)(h->entries_lba * ss + (uint64_t)i * h->entry_size),
			      "partition %u: from sector %llu to %llu is impossible", i + 1,
			      (unsigned long long)first, (unsigned long long)last);
		return 0;
	}
	if (first < h->first || last > h->last) {
		s->outside++;
		table_finding(s, "partition.bounds", OUTCOME_BROKEN,
			      (int64_t)(h->entries_lba * ss + (uint64_t)i * h->entry_size),
			      "partition %u: sectors %llu to %llu leave the usable ones, %llu to %llu",
			      i + 1, (unsigned long long)first, (unsigned long long)last,
			      (unsigned long long)h->first, (unsigned long long)h->last);
	}
	if (layout_add(s, i + 1, offset, size, &v, e) < 0)
		return -1;
	if (!v)
		return 0;
	guid_text(p, v->type);
	guid_text(p + 16, v->partuuid);
	utf16le_text(p + 56, 36, v->partlabel, sizeof v->partlabel);
	v->active = p[48] & ATTRIBUTE_LEGACY_BOOT;
	v->role = role_of_guid(v->type);
	return 0;
}

int gpt_read(struct scan *s, const struct mbr *m, const struct gpt *g, struct error *e)
{
	const struct gpt_header *p = &g->primary, *b = &g->backup, *use;
	uint32_t ss = g->sector_size;
	s->out->table = TABLE_GPT;
	s->out->sector_size = ss;
	judge_protective(s, m);
	judge_header(s, "gpt.primary", "primary", p, ss);
	judge_header(s, "gpt.backup", "backup", b, ss);
	judge_entries(s, "primary", p, ss);
	judge_entries(s, "backup", b, ss);
	if (p->good || b->good)
		judge_size(s, p, b, ss);
	if (p->good && b->good)
		judge_pair(s, p, b, ss);
	use = p->good && (p->entries_good || !b->entries_good) ? p : b->good ? b : NULL;
	if (!use) {
		table_finding(s, "gpt.entries", OUTCOME_BROKEN, -1,
			      "neither GPT header can be used: the partitions are lost");
		return 0;
	}
	guid_text(use->disk_guid, s->out->disk_id);
	for (uint32_t i = 0; i < use->count; i++)
		if (add_entry(s, use, i, ss, e) < 0)
			return -1;
	if (p->entries_good && b->entries_good)
		table_finding(s, "gpt.entries", OUTCOME_HELD, -1,
			      "both copies match their checksums, %zu partitions", s->out->count);
	return 0;
}
