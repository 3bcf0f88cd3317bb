// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk of all NTFS metadata: what its files share. */
#ifndef FS_NTFS_VERIFY_H
#define FS_NTFS_VERIFY_H

#include "backproof/xxh64.h"
#include "ntfs.h"

enum { REC_USED = 1, REC_DIR = 2, REC_EXTENT = 4, REC_LIST = 8 };

/* What is kept of each record of the MFT. */
struct ntfs_known {
	uint16_t sequence, names, entries; /* names it has; index entries that lead to it */
	uint8_t flags;
	uint32_t told; /* sum over its names, less that over the entries: 0 where both are the same */
	uint32_t parts; /* the same of its attributes, all that its list should name; without a list: those elsewhere */
};

/* A number for one name as both have it: the directory, and the name with its kind. */
static inline uint32_t ntfs_name_sum(const uint8_t *name)
{
	uint64_t h = xxh64(name + 64, 2 + 2ul * name[64]) ^ get_le64(name) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h ^ h >> 32);
}

/* A number for one attribute: what it is, which record has it, and for whom. */
static inline uint32_t ntfs_part_sum(uint32_t type, const uint8_t *name, size_t units, uint64_t first_vcn,
				     uint64_t in, unsigned owner_sequence)
{
	uint64_t h = xxh64(name, 2 * units) ^ (in << 16 | (owner_sequence & 0xffff)) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + type;
	h = (h ^ h >> 32) * UINT64_C(0x94d049bb133111eb) + first_vcn;
	return (uint32_t)(h ^ h >> 31);
}

struct ntfs_verify {
	struct ntfs *fs;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	int64_t now, newest;
	struct ntfs_known *known;
	uint8_t *claimed; /* a bit a cluster, NULL when the volume has too many */
	uint8_t *record_map; /* $MFT's bitmap */
	uint64_t files, dirs, clusters, entries, blocks;
	unsigned bad_records, bad_runs, bad_indexes, bad_links;
};

/* One directory's index. */
struct ntfs_tree {
	uint64_t no; /* the directory's record */
	uint8_t *map; /* blocks in use */
	uint8_t *pointed;
	uint64_t blocks, used, children, vcn_bytes;
	uint32_t block;
};

/* ntfs_verify_index.c: every directory's index, and that entries and records agree. */
int ntfs_verify_indexes(struct ntfs_verify *v, struct error *e) must_check;
/* ntfs_order.c: that the entries are in order: of one whose blocks and entries are well formed; h: the header in its
 * root, na: its blocks (NULL: it has none). */
int ntfs_verify_order(struct ntfs_verify *v, const struct ntfs_tree *t, const uint8_t *h, struct _ntfs_attr *na,
		      struct error *e) must_check;
/* ntfs_lists.c: that lists of attributes name those that records have for each other. */
int ntfs_verify_lists(struct ntfs_verify *v, struct error *e) must_check;
/* ntfs_upcase.c: the table of upper-case letters, where it has a checksum. */
int ntfs_verify_upcase(struct ntfs_verify *v, struct error *e) must_check;
/* ntfs_verify_files.c: that each record in use can be opened, and its data mapped. */
int ntfs_verify_files(struct ntfs_verify *v, struct error *e) must_check;

#define broken_record(v, at, ...)                                                                  \
	do {                                                                                       \
		(v)->bad_records++;                                                                \
		ntfs_finding((v)->f, "ntfs.records", (v)->subject, OUTCOME_BROKEN, at, __VA_ARGS__); \
	} while (0)
#define broken_runs(v, ...)                                                                        \
	do {                                                                                       \
		(v)->bad_runs++;                                                                   \
		ntfs_finding((v)->f, "ntfs.clusters", (v)->subject, OUTCOME_BROKEN, -1, __VA_ARGS__); \
	} while (0)
#define broken_index(v, ...)                                                                       \
	do {                                                                                       \
		(v)->bad_indexes++;                                                                \
		ntfs_finding((v)->f, "ntfs.directories", (v)->subject, OUTCOME_BROKEN, -1,         \
			     __VA_ARGS__);                                                         \
	} while (0)

/* What contradicts itself for want of the log's last changes can't be called damaged. */
static inline enum outcome ntfs_blame(const struct ntfs_verify *v)
{
	return v->fs->clean ? OUTCOME_BROKEN : OUTCOME_UNPROVEN;
}

#endif
