// SPDX-License-Identifier: GPL-3.0-or-later
/* The superblock and its copies: believed only after magic, checksum and geometry agree. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#define AT 1024 /* where the superblock is */
#define FIELD(s, name) get_le32((s)->raw + offsetof(struct ext2_super_block, name))
#define FIELD16(s, name) get_le16((s)->raw + offsetof(struct ext2_super_block, name))
#define FIELD8(s, name) ((s)->raw[offsetof(struct ext2_super_block, name)])

static const struct {
	uint32_t bit;
	const char *name;
} incompat[] = {
	{EXT2_FEATURE_INCOMPAT_COMPRESSION, "compression"},
	{EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, "journal_dev"},
	{EXT4_FEATURE_INCOMPAT_DIRDATA, "dirdata"},
};

#define INCOMPAT_READ                                                                              \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |                          \
	 EXT2_FEATURE_INCOMPAT_META_BG | EXT3_FEATURE_INCOMPAT_EXTENTS |                           \
	 EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_MMP | EXT4_FEATURE_INCOMPAT_FLEX_BG | \
	 EXT4_FEATURE_INCOMPAT_EA_INODE | EXT4_FEATURE_INCOMPAT_CSUM_SEED |                        \
	 EXT4_FEATURE_INCOMPAT_LARGEDIR | EXT4_FEATURE_INCOMPAT_INLINE_DATA |                      \
	 EXT4_FEATURE_INCOMPAT_ENCRYPT | EXT4_FEATURE_INCOMPAT_CASEFOLD)

/* What changes nothing about which block belongs to whom, so that verify may judge. */
#define RO_COMPAT_JUDGED                                                                           \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE | 0x4 |           \
	 EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM |                      \
	 EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |                   \
	 EXT4_FEATURE_RO_COMPAT_QUOTA | EXT4_FEATURE_RO_COMPAT_BIGALLOC |                          \
	 EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_READONLY |                  \
	 EXT4_FEATURE_RO_COMPAT_PROJECT | EXT4_FEATURE_RO_COMPAT_VERITY |                          \
	 EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)

