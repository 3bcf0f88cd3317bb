// SPDX-License-Identifier: GPL-3.0-or-later
/* [MS-VHDX] 2.2.2: two headers, written in turn; of those that hold, the one with the greater number counts. */
#include "backproof/crc32c.h"
#include "vhdx.h"

#define HEADER_LENGTH 4096u

static const uint64_t header_at[2] = {64 * KIB, 128 * KIB};

/* 1: it holds; 0: not, and *flaw says why; -1: it can't be read. */
static int read_one(struct source *src, int which, uint8_t *raw, struct vhdx_header *h, const char **flaw,
		    struct error *e)
{
	static const uint8_t zero[4];
	if (source_read_at(src, header_at[which], raw, HEADER_LENGTH, e) < 0)
		return -1;
	uint32_t crc = crc32c_update(~0u, raw, 4);
	crc = ~crc32c_update(crc32c_update(crc, zero, 4), raw + 8, HEADER_LENGTH - 8);
	*flaw = memcmp(raw, "head", 4) ? "it is not there" : crc != get_le32(raw + 4) ? "its checksum does not match"
										       : NULL;
	*h = (struct vhdx_header){
	    .sequence = get_le64(raw + 8),
	    .log_version = get_le16(raw + 64),
	    .version = get_le16(raw + 66),
	    .log = {get_le64(raw + 72), get_le32(raw + 68)},
	};
	memcpy(h->data_write, raw + 32, VHDX_GUID);
	memcpy(h->log_guid, raw + 48, VHDX_GUID);
	return !*flaw;
}

int vhdx_read_header(struct vhdx *v, const struct image_context *c, struct error *e)
{
	uint8_t raw[2][HEADER_LENGTH];
	struct vhdx_header h[2];
	const char *flaw[2];
	int ok[2];
	for (int i = 0; i < 2; i++)
		if ((ok[i] = read_one(v->stored, i, raw[i], &h[i], &flaw[i], e)) < 0)
			return -1;
	if (!ok[0] && !ok[1])
		return error_set(e, ERROR_CORRUPT, (int64_t)header_at[0],
				 "VHDX: no usable header: the first: %s; the second: %s", flaw[0], flaw[1]);
	int newer = ok[0] && ok[1] ? h[1].sequence > h[0].sequence : ok[1];
	if (ok[0] && ok[1] && h[0].sequence == h[1].sequence && memcmp(raw[0] + 16, raw[1] + 16, HEADER_LENGTH - 16))
		return error_set(e, ERROR_CORRUPT, (int64_t)header_at[0],
				 "VHDX: both headers have the number %llu, and differ",
				 (unsigned long long)h[0].sequence);
	v->header = h[newer];
	for (int i = 0; i < 2; i++)
		if (!ok[i])
			VHDX_FINDING(c, "vhdx.header", OUTCOME_BROKEN, header_at[i],
				     "the %s header is not usable: %s; whether it was the newer one can't be told",
				     i ? "second" : "first", flaw[i]);
	if (ok[0] && ok[1])
		finding_add(c->f, PROOF_STRUCTURE, "vhdx.header", c->subject, OUTCOME_HELD, NULL,
			    "the checksums of both headers hold");
	if (v->header.version != 1)
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)header_at[newer], "VHDX of version %u",
				 v->header.version);
	return 0;
}
