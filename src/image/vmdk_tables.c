// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Grain tables. They carry no checksum, but both copies must agree, every place must lie inside the file
 * and behind the metadata, and no place may be given out twice: that is checked once, when the disk is opened.
 */
#include "vmdk.h"

#define BATCH (1 * MIB) /* tables that lie side by side are read together */
#define MAX_BITMAP (64 * MIB)
#define MAX_STRAY 65536

/* A bit for each grain's worth of file: a grain starts there. */
struct places {
	uint8_t *bits; /* NULL: the file is too large for it */
	uint64_t bins;
	bool any;
	uint64_t phase; /* of the first grain; nearly all have the same */
	VEC(uint64_t) stray; /* sectors of those that have not */
};

struct pass {
	struct vmdk_sparse *s;
	const struct image_context *c;
	struct places places;
	uint32_t *sorted; /* where tables are; NULL: all of them before the lowest grain */
	uint64_t sorted_count;
	uint64_t read; /* tables */
	uint64_t differ;
};

uint64_t vmdk_grain_length(const struct vmdk_sparse *s, uint64_t grain)
{
	uint64_t left = s->capacity - grain * s->grain;
	return (left < s->grain ? left : s->grain) * VMDK_SECTOR;
}

static int twice(const struct vmdk_sparse *s, uint64_t sector, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)(sector * VMDK_SECTOR),
			 "%s: two grains lie in one place, at sector %llu", source_name(s->src),
			 (unsigned long long)sector);
}

