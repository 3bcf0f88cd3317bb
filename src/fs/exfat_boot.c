// SPDX-License-Identifier: GPL-3.0-or-later
/* The boot region: twelve sectors with a checksum, and their backup behind them (sections 3.1 to 3.4). */
#include "exfat.h"

#define REGION 12u

uint32_t exfat_sum32(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum << 31 | sum >> 1) + p[i];
	return sum;
}

static int bad_geometry(struct error *e, int64_t at, const char *what, uint64_t value)
{
	return error_set(e, ERROR_CORRUPT, at, "exFAT boot sector: %s is %llu", what, (unsigned long long)value);
}

/* NULL or what is wrong with a region of twelve sectors. Flags and use in per cent are not covered. */
static const char *check_region(const uint8_t *r, uint32_t sector)
{
	uint32_t sum = exfat_sum32(0, r, 106);
	sum = exfat_sum32(sum, r + 108, 4);
	sum = exfat_sum32(sum, r + 113, 11ul * sector - 113);
	for (size_t i = 0; i < sector; i += 4)
		if (get_le32(r + 11ul * sector + i) != sum)
			return "its checksum is wrong";
	if (r[510] != 0x55 || r[511] != 0xaa)
		return "its signature 55 aa is missing";
	for (unsigned s = 1; s < 9; s++)
		if (get_le32(r + (s + 1ul) * sector - 4) != 0xaa550000)
			return "a sector of it has lost its signature";
	return NULL;
}

static int parse(struct exfat *fs, const uint8_t *b, struct error *e)
{
	uint64_t sectors = get_le64(b + 72), fat = get_le32(b + 80), fat_sectors = get_le32(b + 84);
	uint64_t heap = get_le32(b + 88), clusters = get_le32(b + 92);
	unsigned shift = b[108], more = b[109];
	if (!is_zero(b + 11, 53))
		return error_set(e, ERROR_CORRUPT, 11, "exFAT boot sector: what has to be zero is not");
	if (shift < 9 || shift > 12)
		return bad_geometry(e, 108, "the logarithm of the sector size", shift);
	if (more > 25 - shift)
		return bad_geometry(e, 109, "the logarithm of sectors in a cluster", more);
	fs->sector = 1u << shift;
	fs->cluster = fs->sector << more;
	fs->fats = b[110];
	fs->flags = get_le16(b + 106);
	fs->active = fs->flags & 1;
	fs->revision = get_le16(b + 104);
	fs->serial = get_le32(b + 100);
	fs->root = get_le32(b + 96);
	if (fs->revision >> 8 != 1)
		return error_set(e, ERROR_UNSUPPORTED, 104, "exFAT revision %u.%02u is not known",
				 fs->revision >> 8, fs->revision & 0xff);
	if (fs->fats < 1 || fs->fats > 2 || fs->active >= fs->fats)
		return bad_geometry(e, 110, "the number of FATs", fs->fats);
	if (!sectors || sectors > (UINT64_C(1) << 62) / fs->sector)
		return bad_geometry(e, 72, "the number of sectors", sectors);
	if (!clusters || clusters > 0xfffffff5u - EXFAT_FIRST)
		return bad_geometry(e, 92, "the number of clusters", clusters);
	fs->limit = (uint32_t)clusters + EXFAT_FIRST;
	if (fat < 2 * REGION || fat_sectors * fs->sector / 4 < fs->limit || fat + fat_sectors * fs->fats > heap)
		return bad_geometry(e, 84, "the size of the FAT", fat_sectors);
	if (heap >= sectors || clusters > (sectors - heap) >> more)
		return bad_geometry(e, 88, "the sector of the first cluster", heap);
	if (fs->root < EXFAT_FIRST || fs->root >= fs->limit)
		return bad_geometry(e, 96, "the root cluster", fs->root);
	fs->size = sectors * fs->sector;
	fs->fat_bytes = (uint64_t)fs->limit * 4;
	fs->fat_at = (fat + fs->active * fat_sectors) * fs->sector;
	fs->heap_at = heap * fs->sector;
	return 0;
}

static void judge_backup(const uint8_t *main, const uint8_t *copy, uint32_t sector, const char *subject,
			 struct findings *f, unsigned *bad)
{
	const char *why = check_region(copy, sector);
	size_t i = 0;
	while (!why && i < 11ul * sector && (main[i] == copy[i] || i == 106 || i == 107 || i == 112))
		i++;
	if (!why && i == 11ul * sector) {
		exfat_finding(f, "exfat.boot_copy", subject, OUTCOME_HELD, REGION * sector,
			      "the backup boot region agrees, and its checksum holds");
		return;
	}
	*bad += 1;
	exfat_finding(f, "exfat.boot_copy", subject, OUTCOME_BROKEN, REGION * sector + (why ? 0 : i),
		      why ? "the backup boot region: %s" : "the backup boot region differs from the boot region%s",
		      why ? why : "");
}

int exfat_open_boot(struct exfat *fs, const char *subject, struct findings *f, unsigned *bad, struct error *e)
{
	uint8_t b[512];
	if (source_size(fs->src) < sizeof b)
		return error_set(e, ERROR_CORRUPT, 0, "exFAT: there is no whole boot sector");
	if (source_read_at(fs->src, 0, b, sizeof b, e) < 0)
		return -1;
	if (memcmp(b + 3, "EXFAT   ", 8))
		return error_set(e, ERROR_CORRUPT, 3, "exFAT boot sector: its name is missing");
	uint32_t sector = b[108] >= 9 && b[108] <= 12 ? 1u << b[108] : 512;
	size_t size = (size_t)REGION * sector;
	autofree uint8_t *both = malloc(2 * size);
	if (!both)
		return error_nomem(e);
	if (source_size(fs->src) < 2 * size)
		return error_set(e, ERROR_CORRUPT, 0, "exFAT: the source ends inside the boot regions");
	if (source_read_at(fs->src, 0, both, 2 * size, e) < 0)
		return -1;
	const char *why = check_region(both, sector);
	if (why)
		return error_set(e, ERROR_CORRUPT, 0, "exFAT boot region: %s%s", why,
				 check_region(both + size, sector) ? "" : " (its backup is whole)");
	if (parse(fs, both, e) < 0)
		return -1;
	judge_backup(both, both + size, sector, subject, f, bad);
	uint64_t have = source_size(fs->src);
	if (have < fs->size) {
		char want[32], got[32];
		snprintf(want, sizeof want, "%llu", (unsigned long long)fs->size);
		snprintf(got, sizeof got, "%llu", (unsigned long long)have);
		*bad += 1;
		finding_add(f, PROOF_STRUCTURE, "exfat.size", subject, OUTCOME_BROKEN,
			    &(struct finding_text){.expected = want, .measured = got, .error = ERROR_CORRUPT},
			    "the file system is %llu bytes longer than what it lies on",
			    (unsigned long long)(fs->size - have));
	}
	if (fs->fat_at + fs->fat_bytes > have)
		return error_set(e, ERROR_CORRUPT, (int64_t)have, "exFAT: the source ends inside the FAT");
	return 0;
}
