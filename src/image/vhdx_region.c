// SPDX-License-Identifier: GPL-3.0-or-later
/* [MS-VHDX] 2.2.3: the table of regions, twice. */
#include "backproof/crc32c.h"
#include "vhdx.h"

#define TABLE_LENGTH (64 * KIB)
#define REGIONS_MOST 2047u

static const uint64_t table_at[2] = {192 * KIB, 256 * KIB};
static const uint8_t guid_bat[VHDX_GUID] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
					    0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t guid_metadata[VHDX_GUID] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
						 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};

static const char *table_flaw(const uint8_t *raw)
{
	static const uint8_t zero[4];
	if (memcmp(raw, "regi", 4))
		return "it is not there";
	uint32_t crc = crc32c_update(~0u, raw, 4);
	crc = ~crc32c_update(crc32c_update(crc, zero, 4), raw + 8, TABLE_LENGTH - 8);
	return crc == get_le32(raw + 4) ? NULL : "its checksum does not match";
}

static int take_region(struct vhdx *v, const uint8_t *entry, uint64_t at, struct error *e)
{
	char name[64];
	struct vhdx_region r = {get_le64(entry + 16), get_le32(entry + 24)}, *to = NULL;
	uint64_t end;
	if (!memcmp(entry, guid_bat, VHDX_GUID))
		to = &v->bat;
	else if (!memcmp(entry, guid_metadata, VHDX_GUID))
		to = &v->metadata;
	vhdx_guid_text(entry, name);
	if (!to && get_le32(entry + 28) & 1)
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)at,
				 "VHDX: it can't be read without knowing the region %s", name);
	if (!to)
		return 0;
	if (to->length)
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: the region %s is there twice", name);
	if (!r.length || r.length % MIB || r.at % MIB || r.at < MIB || add_overflows(r.at, r.length, &end) ||
	    end > source_size(v->view))
		return error_set(e, ERROR_CORRUPT, (int64_t)at,
				 "VHDX: the region %s can't lie at %llu with %llu bytes in a file of %llu", name,
				 (unsigned long long)r.at, (unsigned long long)r.length,
				 (unsigned long long)source_size(v->view));
	*to = r;
	return 0;
}

int vhdx_read_regions(struct vhdx *v, const struct image_context *c, struct error *e)
{
	autofree uint8_t *raw = malloc(2 * TABLE_LENGTH);
	const char *flaw[2];
	if (!raw)
		return error_nomem(e);
	for (int i = 0; i < 2; i++) {
		if (source_read_at(v->view, table_at[i], raw + i * TABLE_LENGTH, TABLE_LENGTH, e) < 0)
			return -1;
		flaw[i] = table_flaw(raw + i * TABLE_LENGTH);
	}
	if (flaw[0] && flaw[1])
		return error_set(e, ERROR_CORRUPT, (int64_t)table_at[0],
				 "VHDX: no usable table of regions: the first: %s; the second: %s", flaw[0], flaw[1]);
	for (int i = 0; i < 2; i++)
		if (flaw[i])
			VHDX_FINDING(c, "vhdx.regions", OUTCOME_BROKEN, table_at[i],
				     "the %s table of regions is not usable: %s; read by the other one",
				     i ? "second" : "first", flaw[i]);
	uint32_t count = get_le32(raw + 8);
	if (!flaw[0] && !flaw[1] && memcmp(raw, raw + TABLE_LENGTH, 16 + 32 * (count < REGIONS_MOST ? count : 0)))
		VHDX_FINDING(c, "vhdx.regions", OUTCOME_BROKEN, table_at[1],
			     "the two tables of regions differ; read by the first");
	else if (!flaw[0] && !flaw[1])
		finding_add(c->f, PROOF_STRUCTURE, "vhdx.regions", c->subject, OUTCOME_HELD, NULL,
			    "the checksums of both tables of regions hold");
	const int use = flaw[0] != NULL;
	const uint8_t *table = raw + use * TABLE_LENGTH;
	count = get_le32(table + 8);
	if (count > REGIONS_MOST)
		return error_set(e, ERROR_CORRUPT, (int64_t)table_at[use], "VHDX: a table of %u regions", count);
	for (uint32_t i = 0; i < count; i++)
		if (take_region(v, table + 16 + 32 * i, table_at[use] + 16 + 32 * i, e) < 0)
			return -1;
	if (!v->bat.length || !v->metadata.length)
		return error_set(e, ERROR_CORRUPT, (int64_t)table_at[use], "VHDX: there is no %s",
				 v->bat.length ? "metadata" : "table of blocks");
	return 0;
}
