// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/digest.h"

#include <openssl/evp.h>

static const struct row {
	const char *name;
	size_t size;
	const EVP_MD *(*md)(void); /* NULL: none of libcrypto's */
} rows[DIGEST_KINDS] = {
	[DIGEST_MD5] = {"md5", 16, EVP_md5},	      [DIGEST_SHA1] = {"sha1", 20, EVP_sha1},
	[DIGEST_SHA224] = {"sha224", 28, EVP_sha224}, [DIGEST_SHA256] = {"sha256", 32, EVP_sha256},
	[DIGEST_SHA384] = {"sha384", 48, EVP_sha384}, [DIGEST_SHA512] = {"sha512", 64, EVP_sha512},
	[DIGEST_BLAKE2B] = {"blake2b", 64, EVP_blake2b512},
	[DIGEST_FSVERITY] = {"fsverity", MERKLE_HASH, NULL},
};

struct digest {
	enum digest_kind kind;
	EVP_MD_CTX *ctx;
	struct merkle *tree; /* for fs-verity, instead */
	bool failed;
};

const char *digest_name(enum digest_kind k)
{
	return rows[k].name;
}

size_t digest_size(enum digest_kind k)
{
	return rows[k].size;
}

bool digest_is_weak(enum digest_kind k)
{
	return k == DIGEST_MD5 || k == DIGEST_SHA1;
}

int digest_reset(struct digest *d, struct error *e)
{
	if (d->tree) {
		merkle_reset(d->tree);
		d->failed = false;
		return 0;
	}
	d->failed = EVP_DigestInit_ex(d->ctx, rows[d->kind].md(), NULL) != 1;
	return d->failed ? error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto has no %s here",
				     rows[d->kind].name)
			 : 0;
}

struct digest *digest_new(enum digest_kind k, struct error *e)
{
	struct digest *d = calloc(1, sizeof *d);
	int rc = 0;
	if (!d) {
		error_nomem(e);
		return NULL;
	}
	d->kind = k;
	if (!rows[k].md)
		rc = (d->tree = merkle_new(e)) ? 0 : -1;
	else if (!(d->ctx = EVP_MD_CTX_new()))
		rc = error_nomem(e);
	if (rc < 0 || digest_reset(d, e) < 0) {
		digest_destroy(d);
		return NULL;
	}
	return d;
}

void digest_destroy(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	merkle_destroy(d->tree);
	free(d);
}

void digest_update(void *digest, const void *data, size_t len)
{
	struct digest *d = digest;
	if (d->tree)
		merkle_update(d->tree, data, len);
	else if (!d->failed && EVP_DigestUpdate(d->ctx, data, len) != 1)
		d->failed = true;
}

int digest_final(struct digest *d, uint8_t out[DIGEST_MAX], struct error *e)
{
	if (d->tree && !d->failed) {
		d->failed = true; /* until reset */
		return merkle_final(d->tree, out, e);
	}
	if (d->failed || EVP_DigestFinal_ex(d->ctx, out, NULL) != 1) {
		d->failed = true;
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto failed in %s", rows[d->kind].name);
	}
	d->failed = true; /* until reset */
	return 0;
}

enum digest_kind digest_kind(const struct digest *d)
{
	return d->kind;
}

void digest_observe(struct digest *d, merkle_observer *fn, void *ctx)
{
	if (d->tree)
		merkle_observe(d->tree, fn, ctx);
}

char *hex_encode(const uint8_t *p, size_t len, char *buf)
{
	for (size_t i = 0; i < len; i++)
		snprintf(buf + 2 * i, 3, "%02x", p[i]);
	if (!len)
		*buf = 0;
	return buf;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	     : c >= 'a' && c <= 'f' ? c - 'a' + 10
	     : c >= 'A' && c <= 'F' ? c - 'A' + 10
				    : -1;
}

int hex_decode(const char *hex, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int hi = nibble(hex[2 * i]), lo = hi < 0 ? -1 : nibble(hex[2 * i + 1]);
		if (lo < 0)
			return -1;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return hex[2 * len] ? -1 : 0;
}
