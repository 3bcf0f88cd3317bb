// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

static int bid_acronis(const struct probe *p)
{
	if (HEAD_HAS(p, 0, "\xce\x24\xb9\xa2\x20\0\0\0"))
		return 90;
	return HEAD_HAS(p, 0, "\xb4\x6e\x68\x44") ? 60 : 0;
}

const struct format known_acronis = {
    .name = "tib",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".tib"),
    .bid = bid_acronis,
    .product = "Acronis True Image backup",
};

const struct format known_tibx = {
    .name = "tibx",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".tibx"),
    .product = "Acronis archive (TIBX)",
};

static int bid_macrium(const struct probe *p)
{
	return TAIL_HAS(p, 12, "MACRIUM_FILE") ? 95 : 0;
}

const struct format known_macrium = {
    .name = "mrimgx",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".mrimgx", ".mrbakx"),
    .bid = bid_macrium,
    .checksums = CHECKSUMS_DATA,
    .product = "Macrium Reflect X image",
};

const struct format known_macrium_old = {
    .name = "mrimg",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".mrimg", ".mrbak"),
    .product = "Macrium Reflect image",
};

const struct format known_veeam = {
    .name = "veeam",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vbk", ".vib", ".vrb"),
    .product = "Veeam backup",
};

const struct format known_ghost = {
    .name = "ghost",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".gho", ".ghs"),
    .product = "Norton Ghost image",
};

const struct format known_shadowprotect = {
    .name = "shadowprotect",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".spf", ".spi"),
    .product = "ShadowProtect image",
};

/* Microsoft Tape Format begins with a descriptor block of type TAPE. */
static int bid_bkf(const struct probe *p)
{
	return HEAD_HAS(p, 0, "TAPE") ? 50 : 0;
}

const struct format known_bkf = {
    .name = "bkf",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".bkf"),
    .bid = bid_bkf,
    .product = "Windows NT backup (Microsoft Tape Format)",
};
