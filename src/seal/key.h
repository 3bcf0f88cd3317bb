// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SEAL_KEY_H
#define SEAL_KEY_H

#include <openssl/evp.h>

#include "backproof/signature.h"

/* Borrowed. */
EVP_PKEY *signer_key(const struct signer *s);
/* SHA-256 of its SubjectPublicKeyInfo, in hex. */
int key_id_of(EVP_PKEY *key, char id[KEY_ID_SIZE], struct error *e) must_check;
/* In PEM. Allocated; NULL: failed. */
char *key_pem(EVP_PKEY *key, bool private, struct error *e) must_check;
/* All of a small file, with a NUL behind. private: refused when others than its owner may read it. Allocated. */
char *key_file_read(const char *path, bool private, size_t *length, struct error *e) must_check;

/* For libcrypto's PEM readers: one would be asked for on the terminal, and there is none. */
int key_no_passphrase(char *buf, int size, int rwflag, void *ctx);

#endif
