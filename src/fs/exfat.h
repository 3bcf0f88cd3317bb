// SPDX-License-Identifier: GPL-3.0-or-later
/* exFAT (Microsoft, "exFAT file system specification", revision 1.00): what its files share. */
#ifndef FS_EXFAT_H
#define FS_EXFAT_H

#include "rows.h"
#include "say.h"

#define EXFAT_FIRST 2u /* cluster numbers: the first */
#define EXFAT_END 0xffffffffu
#define EXFAT_BAD 0xfffffff7u
#define EXFAT_ROOT_ID 1u
#define EXFAT_MAX_DIR (256 * MIB)
#define EXFAT_MAX_DEPTH 256

/* Where bytes lie: a chain in the FAT, or clusters side by side. */
struct exfat_chain {
	uint32_t first; /* 0: none */
	bool adjoining; /* NoFatChain */
	uint64_t length, valid; /* bytes; behind valid it reads as zeros. The root: unknown, UINT64_MAX */
};

struct exfat {
	struct source *src;	   /* borrowed */
	struct source *fat_source; /* owned: the FAT through a cache */
	uint32_t sector, cluster;  /* bytes */
	uint64_t size;
	uint64_t fat_at, fat_bytes; /* the one in use */
	uint64_t heap_at;
	uint32_t limit; /* one more than the last cluster number */
	uint32_t root, serial;
	unsigned fats, active, flags, revision;
	struct exfat_chain bitmap, upper_chain;
	uint32_t upper_sum;
	bool has_bitmap, has_upper;
	uint16_t *upper; /* owned: 65536 units */
	char label[64];
};

static inline uint64_t exfat_place(const struct exfat *fs, uint32_t cluster)
{
	return fs->heap_at + (uint64_t)(cluster - EXFAT_FIRST) * fs->cluster;
}

/* exfat_boot.c: fills fs from the main boot region, whose checksum is verified, and judges the backup. *bad counts
 * what was BROKEN. */
int exfat_open_boot(struct exfat *fs, const char *subject, struct findings *f, unsigned *bad,
		    struct error *e) must_check;
uint32_t exfat_sum32(uint32_t sum, const uint8_t *p, size_t len);

/* exfat_chain.c */
/* 1: *cluster is the next one, 0: it was the last, -1 (CORRUPT for what can't be). */
int exfat_follow(const struct exfat *fs, const struct exfat_chain *c, uint32_t *cluster,
		 struct error *e) must_check;
/* All of a chain of at most max bytes in memory. */
uint8_t *exfat_read_chain(const struct exfat *fs, const struct exfat_chain *c, uint64_t max,
			  struct error *e) must_check;
int exfat_check_chain(const struct exfat *fs, const struct exfat_chain *c, struct error *e) must_check;
struct stream *exfat_open_chain(const struct exfat *fs, const struct exfat_chain *c,
				struct error *e) must_check;

/* exfat_dir.c: one directory, entry set by entry set. */
enum exfat_kind { EXFAT_FILE, EXFAT_DIR, EXFAT_BITMAP, EXFAT_UPPER, EXFAT_LABEL, EXFAT_OTHER };
struct exfat_entry {
	enum exfat_kind kind;
	char name[256 * 3 + 3]; /* UTF-8 */
	uint16_t units[256];
	size_t name_units;
	unsigned attributes;
	struct exfat_chain data;
	int64_t written, made;
	uint64_t place, id; /* of the first entry, and of the one with the data */
	uint32_t table_sum; /* EXFAT_UPPER */
	uint16_t name_hash;
	const char *wrong; /* what does not hold together, or NULL */
};
struct exfat_dir {
	const struct exfat *fs;
	struct exfat_chain chain;
	uint32_t cluster;
	uint64_t at, left, bytes; /* left in this cluster; read so far */
	uint64_t buf_at;
	size_t buf_length;
	bool ended;
	uint8_t buf[4096];
	uint8_t set[256 * 32];
};
int exfat_dir_open(struct exfat_dir *d, const struct exfat *fs, const struct exfat_chain *c,
		   struct error *e) must_check;
/* 1 an entry, 0 the end, -1. Entries with ->wrong set are shown too. */
int exfat_dir_next(struct exfat_dir *d, struct exfat_entry *out, struct error *e) must_check;
void exfat_take_stream(const uint8_t raw[32], struct exfat_chain *c);
void exfat_show(const struct exfat *fs, const struct exfat_entry *in, struct fs_entry *out);

/* exfat_name.c */
int exfat_open_upper(struct exfat *fs, struct error *e) must_check;
bool exfat_same_name(const struct exfat *fs, const struct exfat_entry *it, const char *name, size_t len);
uint16_t exfat_name_hash(const struct exfat *fs, const uint16_t *units, size_t count);
int64_t exfat_time(uint32_t stamp, uint8_t zone);

/* exfat_verify.c */
int exfat_verify(void *self, const char *subject, struct findings *f, const struct budget *b, int64_t now,
		 int64_t *newest, struct error *e) must_check;

#define exfat_finding fs_finding

#endif
