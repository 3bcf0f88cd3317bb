// SPDX-License-Identifier: GPL-3.0-or-later
/* From guest offsets to places in a qcow2 file: the L1 table in memory, L2 tables through a cache. */
#include "qcow2.h"

#define MAX_L1 (4 * MIB) /* entries: 32 MiB of table, as QEMU */
#define CACHE_BYTES (8 * MIB)

struct qcow2_table {
	uint64_t index; /* of the L1 entry, + 1; 0: nothing */
};

static int corrupt(struct error *e, uint64_t guest, uint64_t raw, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)guest, "qcow2: map entry %016llx of guest offset %llu: %s",
			 (unsigned long long)raw, (unsigned long long)guest, what);
}

/* Reads the L1 table and holds each entry against the file. */
static int read_l1(struct qcow2 *q, struct error *e)
{
	uint64_t span = q->cluster << q->entry_bits, needed = q->h.size / span + (q->h.size % span != 0);
	uint64_t at = q->h.l1_offset;
	if (needed > q->h.l1_size)
		return error_set(e, ERROR_CORRUPT, 36,
				 "qcow2: %u entries of the L1 table do not map a disk of %llu bytes", q->h.l1_size,
				 (unsigned long long)q->h.size);
	if (needed > MAX_L1)
		return error_set(e, ERROR_LIMIT, 36, "qcow2: an L1 table of %llu entries", (unsigned long long)needed);
	if (at % q->cluster || (q->h.l1_size && !at))
		return error_set(e, ERROR_CORRUPT, 40, "qcow2: the L1 table's offset %llu is impossible",
				 (unsigned long long)at);
	if (at > q->file_size || (uint64_t)q->h.l1_size * 8 > q->file_size - at)
		return error_set(e, ERROR_CORRUPT, (int64_t)q->file_size,
				 "qcow2: the L1 table at %llu lies beyond the end of the file at %llu",
				 (unsigned long long)at, (unsigned long long)q->file_size);
	q->l1 = malloc((size_t)needed * 8 + 1);
	if (!q->l1)
		return error_nomem(e);
	q->l1_count = needed;
	if (source_read_at(q->file, at, q->l1, (size_t)needed * 8, e) < 0)
		return -1;
	for (uint64_t i = 0; i < needed; i++) {
		uint64_t raw = get_be64(&q->l1[i]), table = raw & QCOW2_OFFSET;
		if (raw & ~(QCOW2_OFFSET | QCOW2_COPIED) || table % q->cluster || (raw && !table))
			return error_set(e, ERROR_CORRUPT, (int64_t)(at + 8 * i),
					 "qcow2: L1 entry %llu is impossible: %016llx", (unsigned long long)i,
					 (unsigned long long)raw);
		if (table && (table > q->file_size || q->file_size - table < q->cluster))
			return error_set(e, ERROR_CORRUPT, (int64_t)q->file_size,
					 "qcow2: the L2 table at %llu lies beyond the end of the file at %llu, cut",
					 (unsigned long long)table, (unsigned long long)q->file_size);
		q->l1[i] = table;
	}
	return 0;
}

int qcow2_map_open(struct qcow2 *q, struct error *e)
{
	q->table_count = CACHE_BYTES / q->cluster;
	if (read_l1(q, e) < 0)
		return -1;
	if (q->table_count > q->l1_count)
		q->table_count = q->l1_count ? (size_t)q->l1_count : 1;
	q->tables = calloc(q->table_count, sizeof *q->tables);
	q->table_data = malloc(q->table_count * q->cluster);
	return q->tables && q->table_data ? 0 : error_nomem(e);
}

void qcow2_map_close(struct qcow2 *q)
{
	free(q->l1);
	free(q->tables);
	free(q->table_data);
}

