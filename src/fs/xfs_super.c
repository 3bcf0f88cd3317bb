// SPDX-License-Identifier: GPL-3.0-or-later
/* The superblock and its copies: believed only after magic, checksum and geometry agree. */
#include "xfs.h"

#define SUPER 264 /* bytes that mean something */
#define SUPER_CRC 224
#define READ_IN                                                                                    \
	(XFS_IN_FTYPE | XFS_IN_SPARSE | XFS_IN_META_UUID | XFS_IN_BIGTIME | XFS_IN_NEEDSREPAIR |   \
	 XFS_IN_NREXT64 | XFS_IN_EXCHANGE)
#define READ_RO (XFS_RO_FINOBT | XFS_RO_RMAP | XFS_RO_REFLINK | XFS_RO_COUNTS)

static unsigned log2_of(uint32_t n)
{
	return (unsigned)__builtin_ctz(n);
}

static bool power_between(uint32_t n, uint32_t low, uint32_t high)
{
	return n >= low && n <= high && !(n & (n - 1));
}

/* What everything after relies on. */
static const char *nonsense(struct xfs *x, const uint8_t *s)
{
	uint32_t per = get_be16(s + 106);
	unsigned rounded;
	if (!power_between(x->block_size, 512, 65536) || s[120] != log2_of(x->block_size))
		return "block size";
	if (!power_between(x->sector, 512, 32768) || s[121] != log2_of(x->sector) ||
	    x->sector > x->block_size)
		return "sector size";
	if (!power_between(x->inode_size, 512, XFS_INODE_MAX) || s[122] != log2_of(x->inode_size) ||
	    x->inode_size > x->block_size || per != x->block_size / x->inode_size ||
	    s[123] != log2_of(per))
		return "inode size";
	if (!x->ag_count || x->ag_blocks < 64 || x->ag_blocks > 0x80000000u)
		return "size of allocation groups";
	rounded = 32 - (unsigned)__builtin_clz(x->ag_blocks - 1);
	if (s[124] != rounded || (uint64_t)x->ag_blocks * x->block_size > (UINT64_C(1) << 40))
		return "size of allocation groups";
	uint64_t before = (uint64_t)(x->ag_count - 1) * x->ag_blocks; /* in all groups but the last */
	if (x->blocks < before + 64 || x->blocks > before + x->ag_blocks || x->blocks >> 52)
		return "number of blocks";
	x->block_log = s[120];
	x->inode_log = s[122];
	x->chunk_log = s[123];
	x->ag_log = s[124];
	x->dir_log = s[192];
	if (x->dir_log > 7 || (uint64_t)x->block_size << x->dir_log > XFS_DIR_MAX)
		return "directory block size";
	x->dir_size = x->block_size << x->dir_log;
	if (s[126])
		return "state (mkfs did not finish it)";
	if (!xfs_inode_place(x, x->root))
		return "root inode";
	if (x->log_start && (!x->log_blocks || !xfs_fsb_ok(x, x->log_start, x->log_blocks)))
		return "place of the log";
	return NULL;
}

static int features(const struct xfs *x, struct error *e)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {{XFS_IN_PARENT, "parent pointers"},
		     {XFS_IN_METADIR, "metadata directories"},
		     {XFS_IN_ZONED, "zoned"}};
	uint32_t strange = x->incompat & ~(uint32_t)READ_IN;
	char text[160] = "";
	if (!strange)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(text);
		if (strange & names[i].bit)
			snprintf(text + n, sizeof text - n, "%s %s", n ? "," : "", names[i].name);
		strange &= ~names[i].bit;
	}
	size_t n = strlen(text);
	if (strange)
		snprintf(text + n, sizeof text - n, "%s unknown bits 0x%x", n ? "," : "", strange);
	return error_set(e, ERROR_UNSUPPORTED, 0, "XFS features that no reader here knows:%s",
			 text);
}

