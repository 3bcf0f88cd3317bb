// SPDX-License-Identifier: GPL-3.0-or-later
/* Which table a disk has, and the volumes that come of it. */
#include "backproof/text.h"
#include "tables.h"

int layout_add(struct scan *s, unsigned number, uint64_t offset, uint64_t size,
	       struct volume **out, struct error *e)
{
	uint64_t left = offset < s->size ? s->size - offset : 0;
	*out = NULL;
	if (s->out->count == MAX_VOLUMES) {
		s->too_many = true;
		return 0;
	}
	if (size > left) {
		s->outside++;
		char want[32], have[32];
		snprintf(want, sizeof want, "%llu", (unsigned long long)(offset + size));
		snprintf(have, sizeof have, "%llu", (unsigned long long)s->size);
		finding_add(s->f, PROOF_STRUCTURE, "partition.bounds", s->subject, OUTCOME_BROKEN,
			    &(struct finding_text){.expected = want,
						   .measured = have,
						   .offset = (int64_t)offset,
						   .has_offset = offset <= INT64_MAX,
						   .error = ERROR_CORRUPT},
			    left ? "partition %u is cut: %llu of its %llu bytes are on the disk"
				 : "partition %u lies beyond the end of the disk: %llu of its %llu bytes "
				   "are on it",
			    number, (unsigned long long)left, (unsigned long long)size);
		if (!left)
			return 0;
	}
	autofree char *name = text_format("%s#%u", source_name(s->disk), number);
	if (!name)
		return error_nomem(e);
	autosource struct source *w =
		source_window(s->disk, offset, size < left ? size : left, name, e);
	if (!w)
		return -1;
	struct volume *v = vec_push(s->out);
	if (!v)
		return error_nomem(e);
	v->number = number;
	v->offset = offset;
	v->size = size;
	v->window = take(w);
	*out = v;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct volume *const *x = a, *const *y = b;
	return (*x)->offset < (*y)->offset ? -1 : (*x)->offset > (*y)->offset;
}

void layout_judge(struct scan *s)
{
	const struct volume *order[MAX_VOLUMES], *reach = NULL;
	size_t n = s->out->count, overlaps = 0;
	for (size_t i = 0; i < n; i++)
		order[i] = &s->out->items[i];
	qsort(order, n, sizeof order[0], by_offset);
	for (size_t i = 0; i < n; i++) {
		const struct volume *v = order[i];
		if (reach && v->offset - reach->offset < reach->size) {
			overlaps++;
			table_finding(s, "partition.overlap", OUTCOME_BROKEN, (int64_t)v->offset,
				      "partition %u begins inside partition %u", v->number,
				      reach->number);
		}
		if (!reach || v->size > reach->size || v->offset - reach->offset > reach->size - v->size)
			reach = v;
	}
	if (s->too_many)
		table_finding(s, "partition.count", OUTCOME_UNPROVEN, -1,
			      "more than %d partitions: the rest was not looked at", MAX_VOLUMES);
	if (!n)
		return;
	if (!overlaps)
		table_finding(s, "partition.overlap", OUTCOME_HELD, -1, "no two partitions overlap");
	if (!s->outside)
		table_finding(s, "partition.bounds", OUTCOME_HELD, -1, "all partitions are on the disk");
}

static int no_table(struct scan *s, const struct content *whole, struct error *e)
{
	struct volume *v;
	s->out->table = TABLE_NONE;
	s->out->sector_size = 512;
	if (layout_add(s, 0, 0, s->size, &v, e) < 0)
		return -1;
	v->content = *whole;
	return 0;
}

/* An entry that begins at sector 1 covers the GPT header: it was the protective one, with a damaged type. */
static bool covers_header(const struct mbr *m)
{
	for (int i = 0; i < 4; i++)
		if (m->entries[i].count && m->entries[i].start == 1)
			return true;
	return false;
}

static int scan_tables(struct scan *s, const struct mbr *m, const struct gpt *g, struct error *e)
{
	bool headers = g->primary.present || g->backup.present;
	struct content whole;
	struct mbr_verdict v;
	if (m->is_signed && mbr_protective(m) && (headers || covers_header(m)))
		return gpt_read(s, m, g, e);
	if (content_probe(s->disk, &whole, e) < 0)
		return -1;
	int is_mbr = mbr_judge(s, m, &whole, &v, e);
	if (is_mbr < 0)
		return -1;
	if (headers && covers_header(m))
		return gpt_read(s, m, g, e);
	/* A GPT that was left behind is common; but where nothing else is, it is a damaged one. */
	if (headers && (is_mbr ? !m->is_signed : !*whole.type))
		return gpt_read(s, m, g, e);
	if (headers)
		table_finding(s, "gpt.stale", OUTCOME_SKIPPED,
			      (int64_t)((g->primary.present ? 1 : g->backup.lba) * g->sector_size),
			      "a GPT header from an earlier use of the disk: not in force");
	if (!is_mbr)
		return no_table(s, &whole, e);
	return mbr_read(s, m, &v, e);
}

int disk_scan(struct source *disk, const char *subject, struct disk_layout *out,
	      struct findings *f, struct error *e)
{
	return disk_scan_rounded(disk, subject, false, out, f, e);
}

int disk_scan_rounded(struct source *disk, const char *subject, bool rounded, struct disk_layout *out,
		      struct findings *f, struct error *e)
{
	struct scan s = {disk, subject, out, f, source_size(disk), 0, false, rounded};
	struct mbr m;
	struct gpt g;
	memset(out, 0, sizeof *out);
	if (mbr_load(&s, &m, e) < 0 || gpt_find(&s, &m, &g, e) < 0)
		return -1;
	int rc = scan_tables(&s, &m, &g, e);
	gpt_free(&g);
	if (!rc)
		out->boot_code = !is_zero(m.sector, 440);
	if (!rc && out->table != TABLE_NONE) {
		layout_judge(&s);
		vec_each(out, v)
			if (!rc)
				rc = content_probe(v->window, &v->content, e);
	}
	if (rc < 0)
		disk_layout_free(out);
	return rc;
}

void disk_layout_free(struct disk_layout *d)
{
	vec_each(d, v) source_destroy(v->window);
	free(d->items);
	memset(d, 0, sizeof *d);
}
