// SPDX-License-Identifier: GPL-3.0-or-later
/* One line a witness; registry.c lists them. And what they share. */
#ifndef WITNESS_ROWS_H
#define WITNESS_ROWS_H

#include "backproof/format.h"
#include "backproof/witness.h"

extern const struct witness witness_gzip, witness_xz, witness_zstd, witness_bzip2, witness_lz4,
	witness_zip, witness_png, witness_sqlite, witness_pe, witness_elf, witness_initramfs, witness_ese,
	witness_mssql, witness_bzimage;

/*
 * Places where a running system leaves half-written or broken files as a matter of course. A file there
 * can prove itself whole, but damage in it says nothing of the backup.
 */
bool witness_is_volatile(const char *path);
/* Test suites keep broken files on purpose. */
bool witness_is_testdata(const char *path);

/*
 * What an error means for the file at path: CORRUPT is BROKEN, or SKIPPED in a volatile place; what has no
 * reader, key or room is SKIPPED (the file can't prove itself); the rest UNPROVEN.
 */
enum outcome witness_failed(const char *path, const struct error *e);

/* true when the name of path ends in one of the suffixes (case ignored). */
bool witness_suffix(const char *path, const char *const *suffixes);
/* A file that begins with zeros where its name promises a header: a lost block. */
bool witness_lost_head(const uint8_t *head, size_t len);

/* Fills buf or fails: CORRUPT when off + len lies beyond size. */
int witness_read(int fd, uint64_t size, uint64_t off, void *buf, size_t len,
		 struct error *e) must_check;
/* CRC-32 as in zlib: start with 0. */
uint32_t witness_crc32(uint32_t crc, const void *p, size_t len);

/* Decodes all of src by a codec and finishes it. LIMIT beyond 4 GiB decoded. */
int witness_decode(const struct format *f, struct source *src, struct codec_info *info,
		   struct error *e) must_check;

#endif