int xfs_super_read(struct xfs *x, struct source *src, struct error *e)
{
	autofree uint8_t *s = calloc(1, 32768);
	if (!s)
		return error_nomem(e);
	if (source_size(src) < 4096)
		return error_set(e, ERROR_CORRUPT, 0, "XFS: too short for a superblock");
	if (source_read_at(src, 0, s, 512, e) < 0)
		return -1;
	if (memcmp(s, "XFSB", 4))
		return error_set(e, ERROR_CORRUPT, 0, "XFS superblock: no magic");
	uint16_t version = get_be16(s + 100);
	if ((version & 15) != 5)
		return error_set(
		    e, ERROR_UNSUPPORTED, 0,
		    "XFS version %u, from before metadata had checksums: only version 5 is read",
		    version & 15);
	x->sector = get_be16(s + 102);
	if (!power_between(x->sector, 512, 32768) || source_size(src) < x->sector)
		return error_set(e, ERROR_CORRUPT, 102,
				 "XFS superblock: its sector size makes no sense");
	if (source_read_at(src, 0, s, x->sector, e) < 0)
		return -1;
	if (!xfs_sum_ok(s, x->sector, SUPER_CRC))
		return error_set(e, ERROR_CORRUPT, SUPER_CRC, "XFS superblock: wrong checksum");
	x->block_size = get_be32(s + 4);
	x->blocks = get_be64(s + 8);
	x->rt_blocks = get_be64(s + 16);
	memcpy(x->uuid, s + 32, 16);
	x->log_start = get_be64(s + 48);
	x->root = get_be64(s + 56);
	x->special[0] = get_be64(s + 64);
	x->special[1] = get_be64(s + 72);
	x->ag_blocks = get_be32(s + 84);
	x->ag_count = get_be32(s + 88);
	x->log_blocks = get_be32(s + 96);
	x->inode_size = get_be16(s + 104);
	memcpy(x->label, s + 108, 12);
	x->inodes = get_be64(s + 128);
	x->free_inodes = get_be64(s + 136);
	x->free_blocks = get_be64(s + 144);
	x->special[2] = get_be64(s + 160);
	x->special[3] = get_be64(s + 168);
	x->special[4] = get_be64(s + 232);
	x->align = get_be32(s + 180);
	x->log_sector = get_be16(s + 194);
	x->log_unit = get_be32(s + 196);
	x->features2 = get_be32(s + 200);
	x->ro_compat = get_be32(s + 212);
	x->incompat = get_be32(s + 216);
	x->log_incompat = get_be32(s + 220);
	memcpy(x->meta_uuid, s + (x->incompat & XFS_IN_META_UUID ? 248 : 32), 16);
	x->fold = version & 0x4000;
	x->ftype = x->incompat & XFS_IN_FTYPE || x->features2 & 0x200;
	if (features(x, e) < 0)
		return -1;
	const char *what = nonsense(x, s);
	if (what)
		return error_set(e, ERROR_CORRUPT, 0, "XFS superblock: its %s makes no sense",
				 what);
	return 0;
}