static int unsupported(const struct ext_super *s, uint32_t bits, struct error *e)
{
	(void)s;
	char names[160] = "";
	for (size_t i = 0; i < ARRAY_SIZE(incompat); i++) {
		if (!(bits & incompat[i].bit))
			continue;
		size_t n = strlen(names);
		snprintf(names + n, sizeof names - n, " %s", incompat[i].name);
		bits &= ~incompat[i].bit;
	}
	if (bits) {
		size_t n = strlen(names);
		snprintf(names + n, sizeof names - n, " unknown bits 0x%x", bits);
	}
	return error_set(e, ERROR_UNSUPPORTED, AT, "ext features that no reader here knows:%s",
			 names);
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

/* Fields that everything after relies on. */
static const char *nonsense(struct ext_super *s, uint64_t size)
{
	uint32_t log = FIELD(s, s_log_block_size), log_cluster = FIELD(s, s_log_cluster_size);
	uint32_t per = FIELD(s, s_blocks_per_group), inodes_per = FIELD(s, s_inodes_per_group);
	uint32_t clusters = FIELD(s, s_clusters_per_group);
	bool dynamic = FIELD(s, s_rev_level) > 0;
	uint32_t isize = dynamic ? FIELD16(s, s_inode_size) : EXT2_GOOD_OLD_INODE_SIZE;
	bool big = dynamic && FIELD(s, s_feature_incompat) & EXT4_FEATURE_INCOMPAT_64BIT;
	bool bigalloc = FIELD(s, s_feature_ro_compat) & EXT4_FEATURE_RO_COMPAT_BIGALLOC;
	uint32_t desc = big ? FIELD16(s, s_desc_size) : 32;
	if (log > 6)
		return "block size";
	s->block_size = 1024u << log;
	s->first_block = FIELD(s, s_first_data_block);
	s->blocks =
		FIELD(s, s_blocks_count) | (big ? (uint64_t)FIELD(s, s_blocks_count_hi) << 32 : 0);
	uint64_t bytes;
	if (s->first_block > 1 || s->blocks <= s->first_block ||
	    mul_overflows(s->blocks, (uint64_t)s->block_size, &bytes) || bytes > INT64_MAX)
		return "block count";
	uint64_t kept = FIELD(s, s_r_blocks_count) |
			(big ? (uint64_t)FIELD(s, s_r_blocks_count_hi) << 32 : 0);
	if (kept > s->blocks / 2)
		return "count of reserved blocks";
	if ((s->block_size == 1024 && !bigalloc) != (s->first_block == 1))
		return "first data block";
	if (!power_of_two(isize) || isize < EXT2_GOOD_OLD_INODE_SIZE || isize > s->block_size)
		return "inode size";
	if (desc < 32 || desc > 1024 || !power_of_two(desc))
		return "group descriptor size";
	if (bigalloc) {
		if (log_cluster < log || log_cluster > 19 || clusters > 8 * s->block_size ||
		    per != (uint64_t)clusters << (log_cluster - log))
			return "clusters per group";
	} else if (per > 8 * s->block_size) {
		return "blocks per group";
	}
	if (per < 8 || per % 8 || !inodes_per || inodes_per > 8 * s->block_size || inodes_per % 8)
		return "group size";
	s->groups = (s->blocks - s->first_block + per - 1) / per;
	if (s->groups > UINT32_MAX || s->groups * inodes_per != FIELD(s, s_inodes_count))
		return "inode count";
	uint64_t per_block = s->block_size / desc, table = (s->groups + per_block - 1) / per_block;
	if (table > size / s->block_size)
		return "group descriptors beyond the end of the image; block count";
	return NULL;
}

int ext_super_read(struct source *src, struct ext_super *s, struct error *e)
{
	memset(s, 0, sizeof *s);
	if (source_size(src) < AT + sizeof s->raw)
		return error_set(e, ERROR_CORRUPT, AT, "too short for an ext superblock");
	if (source_read_at(src, AT, s->raw, sizeof s->raw, e) < 0)
		return error_prefix(e, "superblock");
	if (FIELD16(s, s_magic) != EXT2_SUPER_MAGIC)
		return error_set(e, ERROR_CORRUPT, AT, "no ext superblock here (magic 0x%04x)",
				 FIELD16(s, s_magic));
	if (FIELD(s, s_feature_ro_compat) & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM) {
		if (FIELD8(s, s_checksum_type) != 1)
			return error_set(e, ERROR_CORRUPT, AT, "superblock: checksum type %u",
					 FIELD8(s, s_checksum_type));
		uint32_t crc = ext2fs_crc32c_le(~0u, s->raw, sizeof s->raw - 4);
		if (crc != FIELD(s, s_checksum))
			return error_set(e, ERROR_CORRUPT, AT,
					 "superblock: checksum is 0x%08x, computed 0x%08x",
					 FIELD(s, s_checksum), crc);
	}
	if (FIELD(s, s_rev_level) > EXT2_DYNAMIC_REV)
		return error_set(e, ERROR_UNSUPPORTED, AT, "ext revision %u", FIELD(s, s_rev_level));
	uint32_t strange = FIELD(s, s_feature_incompat) & ~(uint32_t)INCOMPAT_READ;
	if (strange)
		return unsupported(s, strange, e);
	const char *what = nonsense(s, source_size(src));
	if (what)
		return error_set(e, ERROR_CORRUPT, AT, "superblock: %s makes no sense", what);
	if (FIELD(s, s_rev_level) && FIELD16(s, s_inode_size) > EXT_INODE_MAX)
		return error_set(e, ERROR_UNSUPPORTED, AT, "inodes of %u bytes",
				 FIELD16(s, s_inode_size));
	return 0;
}

static int64_t wide(uint32_t low, uint8_t high)
{
	return (int64_t)low | (int64_t)high << 32;
}

void ext_super_info(const struct ext_super *s, struct fs_info *info)
{
	uint32_t in = FIELD(s, s_feature_incompat), ro = FIELD(s, s_feature_ro_compat);
	bool journal = FIELD(s, s_feature_compat) & EXT3_FEATURE_COMPAT_HAS_JOURNAL;
	bool four = in & ~(uint32_t)(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |
				     EXT2_FEATURE_INCOMPAT_META_BG) ||
		    ro & ~(uint32_t)0x7;
	snprintf(info->type, sizeof info->type, "%s", four ? "ext4" : journal ? "ext3" : "ext2");
	const uint8_t *u = s->raw + offsetof(struct ext2_super_block, s_uuid);
	snprintf(info->uuid, sizeof info->uuid,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
	memset(info->label, 0, sizeof info->label);
	memcpy(info->label, s->raw + offsetof(struct ext2_super_block, s_volume_name), 16);
	info->block_size = s->block_size;
	info->size = s->blocks * s->block_size;
	uint64_t free_blocks = FIELD(s, s_free_blocks_count);
	if (in & EXT4_FEATURE_INCOMPAT_64BIT)
		free_blocks |= (uint64_t)FIELD(s, s_free_blocks_hi) << 32;
	info->free = free_blocks > s->blocks ? 0 : free_blocks * s->block_size;
	info->made = wide(FIELD(s, s_mkfs_time), FIELD8(s, s_mkfs_time_hi));
	info->mounted = wide(FIELD(s, s_mtime), FIELD8(s, s_mtime_hi));
	info->written = wide(FIELD(s, s_wtime), FIELD8(s, s_wtime_hi));
	info->clean = FIELD16(s, s_state) & EXT2_VALID_FS && !(in & EXT3_FEATURE_INCOMPAT_RECOVER);
	info->unlogged = !(FIELD16(s, s_state) & EXT2_VALID_FS) &&
			 !(FIELD(s, s_feature_compat) & EXT3_FEATURE_COMPAT_HAS_JOURNAL);
	info->checksums = ro & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
	info->errors = FIELD16(s, s_state) & EXT2_ERROR_FS;
}

/* What no tool changes without writing all copies; counts, features and times may lag behind. */
static const struct {
	const char *name;
	size_t at, len;
} agreed[] = {
	{"magic", offsetof(struct ext2_super_block, s_magic), 2},
	{"UUID", offsetof(struct ext2_super_block, s_uuid), 16},
	{"block size", offsetof(struct ext2_super_block, s_log_block_size), 4},
	{"cluster size", offsetof(struct ext2_super_block, s_log_cluster_size), 4},
	{"first data block", offsetof(struct ext2_super_block, s_first_data_block), 4},
	{"blocks per group", offsetof(struct ext2_super_block, s_blocks_per_group), 4},
	{"clusters per group", offsetof(struct ext2_super_block, s_clusters_per_group), 4},
	{"inodes per group", offsetof(struct ext2_super_block, s_inodes_per_group), 4},
	{"revision", offsetof(struct ext2_super_block, s_rev_level), 4},
	{"inode size", offsetof(struct ext2_super_block, s_inode_size), 2},
};

static bool copy_agrees(const struct ext *x, const struct ext_super *s, uint32_t group,
			const char *subject, struct findings *f)
{
	uint64_t at = ext2fs_group_first_block2(x->fs, group) * x->block_size;
	struct finding_text where = {.offset = (int64_t)at, .has_offset = true};
	uint8_t raw[1024];
	struct error e;
	if (source_read_at(x->src, at, raw, sizeof raw, &e) < 0) {
		finding_error(f, PROOF_STRUCTURE, "ext.backup", subject, &e);
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(agreed); i++) {
		if (!memcmp(raw + agreed[i].at, s->raw + agreed[i].at, agreed[i].len))
			continue;
		finding_add(f, PROOF_STRUCTURE, "ext.backup", subject, OUTCOME_BROKEN, &where,
			    "the superblock copy in group %u differs in its %s", group,
			    agreed[i].name);
		return false;
	}
	/* Kernels before 6.0 left wrong sums in copies when they resized online: no sign of damage. */
	if (x->csum && ext2fs_crc32c_le(~0u, raw, sizeof raw - 4) != get_le32(raw + sizeof raw - 4))
		finding_add(f, PROOF_STRUCTURE, "ext.backup", subject, OUTCOME_SKIPPED, &where,
			    "the superblock copy in group %u agrees, but its checksum does not",
			    group);
	return true;
}

static void judge_copies(const struct ext *x, const struct ext_super *s, const char *subject,
			 struct findings *f)
{
	unsigned seen = 0, sound = 0;
	for (uint32_t g = 1; g < x->groups && seen < 2; g++) {
		if (!ext2fs_bg_has_super(x->fs, g))
			continue;
		seen++;
		sound += copy_agrees(x, s, g, subject, f);
	}
	if (sound == seen)
		finding_add(f, PROOF_STRUCTURE, "ext.backup", subject, OUTCOME_HELD, NULL,
			    seen ? "the first %u superblock copies agree"
				 : "it has no superblock copies (%u)",
			    seen);
}

void ext_super_judge(struct ext *x, const struct ext_super *s, const char *subject,
		     struct findings *f, const struct fs_info *info)
{
	uint64_t want = s->blocks * s->block_size, have = source_size(x->base);
	uint32_t ro = FIELD(s, s_feature_ro_compat) & ~(uint32_t)RO_COMPAT_JUDGED;
	if (have < want) {
		struct finding_text where = {.offset = (int64_t)have, .has_offset = true};
		finding_add(f, PROOF_STRUCTURE, "ext.size", subject, OUTCOME_BROKEN, &where,
			    "cut: the file system has %llu bytes, the image only %llu",
			    (unsigned long long)want, (unsigned long long)have);
	} else {
		finding_add(f, PROOF_STRUCTURE, "ext.superblock", subject, OUTCOME_HELD, NULL,
			    "%s, %llu blocks of %u bytes, geometry%s sound", info->type,
			    (unsigned long long)s->blocks, s->block_size,
			    x->csum ? " and checksum" : "");
	}
	if (ro) {
		x->foreign = true;
		finding_add(f, PROOF_STRUCTURE, "ext.features", subject, OUTCOME_UNPROVEN, NULL,
			    "features 0x%x change who owns a block in ways not known here", ro);
	}
	if (info->errors)
		finding_add(
			f, PROOF_STRUCTURE, "ext.state", subject, OUTCOME_UNPROVEN, NULL,
			"the kernel found errors in this file system and marked it; run e2fsck on the host");
	if (info->unlogged)
		finding_add(f, PROOF_STRUCTURE, "ext.state", subject, OUTCOME_SKIPPED, NULL,
			    "it was mounted when it was copied and has no journal: only a walk of all its metadata "
			    "tells whether it is whole");
	if (FIELD(s, s_feature_incompat) & EXT4_FEATURE_INCOMPAT_ENCRYPT)
		finding_add(f, PROOF_STRUCTURE, "ext.encrypted", subject, OUTCOME_SKIPPED, NULL,
			    "may hold encrypted directories: their content is read as it is stored");
	if (ext2fs_has_feature_casefold(x->fs->super) && !x->fs->encoding)
		finding_add(f, PROOF_STRUCTURE, "ext.features", subject, OUTCOME_UNPROVEN, NULL,
			    "names without regard to case by tables (%u) that are not known here",
			    FIELD16(s, s_encoding));
	judge_copies(x, s, subject, f);
}
#endif
