// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Ed25519 keys (RFC 8032, by libcrypto) and signed statements: DSSE v1 envelopes, as seals and passes are written.
 * Envelopes are hostile input: what is not exactly as it should be is refused.
 */
#ifndef BACKPROOF_SIGNATURE_H
#define BACKPROOF_SIGNATURE_H

#include "backproof/text.h"

#define KEY_ID_SIZE 65 /* SHA-256 of the public key's SubjectPublicKeyInfo (DER), in hex, and a NUL */

/* A private key. */
struct signer;
/* PEM (PKCS #8) without a passphrase. CORRUPT: not such a key, or a file that others may read. */
struct signer *signer_load(const char *path, struct error *e) must_check;
void signer_destroy(struct signer *s);
DEFINE_AUTO(struct signer, signer_destroy)
const char *signer_id(const struct signer *s);
/* Makes a new key: PATH with mode 0600, which must not exist, and PATH.pub. Neither is left half written. */
int signer_create(const char *path, struct error *e) must_check;

/* Public keys that are trusted. Zeroed: none. */
struct trusted_keys {
	VEC(struct trusted_key) items;
};
struct trusted_key {
	char id[KEY_ID_SIZE];
	uint8_t raw[32];
	char *path; /* it came from */
	const char *kind; /* "private key", "public key", "public key of minisign" */
};
/* PEM (also of a private key: its public half), or a public key of minisign or signify. */
int trusted_keys_add(struct trusted_keys *k, const char *path, struct error *e) must_check;
/* The public half of a private key. */
int trusted_keys_add_signer(struct trusted_keys *k, const struct signer *s, struct error *e) must_check;
/* As `openssl pkey -pubout` writes it. Allocated; NULL: failed. */
char *trusted_key_pem(const struct trusted_key *k, struct error *e) must_check;
void trusted_keys_free(struct trusted_keys *k);

/* The envelope of a payload of a type, one line. s: NULL leaves it unsigned. */
int envelope_write(const char *type, const void *payload, size_t length, const struct signer *s, struct text *out,
		   struct error *e) must_check;

struct envelope {
	char *payload; /* with a NUL behind it, which is not counted */
	size_t length;
	bool is_signed;
	bool trusted; /* the signature is that of one of the keys, */
	char key_id[KEY_ID_SIZE]; /* which is this one; else what the envelope says, "" for nothing */
};
/*
 * Opens an envelope whose payload must be of that type. CORRUPT: not one, or its signature does not match the key that
 * it names. One by a key that is not trusted is no error here: see is_signed and trusted.
 */
int envelope_read(const char *text, size_t length, const char *type, const struct trusted_keys *keys,
		  struct envelope *out, struct error *e) must_check;
void envelope_free(struct envelope *x);

/* Standard base64 (RFC 4648, 4) with padding. */
char *base64_encode(const void *p, size_t length) must_check;
/* Only the canonical form. Allocates, with a NUL behind; NULL: not base64 (errno EINVAL), or memory (ENOMEM). */
uint8_t *base64_decode(const char *text, size_t length, size_t *out) must_check;

#endif
