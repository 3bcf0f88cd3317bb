// SPDX-License-Identifier: GPL-3.0-or-later
/* FAT12, FAT16 and FAT32 (Microsoft, "FAT: General Overview of On-Disk Format", 1.03): what its files share. */
#ifndef FS_FAT_H
#define FS_FAT_H

#include "rows.h"
#include "say.h"

/* Cluster numbers: 2 is the first. */
#define FIRST_CLUSTER 2u
/* Linux and Windows go no further in one directory. */
#define MAX_DIR_BYTES (2 * MIB)
/* Names nest no deeper than this in any system's limit on paths. */
#define MAX_DEPTH 256
/* The id of the root, which has no entry. */
#define ROOT_ID 1u

struct fat {
	struct source *src;	     /* borrowed */
	struct source *table_source; /* owned: the FAT through a cache, when it is not in memory */
	uint8_t *table;		     /* owned: the FAT in use, or NULL */
	unsigned bits;		     /* 12, 16, 32 */
	uint32_t sector, cluster;    /* bytes */
	uint64_t size;		     /* bytes, as the boot sector says */
	uint64_t fat_at, fat_bytes;  /* the first copy; the size of each */
	uint64_t used_bytes;	     /* of each copy, what serves existing clusters */
	unsigned copies, active;     /* active: the copy in use */
	bool mirrored;		     /* all copies are kept alike */
	uint64_t root_at;	     /* FAT12 and FAT16: a fixed area */
	uint32_t root_entries;
	uint32_t root_cluster; /* FAT32 */
	uint64_t data_at;
	uint32_t limit; /* one more than the last cluster number */
	uint8_t media, state;
	uint16_t info_sector, backup_sector; /* FAT32; 0: none */
	char uuid[16], label[12];	     /* of the boot sector */
};

static inline uint64_t fat_place(const struct fat *fs, uint32_t cluster)
{
	return fs->data_at + (uint64_t)(cluster - FIRST_CLUSTER) * fs->cluster;
}

/* fat_boot.c: fills fs from the boot sector b (512 bytes). CORRUPT when it makes no sense. */
int fat_parse(struct fat *fs, const uint8_t *b, uint64_t source_bytes, struct error *e) must_check;
/* The findings about size, FSInfo, backup boot sector and state; *bad counts what was BROKEN. */
int fat_judge_boot(struct fat *fs, const uint8_t *b, const char *subject, struct findings *f,
		   struct fs_info *info, unsigned *bad, struct error *e) must_check;

/* fat_table.c */
int fat_table_open(struct fat *fs, struct error *e) must_check;
void fat_table_close(struct fat *fs);
/* The entry of a cluster below fs->limit (0 and 1 too), without the reserved bits. */
int fat_entry_at(const struct fat *fs, uint32_t cluster, uint32_t *value,
		 struct error *e) must_check;
enum fat_link { FAT_NEXT, FAT_END, FAT_FREE, FAT_BAD, FAT_OUTSIDE };
enum fat_link fat_link_of(const struct fat *fs, uint32_t value);
/* "is marked free", ... for what can't stand in a chain. */
const char *fat_link_text(enum fat_link link);
/* 1: *cluster is the next one, 0: it was the last, -1 (CORRUPT for what can't be). */
int fat_follow(const struct fat *fs, uint32_t *cluster, struct error *e) must_check;
/* Byte offset of an entry in the FAT in use, for messages. */
uint64_t fat_entry_place(const struct fat *fs, uint32_t cluster);

/* fat_dir.c: one directory, entry by entry. */
enum fat_kind { FAT_FILE, FAT_DIR, FAT_LABEL, FAT_DOT, FAT_DOTDOT };
struct fat_entry {
	enum fat_kind kind;
	char name[768]; /* UTF-8 */
	uint8_t raw[32];
	uint32_t cluster, size;
	int64_t written, made;
	uint64_t place;	  /* of the short entry, on the source */
	bool bad_long;	  /* a long name lay before it that is not its own */
	bool bad_short;	  /* its short name has characters that can't be there */
	bool after_end;	  /* it lies behind the end mark */
};
struct fat_dir {
	const struct fat *fs;
	uint32_t cluster; /* 0: the fixed root */
	uint64_t at, left; /* bytes left in the cluster or fixed root */
	uint64_t bytes;	   /* read so far */
	uint64_t buf_at;
	size_t buf_length;
	bool ended, past_mark; /* past_mark: also shows what lies behind the end mark */
	uint16_t order;	       /* next ordinal expected of a long name, 0: none under way */
	uint8_t sum;
	bool long_ready, long_bad;
	uint8_t units[20 * 26 + 2];
	uint8_t buf[4096];
	unsigned orphans; /* long names without a short one */
};
/* cluster 0: the root. */
int fat_dir_open(struct fat_dir *d, const struct fat *fs, uint32_t cluster,
		 struct error *e) must_check;
/* 1 an entry, 0 the end, -1 error. Deleted entries are not shown. */
int fat_dir_next(struct fat_dir *d, struct fat_entry *out, struct error *e) must_check;
/* Fills out from a raw entry whose name is known (or NULL: its short name). */
void fat_entry_fill(const struct fat *fs, const uint8_t *raw, const char *name, uint64_t place,
		    struct fat_entry *out);
void fat_show(const struct fat *fs, const struct fat_entry *in, struct fs_entry *out);

/* fat_name.c */
/* name: at least 64 bytes. false when a character is not allowed there. */
bool fat_short_name(const uint8_t raw[32], char *name);
uint8_t fat_name_sum(const uint8_t raw[32]);
/* As Windows and Linux compare: without case for ASCII. */
bool fat_same_name(const char *a, const char *b, size_t b_length);
int64_t fat_time(uint16_t date, uint16_t time);

/* fat_stream.c */
struct stream *fat_open_entry(const struct fat *fs, const struct fat_entry *it,
			      struct error *e) must_check;

/* fat_verify.c */
int fat_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
	       int64_t now, int64_t *newest, struct error *e) must_check;
/* fat_copies.c: BROKEN or HELD "fat.copies". */
int fat_judge_copies(const struct fat *fs, const char *subject, struct findings *f,
		     const struct budget *b, struct error *e) must_check;

#define fat_finding fs_finding

#endif
