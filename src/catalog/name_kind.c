// SPDX-License-Identifier: GPL-3.0-or-later
/* Kinds of files by their suffixes, and the pieces of split ones. */
#include <ctype.h>
#include <strings.h>

#include "backproof/piece.h"
#include "name.h"

static const char *const image_suffixes[] = {
	"img",	"raw",	"dd",	"bin",	"iso",	"ima",	"tar",	"tgz",	"tbz",	"tbz2",	 "txz",
	"tzst", "tlz4", "tlz",	"cpio", "qcow2", "qcow", "qed",	"vmdk", "vhd",	"vhdx",	 "avhdx",
	"avhd", "vdi",	"hdd",	"vma",	"wim",	"esd",	"swm",	"ova",	"fsa",	"xva",	"vbk",	 "vib",
	"tib",	"tibx",	"mrimg", "gho",	"adi",	"aff",	"squashfs", "sqfs", "partclone", "pcl", "disk",
};
static const char *const compressions[] = {
	"zst", "zstd", "gz", "xz", "lz4", "bz2", "lzo", "lzma", "lz", "br", "pigz", "z",
};
static const char *const beside_suffixes[] = {
	"sha256", "sha512", "sha1",	  "sha224",   "sha384", "md5",	  "b2",	      "b3",
	"blake2", "blake3", "sha256sum",  "sha512sum", "sha1sum", "md5sum", "b2sum",   "b3sum",
	"crc",	  "crc32",  "sfv",	  "seal",     "asc",	"sig",	  "minisig",  "mf",
	"cert",	  "gpg-sig", "log",	  "notes",    "txt",	"json",	  "xml",      "list",
	"lst",	  "manifest", "conf",	  "cfg",      "yml",	"yaml",	  "toml",     "nfo",
	"md",	  "html",   "csv",	  "ovf",      "sh",	"err",	  "out",      "status",
	"lock",	  "pid",    "done",	  "ok",	      "map",	"bmap",	  "torrent",  "par2",
	"fsverity", "seal-tree",
};
static const char *const beside_names[] = {
	"sha256sums", "sha512sums", "sha1sums", "md5sums", "b2sums", "checksums", "checksum",
	"sha256sum",  "sha512sum",  "sha1sum",	"md5sum",  "manifest", "readme",
	"fsveritysums", "fsveritysum",
};

static bool in_list(const char *const *list, size_t count, const char *s, size_t len)
{
	char second = len > 1 ? s[1] : 0;
	for (size_t i = 0; i < count && len; i++)
		/* The first two letters spare most comparisons. */
		if (!((list[i][0] ^ s[0]) & ~0x20) && !((list[i][1] ^ second) & ~0x20) &&
		    !strncasecmp(list[i], s, len) && !list[i][len])
			return true;
	return false;
}
#define IN(list, s, len) in_list(list, ARRAY_SIZE(list), s, len)

/* Where the text behind the last dot of name[0 .. len) begins, or 0 when there is none or nothing before it. */
static size_t last_suffix(const char *name, size_t len)
{
	for (size_t i = len; i > 1; i--)
		if (name[i - 1] == '.')
			return i;
	return 0;
}

/* EWF: E01, e02, Ex01, EAA; SMART s01. */
static bool is_ewf(const char *s, size_t len)
{
	if (len == 4 && (s[1] == 'x' || s[1] == 'X'))
		return (s[0] == 'E' || s[0] == 'e') && isalnum((unsigned char)s[2]) &&
		       isdigit((unsigned char)s[3]);
	return len == 3 && (s[0] == 'E' || s[0] == 'e') && isdigit((unsigned char)s[1]) &&
	       isdigit((unsigned char)s[2]);
}

/* Without compression and split suffix: is it an image? Its stem and, for split kinds, the segment. */
static bool is_image(const char *name, size_t len, size_t *stem, struct span *segment)
{
	static const char clone[] = "-ptcl-img";
	size_t at = last_suffix(name, len);
	if (len >= sizeof clone && !strncasecmp(name + len - (sizeof clone - 1), clone, sizeof clone - 1)) {
		*stem = len - (sizeof clone - 1);
		return true;
	}
	if (!at)
		return false;
	const char *s = name + at;
	size_t n = len - at;
	*stem = at - 1;
	if (is_ewf(s, n)) {
		*segment = (struct span){at, len};
		return true;
	}
	if (!IN(image_suffixes, s, n))
		return false;
	/* disk.vmdk has its extents in disk-flat.vmdk, disk-s001.vmdk, disk-f001.vmdk. */
	if (n == 4 && !strncasecmp(s, "vmdk", 4)) {
		size_t e = *stem;
		if (e > 5 && !strncasecmp(name + e - 5, "-flat", 5))
			*segment = (struct span){e - 5, e};
		else if (e > 5 && name[e - 5] == '-' && strchr("sf", name[e - 4]) &&
			 isdigit((unsigned char)name[e - 3]) && isdigit((unsigned char)name[e - 2]) &&
			 isdigit((unsigned char)name[e - 1]))
			*segment = (struct span){e - 5, e};
	}
	return true;
}

static enum name_kind plain_kind(const char *name, size_t len, size_t *stem, struct span *segment)
{
	size_t at = last_suffix(name, len);
	if (is_image(name, len, stem, segment))
		return NAME_IMAGE;
	if (at && IN(compressions, name + at, len - at)) {
		if (is_image(name, at - 1, stem, segment))
			return NAME_IMAGE;
		*stem = at - 1;
		return NAME_COMPRESSED;
	}
	*stem = len;
	return NAME_OTHER;
}

static bool is_beside(const char *name, size_t len)
{
	size_t at = last_suffix(name, len);
	return IN(beside_names, name, len) || (at && IN(beside_suffixes, name + at, len - at)) ||
	       (at && IN(beside_names, name, at - 1));
}

enum name_kind name_kind(const char *name, size_t len, size_t *stem, struct span *segment)
{
	*segment = (struct span){0, 0};
	if (is_beside(name, len)) {
		*stem = len;
		return NAME_BESIDE;
	}
	enum name_kind k = plain_kind(name, len, stem, segment);
	size_t at = last_suffix(name, len);
	if (k != NAME_OTHER || !at)
		return k;
	/* A compressed log is a log; a piece (.aa, .00, .001, .part-aa) of an image is an image. */
	size_t mark = piece_mark(name, len);
	if (!mark || !piece_told(name + mark, len - mark))
		return k;
	struct span inner = {0, 0};
	enum name_kind whole = plain_kind(name, at - 1, stem, &inner);
	if (whole != NAME_IMAGE && whole != NAME_COMPRESSED) {
		*stem = len;
		return NAME_OTHER;
	}
	*segment = (struct span){at, len};
	return whole;
}
