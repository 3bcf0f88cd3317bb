// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

static bool head_is(const struct probe *p, const char *magic, size_t len)
{
	return p->head_length > len && !memcmp(p->head, magic, len);
}
#define HEAD_IS(p, literal) head_is((p), (literal), sizeof(literal) - 1)

#define SUFFIXES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Two bytes of magic; the third holds the code width (9 to 16) and two bits that must be zero. */
static int bid_compress(const struct probe *p)
{
	if (!HEAD_IS(p, "\x1f\x9d"))
		return 0;
	uint8_t flags = p->head[2];
	return !(flags & 0x60) && (flags & 0x1f) >= 9 && (flags & 0x1f) <= 16 ? 60 : 0;
}

static const struct format compress = {
    .name = "compress",
    .kind = FORMAT_CODEC,
    .suffixes = SUFFIXES(".Z"),
    .bid = bid_compress,
    .product = "compress (.Z)",
};

static int bid_lzip(const struct probe *p)
{
	return HEAD_IS(p, "LZIP\1") ? 90 : HEAD_IS(p, "LZIP") ? 40 : 0;
}

static const struct format lzip = {
    .name = "lzip",
    .kind = FORMAT_CODEC,
    .suffixes = SUFFIXES(".lz"),
    .bid = bid_lzip,
    .checksums = CHECKSUMS_DATA,
    .product = "lzip compression",
};

static int bid_age(const struct probe *p)
{
	return HEAD_IS(p, "age-encryption.org/v1\n") ? 95 : 0;
}

static const struct format age = {
    .name = "age",
    .kind = FORMAT_CODEC,
    .suffixes = SUFFIXES(".age"),
    .bid = bid_age,
    .product = "age encryption",
};

static int bid_openssl(const struct probe *p)
{
	return HEAD_IS(p, "Salted__") ? 90 : 0;
}

static const struct format openssl = {
    .name = "openssl",
    .kind = FORMAT_CODEC,
    .bid = bid_openssl,
    .product = "openssl enc encryption",
};

const struct format *const codec_known_rows[] = {&compress, &lzip, &age, &openssl};
const size_t codec_known_count = ARRAY_SIZE(codec_known_rows);
