// SPDX-License-Identifier: GPL-3.0-or-later
/* The boot sector, its copy behind the last sector, and the copy of the MFT's first records. */
#include "ntfs.h"

/* Behind it is code, which tools replace in the first copy only, as they do CHS and hidden sectors (24 to 31). */
#define BPB_END 84u

static bool is_power_of_2(uint64_t v)
{
	return v && !(v & (v - 1));
}

static int bad_geometry(struct error *e, int64_t at, const char *what, uint64_t value)
{
	return error_set(e, ERROR_CORRUPT, at, "NTFS boot sector: %s is %llu", what,
			 (unsigned long long)value);
}

/* Records and index blocks: clusters when positive, else the binary logarithm of bytes, negative. */
static uint64_t block_size(int8_t v, uint32_t cluster)
{
	return v > 0 ? (uint64_t)v * cluster : v >= -31 ? UINT64_C(1) << -v : 0;
}

int ntfs_parse_boot(const uint8_t b[512], uint64_t bytes, struct ntfs_geometry *g, struct error *e)
{
	memset(g, 0, sizeof *g);
	if (memcmp(b + 3, "NTFS    ", 8))
		return error_set(e, ERROR_CORRUPT, 3, "NTFS boot sector: its name is missing");
	if (b[510] != 0x55 || b[511] != 0xaa)
		return error_set(e, ERROR_CORRUPT, 510, "NTFS boot sector: its signature 55 aa is missing");
	g->sector = get_le16(b + 11);
	if (!is_power_of_2(g->sector) || g->sector < 256 || g->sector > 4096)
		return bad_geometry(e, 11, "the sector size", g->sector);
	/* More than 128 sectors are written as a negative logarithm. */
	uint64_t cluster = b[13] <= 128 ? (uint64_t)b[13] * g->sector
					: (uint64_t)g->sector << (256 - b[13] < 24 ? 256 - b[13] : 24);
	if (!is_power_of_2(cluster) || cluster > 2 * MIB)
		return bad_geometry(e, 13, "the cluster size", cluster);
	g->cluster = (uint32_t)cluster;
	g->sectors = get_le64(b + 40);
	if (!g->sectors || g->sectors > UINT64_MAX / 2 / g->sector)
		return bad_geometry(e, 40, "the number of sectors", g->sectors);
	g->clusters = g->sectors * g->sector / g->cluster;
	g->mft = get_le64(b + 48);
	g->mirror = get_le64(b + 56);
	uint64_t record = block_size((int8_t)b[64], g->cluster), index = block_size((int8_t)b[68], g->cluster);
	if (!is_power_of_2(record) || record < 512 || record > 64 * KIB)
		return bad_geometry(e, 64, "the size of an MFT record", record);
	if (!is_power_of_2(index) || index < 512 || index > 2 * MIB)
		return bad_geometry(e, 68, "the size of an index block", index);
	g->record = (uint32_t)record;
	g->index = (uint32_t)index;
	g->serial = get_le64(b + 72);
	if (!g->mft || g->mft >= g->clusters)
		return bad_geometry(e, 48, "the cluster of the MFT", g->mft);
	if (!g->mirror || g->mirror >= g->clusters)
		return bad_geometry(e, 56, "the cluster of the copy of the MFT", g->mirror);
	uint64_t at = g->mft * g->cluster;
	if (at + UINT64_C(16) * g->record > bytes)
		return error_set(e, ERROR_CORRUPT, (int64_t)bytes,
				 "NTFS: the source ends at %llu, the MFT begins at %llu",
				 (unsigned long long)bytes, (unsigned long long)at);
	return 0;
}

/*
 * The copy lies in the last sector of the partition, one behind what the boot sector counts. An image that was
 * made by the size of the file system lacks it.
 */
