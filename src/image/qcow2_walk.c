// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The whole map of a qcow2 file against its refcounts: every cluster in use is in the file, is counted, and is used
 * once. Four bits a cluster of the file, for a window of clusters at a time, so memory has a bound.
 */
#include "qcow2.h"

#define WINDOW (UINT64_C(128) << 20) /* clusters */
#define MAX_REFCOUNT_TABLE (8 * MIB) /* as QEMU */
#define MAX_TOLD 8

struct walk {
	struct qcow2 *q;
	const char *subject;
	struct findings *f;
	uint64_t *refcounts, refcount_entries; /* the table: offsets of blocks */
	uint64_t base, clusters;	       /* the window */
	uint8_t *counted, *many, *whole, *shared; /* bitmaps of the window */
	bool counts;			       /* refcounts can be relied on */
	uint8_t *block;			       /* one cluster */
	uint64_t wrong, overlaps, uncounted, miscopied, tables, used;
};

static bool bit(const uint8_t *map, uint64_t i)
{
	return map[i / 8] >> (i % 8) & 1;
}

static void set_bit(uint8_t *map, uint64_t i)
{
	map[i / 8] |= (uint8_t)(1u << (i % 8));
}

static void told(struct walk *w, const char *check, enum outcome o, int64_t offset, const char *text)
{
	finding_add(w->f, PROOF_STRUCTURE, check, w->subject, o,
		    &(struct finding_text){.offset = offset,
					   .has_offset = offset >= 0,
					   .error = o == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE},
		    "%s", text);
}

/* A rule is broken at an offset of the file: the first few times it is told. */
static void broken(struct walk *w, const char *check, uint64_t *count, uint64_t offset, const char *what)
{
	char text[160];
	snprintf(text, sizeof text, "%s, at offset %llu of the file", what, (unsigned long long)offset);
	if ((*count)++ < MAX_TOLD)
		told(w, check, OUTCOME_BROKEN, (int64_t)(offset & INT64_MAX), text);
}

/* A cluster of the file that something uses for itself, or shares with other compressed clusters. */
static void claim(struct walk *w, uint64_t cluster, bool alone, const char *what)
{
	if (cluster < w->base || cluster - w->base >= w->clusters)
		return;
	uint64_t i = cluster - w->base;
	bool taken = bit(w->whole, i) || (alone && bit(w->shared, i));
	if (taken && !(w->counts && bit(w->many, i)))
		broken(w, "qcow2.overlap", &w->overlaps, cluster * w->q->cluster, what);
	if (w->counts && !bit(w->counted, i))
		broken(w, "qcow2.refcounts", &w->uncounted, cluster * w->q->cluster,
		       "a cluster in use has a refcount of 0");
	set_bit(alone ? w->whole : w->shared, i);
}

static void claim_range(struct walk *w, uint64_t offset, uint64_t length, const char *what)
{
	for (uint64_t at = offset / w->q->cluster; length && at <= (offset + length - 1) / w->q->cluster; at++)
		claim(w, at, true, what);
}

static uint64_t refcount(const uint8_t *block, unsigned order, uint64_t i)
{
	switch (order) {
	case 3:
		return block[i];
	case 4:
		return get_be16(block + 2 * i);
	case 5:
		return get_be32(block + 4 * i);
	case 6:
		return get_be64(block + 8 * i);
	default: {
		unsigned bits = 1u << order, per = 8 / bits;
		return block[i / per] >> (i % per * bits) & ((1u << bits) - 1);
	}
	}
}

/* 0: there is none, and all that it would count is free. */
static int check_block(struct walk *w, uint64_t index, uint64_t *offset)
{
	uint64_t raw = index < w->refcount_entries ? get_be64(&w->refcounts[index]) : 0;
	*offset = raw;
	if (raw % w->q->cluster || raw > w->q->file_size || (raw && w->q->file_size - raw < w->q->cluster))
		return -1;
	return 0;
}

