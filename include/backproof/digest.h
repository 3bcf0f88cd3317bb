// SPDX-License-Identifier: GPL-3.0-or-later
/* Digests by libcrypto, and fs-verity's. */
#ifndef BACKPROOF_DIGEST_H
#define BACKPROOF_DIGEST_H

#include "backproof/merkle.h"

enum digest_kind {
	DIGEST_MD5,
	DIGEST_SHA1,
	DIGEST_SHA224,
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGEST_BLAKE2B,
	DIGEST_FSVERITY, /* of a tree of SHA-256 hashes: see merkle.h */
	DIGEST_KINDS
};
#define DIGEST_MAX 64

const char *digest_name(enum digest_kind k); /* "sha256" */
size_t digest_size(enum digest_kind k);	     /* bytes */
/* MD5 and SHA-1 tell accidents, not attackers. */
bool digest_is_weak(enum digest_kind k);

struct digest;
struct digest *digest_new(enum digest_kind k, struct error *e) must_check;
void digest_destroy(struct digest *d);
DEFINE_AUTO(struct digest, digest_destroy)
/* Usable as a stream tap. A failure inside libcrypto is kept and comes out of digest_final. */
void digest_update(void *digest, const void *data, size_t len);
/* Writes digest_size bytes; the digest can't be used again until digest_reset. */
int digest_final(struct digest *d, uint8_t out[DIGEST_MAX], struct error *e) must_check;
int digest_reset(struct digest *d, struct error *e) must_check;
enum digest_kind digest_kind(const struct digest *d);
/* Of DIGEST_FSVERITY: shows its chunks, as merkle_observe does. Before the first byte. */
void digest_observe(struct digest *d, merkle_observer *fn, void *ctx);

/* buf: 2 * len + 1. Returns buf. */
char *hex_encode(const uint8_t *p, size_t len, char *buf);
/* -1 unless hex is exactly 2 * len hexadecimal digits followed by NUL. */
int hex_decode(const char *hex, uint8_t *out, size_t len) must_check;

#endif
