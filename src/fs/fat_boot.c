// SPDX-License-Identifier: GPL-3.0-or-later
/* The boot sector: geometry, and what must agree with it (FSInfo, the backup, the first two FAT entries). */
#include "fat.h"

#define DIRTY_STATE 1u
#define ERROR_STATE 2u

static int bad_geometry(struct error *e, int64_t at, const char *what, uint64_t value)
{
	return error_set(e, ERROR_CORRUPT, at, "FAT boot sector: %s is %llu", what,
			 (unsigned long long)value);
}

static bool is_power_of_2(uint32_t v)
{
	return v && !(v & (v - 1));
}

static void take_names(struct fat *fs, const uint8_t *b)
{
	const uint8_t *x = b + (fs->bits == 32 ? 66 : 38); /* extended boot signature */
	snprintf(fs->uuid, sizeof fs->uuid, "%04X-%04X", get_le16(x + 3), get_le16(x + 1));
	if (memcmp(x + 5, "NO NAME    ", 11))
		memcpy(fs->label, x + 5, 11);
}

int fat_parse(struct fat *fs, const uint8_t *b, uint64_t source_bytes, struct error *e)
{
	uint32_t per_cluster = b[13], reserved = get_le16(b + 14), fat_sectors = get_le16(b + 22);
	uint64_t sectors = get_le16(b + 19) ? get_le16(b + 19) : get_le32(b + 32);
	bool big = !fat_sectors;
	fs->sector = get_le16(b + 11);
	fs->copies = b[16];
	fs->root_entries = get_le16(b + 17);
	fs->media = b[21];
	if (big)
		fat_sectors = get_le32(b + 36);
	if (b[510] != 0x55 || b[511] != 0xaa)
		return error_set(e, ERROR_CORRUPT, 510, "FAT boot sector: its signature 55 aa is missing");
	if (!is_power_of_2(fs->sector) || fs->sector < 512 || fs->sector > 4096)
		return bad_geometry(e, 11, "the sector size", fs->sector);
	if (!is_power_of_2(per_cluster))
		return bad_geometry(e, 13, "the number of sectors in a cluster", per_cluster);
	if (!reserved)
		return bad_geometry(e, 14, "the number of reserved sectors", 0);
	if (!fs->copies || fs->copies > 4)
		return bad_geometry(e, 16, "the number of FATs", fs->copies);
	if (fs->media != 0xf0 && fs->media < 0xf8)
		return bad_geometry(e, 21, "the media byte", fs->media);
	if (!fat_sectors)
		return bad_geometry(e, 36, "the size of the FAT", 0);
	if (!sectors)
		return bad_geometry(e, 32, "the number of sectors", 0);
	if (!big && !fs->root_entries)
		return bad_geometry(e, 17, "the number of root entries", 0);
	fs->cluster = per_cluster * fs->sector;
	fs->fat_at = (uint64_t)reserved * fs->sector;
	fs->fat_bytes = (uint64_t)fat_sectors * fs->sector;
	fs->root_at = fs->fat_at + fs->copies * fs->fat_bytes;
	uint64_t root_bytes = ((uint64_t)fs->root_entries * 32 + fs->sector - 1) / fs->sector * fs->sector;
	fs->data_at = fs->root_at + root_bytes;
	fs->size = sectors * fs->sector;
	if (fs->data_at >= fs->size)
		return error_set(e, ERROR_CORRUPT, 32,
				 "FAT boot sector: %llu bytes do not hold FATs and root directory, which take %llu",
				 (unsigned long long)fs->size, (unsigned long long)fs->data_at);
	uint64_t clusters = (fs->size - fs->data_at) / fs->cluster;
	/* As Linux decides; the cluster count alone decides between 12 and 16. */
	fs->bits = big ? 32 : clusters < 4085 ? 12 : 16;
	if (clusters > (big ? 0x0ffffff5u : 65524u) || !clusters)
		return bad_geometry(e, 32, "the number of clusters", clusters);
	fs->limit = (uint32_t)clusters + FIRST_CLUSTER;
	fs->used_bytes = ((uint64_t)fs->limit * fs->bits + 7) / 8;
	if (fs->used_bytes > fs->fat_bytes)
		return error_set(e, ERROR_CORRUPT, big ? 36 : 22,
				 "FAT boot sector: a FAT of %llu bytes is too small for %llu clusters",
				 (unsigned long long)fs->fat_bytes, (unsigned long long)clusters);
	fs->mirrored = true;
	if (big) {
		uint16_t flags = get_le16(b + 40);
		fs->mirrored = !(flags & 0x80);
		fs->active = fs->mirrored ? 0 : flags & 15;
		fs->root_cluster = get_le32(b + 44);
		fs->info_sector = get_le16(b + 48);
		fs->backup_sector = get_le16(b + 50);
		if (fs->active >= fs->copies)
			return bad_geometry(e, 40, "the active FAT", fs->active);
		if (get_le16(b + 42))
			return bad_geometry(e, 42, "the version", get_le16(b + 42));
		if (fs->root_cluster < FIRST_CLUSTER || fs->root_cluster >= fs->limit)
			return bad_geometry(e, 44, "the root cluster", fs->root_cluster);
		if (fs->root_entries)
			return bad_geometry(e, 17, "the number of fixed root entries", fs->root_entries);
		if (fs->info_sector == 0xffff)
			fs->info_sector = 0;
		if (fs->backup_sector == 0xffff)
			fs->backup_sector = 0;
	}
	fs->state = b[big ? 65 : 37];
	take_names(fs, b);
	uint64_t fat_end = fs->fat_at + (uint64_t)(fs->active + 1) * fs->fat_bytes;
	if (fat_end > source_bytes)
		return error_set(e, ERROR_CORRUPT, (int64_t)source_bytes,
				 "FAT: the source ends at %llu, inside the allocation table, which ends at %llu",
				 (unsigned long long)source_bytes, (unsigned long long)fat_end);
	return 0;
}