static int note_place(struct pass *p, uint64_t sector, struct error *e)
{
	struct places *x = &p->places;
	uint64_t bin = sector / p->s->grain;
	if (!x->bits)
		return 0;
	if (x->bits[bin / 8] & 1 << bin % 8)
		return twice(p->s, sector, e);
	if (!x->any) {
		x->any = true;
		x->phase = sector % p->s->grain;
	}
	if (sector % p->s->grain == x->phase) {
		x->bits[bin / 8] |= (uint8_t)(1 << bin % 8);
		return 0;
	}
	if (x->stray.count == MAX_STRAY) { /* a writer who does not align: the pass over the bits means nothing */
		free(take(x->bits));
		return 0;
	}
	uint64_t *stray = vec_push(&x->stray);
	if (!stray)
		return error_nomem(e);
	*stray = sector;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Grains out of step against each other, and against those in step beside them. */
static int check_strays(struct pass *p, struct error *e)
{
	struct places *x = &p->places;
	uint64_t grain = p->s->grain;
	if (!x->bits || !x->stray.count)
		return 0;
	qsort(x->stray.items, x->stray.count, sizeof *x->stray.items, by_value);
	for (size_t i = 0; i < x->stray.count; i++) {
		uint64_t at = x->stray.items[i], bin = at / grain;
		uint64_t beside = at % grain > x->phase ? bin + 1 : bin - 1;
		if ((i && at - x->stray.items[i - 1] < grain) || x->bits[bin / 8] & 1 << bin % 8 ||
		    (beside < x->bins && x->bits[beside / 8] & 1 << beside % 8))
			return twice(p->s, at, e);
	}
	return 0;
}

static int by_sector(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* VMFS puts tables among the grains. */
static int sort_tables(struct pass *p, struct error *e)
{
	const struct vmdk_sparse *s = p->s;
	uint64_t sectors = (4 * (uint64_t)s->per_table + VMDK_SECTOR - 1) / VMDK_SECTOR, n = 0;
	if (s->compressed)
		return 0;
	p->sorted = malloc(s->tables * sizeof *p->sorted);
	if (!p->sorted)
		return error_nomem(e);
	for (uint64_t t = 0; t < s->tables; t++)
		if (s->directory[t] + sectors > s->lowest)
			p->sorted[n++] = s->directory[t];
	qsort(p->sorted, n, sizeof *p->sorted, by_sector);
	p->sorted_count = n;
	return 0;
}

static bool on_table(const struct pass *p, uint64_t sector)
{
	uint64_t low = 0, high = p->sorted_count,
		 sectors = (4 * (uint64_t)p->s->per_table + VMDK_SECTOR - 1) / VMDK_SECTOR;
	while (low < high) { /* the first table that ends behind the sector */
		uint64_t middle = low + (high - low) / 2;
		if (p->sorted[middle] + sectors <= sector)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->sorted_count && p->sorted[low] < sector + p->s->grain;
}

static int check_entry(struct pass *p, uint64_t grain, uint32_t sector, uint64_t entry_at, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	uint64_t file = source_size(s->src), at = sector * VMDK_SECTOR;
	uint64_t need = s->compressed ? 13 : vmdk_grain_length(s, grain);
	if (sector < s->lowest || on_table(p, sector))
		return error_set(e, ERROR_CORRUPT, (int64_t)entry_at,
				 "%s: grain %llu would lie at sector %u, among the metadata", source_name(s->src),
				 (unsigned long long)grain, sector);
	if (at > file || need > file - at)
		return error_set(e, ERROR_CORRUPT, (int64_t)entry_at,
				 "%s: grain %llu would lie at sector %u, and the file ends at byte %llu: it is "
				 "cut, or its map is "
				 "damaged",
				 source_name(s->src), (unsigned long long)grain, sector, (unsigned long long)file);
	s->allocated++;
	return s->compressed ? 0 : note_place(p, sector, e);
}

static int check_table(struct pass *p, uint64_t table, const uint8_t *entries, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	uint64_t first = table * s->per_table, grains = (s->capacity + s->grain - 1) / s->grain;
	for (uint32_t i = 0; i < s->per_table; i++) {
		uint32_t sector = get_le32(entries + 4 * i);
		if (sector && first + i >= grains)
			return error_set(e, ERROR_CORRUPT, (int64_t)(s->directory[table] * VMDK_SECTOR + 4 * i),
					 "%s: its map has a grain behind the end of the disk", source_name(s->src));
		if (sector == VMDK_GRAIN_UNALLOCATED || (sector == VMDK_GRAIN_ZERO && s->zero_grains))
			continue;
		if (check_entry(p, first + i, sector, s->directory[table] * VMDK_SECTOR + 4 * i, e) < 0)
			return -1;
	}
	return 0;
}

static int table_inside(struct pass *p, uint64_t table, uint32_t sector, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	uint64_t bytes = 4 * (uint64_t)s->per_table, file = source_size(s->src);
	if (sector * VMDK_SECTOR > file || bytes > file - sector * VMDK_SECTOR)
		return error_set(e, ERROR_CORRUPT, (int64_t)(sector * VMDK_SECTOR),
				 "%s: grain table %llu would lie at sector %u, and the file ends at byte %llu: it "
				 "is cut, or its "
				 "map is damaged",
				 source_name(s->src), (unsigned long long)table, sector, (unsigned long long)file);
	/* Each takes room of its own, so there can't be more than fit: no file makes this a longer read than itself. */
	if (++p->read > 2 * (file / bytes + 1))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: its grain tables lie on each other",
				 source_name(s->src));
	return 0;
}

static void differs(struct pass *p, uint64_t table)
{
	struct finding_text where = {.offset = (int64_t)(p->s->directory[table] * VMDK_SECTOR), .has_offset = true};
	p->differ++;
	finding_add(p->c->f, PROOF_STRUCTURE, "vmdk.tables", p->c->subject, OUTCOME_BROKEN, &where,
		    "%s: grain table %llu and its redundant copy differ", source_name(p->s->src),
		    (unsigned long long)table);
}

/* How many tables from one on follow each other in the file, in both copies alike. */
static uint64_t run_of(const struct vmdk_sparse *s, uint64_t table, uint32_t sectors)
{
	uint64_t n = 1, most = BATCH / (4 * (uint64_t)s->per_table);
	while (n < most && table + n < s->tables && s->directory[table + n] == s->directory[table] + n * sectors &&
	       (!s->redundant || s->redundant[table + n] == s->redundant[table] + n * sectors))
		n++;
	return n;
}

static int check_run(struct pass *p, uint64_t table, uint64_t count, uint8_t *buf, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	size_t bytes = 4 * (size_t)s->per_table, all = bytes * count;
	for (uint64_t i = 0; i < count; i++)
		if (table_inside(p, table + i, s->directory[table + i], e) < 0 ||
		    (s->redundant && table_inside(p, table + i, s->redundant[table + i], e) < 0))
			return -1;
	if (source_read_at(s->src, s->directory[table] * VMDK_SECTOR, buf, all, e) < 0)
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (check_table(p, table + i, buf + i * bytes, e) < 0)
			return -1;
	if (!s->redundant)
		return 0;
	if (source_read_at(s->src, s->redundant[table] * VMDK_SECTOR, buf + BATCH, all, e) < 0)
		return -1;
	for (uint64_t i = 0; i < count; i++)
		if (memcmp(buf + i * bytes, buf + BATCH + i * bytes, bytes))
			differs(p, table + i);
	return 0;
}

static int check_all(struct pass *p, struct error *e)
{
	struct vmdk_sparse *s = p->s;
	uint32_t bytes = 4 * s->per_table;
	autofree uint8_t *buf = malloc(2 * BATCH);
	if (!buf)
		return error_nomem(e);
	for (uint64_t t = 0, n; t < s->tables; t += n) {
		n = 1;
		if (!s->directory[t] || (s->redundant && !s->redundant[t])) {
			if (s->directory[t] || (s->redundant && s->redundant[t]))
				differs(p, t);
			if (!s->directory[t])
				continue;
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "%s: grain table %llu has no redundant copy", source_name(s->src),
					 (unsigned long long)t);
		}
		if (s->directory[t] < s->lowest && s->footer)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: grain table %llu lies in the header",
					 source_name(s->src), (unsigned long long)t);
		if (bytes % VMDK_SECTOR == 0)
			n = run_of(s, t, bytes / VMDK_SECTOR);
		if (p->c->budget && budget_check(p->c->budget, e) < 0)
			return -1;
		if (check_run(p, t, n, buf, e) < 0)
			return -1;
	}
	return check_strays(p, e);
}

