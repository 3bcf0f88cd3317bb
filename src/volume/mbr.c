// SPDX-License-Identifier: GPL-3.0-or-later
/* MBR partition tables: primary partitions, and the chains of logical ones, numbered as Linux does. */
#include "tables.h"

#define MAX_CHAIN MAX_VOLUMES

struct chain {
	struct scan *s;
	uint32_t ss;
	uint64_t first, end;	 /* sectors of the extended partition */
	uint64_t seen[MAX_CHAIN]; /* where tables were read: a chain may go backwards, not in a circle */
	size_t count;
	unsigned *number;
};

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static int add_partition(struct scan *s, uint32_t ss, unsigned number, uint64_t start,
			 const struct mbr_entry *it, struct error *e)
{
	struct volume *v;
	if (layout_add(s, number, start * ss, (uint64_t)it->count * ss, &v, e) < 0)
		return -1;
	if (!v)
		return 0;
	snprintf(v->type, sizeof v->type, "0x%02x", it->type);
	snprintf(v->partuuid, sizeof v->partuuid, "%.8s-%02x", s->out->disk_id,
		 number & 0xffff);
	v->active = it->status == 0x80;
	v->role = role_of_mbr(it->type);
	return 0;
}

static void broken_chain(struct chain *c, uint64_t at, const char *what)
{
	table_finding(c->s, "mbr.logical", OUTCOME_BROKEN, (int64_t)(at * c->ss),
		      "chain of logical partitions, table at sector %llu: %s", (unsigned long long)at,
		      what);
}

/* One table of the chain. *next gets the sector of the following one, 0 at the end. 1: chain broken. */
static int read_link(struct chain *c, uint64_t at, uint64_t *next, struct error *e)
{
	uint8_t raw[512];
	*next = 0;
	if (at < c->first || at >= c->end || at >= c->s->size / c->ss) {
		broken_chain(c, at, "lies outside the extended partition or the disk");
		return 1;
	}
	for (size_t i = 0; i < c->count; i++)
		if (c->seen[i] == at) {
			broken_chain(c, at, "the chain goes in a circle");
			return 1;
		}
	if (c->count == MAX_CHAIN) {
		broken_chain(c, at, "there are too many");
		return 1;
	}
	c->seen[c->count++] = at;
	if (source_read_at(c->s->disk, at * c->ss, raw, sizeof raw, e) < 0)
		return -1;
	if (raw[510] != 0x55 || raw[511] != 0xaa) {
		broken_chain(c, at, "its signature is missing");
		return 1;
	}
	for (int i = 0; i < 4; i++) {
		const uint8_t *p = raw + 446 + 16 * i;
		struct mbr_entry it = {p[0], p[4], get_le32(p + 8), get_le32(p + 12)};
		if (!it.count)
			continue;
		if (is_extended(it.type)) {
			if (!*next)
				*next = c->first + it.start;
			continue;
		}
		uint64_t start = at + it.start;
		/* The last two entries are not used by the format; some tools leave garbage there. */
		if (i >= 2 && (start < c->first || start + it.count > c->end))
			continue;
		if ((it.status & 0x7f) || !it.start || start + it.count > c->end) {
			broken_chain(c, at, "its partition leaves the extended partition");
			c->s->outside++;
		}
		if (add_partition(c->s, c->ss, (*c->number)++, start, &it, e) < 0)
			return -1;
	}
	return 0;
}

static int read_chain(struct scan *s, uint32_t ss, const struct mbr_entry *it, unsigned *number,
		      struct error *e)
{
	autofree struct chain *c = calloc(1, sizeof *c);
	if (!c)
		return error_nomem(e);
	unsigned before = *number;
	*c = (struct chain){.s = s, .ss = ss, .first = it->start, .number = number};
	c->end = c->first + it->count;
	if (c->end > s->size / ss) {
		s->outside++;
		table_finding(s, "partition.bounds", OUTCOME_BROKEN, (int64_t)(c->first * ss),
			      "the extended partition ends at sector %llu, the disk at %llu",
			      (unsigned long long)c->end, (unsigned long long)(s->size / ss));
	}
	uint64_t at = c->first, next;
	int rc;
	do {
		rc = read_link(c, at, &next, e);
		at = next;
	} while (!rc && next);
	if (rc < 0)
		return -1;
	if (!rc)
		table_finding(s, "mbr.logical", OUTCOME_HELD, (int64_t)(c->first * ss),
			      "the chain of %u logical partitions holds together",
			      *number - before);
	return 0;
}

/* The extended partition is a container and no volume, but nothing else may lie across its border. */
static void judge_container(struct scan *s, const struct mbr *m, uint32_t ss)
{
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++) {
			const struct mbr_entry *a = &m->entries[i], *b = &m->entries[k];
			if (i == k || !is_extended(a->type) || !a->count || !b->count ||
			    (is_extended(b->type) && k < i))
				continue;
			if (a->start < (uint64_t)b->start + b->count &&
			    b->start < (uint64_t)a->start + a->count)
				table_finding(s, "partition.overlap", OUTCOME_BROKEN,
					      (int64_t)((uint64_t)b->start * ss),
					      "partition %d overlaps the extended partition %d", k + 1,
					      i + 1);
		}
}

int mbr_read(struct scan *s, const struct mbr *m, const struct mbr_verdict *v, struct error *e)
{
	unsigned number = 5, broken = 0;
	uint32_t ss = v->sector_size;
	s->out->table = TABLE_MBR;
	s->out->sector_size = ss;
	snprintf(s->out->disk_id, sizeof s->out->disk_id, "%08x", get_le32(m->sector + 440));
	if (v->bad_signature)
		table_finding(s, "mbr.signature", OUTCOME_BROKEN, 510,
			      "the partition table has lost its signature 55 aa: no system would "
			      "see it");
	for (int i = 0; i < 4; i++) {
		const struct mbr_entry *it = &m->entries[i];
		const char *what = it->status & 0x7f	     ? "its status is neither 00 nor 80"
				   : it->count && !it->type  ? "it has a size but no type"
				   : !it->count && it->type  ? "it has a type but no size"
				   : it->count && !it->start ? "it begins at sector 0"
				   : it->type == 0xee ? "it stands for a GPT, but there is none"
							     : NULL;
		if (what) {
			broken++;
			table_finding(s, "mbr.table", OUTCOME_BROKEN, 446 + 16 * i,
				      "entry %d of the partition table: %s", i + 1, what);
		}
	}
	for (int i = 0; i < 4; i++) {
		const struct mbr_entry *it = &m->entries[i];
		int rc = 0;
		if (!it->count)
			continue;
		if (is_extended(it->type))
			rc = read_chain(s, ss, it, &number, e);
		else
			rc = add_partition(s, ss, (unsigned)i + 1, it->start, it, e);
		if (rc < 0)
			return -1;
	}
	judge_container(s, m, ss);
	if (!broken)
		table_finding(s, "mbr.table", OUTCOME_HELD, 446, "%zu partitions", s->out->count);
	/* Where the disk ends is not written anywhere; but it is between two sectors. */
	if (s->size % 512 && !s->rounded)
		table_finding(s, "mbr.size", OUTCOME_BROKEN, (int64_t)(s->size / 512 * 512),
			      "the disk ends %llu bytes into a sector: it was cut, or something was appended",
			      (unsigned long long)(s->size % 512));
	return 0;
}
