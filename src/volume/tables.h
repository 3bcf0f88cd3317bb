// SPDX-License-Identifier: GPL-3.0-or-later
/* What the readers of partition tables share. */
#ifndef VOLUME_TABLES_H
#define VOLUME_TABLES_H

#include "backproof/volume.h"

/* Linux gives a disk no more minors than this; a table that names more is not believed. */
#define MAX_VOLUMES 256

struct scan {
	struct source *disk;
	const char *subject;
	struct disk_layout *out;
	struct findings *f;
	uint64_t size; /* bytes of the disk */
	size_t outside; /* partitions that leave the disk */
	bool too_many;
	bool rounded;	/* the container may have rounded the size up */
};

/* The first sector of a disk, as an MBR would have it. */
struct mbr_entry {
	uint8_t status, type;
	uint32_t start, count; /* sectors */
};
struct mbr {
	uint8_t sector[512];
	bool is_signed; /* ends in 55 aa */
	struct mbr_entry entries[4];
};

static inline struct finding_text table_text(enum outcome outcome, int64_t at)
{
	return (struct finding_text){.offset = at,
				     .has_offset = at >= 0,
				     .error = outcome == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE};
}
/* One finding about the tables. at: byte offset on the disk, < 0: none. */
#define table_finding(s, check, outcome, at, ...)                                                  \
	do {                                                                                       \
		struct finding_text text_ = table_text(outcome, at);                               \
		finding_add((s)->f, PROOF_STRUCTURE, check, (s)->subject, outcome, &text_,         \
			    __VA_ARGS__);                                                          \
	} while (0)

/*
 * A new volume of `size` bytes at `offset`. What leaves the disk is BROKEN "partition.bounds": a volume
 * that is cut gets a window on what is left, one that lies outside is not added (*out is NULL).
 * -1 when memory is out.
 */
int layout_add(struct scan *s, unsigned number, uint64_t offset, uint64_t size,
	       struct volume **out, struct error *e) must_check;
/* BROKEN "partition.overlap" for volumes that share bytes, else HELD. Adds bounds HELD too. */
void layout_judge(struct scan *s);

/* gpt.c */
struct gpt_header {
	bool present; /* the signature is there */
	bool good;    /* all of the header holds together, its CRC included */
	char problem[200];
	uint64_t lba, other, first, last, entries_lba;
	uint32_t count, entry_size, entries_crc, rest_crc;
	uint8_t disk_guid[16];
	uint8_t *entries; /* owned; NULL when they could not be read */
	bool entries_good;
};
struct gpt {
	uint32_t sector_size;
	struct gpt_header primary, backup;
};
/* Looks for both headers; for neither, all of *g is zero but the sector size. -1: IO, memory. */
int gpt_find(struct scan *s, const struct mbr *m, struct gpt *g, struct error *e) must_check;
void gpt_free(struct gpt *g);
/* The findings about g, and its partitions as volumes. */
int gpt_read(struct scan *s, const struct mbr *m, const struct gpt *g, struct error *e) must_check;
/* Lower case, 37 bytes with the NUL. */
void guid_text(const uint8_t guid[16], char out[40]);

/* mbr.c */
int mbr_load(struct scan *s, struct mbr *m, struct error *e) must_check;
bool mbr_protective(const struct mbr *m); /* has an entry of type ee */
/*
 * 1 when m is the partition table of the disk, even if damaged (*v says how), 0 when it is not, -1: IO,
 * memory. whole: what the disk as a whole holds.
 */
struct mbr_verdict {
	uint32_t sector_size;
	bool bad_signature, bad_status;
};
int mbr_judge(struct scan *s, const struct mbr *m, const struct content *whole,
	      struct mbr_verdict *v, struct error *e) must_check;
int mbr_read(struct scan *s, const struct mbr *m, const struct mbr_verdict *v,
	     struct error *e) must_check;

/* role.c */
enum volume_role role_of_guid(const char *guid);
enum volume_role role_of_mbr(uint8_t type);

#endif