/*
 * A wrong size of grains contradicts nothing, but leaves most of the file to nobody. All writers use 64 KiB;
 * those few that don't must account for their file.
 */
static void check_room(const struct vmdk_sparse *s, const struct image_context *c)
{
	uint64_t room = source_size(s->src) / VMDK_SECTOR - s->lowest, used = s->allocated * s->grain;
	if (!s->cowd && !s->compressed && s->grain != 128 && used < room / 4 * 3)
		finding_add(c->f, PROOF_STRUCTURE, "vmdk.room", c->subject, OUTCOME_UNPROVEN, NULL,
			    "%s: grains have %llu sectors, which is unusual, and fill %llu of %llu sectors",
			    source_name(s->src), (unsigned long long)s->grain, (unsigned long long)used,
			    (unsigned long long)room);
}

int vmdk_tables_check(struct vmdk_sparse *s, const struct image_context *c, struct error *e)
{
	struct pass p = {.s = s, .c = c};
	p.places.bins = source_size(s->src) / VMDK_SECTOR / s->grain + 1;
	bool fits = !s->compressed && p.places.bins / 8 < MAX_BITMAP;
	if (fits) {
		p.places.bits = calloc(1, p.places.bins / 8 + 1);
		if (!p.places.bits)
			return error_nomem(e);
	}
	int rc = sort_tables(&p, e) < 0 || check_all(&p, e) < 0 ? -1 : 0;
	free(p.sorted);
	bool placed = p.places.bits || s->compressed; /* compressed grains say themselves which they are */
	free(p.places.bits);
	vec_free(&p.places.stray);
	if (rc < 0)
		return -1;
	if (!p.differ)
		finding_add(c->f, PROOF_STRUCTURE, "vmdk.tables", c->subject, OUTCOME_HELD, NULL,
			    "%s: %llu grains have a place inside the file%s%s", source_name(s->src),
			    (unsigned long long)s->allocated, placed && !s->compressed ? ", each its own" : "",
			    s->redundant ? "; the redundant grain tables are the same" : "");
	if (!placed)
		finding_add(c->f, PROOF_STRUCTURE, "vmdk.overlaps", c->subject, OUTCOME_SKIPPED, NULL,
			    "%s: whether grains overlap was not looked at", source_name(s->src));
	check_room(s, c);
	free(take(s->redundant));
	return 0;
}

int vmdk_tables_get(struct vmdk_sparse *s, uint64_t grain, uint32_t count, uint32_t *out, struct error *e)
{
	uint64_t table = grain / s->per_table;
	size_t at = 4 * (size_t)(grain % s->per_table), len = 4 * (size_t)count, bytes = 4 * (size_t)s->per_table;
	if (!s->directory[table]) {
		memset(out, 0, len);
		return 0;
	}
	if (!vmdk_cache_get(s->cached_tables, s, table, at, out, len)) {
		autofree uint8_t *data = malloc(bytes);
		if (!data)
			return error_nomem(e);
		if (source_read_at(s->src, s->directory[table] * VMDK_SECTOR, data, bytes, e) < 0)
			return -1;
		memcpy(out, data + at, len);
		vmdk_cache_put(s->cached_tables, s, table, take(data), bytes);
	}
	for (uint32_t i = 0; i < count; i++)
		out[i] = get_le32(&out[i]);
	return 0;
}
