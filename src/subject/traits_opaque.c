// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How much of the sampled files nothing can compress. Files that were encrypted, or overwritten at random, are like
 * that; so are archives and pictures, which are left out by their names.
 */
#include <strings.h>
#include <zstd.h>

#include "traits.h"

#define TRIED (64 * KIB)
#define BLOCK (4 * KIB)
#define LEAST 512 /* shorter ones can't be compressed whatever they hold */
/* From what on a share tells something. */
#define LEAST_FILES 20
#define LEAST_BYTES (256 * KIB)

/* Kinds of file that are compressed or encrypted by those who made them. */
static bool is_always_opaque(const char *path)
{
	static const char *const suffixes[] = {
		"gz",	"tgz",	"xz",	"txz",	"zst",	"bz2",	"tbz",	"lz4",	"lz",	"lzma",	 "lzo",	 "br",	 "zip",
		"7z",	"rar",	"jar",	"war",	"ear",	"apk",	"deb",	"rpm",	"whl",	"egg",	 "xpi",	 "crx",	 "cab",
		"msi",	"msu",	"msp",	"wim",	"esd",	"png",	"jpg",	"jpeg",	"gif",	"webp",	 "heic", "avif", "mp3",
		"mp4",	"m4a",	"m4v",	"mkv",	"webm",	"mov",	"avi",	"ogg",	"oga",	"ogv",	 "opus", "flac", "aac",
		"wma",	"wmv",	"woff", "woff2", "docx", "xlsx", "pptx", "odt",	"ods",	"odp",	 "epub", "pdf",	 "pack",
		"gpg",	"pgp",	"age",	"kdbx",	"dng",	"squashfs", "snap", "qcow2", "vma",	 "pf",	 "nupkg",
	};
	static const char *const names[] = {"vmlinuz", "initrd", "initramfs", "bzImage"};
	const char *base = strrchr(path, '/'), *dot;
	base = base ? base + 1 : path;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	dot = strrchr(base, '.');
	for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		if (!strcasecmp(dot + 1, suffixes[i]))
			return true;
	return false;
}

static bool is_opaque(ZSTD_CCtx *z, const uint8_t *block, size_t n, uint8_t *out, size_t cap)
{
	size_t packed = ZSTD_compressCCtx(z, out, cap, block, n, 1);
	return !ZSTD_isError(packed) && packed > n - n / 32;
}

int traits_try(int fd, uint64_t size, const char *path, uint64_t *opaque, uint64_t *tried, struct error *e)
{
	uint8_t out[ZSTD_COMPRESSBOUND(BLOCK)];
	if (size < LEAST || is_always_opaque(path))
		return 0;
	autofree uint8_t *head = malloc(TRIED);
	ZSTD_CCtx *z = ZSTD_createCCtx();
	if (!head || !z) {
		ZSTD_freeCCtx(z);
		return error_nomem(e);
	}
	ssize_t n = read_whole_at(fd, head, TRIED, 0);
	if (n < 0) {
		error_sys(e, "%s: what came out of it", path);
		ZSTD_freeCCtx(z);
		return -1;
	}
	size_t found = 0, len = n < LEAST ? 0 : (size_t)n;
	bool begins = false;
	for (size_t at = 0; at < len; at += BLOCK) {
		size_t part = len - at < BLOCK ? len - at : BLOCK;
		if (part < LEAST || !is_opaque(z, head + at, part, out, sizeof out))
			continue;
		found += part;
		begins |= !at;
	}
	ZSTD_freeCCtx(z);
	/* Who is in a hurry encrypts the first block of a file, which makes it as useless. */
	*opaque += begins ? len : found;
	*tried += len;
	return len != 0;
}

bool tree_traits_opaque(const struct tree_traits *t, uint32_t *share)
{
	*share = 0;
	if (t->tried_files < LEAST_FILES || t->tried_bytes < LEAST_BYTES)
		return false;
	*share = (uint32_t)((double)t->opaque_bytes / (double)t->tried_bytes * 1e6);
	return true;
}
