// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

static int bid_qed(const struct probe *p)
{
	return HEAD_HAS(p, 0, "QED\0") ? 90 : 0;
}

const struct format known_qed = {
    .name = "qed",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".qed"),
    .bid = bid_qed,
    .product = "QEMU enhanced disk image (QED)",
};

/* The data of a flat VMDK is a raw disk: the longer suffix wins, and there is nothing to refuse. */
const struct format known_vmdk_flat = {
    .name = "raw",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES("-flat.vmdk"),
};

static int bid_parallels(const struct probe *p)
{
	return HEAD_HAS(p, 0, "WithoutFreeSpace") || HEAD_HAS(p, 0, "WithouFreSpacExt") ? 95 : 0;
}

const struct format known_parallels = {
    .name = "parallels",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".hds"),
    .bid = bid_parallels,
    .product = "Parallels disk image",
};

/* The trailer: signature, version 4 and its own length of 512, both big-endian. */
static int bid_dmg(const struct probe *p)
{
	return TAIL_HAS(p, 512, "koly\0\0\0\4\0\0\2\0") ? 95 : 0;
}

const struct format known_dmg = {
    .name = "dmg",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".dmg"),
    .bid = bid_dmg,
    .checksums = CHECKSUMS_DATA,
    .product = "Apple disk image (DMG)",
};
