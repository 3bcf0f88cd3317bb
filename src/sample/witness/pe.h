// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * PE/COFF programs of Windows: "PE Format" of Microsoft's documentation, for the optional header's checksum and the
 * certificate table; "Windows Authenticode Portable Executable Signature Format" for the digest in it.
 */
#ifndef WITNESS_PE_H
#define WITNESS_PE_H

#include "backproof/base.h"

struct pe {
	uint64_t sections;    /* offset of their headers */
	uint64_t checksum_at; /* offset of the checksum's four bytes */
	uint64_t cert_field;  /* offset of the certificate table's entry in the directories; 0: it has none */
	uint64_t cert_at, cert_length;
	uint32_t checksum, file_alignment;
	unsigned section_count;
};

/* All that must be in memory to read the headers. */
#define PE_HEAD (64 * KIB)
/* p: the first n bytes of a file of that size. 1: a PE program, 0: an older kind, or none, -1 CORRUPT. */
int pe_headers(const uint8_t *p, size_t n, uint64_t size, struct pe *pe, struct error *e) must_check;

/* A file that is read from its first byte on, and once more if it must be. */
struct pe_reader {
	void *ctx;
	int (*start)(void *ctx, struct error *e);
	/* 1..cap bytes, 0 at its end */
	ssize_t (*read)(void *ctx, void *buf, size_t cap, struct error *e);
};
#define PE_BUFFER (256 * KIB)
enum pe_verdict {
	PE_UNREAD,   /* e is the reader's */
	PE_NONE,     /* another kind of file, or one from before Windows NT */
	PE_UNSUMMED, /* it carries no checksum */
	PE_HELD,
	PE_STALE,    /* the checksum is another, but the digest in its signature is that of its bytes */
	PE_UNCLEAR,  /* the checksum is another, and nobody can tell since when */
	PE_BROKEN,   /* e tells how and where */
};
/* buf: PE_BUFFER bytes. path: as in fs.h, of a Windows' system volume or an EFI partition. */
enum pe_verdict pe_check(const struct pe_reader *r, uint64_t size, const char *path, uint8_t *buf, struct error *e);
/* What Windows or the firmware does not load with a wrong checksum, and what both always have a right one for. */
bool pe_sum_is_kept(const char *path);

/* pe_sign.c: what else a program tells of itself, added in pieces from its first byte on. */
struct pe_deep;
struct pe_deep *pe_deep_new(const struct pe *pe, struct error *e) must_check;
void pe_deep_free(struct pe_deep *d);
DEFINE_AUTO(struct pe_deep, pe_deep_free)
int pe_deep_add(struct pe_deep *d, const uint8_t *p, size_t n, struct error *e) must_check;
enum pe_signed { PE_UNSIGNED, PE_SIGNED_SO, PE_SIGNED_OTHERWISE };
/* Whether the digest in its embedded signature is that of its bytes. At the end, once. */
enum pe_signed pe_deep_signed(struct pe_deep *d);
/* Its version information names Microsoft as the company. */
bool pe_deep_microsoft(const struct pe_deep *d);

#endif
