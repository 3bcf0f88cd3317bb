// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

static int bid_partimage(const struct probe *p)
{
	return HEAD_HAS(p, 0, "PaRtImAgE-VoLuMe") ? 95 : 0;
}

const struct format known_partimage = {
    .name = "partimage",
    .kind = FORMAT_IMAGE,
    .bid = bid_partimage,
    .product = "partimage volume",
};

static int bid_ntfsclone(const struct probe *p)
{
	return HEAD_HAS(p, 0, "\0ntfsclone-image") ? 95 : 0;
}

const struct format known_ntfsclone = {
    .name = "ntfsclone",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".ntfs-img"),
    .bid = bid_ntfsclone,
    .product = "ntfsclone image",
};

/* A volume header, whose dictionary holds the version of the format. */
static int bid_fsarchiver(const struct probe *p)
{
	size_t n = p->head_length < 256 ? p->head_length : 256;
	return HEAD_HAS(p, 0, "FsA0") && memmem(p->head, n, "FsArCh_", 7) ? 95 : 0;
}

const struct format known_fsarchiver = {
    .name = "fsarchiver",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".fsa"),
    .bid = bid_fsarchiver,
    .checksums = CHECKSUMS_DATA,
    .product = "FSArchiver archive",
};

/* Indexes and blobs: the first bytes of the SHA-256 of their names ("Technical Overview"). */
static int bid_pbs(const struct probe *p)
{
	static const uint8_t magics[][8] = {
	    {47, 127, 65, 237, 145, 253, 15, 205}, /* fixed index */
	    {28, 145, 78, 165, 25, 186, 179, 205}, /* dynamic index */
	    {66, 171, 56, 7, 190, 131, 112, 161},  /* blob */
	    {49, 185, 88, 66, 111, 182, 163, 127}, /* blob, compressed */
	    {123, 103, 133, 190, 34, 45, 76, 240}, /* blob, encrypted */
	    {230, 89, 27, 191, 11, 191, 216, 11},  /* blob, both */
	};
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (head_has(p, 0, magics[i], sizeof magics[i]))
			return 95;
	return 0;
}

const struct format known_pbs = {
    .name = "pbs",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".fidx", ".didx"),
    .bid = bid_pbs,
    .checksums = CHECKSUMS_DATA,
    .product = "Proxmox Backup Server index or blob",
};

static int bid_borg(const struct probe *p)
{
	return HEAD_HAS(p, 0, "BORG_SEG") || HEAD_HAS(p, 0, "ATTICSEG") ? 95 : 0;
}

const struct format known_borg = {
    .name = "borg",
    .kind = FORMAT_IMAGE,
    .bid = bid_borg,
    .checksums = CHECKSUMS_DATA,
    .product = "BorgBackup repository segment",
};

/* The identity in a block header, behind checksum, size and number. */
static int bid_bacula(const struct probe *p)
{
	return HEAD_HAS(p, 12, "BB01") || HEAD_HAS(p, 12, "BB02") || HEAD_HAS(p, 12, "BB03") ? 50
											     : 0;
}

const struct format known_bacula = {
    .name = "bacula",
    .kind = FORMAT_IMAGE,
    .bid = bid_bacula,
    .checksums = CHECKSUMS_DATA,
    .product = "Bacula or Bareos volume",
};

static int bid_btrfs_send(const struct probe *p)
{
	return HEAD_HAS(p, 0, "btrfs-stream\0") ? 95 : 0;
}

const struct format known_btrfs_send = {
    .name = "btrfs-send",
    .kind = FORMAT_IMAGE,
    .bid = bid_btrfs_send,
    .checksums = CHECKSUMS_DATA,
    .product = "btrfs send stream",
};

/* The magic of the first record, in either byte order. */
static int bid_zfs_send(const struct probe *p)
{
	return HEAD_HAS(p, 8, "\xac\xcb\xba\xf5\2\0\0\0") ||
		       HEAD_HAS(p, 8, "\0\0\0\2\xf5\xba\xcb\xac")
		   ? 90
		   : 0;
}

const struct format known_zfs_send = {
    .name = "zfs-send",
    .kind = FORMAT_IMAGE,
    .bid = bid_zfs_send,
    .checksums = CHECKSUMS_DATA,
    .product = "ZFS send stream",
};