void xfs_super_info(const struct xfs *x, struct fs_info *info)
{
	const uint8_t *u = x->uuid;
	snprintf(info->type, sizeof info->type, "xfs");
	snprintf(info->uuid, sizeof info->uuid,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
	snprintf(info->label, sizeof info->label, "%s", x->label);
	info->block_size = x->block_size;
	info->size = x->blocks << x->block_log;
	info->free = x->free_blocks > x->blocks ? 0 : x->free_blocks << x->block_log;
	info->checksums = true;
	info->errors = x->incompat & XFS_IN_NEEDSREPAIR;
}

void xfs_super_count(const struct xfs *x, struct fs_info *info)
{
	uint64_t total = 0;
	uint8_t agf[512];
	struct error e;
	if (x->ag_count > 4096)
		return;
	for (uint64_t ag = 0; ag < x->ag_count; ag++) {
		uint64_t at = (ag * x->ag_blocks << x->block_log) + x->sector;
		if (source_read_at(x->src, at, agf, sizeof agf, &e) < 0 || memcmp(agf, "XAGF", 4))
			return;
		total += (uint64_t)get_be32(agf + 48) + get_be32(agf + 52) + get_be32(agf + 60);
	}
	if (total <= x->blocks)
		info->free = total << x->block_log;
}

/* What no tool changes without writing all copies; the root inode stands in some only, the rest may
 * lag behind. */
static const struct {
	const char *name;
	size_t at, len;
} agreed[] = {
    {"block size", 4, 4},
    {"log's place", 48, 8},
    {"group size", 84, 4},
    {"log size", 96, 4},
    {"sector size", 102, 2},
    {"inode size", 104, 2},
    {"directory block size", 192, 1},
};

static bool copy_agrees(const struct xfs *x, const uint8_t *s, uint8_t *raw, uint64_t ag,
			const char *subject, struct findings *f)
{
	uint64_t at = ag * x->ag_blocks << x->block_log;
	struct finding_text where = {
	    .offset = (int64_t)at, .has_offset = true, .error = ERROR_CORRUPT};
	const char *what = NULL;
	struct error e;
	if (source_read_at(x->src, at, raw, x->sector, &e) < 0) {
		finding_error(f, PROOF_STRUCTURE, "xfs.backup", subject, &e);
		return false;
	}
	if (memcmp(raw, "XFSB", 4))
		what = "has no magic";
	else if (!xfs_sum_ok(raw, x->sector, SUPER_CRC))
		what = "has a wrong checksum";
	else if (memcmp(raw + (get_be32(raw + 216) & XFS_IN_META_UUID ? 248 : 32), x->meta_uuid,
			16))
		what = "is of another file system";
	for (size_t i = 0; !what && i < ARRAY_SIZE(agreed); i++)
		if (memcmp(raw + agreed[i].at, s + agreed[i].at, agreed[i].len))
			what = agreed[i].name;
	if (what)
		finding_add(f, PROOF_STRUCTURE, "xfs.backup", subject,
			    x->stale ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, &where,
			    "the superblock copy in group %llu: %s%s", (unsigned long long)ag,
			    strchr(what, ' ') &&
				    (!strncmp(what, "has", 3) || !strncmp(what, "is", 2))
				? ""
				: "differs in ",
			    what);
	return !what;
}

static void judge_copies(const struct xfs *x, const char *subject, struct findings *f)
{
	autofree uint8_t *s = calloc(1, x->sector), *raw = calloc(1, x->sector);
	struct error e;
	uint64_t sound = 0, seen = 0;
	if (!s || !raw ? error_nomem(&e) < 0 : source_read_at(x->src, 0, s, x->sector, &e) < 0) {
		finding_error(f, PROOF_STRUCTURE, "xfs.backup", subject, &e);
		return;
	}
	for (uint64_t ag = 1; ag < x->ag_count && seen < 64; ag++, seen++)
		sound += copy_agrees(x, s, raw, ag, subject, f);
	if (sound == seen)
		finding_add(f, PROOF_STRUCTURE, "xfs.backup", subject, OUTCOME_HELD, NULL,
			    "%llu superblock copies agree, checksums too",
			    (unsigned long long)seen);
}

void xfs_super_judge(struct xfs *x, const char *subject, struct findings *f, struct fs_info *info)
{
	uint64_t want = x->blocks << x->block_log, have = source_size(x->base);
	uint32_t ro = x->ro_compat & ~(uint32_t)READ_RO;
	if (have < want) {
		struct finding_text where = {
		    .offset = (int64_t)have, .has_offset = true, .error = ERROR_CORRUPT};
		finding_add(f, PROOF_STRUCTURE, "xfs.size", subject, OUTCOME_BROKEN, &where,
			    "cut: the file system has %llu bytes, the image only %llu",
			    (unsigned long long)want, (unsigned long long)have);
	} else {
		finding_add(
		    f, PROOF_STRUCTURE, "xfs.superblock", subject, OUTCOME_HELD, NULL,
		    "XFS, %llu blocks of %u bytes in %u groups, geometry and checksum sound",
		    (unsigned long long)x->blocks, x->block_size, x->ag_count);
	}
	if (ro) {
		x->foreign = true;
		finding_add(f, PROOF_STRUCTURE, "xfs.features", subject, OUTCOME_UNPROVEN, NULL,
			    "features 0x%x change who owns a block in ways not known here", ro);
	}
	if (info->errors)
		finding_add(
		    f, PROOF_STRUCTURE, "xfs.state", subject, OUTCOME_UNPROVEN, NULL,
		    "the file system is marked as needing repair; run xfs_repair on the host");
	if (x->rt_blocks)
		finding_add(f, PROOF_STRUCTURE, "xfs.realtime", subject, OUTCOME_UNSUPPORTED, NULL,
			    "it has a realtime device: files on that are not read");
	judge_copies(x, subject, f);
}
