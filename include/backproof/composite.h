// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Restore points that are directories: disks put together from small files and images of single partitions, so that
 * everything above sees ordinary disks with ordinary partition tables.
 *
 * What the caller provides for clonezilla_compose:
 *  - names: the base names of all files of the restore point, every piece of a split file by its own name.
 *  - c->companions->bytes: the stored bytes of a small file by its name ("parts", "sda-pt.sf", "sda-gpt-1st"); also
 *    of an image by the name of its first or only piece, there decompressed and joined, to look at its first bytes.
 *  - c->companions->image: the image of one partition, by the name of its first or only piece
 *    ("sda1.ext4-ptcl-img.zst.aa", "sda1.vfat-ptcl-img.gz"): the pieces .aa .ab ... of the same stem joined in
 *    order, the codec peeled by content (".uncomp" is none), then the row that bids for the content, or a raw disk
 *    when raw is set. One disk. That they stay open and unchanged until the composed image is closed.
 *  - c->findings: what is put together and what is missing is told there: PROOF_PRESENCE for files that are not there
 *    (blamed as incomplete), PROOF_STRUCTURE for what contradicts itself, SKIPPED for swap and partitions that were
 *    never saved (they read as zeros).
 * The files themselves are still digested and verified by the caller as parts of the restore point.
 */
#ifndef BACKPROOF_COMPOSITE_H
#define BACKPROOF_COMPOSITE_H

#include "backproof/image.h"

/* By the names alone: is it an image that Clonezilla (or Rescuezilla) has written? */
bool clonezilla_is(const struct strings *names);
/* Is this file none of the images: a text, a table, a log? Such files are notes (point_file.note). */
bool clonezilla_is_note(const char *name);
/*
 * Fills *out (all zeros before; image_close it also after a failure): first the disks with their tables, "sda"; then
 * volumes that were saved by themselves, "vg/lv" or "md0". A partition whose image can't be opened reads as that
 * error. -1: ENCRYPTED, CORRUPT (no table makes sense), MISSING (no disk is there at all), or IO and memory.
 */
int clonezilla_compose(const struct strings *names, const struct image_context *c, struct image *out,
		       struct error *e) must_check;

#endif
