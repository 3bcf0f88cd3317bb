// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Formats that are recognised by their magic and named, so that the answer is "unsupported:
 * <product>" and not a guess about a raw disk. A row moves to a file of its own when it gets a
 * reader. Rows without a bid have no magic that is published: only the name tells.
 */
#ifndef IMAGE_KNOWN_H
#define IMAGE_KNOWN_H

#include "backproof/format.h"

/* Disks of virtual machines: known_disk.c. */
extern const struct format known_qed,
    known_vmdk_flat, known_parallels, known_dmg;
/* What free backup and imaging programs write: known_backup.c. */
extern const struct format known_partimage, known_ntfsclone,
    known_fsarchiver, known_pbs, known_borg, known_bacula, known_btrfs_send,
    known_zfs_send;
/* Those of them that have a reader. */
extern const struct format image_vhd, image_vhdx, image_vma, image_partclone, image_wim;
/* What commercial ones write: known_vendor.c. */
extern const struct format known_acronis, known_tibx, known_macrium, known_macrium_old, known_veeam,
    known_ghost, known_shadowprotect, known_bkf;
/* Archives and file system images: known_archive.c. */
extern const struct format known_xva, known_zip, known_7z, known_rar, known_squashfs,
    known_iso9660;

/* With readers of their own: qcow2.c, vdi.c. */
extern const struct format image_qcow2, image_vdi;

/* The bytes at an offset of the head, or of the tail counted back from the end. */
static inline bool head_has(const struct probe *p, size_t at, const void *magic, size_t len)
{
	return p->head_length >= len && at <= p->head_length - len &&
	       !memcmp(p->head + at, magic, len);
}
static inline bool tail_has(const struct probe *p, size_t from_end, const void *magic, size_t len)
{
	return p->tail_length >= from_end && len <= from_end &&
	       !memcmp(p->tail + p->tail_length - from_end, magic, len);
}
/* For string literals; the NUL that C adds does not count. */
#define HEAD_HAS(p, at, literal) head_has((p), (at), (literal), sizeof(literal) - 1)
#define TAIL_HAS(p, from_end, literal) tail_has((p), (from_end), (literal), sizeof(literal) - 1)

#define SUFFIXES(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
