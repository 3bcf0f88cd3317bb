// SPDX-License-Identifier: GPL-3.0-or-later
/* Partition tables, and what is on each partition. */
#ifndef BACKPROOF_VOLUME_H
#define BACKPROOF_VOLUME_H

#include "backproof/finding.h"
#include "backproof/source.h"

enum table_kind { TABLE_NONE, TABLE_MBR, TABLE_GPT };

/* What libblkid says is on a volume. Empty strings where it says nothing. */
struct content {
	char type[32];	/* "ext4", "vfat", "swap", "LVM2_member", "crypto_LUKS", ... */
	char usage[16]; /* "filesystem", "raid", "crypto", "other" */
	char uuid[64], label[256];
	bool ambivalent; /* several signatures: libblkid would not choose */
	bool all_zero;	 /* no signature, and nothing but zeros in the areas probed */
};

/* How a partition type is meant, as far as we know it. */
enum volume_role {
	ROLE_OTHER, ROLE_ESP, ROLE_BIOS_BOOT, ROLE_LINUX, ROLE_SWAP, ROLE_LVM, ROLE_RAID,
	ROLE_WINDOWS, ROLE_EMPTY,
	ROLE_RESERVED, /* never holds what a person keeps: firmware's, a boot loader's */
	ROLE_DYNAMIC   /* of a Windows dynamic disk (LDM): what volumes are in it is told elsewhere */
};

struct volume {
	unsigned number; /* as Linux numbers it; 0: the whole disk, which has no table */
	uint64_t offset, size; /* bytes on the disk */
	enum volume_role role;
	char type[40];	   /* GPT type GUID, lower case, or MBR type as "0x83" */
	char partuuid[40]; /* lower case: GUID, or "<disk id>-<nn>" for MBR */
	char partlabel[112]; /* UTF-8 */
	bool active;	   /* MBR active flag or GPT legacy-boot attribute */
	struct content content;
	struct source *window; /* owned */
};

struct disk_layout {
	enum table_kind table;
	uint32_t sector_size; /* 512 or 4096, as the table shows it */
	char disk_id[40];
	bool boot_code; /* the first sector's code area is not empty */
	struct volume *items;
	size_t count, capacity;
};

/*
 * Reads the partition tables of disk (borrowed; outlives the layout) and probes each volume.
 * Everything about the tables' health goes into findings as PROOF_STRUCTURE under subject:
 * "gpt.primary", "gpt.backup", "gpt.entries", "mbr.*", "partition.bounds", "partition.overlap",
 * HELD or BROKEN. A disk without a table gives one volume with number 0. Returns -1 only when the
 * disk can't be read (IO) or memory is out; what was damaged is in the findings.
 */
int disk_scan(struct source *disk, const char *subject, struct disk_layout *out,
	      struct findings *f, struct error *e) must_check;
/* The same of a disk whose container may have rounded its size up: zeros behind its end are no fault. */
int disk_scan_rounded(struct source *disk, const char *subject, bool rounded, struct disk_layout *out,
		      struct findings *f, struct error *e) must_check;
void disk_layout_free(struct disk_layout *d);

/* What is on src, by libblkid over a sparse copy of the areas it looks at. -1: IO or memory. */
int content_probe(struct source *src, struct content *out, struct error *e) must_check;

#endif
