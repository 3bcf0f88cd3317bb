// SPDX-License-Identifier: GPL-3.0-or-later
/* Public keys: PEM, and the two lines that signify and minisign write. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "key.h"

/* "Ed", eight bytes that name the key, the key itself. */
#define SIGNIFY_LENGTH 42
#define SIGNIFY_KEY 10

/* The key of a file of two lines, the first a comment. NULL: it is no such file. */
static EVP_PKEY *from_signify(const char *text, const char **kind)
{
	static const char comment[] = "untrusted comment:";
	const char *line = strchr(text, '\n');
	size_t length;
	if (strncmp(text, comment, sizeof comment - 1) || !line)
		return NULL;
	line++;
	autofree uint8_t *raw = base64_decode(line, strcspn(line, "\r\n"), &length);
	if (!raw || length != SIGNIFY_LENGTH || memcmp(raw, "Ed", 2))
		return NULL;
	*kind = strncmp(text + sizeof comment - 1, " minisign", 9) ? "public key of signify" : "public key of minisign";
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw + SIGNIFY_KEY, 32);
}

static EVP_PKEY *from_pem(const char *text, size_t length, const char **kind)
{
	for (int private = 0; private < 2; private++) {
		BIO *bio = BIO_new_mem_buf(text, (int)length);
		EVP_PKEY *key = !bio	  ? NULL
				: private ? PEM_read_bio_PrivateKey(bio, NULL, key_no_passphrase, NULL)
					  : PEM_read_bio_PUBKEY(bio, NULL, key_no_passphrase, NULL);
		BIO_free(bio);
		*kind = private ? "private key" : "public key";
		if (key && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
			return key;
		EVP_PKEY_free(key);
	}
	return NULL;
}

static int add(struct trusted_keys *k, EVP_PKEY *key, const char *kind, const char *path, struct error *e)
{
	struct trusted_key *to = vec_push(&k->items);
	size_t n = sizeof to->raw;
	if (!to)
		return error_nomem(e);
	to->kind = kind;
	if (!(to->path = strdup(path)) || key_id_of(key, to->id, e) < 0 ||
	    EVP_PKEY_get_raw_public_key(key, to->raw, &n) != 1 || n != sizeof to->raw) {
		free(to->path);
		k->items.count--;
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: the key could not be taken", path);
	}
	return 0;
}

int trusted_keys_add(struct trusted_keys *k, const char *path, struct error *e)
{
	size_t length;
	autofree char *text = key_file_read(path, false, &length, e);
	if (!text)
		return -1;
	const char *kind;
	EVP_PKEY *key = from_signify(text, &kind);
	if (!key)
		key = from_pem(text, length, &kind);
	/* What was tried in vain is no error of anybody's. */
	ERR_clear_error();
	if (!key)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "%s: no public key of Ed25519 (PEM, minisign or signify)", path);
	int rc = add(k, key, kind, path, e);
	EVP_PKEY_free(key);
	return rc;
}

int trusted_keys_add_signer(struct trusted_keys *k, const struct signer *s, struct error *e)
{
	return add(k, signer_key(s), "private key", "", e);
}

char *trusted_key_pem(const struct trusted_key *k, struct error *e)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->raw, sizeof k->raw);
	char *pem = key ? key_pem(key, false, e) : NULL;
	if (!key)
		error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: libcrypto could not take the key", k->path);
	EVP_PKEY_free(key);
	return pem;
}

void trusted_keys_free(struct trusted_keys *k)
{
	vec_each(&k->items, it) free(it->path);
	vec_free(&k->items);
}
