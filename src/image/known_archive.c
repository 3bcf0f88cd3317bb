// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

/* A tar header; its checksum is the business of the tar row, which these outbid. */
static bool tar_header(const struct probe *p)
{
	return p->head_length >= 512 && HEAD_HAS(p, 257, "ustar");
}

static int bid_xva(const struct probe *p)
{
	return tar_header(p) && HEAD_HAS(p, 0, "ova.xml\0") ? 95 : 0;
}

const struct format known_xva = {
    .name = "xva",
    .kind = FORMAT_ARCHIVE,
    .suffixes = SUFFIXES(".xva"),
    .bid = bid_xva,
    .checksums = CHECKSUMS_DATA,
    .product = "XenServer virtual appliance (XVA)",
};

static int bid_zip(const struct probe *p)
{
	return HEAD_HAS(p, 0, "PK\3\4") || HEAD_HAS(p, 0, "PK\5\6") || HEAD_HAS(p, 0, "PK\7\x08")
		   ? 80
		   : 0;
}

const struct format known_zip = {
    .name = "zip",
    .kind = FORMAT_ARCHIVE,
    .suffixes = SUFFIXES(".zip"),
    .bid = bid_zip,
    .checksums = CHECKSUMS_DATA,
    .product = "ZIP archive",
};

static int bid_7z(const struct probe *p)
{
	return HEAD_HAS(p, 0, "7z\xbc\xaf\x27\x1c") ? 95 : 0;
}

const struct format known_7z = {
    .name = "7z",
    .kind = FORMAT_ARCHIVE,
    .suffixes = SUFFIXES(".7z"),
    .bid = bid_7z,
    .checksums = CHECKSUMS_DATA,
    .product = "7-Zip archive",
};

static int bid_rar(const struct probe *p)
{
	return HEAD_HAS(p, 0, "Rar!\x1a\x07\0") || HEAD_HAS(p, 0, "Rar!\x1a\x07\1\0") ? 95 : 0;
}

const struct format known_rar = {
    .name = "rar",
    .kind = FORMAT_ARCHIVE,
    .suffixes = SUFFIXES(".rar"),
    .bid = bid_rar,
    .checksums = CHECKSUMS_DATA,
    .product = "RAR archive",
};

/* Little-endian, version 4: what every kernel since 2009 makes. */
static int bid_squashfs(const struct probe *p)
{
	return HEAD_HAS(p, 0, "hsqs") && HEAD_HAS(p, 28, "\4\0\0\0") ? 90 : 0;
}

const struct format known_squashfs = {
    .name = "squashfs",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".squashfs", ".sqfs"),
    .bid = bid_squashfs,
    .product = "squashfs image",
};

/* A volume descriptor at sector 16. A hybrid image also has a partition table: this outranks it. */
static int bid_iso9660(const struct probe *p)
{
	return HEAD_HAS(p, 32769, "CD001\1") ? 90 : 0;
}

const struct format known_iso9660 = {
    .name = "iso9660",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".iso"),
    .bid = bid_iso9660,
    .product = "optical disc image (ISO 9660)",
};