/* FAT32 keeps a copy of the boot sector; what tells of the geometry must be the same there. */
static int judge_backup(struct fat *fs, const uint8_t *b, const char *subject, struct findings *f,
			unsigned *bad, struct error *e)
{
	uint8_t copy[512];
	uint64_t at = (uint64_t)fs->backup_sector * fs->sector;
	if (!fs->backup_sector)
		return 0;
	if (at >= fs->fat_at) {
		*bad += 1;
		fat_finding(f, "fat.boot", subject, OUTCOME_BROKEN, 50,
			    "the backup boot sector %u is not among the reserved sectors",
			    fs->backup_sector);
		return 0;
	}
	if (source_read_at(fs->src, at, copy, sizeof copy, e) < 0)
		return -1;
	/* 65 is the state, 71 the label: some systems change those in the first copy only. */
	size_t i = 0;
	while (i < 90 && (copy[i] == b[i] || i == 65 || (i >= 71 && i < 82)))
		i++;
	if (i == 90 && copy[510] == 0x55 && copy[511] == 0xaa)
		return 0;
	*bad += 1;
	fat_finding(f, "fat.boot", subject, OUTCOME_BROKEN, at + (i == 90 ? 510 : i),
		    "the backup boot sector differs from the boot sector at byte %zu",
		    i == 90 ? (size_t)510 : i);
	return 0;
}

static int judge_info(struct fat *fs, const char *subject, struct findings *f, struct fs_info *info,
		      unsigned *bad, struct error *e)
{
	uint8_t s[512];
	uint64_t at = (uint64_t)fs->info_sector * fs->sector;
	if (!fs->info_sector)
		return 0;
	if (at >= fs->fat_at) {
		*bad += 1;
		fat_finding(f, "fat.boot", subject, OUTCOME_BROKEN, 48,
			    "the FSInfo sector %u is not among the reserved sectors", fs->info_sector);
		return 0;
	}
	if (source_read_at(fs->src, at, s, sizeof s, e) < 0)
		return -1;
	if (get_le32(s) != 0x41615252 || get_le32(s + 484) != 0x61417272 ||
	    get_le32(s + 508) != 0xaa550000) {
		*bad += 1;
		fat_finding(f, "fat.boot", subject, OUTCOME_BROKEN, at,
			    "the FSInfo sector has lost its signatures");
		return 0;
	}
	uint32_t spare = get_le32(s + 488);
	if (spare <= fs->limit - FIRST_CLUSTER)
		info->free = (uint64_t)spare * fs->cluster;
	return 0;
}

/* The first entry repeats the media byte, the second one says whether the volume was left in order. */
static int judge_first_entries(struct fat *fs, const char *subject, struct findings *f,
			       struct fs_info *info, unsigned *bad, struct error *e)
{
	uint32_t first, second;
	if (fat_entry_at(fs, 0, &first, e) < 0 || fat_entry_at(fs, 1, &second, e) < 0)
		return -1;
	uint32_t ones = (fs->bits == 12 ? 0xfu : fs->bits == 16 ? 0xffu : 0xfffffu) << 8;
	if ((first & 0xff) != fs->media || (first & ones) != ones) {
		*bad += 1;
		fat_finding(f, "fat.boot", subject, OUTCOME_BROKEN, fat_entry_place(fs, 0),
			    "the first FAT entry %x does not repeat the media byte %02x", first,
			    fs->media);
	}
	info->clean = !(fs->state & DIRTY_STATE);
	info->errors = fs->state & ERROR_STATE;
	if (fs->bits == 12)
		return 0;
	unsigned shift = fs->bits == 16 ? 14 : 26;
	if (!(second >> (shift + 1) & 1))
		info->clean = false;
	if (!(second >> shift & 1))
		info->errors = true;
	return 0;
}

int fat_judge_boot(struct fat *fs, const uint8_t *b, const char *subject, struct findings *f,
		   struct fs_info *info, unsigned *bad, struct error *e)
{
	uint64_t have = source_size(fs->src);
	if (have < fs->size) {
		char want[32], got[32];
		snprintf(want, sizeof want, "%llu", (unsigned long long)fs->size);
		snprintf(got, sizeof got, "%llu", (unsigned long long)have);
		finding_add(f, PROOF_STRUCTURE, "fat.size", subject, OUTCOME_BROKEN,
			    &(struct finding_text){
				    .expected = want, .measured = got, .error = ERROR_CORRUPT},
			    "the file system is %llu bytes longer than what it lies on",
			    (unsigned long long)(fs->size - have));
	}
	if (judge_backup(fs, b, subject, f, bad, e) < 0 ||
	    judge_info(fs, subject, f, info, bad, e) < 0 ||
	    judge_first_entries(fs, subject, f, info, bad, e) < 0)
		return -1;
	if (!info->clean)
		fat_finding(f, "fat.state", subject, OUTCOME_SKIPPED, -1,
			    "was mounted for writing, or not unmounted, when the image was taken");
	if (info->errors)
		fat_finding(f, "fat.state", subject, OUTCOME_SKIPPED, -1,
			    "a system marked it as having had read or write errors");
	return 0;
}
