// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every compressed cluster of a qcow2 file is decompressed, whether or not something of a file system lies in it.
 * They carry no checksum: that each makes one cluster, and takes the space that the map gives it, is all there is.
 */
#include "packed.h"
#include "qcow2.h"

struct told {
	struct qcow2 *q;
	const char *subject;
	struct findings *f;
};

static void *open_tool(struct packed_pass *pass, struct error *e)
{
	return qcow2_decoder_borrow(((struct told *)pass->ctx)->q, e);
}

static void close_tool(struct packed_pass *pass, void *tool)
{
	qcow2_decoder_return(((struct told *)pass->ctx)->q, tool);
}

static int decode(struct packed_pass *pass, void *tool, struct packed *p, const uint8_t *in, struct error *e)
{
	size_t used = 0;
	int good = qcow2_decode(((struct told *)pass->ctx)->q, tool, in, p->room, NULL, &used, e);
	if (good < 0)
		return -1;
	p->used = (uint32_t)used;
	if (!good)
		p->wrong = "it does not decompress to a cluster";
	else if (p->room - used >= QCOW2_SECTOR)
		p->wrong = "it ends before the space that the map gives it does";
	return 0;
}

static void tell(struct packed_pass *pass, const struct packed *p)
{
	const struct told *t = pass->ctx;
	finding_add(t->f, PROOF_STRUCTURE, "qcow2.clusters", t->subject, OUTCOME_BROKEN,
		    &(struct finding_text){.offset = (int64_t)p->at, .has_offset = true, .error = ERROR_CORRUPT},
		    "the compressed cluster at %llu, for the disk's bytes from %llu on: %s", (unsigned long long)p->at,
		    (unsigned long long)p->guest, p->wrong);
}

static const struct packed_ops ops = {open_tool, close_tool, decode, tell, true};

static bool is_decoded(const struct qcow2 *q, uint64_t cluster)
{
	return q->decoded && q->decoded[cluster / 64] >> cluster % 64 & 1;
}

static int add_table(struct packed_pass *pass, uint64_t index, uint8_t *table, struct error *e)
{
	const struct qcow2 *q = ((struct told *)pass->ctx)->q;
	uint64_t entries = UINT64_C(1) << q->entry_bits, guest = index * entries * q->cluster;
	if (source_read_at(q->file, q->l1[index], table, q->cluster, e) < 0)
		return -1;
	for (uint64_t i = 0; i < entries && guest < q->h.size; i++, guest += q->cluster) {
		const uint8_t *raw = table + i * q->entry_bytes;
		struct qcow2_cluster c;
		struct error why;
		/* What is wrong with an entry has been told by the walk. */
		if (!(get_be64(raw) & QCOW2_COMPRESSED) || qcow2_entry(q, guest, raw, &c, &why) < 0)
			continue;
		struct packed p = {.at = c.host, .guest = guest, .room = c.bytes};
		/* A file system has read it: to its last sector, or it would not be marked. */
		if (is_decoded(q, guest / q->cluster))
			p.used = c.bytes < QCOW2_SECTOR ? 1 : c.bytes - QCOW2_SECTOR + 1;
		if (packed_add(pass, &p, e) < 0)
			return -1;
	}
	return 0;
}

int qcow2_verify_packed(struct qcow2 *q, const char *subject, struct findings *f, const struct budget *b,
			struct error *e)
{
	struct told t = {q, subject, f};
	struct packed_pass pass = {
		.ops = &ops, .ctx = &t, .src = q->file, .budget = b, .tool_bytes = (size_t)(3 * q->cluster) + 200000};
	autofree uint8_t *table = malloc(q->cluster);
	if (!table)
		return error_nomem(e);
	int rc = 0;
	for (uint64_t i = 0; i < q->l1_count && !rc; i++) {
		if (!q->l1[i])
			continue;
		rc = b ? budget_check(b, e) : 0;
		if (!rc)
			rc = add_table(&pass, i, table, e);
	}
	if (!rc)
		rc = packed_finish(&pass, e);
	packed_free(&pass);
	if (!rc && pass.good && !pass.bad)
		finding_add(f, PROOF_STRUCTURE, "qcow2.clusters", subject, OUTCOME_HELD, NULL,
			    "%llu compressed clusters decode", (unsigned long long)pass.good);
	return rc;
}
