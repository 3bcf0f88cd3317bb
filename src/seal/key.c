// SPDX-License-Identifier: GPL-3.0-or-later
/* Private keys: PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` makes them. */
#include "backproof/door.h"
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "backproof/digest.h"
#include "backproof/whole_file.h"

#define KEY_FILE_MAX (16 * KIB)

struct signer {
	EVP_PKEY *key;
	char id[KEY_ID_SIZE];
};

EVP_PKEY *signer_key(const struct signer *s)
{
	return s->key;
}

const char *signer_id(const struct signer *s)
{
	return s->id;
}

void signer_destroy(struct signer *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	free(s);
}

int key_id_of(EVP_PKEY *key, char id[KEY_ID_SIZE], struct error *e)
{
	uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
	int length = i2d_PUBKEY(key, &der);
	unsigned n = 0;
	int rc = length > 0 && EVP_Digest(der, (size_t)length, hash, &n, EVP_sha256(), NULL) == 1 && n == 32
			 ? 0
			 : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto could not name a key");
	OPENSSL_free(der);
	if (rc == 0)
		hex_encode(hash, n, id);
	return rc;
}

/* What everybody may read is more often the wrong one of two files than a secret that lies open. */
static bool is_public(int fd)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----";
	char start[sizeof begin - 1];
	return read_whole_at(fd, start, sizeof start, 0) == (ssize_t)sizeof start &&
	       !memcmp(start, begin, sizeof start);
}

char *key_file_read(const char *path, bool private, size_t *length, struct error *e)
{
	struct stat st;
	autoclose int fd = door_open(path, DOOR_READ);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_sys(e, "%s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)KEY_FILE_MAX) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no key: not a small file", path);
		return NULL;
	}
	if (private && st.st_mode & 077 && is_public(fd)) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a public key; the private one signs", path);
		return NULL;
	}
	if (private && st.st_mode & 077) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
			  "%s: others may read this private key (mode %03o): chmod 600", path,
			  (unsigned)st.st_mode & 0777);
		return NULL;
	}
	return whole_file_take(fd, path, KEY_FILE_MAX, length, e);
}

int key_no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf, (void)size, (void)rwflag, (void)ctx;
	return -1;
}

static struct signer *signer_of(EVP_PKEY *key, struct error *e)
{
	struct signer *s = calloc(1, sizeof *s);
	if (!s) {
		EVP_PKEY_free(key);
		error_nomem(e);
		return NULL;
	}
	s->key = key;
	if (key_id_of(key, s->id, e) == 0)
		return s;
	signer_destroy(s);
	return NULL;
}

struct signer *signer_load(const char *path, struct error *e)
{
	size_t length;
	char *data = key_file_read(path, true, &length, e);
	if (!data)
		return NULL;
	BIO *bio = BIO_new_mem_buf(data, (int)length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, key_no_passphrase, NULL) : NULL;
	BIO_free(bio);
	OPENSSL_cleanse(data, length);
	free(data);
	if (key && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
		return signer_of(key, e);
	if (!bio) {
		error_nomem(e);
		return NULL;
	}
	error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no private key of Ed25519 in PEM without a passphrase", path);
	EVP_PKEY_free(key);
	return NULL;
}

char *key_pem(EVP_PKEY *key, bool private, struct error *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *data;
	bool done = bio && (private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
				    : PEM_write_bio_PUBKEY(bio, key)) == 1;
	long n = done ? BIO_get_mem_data(bio, &data) : 0;
	if (n > 0)
		text = strndup(data, (size_t)n);
	BIO_free(bio);
	if (!text)
		error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto could not write a key");
	return text;
}

int signer_create(const char *path, struct error *e)
{
	autofree char *public_path = text_format("%s.pub", path);
	autodestroy(signer_destroy_auto) struct signer *s = NULL;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!key)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto could not make a key");
	s = signer_of(key, e);
	autofree char *public_pem = s ? key_pem(key, false, e) : NULL;
	char *pem = public_pem ? key_pem(key, true, e) : NULL;
	if (!pem || !public_path) {
		free(pem);
		return public_path ? -1 : error_nomem(e);
	}
	/* The private one first: from it the other can be had at any time. */
	int rc = whole_file_write(path, pem, strlen(pem), 0600, false, e);
	if (rc == 0 && whole_file_write(public_path, public_pem, strlen(public_pem), 0644, false, e) < 0) {
		unlink(path);
		rc = -1;
	}
	OPENSSL_cleanse(pem, strlen(pem));
	free(pem);
	return rc;
}