static int judge_backup(struct ntfs *fs, const uint8_t b[512], const char *subject, struct findings *f,
			unsigned *bad, struct error *e)
{
	uint8_t copy[512];
	uint64_t at = fs->g.sectors * fs->g.sector, have = source_size(fs->src);
	if (have < at) {
		char want[32], got[32];
		snprintf(want, sizeof want, "%llu", (unsigned long long)at);
		snprintf(got, sizeof got, "%llu", (unsigned long long)have);
		*bad += 1;
		finding_add(f, PROOF_STRUCTURE, "ntfs.size", subject, OUTCOME_BROKEN,
			    &(struct finding_text){
				    .expected = want, .measured = got, .error = ERROR_CORRUPT},
			    "the file system is %llu bytes longer than what it lies on",
			    (unsigned long long)(at - have));
		return 0;
	}
	if (have < at + sizeof copy) {
		ntfs_finding(f, "ntfs.boot_copy", subject, OUTCOME_SKIPPED, at,
			     "the image ends with the file system: the sector behind it, with the copy of the boot "
			     "sector, was not backed up");
		return 0;
	}
	if (source_read_at(fs->src, at, copy, sizeof copy, e) < 0)
		return -1;
	size_t i = 3;
	while (i < BPB_END && (b[i] == copy[i] || (i >= 24 && i < 32)))
		i++;
	if (i == BPB_END && copy[510] == 0x55 && copy[511] == 0xaa) {
		ntfs_finding(f, "ntfs.boot_copy", subject, OUTCOME_HELD, at,
			     "the copy of the boot sector agrees");
		return 0;
	}
	/* A partition longer than its file system keeps the copy elsewhere: geometry decides. */
	bool foreign = memcmp(copy + 3, "NTFS    ", 8);
	i = i == BPB_END ? 510 : i;
	if (foreign && have > at + fs->g.sector) {
		ntfs_finding(f, "ntfs.boot_copy", subject, OUTCOME_SKIPPED, at,
			     "there is no copy of the boot sector behind the file system");
		return 0;
	}
	*bad += 1;
	ntfs_finding(f, "ntfs.boot_copy", subject, OUTCOME_BROKEN, at + i,
		     foreign ? "the copy of the boot sector is missing"
			     : "the copy of the boot sector differs from byte %zu on",
		     i);
	return 0;
}

/* The system's first records, before the library sees them: whole, and alike in both places. */
static int judge_mirror(struct ntfs *fs, const char *subject, struct findings *f, unsigned *bad,
			struct error *e)
{
	const struct ntfs_geometry *g = &fs->g;
	uint64_t at = g->mft * g->cluster, copy_at = g->mirror * g->cluster;
	size_t size = 4ul * g->record;
	autofree uint8_t *first = malloc(size), *copy = malloc(size);
	if (!first || !copy)
		return error_nomem(e);
	if (source_read_at(fs->src, at, first, size, e) < 0)
		return -1;
	if (copy_at + size > source_size(fs->src)) {
		*bad += 1;
		ntfs_finding(f, "ntfs.mft_copy", subject, OUTCOME_BROKEN, copy_at,
			     "the copy of the MFT lies behind the end of the image");
		return 0;
	}
	if (source_read_at(fs->src, copy_at, copy, size, e) < 0)
		return -1;
	for (unsigned i = 0; i < 4; i++) {
		const char *why = NULL;
		bool copy_bad = ntfs_fix(copy + i * g->record, g->record, "FILE") != NULL;
		why = ntfs_fix(first + i * g->record, g->record, "FILE");
		if (!why)
			why = ntfs_check_record(first + i * g->record, g->record);
		if (why)
			return error_set(e, ERROR_CORRUPT, (int64_t)(at + i * g->record),
					 "NTFS: record %u of the MFT: %s%s", i, why,
					 copy_bad ? "" : " (its copy in $MFTMirr is whole)");
		/* Behind the part in use are leftovers. */
		uint32_t used = get_le32(first + i * g->record + 24);
		/* The update sequence number may differ: it counts writes. */
		uint8_t *a = first + i * g->record, *c = copy + i * g->record;
		uint32_t sequence = get_le16(a + 4), count = get_le16(a + 6);
		memset(a + sequence, 0, count * 2ul);
		if (get_le16(c + 4) == sequence && get_le16(c + 6) == count)
			memset(c + sequence, 0, count * 2ul);
		if (copy_bad || memcmp(a, c, used)) {
			*bad += 1;
			ntfs_finding(f, "ntfs.mft_copy", subject, OUTCOME_BROKEN, copy_at + i * g->record,
				     "record %u of the MFT differs from its copy in $MFTMirr", i);
			return 0;
		}
	}
	ntfs_finding(f, "ntfs.mft_copy", subject, OUTCOME_HELD, copy_at,
		     "the first records of the MFT agree with their copy");
	return 0;
}

int ntfs_judge_boot(struct ntfs *fs, const uint8_t b[512], const char *subject, struct findings *f,
		    unsigned *bad, struct error *e)
{
	return judge_backup(fs, b, subject, f, bad, e) < 0 ? -1
							   : judge_mirror(fs, subject, f, bad, e);
}