static int load_counts(struct walk *w, struct error *e)
{
	uint64_t per = w->q->cluster * 8 >> w->q->h.refcount_order, offset;
	for (uint64_t n = w->base / per; n * per < w->base + w->clusters; n++) {
		if (check_block(w, n, &offset) < 0) {
			broken(w, "qcow2.refcounts", &w->wrong, w->q->h.refcount_offset + 8 * n,
			       "a refcount block lies outside the file");
			w->counts = false;
			return 0;
		}
		if (!offset)
			continue;
		if (source_read_at(w->q->file, offset, w->block, w->q->cluster, e) < 0)
			return -1;
		for (uint64_t i = 0; i < per; i++) {
			uint64_t cluster = n * per + i;
			uint64_t count = refcount(w->block, w->q->h.refcount_order, i);
			if (!count || cluster < w->base || cluster - w->base >= w->clusters)
				continue;
			set_bit(w->counted, cluster - w->base);
			if (count > 1)
				set_bit(w->many, cluster - w->base);
		}
	}
	return 0;
}

static void claim_metadata(struct walk *w)
{
	const struct qcow2_header *h = &w->q->h;
	claim(w, 0, true, "the header is overlapped");
	claim_range(w, h->l1_offset, (uint64_t)h->l1_size * 8, "the L1 table overlaps something");
	if (!w->refcounts)
		return;
	claim_range(w, h->refcount_offset, h->refcount_clusters * w->q->cluster,
		    "the refcount table overlaps something");
	for (uint64_t i = 0; i < w->refcount_entries; i++) {
		uint64_t offset;
		if (!check_block(w, i, &offset) && offset)
			claim(w, offset / w->q->cluster, true, "a refcount block overlaps something");
	}
}

static void claim_entry(struct walk *w, const struct qcow2_cluster *c)
{
	struct qcow2 *q = w->q;
	if (!c->placed || q->data != q->file)
		return;
	if (c->kind == QCOW2_PACKED) {
		for (uint64_t at = c->host / q->cluster; at <= (c->host + c->bytes - 1) / q->cluster; at++)
			claim(w, at, false, "a compressed cluster lies in what something else uses");
		return;
	}
	uint64_t at = c->host / q->cluster;
	/* Space set aside for a cluster of zeros may lie beyond the end of the file: nothing is read there. */
	claim(w, at, true, "two guest clusters, or a guest cluster and a table, use the same cluster");
	if (w->counts && at >= w->base && at - w->base < w->clusters)
		w->miscopied += c->copied != (bit(w->counted, at - w->base) && !bit(w->many, at - w->base));
}

static int walk_table(struct walk *w, uint64_t index, struct error *e)
{
	struct qcow2 *q = w->q;
	uint64_t entries = UINT64_C(1) << q->entry_bits, guest = index * entries * q->cluster;
	bool first = !w->base;
	if (source_read_at(q->file, q->l1[index], w->block, q->cluster, e) < 0)
		return -1;
	claim(w, q->l1[index] / q->cluster, true, "an L2 table overlaps something");
	w->tables += first;
	for (uint64_t i = 0; i < entries; i++, guest += q->cluster) {
		const uint8_t *raw = w->block + i * q->entry_bytes;
		struct qcow2_cluster c;
		struct error why = {0};
		if (guest >= q->h.size)
			break; /* the saved state of a machine: nothing of the disk */
		if (is_zero(raw, q->entry_bytes))
			continue;
		if (qcow2_entry(q, guest, raw, &c, &why) == 0) {
			claim_entry(w, &c);
			w->used += first && c.placed;
			q->packed |= c.kind == QCOW2_PACKED;
		} else if (first && w->wrong++ < MAX_TOLD) {
			finding_error(w->f, PROOF_STRUCTURE, "qcow2.map", w->subject, &why);
		}
	}
	return 0;
}

/* The refcount table; what is wrong with it leaves the map as it is. */
static int load_refcount_table(struct walk *w, struct error *e)
{
	const struct qcow2 *q = w->q;
	uint64_t offset = q->h.refcount_offset, length = (uint64_t)q->h.refcount_clusters * q->cluster;
	if (!length || offset % q->cluster || !offset || offset > q->file_size || length > q->file_size - offset) {
		broken(w, "qcow2.refcounts", &w->uncounted, offset, "the refcount table lies outside the file");
		return 0;
	}
	if (length > MAX_REFCOUNT_TABLE)
		length = MAX_REFCOUNT_TABLE;
	w->refcounts = malloc((size_t)length);
	if (!w->refcounts)
		return error_nomem(e);
	w->refcount_entries = length / 8;
	w->counts = !(q->h.incompatible & QCOW2_DIRTY);
	return source_read_at(q->file, offset, w->refcounts, (size_t)length, e);
}