static int packed_entry(const struct qcow2 *q, uint64_t guest, uint64_t raw, struct qcow2_cluster *out, struct error *e)
{
	unsigned x = 62 - (q->h.cluster_bits - 8);
	uint64_t host = raw & ((UINT64_C(1) << x) - 1);
	uint64_t more = (raw & (QCOW2_COMPRESSED - 1)) >> x;
	if (q->data != q->file)
		return corrupt(e, guest, raw, "compressed data and an external data file exclude each other");
	if (raw & QCOW2_COPIED)
		return corrupt(e, guest, raw, "a compressed cluster that claims to be a standard one");
	if (host >> 56)
		return corrupt(e, guest, raw, "reserved bits are set");
	if (host < q->cluster || host >= q->file_size)
		return corrupt(e, guest, raw, "the compressed cluster lies beyond the end of the file: it is cut");
	uint64_t bytes = (more + 1) * 512 - host % 512;
	/* The last sector may be shorter: what counts is that the data can be decompressed. */
	if (bytes > q->file_size - host)
		bytes = q->file_size - host;
	*out = (struct qcow2_cluster){.kind = QCOW2_PACKED, .host = host, .bytes = (uint32_t)bytes, .placed = true};
	return 0;
}

/* Data of the disk has to be in the file, up to the end of the disk; a cut is never taken for zeros. */
static int in_file(const struct qcow2 *q, uint64_t guest, uint64_t raw, const struct qcow2_cluster *c, struct error *e)
{
	uint64_t used = q->cluster, left = q->h.size - guest;
	if (c->kind == QCOW2_MIXED) {
		if (!c->allocated)
			return 0;
		used = q->cluster / QCOW2_SUBCLUSTERS * (QCOW2_SUBCLUSTERS - (unsigned)__builtin_clz(c->allocated));
	}
	if (used > left)
		used = left;
	if (c->host > q->data_size || used > q->data_size - c->host)
		return corrupt(e, guest, raw, q->data == q->file
						      ? "the cluster lies beyond the end of the file: it is cut"
						      : "the cluster lies beyond the end of the external data file");
	return 0;
}

static int extended_entry(const struct qcow2 *q, uint64_t guest, uint64_t raw, uint64_t bitmap,
			  struct qcow2_cluster *c, struct error *e)
{
	c->allocated = (uint32_t)bitmap;
	c->zero = (uint32_t)(bitmap >> 32);
	c->kind = QCOW2_MIXED;
	if (c->allocated & c->zero)
		return corrupt(e, guest, raw, "a subcluster is data and zero at once");
	if (c->allocated && !c->placed)
		return corrupt(e, guest, raw, "subclusters are allocated, but no cluster is");
	if (!bitmap)
		c->kind = QCOW2_BACKING;
	else if (c->allocated == UINT32_MAX)
		c->kind = QCOW2_DATA;
	else if (c->zero == UINT32_MAX)
		c->kind = QCOW2_ZERO;
	return c->kind == QCOW2_DATA || c->kind == QCOW2_MIXED ? in_file(q, guest, raw, c, e) : 0;
}

int qcow2_entry(const struct qcow2 *q, uint64_t guest, const uint8_t *p, struct qcow2_cluster *out, struct error *e)
{
	uint64_t raw = get_be64(p), host = raw & QCOW2_OFFSET;
	bool extended = q->h.incompatible & QCOW2_EXTENDED, zero = raw & 1;
	if (raw & QCOW2_COMPRESSED)
		return packed_entry(q, guest, raw, out, e);
	struct qcow2_cluster c = {.host = host, .placed = host != 0, .copied = raw & QCOW2_COPIED};
	if (raw & ~(QCOW2_OFFSET | QCOW2_COPIED | 1))
		return corrupt(e, guest, raw, "reserved bits are set");
	if (host % q->cluster)
		return corrupt(e, guest, raw, "the cluster is not aligned");
	if (zero && (q->h.version < 3 || extended))
		return corrupt(e, guest, raw, "a zero flag that this kind of image has not");
	if (q->data != q->file) {
		c.placed |= c.copied;
		if (c.placed && host != guest)
			return corrupt(e, guest, raw, "external data is not at the guest's offset");
	} else if (c.copied && !host) {
		return corrupt(e, guest, raw, "a cluster in use at offset 0");
	}
	int rc = 0;
	if (extended) {
		rc = extended_entry(q, guest, raw, get_be64(p + 8), &c, e);
	} else if (zero) {
		c.kind = QCOW2_ZERO;
	} else if (!c.placed) {
		c.kind = QCOW2_BACKING;
	} else {
		c.kind = QCOW2_DATA;
		rc = in_file(q, guest, raw, &c, e);
	}
	*out = c;
	return rc;
}

