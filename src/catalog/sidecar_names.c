// SPDX-License-Identifier: GPL-3.0-or-later
#include "sidecar_names.h"

#include <strings.h>

#include "backproof/sidecar.h"
#include "backproof/text.h"
#include "name.h"

const char *const sidecar_suffixes[] = {
	".sha256", ".sha256sum", ".sha512", ".sha512sum", ".sha1",   ".sha1sum", ".md5",
	".md5sum", ".b2",	 ".b2sum",  ".sha224",	  ".sha384", ".mf",
	".fsverity",
	".sha256.txt", ".sha512.txt", ".sha1.txt", ".md5.txt",
	/* As written on Windows. */
	".SHA256", ".SHA512",	 ".SHA1",   ".MD5",	  NULL,
};

#define LISTS(upper, lower)                                                                        \
	upper "SUMS", upper "SUMS.txt", upper "SUM", upper "SUM.txt", lower "sums", lower "sums.txt",  \
		lower "sum", lower "sum.txt"

const char *const sidecar_lists[] = {
	LISTS("SHA256", "sha256"),
	LISTS("SHA512", "sha512"),
	LISTS("SHA1", "sha1"),
	LISTS("MD5", "md5"),
	LISTS("B2", "b2"),
	LISTS("SHA224", "sha224"),
	LISTS("SHA384", "sha384"),
	LISTS("FSVERITY", "fsverity"),
	"CHECKSUM",
	"CHECKSUM.txt",
	"CHECKSUMS",
	"CHECKSUMS.txt",
	"checksum",
	"checksum.txt",
	"checksums",
	"checksums.txt",
	"checksum.sha256",
	NULL,
};

static const struct word {
	const char *text;
	enum digest_kind kind;
} words[] = {
	{"md5", DIGEST_MD5},	   {"sha1", DIGEST_SHA1},     {"sha224", DIGEST_SHA224},
	{"sha256", DIGEST_SHA256}, {"sha384", DIGEST_SHA384}, {"sha512", DIGEST_SHA512},
	{"b2", DIGEST_BLAKE2B},	   {"blake2b", DIGEST_BLAKE2B},  {"fsverity", DIGEST_FSVERITY},
};

/* Length of s without the ending, if it has it. */
static size_t without(const char *s, size_t len, const char *ending)
{
	size_t n = strlen(ending);
	return len > n && !strncasecmp(s + len - n, ending, n) ? len - n : len;
}

struct sidecar_naming sidecar_naming(const char *base)
{
	struct sidecar_naming out = {.has_kind = false};
	size_t len = without(base, strlen(base), ".txt");
	size_t end = without(base, len, "sums");
	if (end == len)
		end = without(base, len, "sum");
	const char *dot = memrchr(base, '.', end);
	const char *from = dot ? dot + 1 : base;
	size_t n = end - (size_t)(from - base);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].text) != n || strncasecmp(from, words[i].text, n))
			continue;
		out.has_kind = true;
		out.kind = words[i].kind;
		out.stem = dot ? (size_t)(dot - base) : 0;
	}
	return out;
}

bool sidecar_is_list(const char *base)
{
	for (const char *const *s = sidecar_lists; *s; s++)
		if (!strcasecmp(base, *s))
			return true;
	return false;
}

bool sidecar_may_list(const char *base)
{
	static const char *const manifest[] = {".mf", NULL};
	struct sidecar_naming n = sidecar_naming(base);
	size_t stem;
	struct span segment;
	if (!n.has_kind)
		return sidecar_is_list(base) || text_ends_in(base, manifest);
	enum name_kind kind = name_kind(base, n.stem, &stem, &segment);
	return kind != NAME_IMAGE && kind != NAME_COMPRESSED;
}

bool sidecar_is_one(const char *base)
{
	static const char *const others[] = {".mf", ".cert", ".asc", ".sig", ".minisig", NULL};
	size_t len = strlen(base);
	if (sidecar_naming(base).has_kind)
		return true;
	for (const char *const *s = others; *s; s++)
		if (without(base, len, *s) != len)
			return true;
	return sidecar_is_list(base);
}

bool sidecar_may_be(const char *base)
{
	size_t len = strlen(base);
	return sidecar_is_one(base) || without(base, len, ".seal") != len || without(base, len, ".seal-tree") != len;
}

char *sidecar_here(const char *full, const char *dir, bool any)
{
	const char *base = strrchr(full, '/') + 1, *mine = strrchr(dir, '/') + 1;
	size_t n = strlen(mine), len = (size_t)(base - 1 - full);
	bool same = len > n && full[len - n - 1] == '/' && !memcmp(full + len - n, mine, n);
	return any || (n && same) ? text_format("%s/%s", n ? dir : "", base) : strdup(full);
}