static int walk_window(struct walk *w, const struct budget *b, struct error *e)
{
	size_t bytes = (size_t)(w->clusters / 8 + 1);
	memset(w->counted, 0, bytes);
	memset(w->many, 0, bytes);
	memset(w->whole, 0, bytes);
	memset(w->shared, 0, bytes);
	if (w->counts && load_counts(w, e) < 0)
		return -1;
	claim_metadata(w);
	for (uint64_t i = 0; i < w->q->l1_count; i++) {
		if (!w->q->l1[i])
			continue;
		if ((b && budget_check(b, e) < 0) || walk_table(w, i, e) < 0)
			return -1;
	}
	return 0;
}

static void sum_up(struct walk *w)
{
	char text[160];
	snprintf(text, sizeof text, "%llu L2 tables, %llu clusters in use: all in the file",
		 (unsigned long long)w->tables, (unsigned long long)w->used);
	if (!w->wrong)
		told(w, "qcow2.map", OUTCOME_HELD, -1, text);
	else if (w->wrong > MAX_TOLD) {
		snprintf(text, sizeof text, "%llu places of the map are wrong", (unsigned long long)w->wrong);
		told(w, "qcow2.map", OUTCOME_BROKEN, -1, text);
	}
	if (!w->overlaps)
		told(w, "qcow2.overlap", OUTCOME_HELD, -1, "no cluster is used twice");
	if (w->q->h.incompatible & QCOW2_DIRTY)
		told(w, "qcow2.dirty", OUTCOME_SKIPPED, 72,
		     "refcounts were written lazily and the image was not closed: they were not looked at");
	else if (w->counts && !w->uncounted)
		told(w, "qcow2.refcounts", OUTCOME_HELD, -1, "every cluster in use is counted");
	if (w->miscopied) {
		snprintf(text, sizeof text,
			 "%llu clusters are not marked as their refcounts say: of no account for reading",
			 (unsigned long long)w->miscopied);
		told(w, "qcow2.copied", OUTCOME_SKIPPED, -1, text);
	}
}

int qcow2_walk(struct qcow2 *q, const char *subject, struct findings *f, const struct budget *b, struct error *e)
{
	struct walk w = {.q = q, .subject = subject, .f = f};
	uint64_t total = q->file_size / q->cluster + 1, window = total < WINDOW ? total : WINDOW;
	size_t bytes = (size_t)(window / 8 + 1);
	autofree uint8_t *maps = malloc(4 * bytes), *block = malloc(q->cluster);
	if (!maps || !block)
		return error_nomem(e);
	w.counted = maps;
	w.many = maps + bytes;
	w.whole = maps + 2 * bytes;
	w.shared = maps + 3 * bytes;
	w.block = block;
	int rc = load_refcount_table(&w, e);
	for (; !rc && w.base < total; w.base += window) {
		w.clusters = total - w.base < window ? total - w.base : window;
		rc = walk_window(&w, b, e);
	}
	free(w.refcounts);
	if (!rc)
		sum_up(&w);
	return rc;
}

bool qcow2_looks_cut(struct qcow2 *q)
{
	struct walk w = {.q = q};
	struct error e;
	uint64_t per = q->cluster * 8 >> q->h.refcount_order, offset = 0, last;
	struct findings none;
	autofree uint8_t *block = malloc(q->cluster);
	if (!block || findings_init(&none) < 0)
		return true;
	w.f = &none;
	w.subject = "";
	bool cut = load_refcount_table(&w, &e) < 0 || !w.refcounts;
	for (last = w.refcount_entries; !cut && last && !offset; last--)
		cut = check_block(&w, last - 1, &offset) < 0;
	if (!cut && offset) {
		cut = source_read_at(q->file, offset, block, q->cluster, &e) < 0;
		for (uint64_t i = per; !cut && i > 0; i--)
			if (refcount(block, q->h.refcount_order, i - 1)) {
				cut = (last * per + i - 1) * q->cluster >= q->file_size;
				break;
			}
	}
	free(w.refcounts);
	findings_free(&none);
	return cut;
}