/* What a cluster has from `in` on, to the end of what is alike in it. */
static void piece(const struct qcow2 *q, const struct qcow2_cluster *c, uint64_t in, struct qcow2_run *out)
{
	*out = (struct qcow2_run){.kind = c->kind, .length = q->cluster - in, .host = c->host + in};
	if (c->kind == QCOW2_PACKED) {
		out->host = c->host;
		out->bytes = c->bytes;
	}
	if (c->kind == QCOW2_MIXED) {
		uint64_t sub = q->cluster / QCOW2_SUBCLUSTERS, first = in / sub, n = first;
		uint32_t a = c->allocated >> first & 1, z = c->zero >> first & 1;
		while (n < QCOW2_SUBCLUSTERS && (c->allocated >> n & 1) == a && (c->zero >> n & 1) == z)
			n++;
		out->kind = a ? QCOW2_DATA : z ? QCOW2_ZERO : QCOW2_BACKING;
		out->length = n * sub - in;
	}
	if (out->kind == QCOW2_BACKING && !q->backing)
		out->kind = QCOW2_ZERO;
}

/* The caller holds the lock. */
static const uint8_t *load_table(struct qcow2 *q, uint64_t index, struct error *e)
{
	size_t slot = (size_t)(index % q->table_count);
	uint8_t *data = q->table_data + slot * q->cluster;
	if (q->tables[slot].index == index + 1)
		return data;
	q->tables[slot].index = 0;
	if (source_read_at(q->file, q->l1[index], data, q->cluster, e) < 0)
		return NULL;
	q->tables[slot].index = index + 1;
	return data;
}

static int map_in_table(struct qcow2 *q, uint64_t guest, uint64_t max, const uint8_t *table, struct qcow2_run *out,
			struct error *e)
{
	uint64_t entries = UINT64_C(1) << q->entry_bits, i = guest / q->cluster % entries;
	struct qcow2_cluster c;
	struct qcow2_run next;
	uint64_t start = guest - guest % q->cluster;
	if (qcow2_entry(q, start, table + i * q->entry_bytes, &c, e) < 0)
		return -1;
	piece(q, &c, guest % q->cluster, out);
	out->cluster = guest / q->cluster;
	while (out->length < max && out->kind != QCOW2_PACKED) {
		uint64_t at = guest + out->length;
		if (at % q->cluster == 0) {
			/* An entry that is wrong ends the run: it fails when its turn comes. */
			struct error later;
			if (++i == entries || at >= q->h.size ||
			    qcow2_entry(q, at, table + i * q->entry_bytes, &c, &later) < 0)
				break;
		}
		piece(q, &c, at % q->cluster, &next);
		if (next.kind != out->kind || (next.kind == QCOW2_DATA && next.host != out->host + out->length))
			break;
		out->length += next.length;
	}
	return 0;
}

int qcow2_map(struct qcow2 *q, uint64_t guest, uint64_t max, struct qcow2_run *out, struct error *e)
{
	uint64_t span = q->cluster << q->entry_bits, index = guest / span;
	int rc = 0;
	if (max > q->h.size - guest)
		max = q->h.size - guest;
	if (!q->l1[index]) {
		uint64_t end = (index + 1) * span;
		while (end - guest < max && !q->l1[end / span])
			end += span;
		*out = (struct qcow2_run){.kind = q->backing ? QCOW2_BACKING : QCOW2_ZERO, .length = end - guest};
	} else {
		pthread_mutex_lock(&q->lock);
		const uint8_t *table = load_table(q, index, e);
		rc = table ? map_in_table(q, guest, max, table, out, e) : -1;
		pthread_mutex_unlock(&q->lock);
	}
	if (!rc && out->length > max)
		out->length = max;
	return rc;
}
