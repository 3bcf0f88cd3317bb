// SPDX-License-Identifier: GPL-3.0-or-later
/* The superblock at 64 KiB and its copies at 64 MiB and 256 GiB. */
#include "btrfs.h"

#define FLAG_ERROR (UINT64_C(1) << 2)
#define FLAG_METADUMP (UINT64_C(3) << 33)
#define FLAG_CHANGING (UINT64_C(3) << 35 | UINT64_C(7) << 38) /* a conversion was cut off */
#define METADATA_UUID (UINT64_C(1) << 10)
/* All up to RAID1C34, and simple quotas. Zoned, the second extent tree and stripe trees lay data out differently. */
#define KNOWN (UINT64_C(0xfff) | UINT64_C(1) << 16)
#define KNOWN_READ_ONLY UINT64_C(0xf) /* free-space tree, and that it is valid; verity; tree of block groups */
#define DEV_FSID (0xc9 + 82)
#define LOG_ROOT 0x60

static const uint64_t places[] = {64 * KIB, 64 * MIB, 256 * GIB};

enum copy { COPY_ABSENT, COPY_NONE, COPY_BAD, COPY_GOOD };

static bool power_of_2(uint32_t v)
{
	return v && !(v & (v - 1));
}

static int read_copy(struct btrfs *fs, uint64_t at, uint8_t *raw, enum copy *state, struct error *e)
{
	uint8_t sum[32];
	*state = COPY_ABSENT;
	if (source_size(fs->src) < at + BTRFS_SUPER_BYTES)
		return 0;
	if (source_read_at(fs->src, at, raw, BTRFS_SUPER_BYTES, e) < 0)
		return -1;
	*state = COPY_NONE;
	if (memcmp(raw + 0x40, "_BHRfS_M", 8))
		return 0;
	*state = COPY_BAD;
	unsigned type = get_le16(raw + 0xc4), bytes = btrfs_sum_bytes(type);
	if (!bytes || get_le64(raw + 0x30) != at)
		return 0;
	btrfs_sum(type, raw + 32, BTRFS_SUPER_BYTES - 32, sum);
	if (!memcmp(sum, raw, bytes))
		*state = COPY_GOOD;
	return 0;
}

static int take_fields(struct btrfs *fs, struct error *e)
{
	const uint8_t *b = fs->raw, *dev = b + 0xc9;
	uint64_t flags = get_le64(b + 0x38);
	fs->incompat = get_le64(b + 0xbc);
	if (fs->incompat & ~KNOWN)
		return error_set(e, ERROR_UNSUPPORTED, 0xbc, "btrfs: it uses features that are not read here (%#llx)",
				 (unsigned long long)(fs->incompat & ~KNOWN));
	if (flags & (FLAG_METADUMP | FLAG_CHANGING))
		return error_set(e, ERROR_UNSUPPORTED, 0x38, flags & FLAG_METADUMP
				 ? "btrfs: an image of metadata only, made by btrfs-image"
				 : "btrfs: a conversion of the whole file system was under way");
	memcpy(fs->fsid, b + (fs->incompat & METADATA_UUID ? 0x23b : 0x20), 16);
	fs->sum_type = get_le16(b + 0xc4);
	fs->sum_bytes = btrfs_sum_bytes(fs->sum_type);
	fs->generation = get_le64(b + 0x48);
	fs->size = get_le64(b + 0x70);
	fs->used = get_le64(b + 0x78);
	fs->devices = get_le64(b + 0x88);
	fs->sector = get_le32(b + 0x90);
	fs->node = get_le32(b + 0x94);
	fs->device = get_le64(dev);
	fs->device_bytes = get_le64(dev + 8);
	fs->log_root = get_le64(b + LOG_ROOT);
	fs->root = (struct btrfs_tree){.id = BTRFS_ROOT_TREE, .owner = BTRFS_ROOT_TREE, .bytenr = get_le64(b + 0x50),
				       .generation = fs->generation, .level = b[0xc6], .refs = 1};
	fs->chunk_tree = (struct btrfs_tree){.id = BTRFS_CHUNK_TREE, .owner = BTRFS_CHUNK_TREE,
					     .bytenr = get_le64(b + 0x58), .generation = get_le64(b + 0xa4),
					     .level = b[0xc7], .refs = 1};
	if (!power_of_2(fs->sector) || fs->sector < 4096 || fs->sector > 65536 || !power_of_2(fs->node) ||
	    fs->node < fs->sector || fs->node > 65536)
		return btrfs_bad(e, 0x10090, "sectors of %u and nodes of %u bytes can't be", fs->sector, fs->node);
	if (fs->root.level >= BTRFS_LEVELS || fs->chunk_tree.level >= BTRFS_LEVELS || b[0xc8] >= BTRFS_LEVELS ||
	    fs->chunk_tree.generation > fs->generation || get_le32(b + 0xa0) > 2048 || !fs->devices ||
	    fs->used > fs->size || fs->device_bytes > fs->size || get_le32(b + 0x98) != fs->node ||
	    memcmp(b + DEV_FSID, fs->fsid, 16))
		return btrfs_bad(e, 0x10000, "the superblock contradicts itself");
	return 0;
}

