// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/sha256.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "sha256_pair.h"

static bool able, forbidden;

static int with_libcrypto(const struct sha256_message *m, size_t count, size_t length, struct error *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = ctx ? 0 : error_nomem(e);
	for (size_t i = 0; i < count && rc == 0; i++)
		if (EVP_DigestInit_ex(ctx, i ? NULL : EVP_sha256(), NULL) != 1 ||
		    EVP_DigestUpdate(ctx, m[i].data, length) != 1 ||
		    EVP_DigestFinal_ex(ctx, m[i].digest, NULL) != 1)
			rc = error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto failed in sha256");
	EVP_MD_CTX_free(ctx);
	return rc;
}

static void in_pairs(const struct sha256_message *m, size_t count, size_t length)
{
	uint8_t unused[SHA256_SIZE];
	for (size_t i = 0; i + 1 < count; i += 2)
		sha256_pair(m[i].data, m[i + 1].data, length, m[i].digest, m[i + 1].digest);
	if (count % 2)
		sha256_pair(m[count - 1].data, m[count - 1].data, length, m[count - 1].digest, unused);
}

static bool gives(const char *message, const uint8_t expected[SHA256_SIZE])
{
	/* Beside another message, in both lanes. */
	size_t length = strlen(message);
	uint8_t other[64], got[4][SHA256_SIZE];
	if (length > sizeof other)
		return false;
	memset(other, 0x5a, sizeof other);
	sha256_pair((const uint8_t *)message, other, length, got[0], got[1]);
	sha256_pair(other, (const uint8_t *)message, length, got[2], got[3]);
	return !memcmp(got[0], expected, SHA256_SIZE) && !memcmp(got[3], expected, SHA256_SIZE) &&
	       !memcmp(got[1], got[2], SHA256_SIZE);
}

/* The examples of FIPS 180-4, and what libcrypto makes of blocks such as there will be. */
static bool passes_known_answers(void)
{
	static const uint8_t abc[SHA256_SIZE] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	static const uint8_t two_blocks[SHA256_SIZE] = {
		0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8, 0xe5, 0xc0, 0x26, 0x93, 0x0c, 0x3e, 0x60, 0x39,
		0xa3, 0x3c, 0xe4, 0x59, 0x64, 0xff, 0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4, 0x19, 0xdb, 0x06, 0xc1};
	enum { LENGTH = 4096 };
	uint8_t blocks[2 * LENGTH], got[2][SHA256_SIZE], want[2][SHA256_SIZE];
	struct rng rng = {1};
	for (size_t i = 0; i < sizeof blocks; i++)
		blocks[i] = (uint8_t)rng_next(&rng);
	sha256_pair(blocks, blocks + LENGTH, LENGTH, got[0], got[1]);
	const struct sha256_message m[] = {{blocks, want[0]}, {blocks + LENGTH, want[1]}};
	return gives("abc", abc) &&
	       gives("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", two_blocks) &&
	       with_libcrypto(m, 2, LENGTH, NULL) == 0 && !memcmp(got, want, sizeof got);
}

static void look(void)
{
	able = sha256_pair_runs_here() && passes_known_answers();
}

bool sha256_in_pairs(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, look);
	return able && !forbidden;
}

void sha256_by_libcrypto(bool yes)
{
	forbidden = yes;
}

int sha256_many(const struct sha256_message *messages, size_t count, size_t length, struct error *e)
{
	if (!count)
		return 0;
	if (!sha256_in_pairs())
		return with_libcrypto(messages, count, length, e);
	in_pairs(messages, count, length);
	return 0;
}
