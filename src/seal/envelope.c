// SPDX-License-Identifier: GPL-3.0-or-later
/* Dead Simple Signing Envelope, v1.0.2: what is signed is the pre-authentication encoding of type and payload. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "key.h"

#define ED25519_SIGNATURE 64

static void pre_authentication(struct text *t, const char *type, const void *payload, size_t length)
{
	text_printf(t, "DSSEv1 %zu %s %zu ", strlen(type), type, length);
	text_put_bytes(t, payload, length);
}

static int sign(EVP_PKEY *key, const struct text *what, uint8_t out[ED25519_SIGNATURE], struct error *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = ED25519_SIGNATURE;
	bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, out, &n, (const uint8_t *)what->data, what->length) == 1 &&
		    n == ED25519_SIGNATURE;
	EVP_MD_CTX_free(ctx);
	return done ? 0 : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto could not sign");
}

/* 1 it is the key's signature, 0 it is not, -1 it could not be tried. */
static int verify(const struct trusted_key *k, const struct text *what, const uint8_t *signature, struct error *e)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->raw, sizeof k->raw);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -1;
	if (key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		rc = EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE, (const uint8_t *)what->data, what->length);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (rc < 0)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto could not verify a signature");
	return rc == 1;
}

int envelope_write(const char *type, const void *payload, size_t length, const struct signer *s, struct text *out,
		   struct error *e)
{
	autofree char *encoded = base64_encode(payload, length);
	if (!encoded)
		return error_nomem(e);
	text_put(out, "{\"payloadType\":");
	text_put_json(out, type);
	text_printf(out, ",\"payload\":\"%s\",\"signatures\":[", encoded);
	if (s) {
		uint8_t signature[ED25519_SIGNATURE];
		autotext struct text what = {0};
		pre_authentication(&what, type, payload, length);
		if (what.failed || sign(signer_key(s), &what, signature, e) < 0)
			return what.failed ? error_nomem(e) : -1;
		autofree char *sig = base64_encode(signature, sizeof signature);
		if (!sig)
			return error_nomem(e);
		text_printf(out, "{\"keyid\":\"%s\",\"sig\":\"%s\"}", signer_id(s), sig);
	}
	text_put(out, "]}\n");
	return out->failed ? error_nomem(e) : 0;
}

static int bad(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "no signed envelope that is understood: %s", what);
}

/* A string member without NULs in it, or NULL. */
static const char *string_of(json_t *object, const char *key, size_t *length)
{
	json_t *v = json_object_get(object, key);
	const char *s = json_string_value(v);
	*length = s ? json_string_length(v) : 0;
	return s && strlen(s) == *length ? s : NULL;
}

/* The only signature: its key's name and its bytes. */
static int read_signature(json_t *all, struct envelope *out, uint8_t signature[ED25519_SIGNATURE], struct error *e)
{
	size_t n, length;
	json_t *one = json_array_get(all, 0);
	if (json_array_size(all) > 1)
		return bad(e, "it has more than one signature");
	const char *id = string_of(one, "keyid", &n), *sig = id ? string_of(one, "sig", &length) : NULL;
	if (!sig || json_object_size(one) != 2 || n >= sizeof out->key_id)
		return bad(e, "its signature is not one");
	autofree uint8_t *raw = base64_decode(sig, length, &length);
	if (!raw && errno == ENOMEM)
		return error_nomem(e);
	if (!raw || length != ED25519_SIGNATURE)
		return bad(e, "its signature is not one of Ed25519");
	memcpy(out->key_id, id, n + 1);
	memcpy(signature, raw, ED25519_SIGNATURE);
	out->is_signed = true;
	return 0;
}

static int judge_signature(struct envelope *out, const char *type, const uint8_t *signature,
			   const struct trusted_keys *keys, struct error *e)
{
	autotext struct text what = {0};
	pre_authentication(&what, type, out->payload, out->length);
	if (what.failed)
		return error_nomem(e);
	vec_each(&keys->items, k)
	{
		/* The key that verifies is the one that signed. The name is not signed, but a wrong one is no hint. */
		int rc = verify(k, &what, signature, e);
		if (rc < 0)
			return -1;
		if (rc == 1 && *out->key_id && strcmp(k->id, out->key_id))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "it names another key than the one that signed it (%.16s...)", k->id);
		if (rc == 1) {
			out->trusted = true;
			memcpy(out->key_id, k->id, sizeof k->id);
			return 0;
		}
		if (!strcmp(k->id, out->key_id))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "the signature does not match: it was changed since %.16s... signed it",
					 k->id);
	}
	return 0;
}

static int read_json(json_t *root, const char *type, const struct trusted_keys *keys, struct envelope *out,
		     struct error *e)
{
	uint8_t signature[ED25519_SIGNATURE];
	size_t n, length;
	json_t *signatures = json_object_get(root, "signatures");
	const char *said = string_of(root, "payloadType", &n), *payload = string_of(root, "payload", &length);
	if (!json_is_object(root) || json_object_size(root) != 3 || !said || !payload || !json_is_array(signatures))
		return bad(e, "payloadType, payload and signatures are what it should hold, and nothing else");
	if (strcmp(said, type))
		return bad(e, "it is of another type");
	out->payload = (char *)base64_decode(payload, length, &out->length);
	if (!out->payload)
		return errno == ENOMEM ? error_nomem(e) : bad(e, "its payload is not base64");
	if (!json_array_size(signatures))
		return 0;
	if (read_signature(signatures, out, signature, e) < 0)
		return -1;
	return keys ? judge_signature(out, type, signature, keys, e) : 0;
}

int envelope_read(const char *text, size_t length, const char *type, const struct trusted_keys *keys,
		  struct envelope *out, struct error *e)
{
	json_error_t why;
	memset(out, 0, sizeof *out);
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return error_set(e, ERROR_CORRUPT, why.position, "no signed envelope: %s", why.text);
	int rc = read_json(root, type, keys, out, e);
	json_decref(root);
	if (rc < 0)
		envelope_free(out);
	return rc;
}

void envelope_free(struct envelope *x)
{
	free(x->payload);
	memset(x, 0, sizeof *x);
}