static void fill_info(const struct btrfs *fs, struct fs_info *info)
{
	const uint8_t *u = fs->raw + 0x20;
	memset(info, 0, sizeof *info);
	snprintf(info->type, sizeof info->type, "btrfs");
	snprintf(info->uuid, sizeof info->uuid,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4],
		 u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	snprintf(info->label, sizeof info->label, "%.255s", (const char *)fs->raw + 0x12b);
	info->size = fs->size;
	info->free = fs->size - fs->used;
	info->block_size = fs->sector;
	info->clean = !fs->log_root;
	info->checksums = true;
	info->errors = get_le64(fs->raw + 0x38) & FLAG_ERROR;
}

/* fsync writes the first alone, so copies may be behind it; of one commit they are alike but for the log's root. */
static bool copies_agree(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a + 0x50, b + 0x50, 16) && !memcmp(a + 0x70, b + 0x70, 0xc8 - 0x70) &&
	       !memcmp(a + 0xc9, b + 0xc9, BTRFS_SUPER_BYTES - 0xc9);
}

static int judge_copies(struct btrfs *fs, uint64_t chosen, const char *subject, struct findings *f, unsigned *good,
			struct error *e)
{
	uint8_t raw[BTRFS_SUPER_BYTES];
	enum copy state;
	*good = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i] + BTRFS_SUPER_BYTES > fs->device_bytes)
			break;
		if (read_copy(fs, places[i], raw, &state, e) < 0)
			return -1;
		uint64_t generation = get_le64(raw + 0x48);
		if (state == COPY_ABSENT)
			continue; /* the size is told apart */
		if (state != COPY_GOOD)
			btrfs_finding(f, "btrfs.superblock", subject, OUTCOME_BROKEN, places[i],
				      state == COPY_NONE ? "copy %zu of the superblock is not there"
							 : "copy %zu of the superblock has a wrong checksum", i);
		else if (memcmp(raw + 0x20, fs->raw + 0x20, 16))
			btrfs_finding(f, "btrfs.superblock", subject, OUTCOME_BROKEN, places[i],
				      "copy %zu of the superblock is of another file system", i);
		else if (generation != fs->generation)
			btrfs_finding(f, "btrfs.superblock", subject, OUTCOME_SKIPPED, places[i],
				      "copy %zu of the superblock is of generation %llu, the one in use of %llu", i,
				      (unsigned long long)generation, (unsigned long long)fs->generation);
		else if (places[i] != chosen && memcmp(raw + 0xc9 + 66, fs->raw + 0xc9 + 66, 32))
			btrfs_finding(f, "btrfs.superblock", subject, OUTCOME_BROKEN, places[i],
				      "copy %zu of the superblock is of another device", i);
		else if (places[i] != chosen && !copies_agree(raw, fs->raw))
			btrfs_finding(f, "btrfs.superblock", subject, OUTCOME_BROKEN, places[i],
				      "copy %zu of the superblock is of the same generation, but not the same", i);
		else
			++*good;
	}
	return 0;
}

/* What a kernel that does not know a feature may still read: then so may we, but not say that all of it is sound. */
static void judge_fields(const struct btrfs *fs, const char *subject, struct findings *f)
{
	uint64_t strange = get_le64(fs->raw + 0xb4) & ~KNOWN_READ_ONLY, have = source_size(fs->src);
	if (strange)
		btrfs_finding(f, "btrfs.features", subject, OUTCOME_UNSUPPORTED, -1,
			      "features that are not known here (%#llx): what they add is not looked at",
			      (unsigned long long)strange);
	if (have < fs->device_bytes)
		btrfs_finding(f, "btrfs.size", subject, OUTCOME_BROKEN, have,
			      "the device has %llu bytes, the image %llu", (unsigned long long)fs->device_bytes,
			      (unsigned long long)have);
	/* Older kernels did not round to sectors. */
	if (fs->devices == 1 && fs->size - fs->device_bytes >= fs->sector)
		btrfs_finding(f, "btrfs.size", subject, OUTCOME_BROKEN, 0x10070,
			      "the file system has %llu bytes, its only device %llu", (unsigned long long)fs->size,
			      (unsigned long long)fs->device_bytes);
}

int btrfs_super_open(struct btrfs *fs, const char *subject, struct findings *f, struct fs_info *info, struct error *e)
{
	enum copy state = COPY_ABSENT;
	uint8_t raw[BTRFS_SUPER_BYTES];
	uint64_t chosen = 0;
	unsigned good;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (read_copy(fs, places[i], raw, &state, e) < 0)
			return -1;
		/* The kernel takes no other than the first: the second is here to see how much is left. */
		if (state == COPY_GOOD && (!chosen || get_le64(raw + 0x48) > get_le64(fs->raw + 0x48))) {
			memcpy(fs->raw, raw, sizeof raw);
			chosen = places[i];
			if (!i)
				break;
		}
	}
	if (!chosen)
		return btrfs_bad(e, 64 * KIB, "no copy of the superblock has a right checksum");
	if (take_fields(fs, e) < 0)
		return -1;
	fill_info(fs, info);
	if (judge_copies(fs, chosen, subject, f, &good, e) < 0)
		return -1;
	judge_fields(fs, subject, f);
	if (good && chosen == places[0])
		btrfs_finding(f, "btrfs.superblock", subject, OUTCOME_HELD, chosen,
			      "generation %llu, %u copies alike, checksums %s", (unsigned long long)fs->generation,
			      good, btrfs_sum_name(fs->sum_type));
	return 0;
}
