// SPDX-License-Identifier: GPL-3.0-or-later
#include "pe.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "backproof/digest.h"

/* Certificate tables have ten or twenty KiB. */
#define CERT_MAX (1 * MIB)

/* "CompanyName" and its value as they follow each other in version information, without what pads between. */
static const char key_text[] = "CompanyName";
static const char company_text[] = "Microsoft Corporation";
#define KEY_BYTES (2 * sizeof key_text) /* with its NUL */
#define COMPANY_BYTES (2 * (sizeof company_text - 1))
#define TAIL (KEY_BYTES + 2 + COMPANY_BYTES)

struct pe_deep {
	struct pe pe;
	uint64_t at;
	struct digest *sha1, *sha256;
	uint8_t *cert;
	bool microsoft;
	uint8_t tail[2 * TAIL]; /* the end of what was added before, for what spans two pieces */
	size_t tail_bytes;
	uint8_t key[KEY_BYTES], company[COMPANY_BYTES];
};

static void widen(const char *text, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = (uint8_t)text[i];
		out[2 * i + 1] = 0;
	}
}

struct pe_deep *pe_deep_new(const struct pe *pe, struct error *e)
{
	autodestroy(pe_deep_free_auto) struct pe_deep *d = calloc(1, sizeof *d);
	if (!d) {
		error_nomem(e);
		return NULL;
	}
	d->pe = *pe;
	widen(key_text, sizeof key_text, d->key);
	widen(company_text, sizeof company_text - 1, d->company);
	if (!pe->cert_field || pe->cert_length < 9 || pe->cert_length > CERT_MAX)
		return take(d);
	d->cert = malloc((size_t)pe->cert_length);
	if (!d->cert) {
		error_nomem(e);
		return NULL;
	}
	d->sha1 = digest_new(DIGEST_SHA1, e);
	d->sha256 = d->sha1 ? digest_new(DIGEST_SHA256, e) : NULL;
	return d->sha256 ? take(d) : NULL;
}

void pe_deep_free(struct pe_deep *d)
{
	if (!d)
		return;
	digest_destroy(d->sha1);
	digest_destroy(d->sha256);
	free(d->cert);
	free(d);
}

static bool names_microsoft(const struct pe_deep *d, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	for (const uint8_t *at = p; (at = memmem(at, (size_t)(end - at), d->key, KEY_BYTES)); at += 2)
		for (size_t pad = 0; pad <= 2; pad += 2)
			if ((size_t)(end - at) >= KEY_BYTES + pad + COMPANY_BYTES &&
			    !memcmp(at + KEY_BYTES + pad, d->company, COMPANY_BYTES))
				return true;
	return false;
}

static void look_for_company(struct pe_deep *d, const uint8_t *p, size_t n)
{
	size_t more = n < TAIL ? n : TAIL;
	/* What begins in the piece before and ends in this one. */
	memcpy(d->tail + d->tail_bytes, p, more);
	d->microsoft = d->microsoft || names_microsoft(d, d->tail, d->tail_bytes + more) || names_microsoft(d, p, n);
	size_t all = d->tail_bytes + more, keep = all < TAIL ? all : TAIL;
	if (n >= TAIL)
		memcpy(d->tail, p + n - TAIL, keep = TAIL);
	else
		memmove(d->tail, d->tail + all - keep, keep);
	d->tail_bytes = keep;
}

/* All of a piece that the signature covers: not the checksum, the table's place, and the table itself. */
static void digest_piece(struct pe_deep *d, const uint8_t *p, size_t n)
{
	const uint64_t gaps[][2] = {{d->pe.checksum_at, 4}, {d->pe.cert_field, 8}, {d->pe.cert_at, d->pe.cert_length}};
	uint64_t at = d->at, end = at + n;
	for (size_t g = 0; g <= ARRAY_SIZE(gaps) && at < end; g++) {
		uint64_t stop = g < ARRAY_SIZE(gaps) ? gaps[g][0] : end, skip = g < ARRAY_SIZE(gaps) ? gaps[g][1] : 0;
		stop = stop < end ? stop : end;
		if (stop > at) {
			digest_update(d->sha1, p + (at - d->at), (size_t)(stop - at));
			digest_update(d->sha256, p + (at - d->at), (size_t)(stop - at));
			at = stop;
		}
		if (skip && at >= gaps[g][0] && at < gaps[g][0] + skip)
			at = gaps[g][0] + skip;
	}
	uint64_t from = d->pe.cert_at > d->at ? d->pe.cert_at : d->at;
	uint64_t to = d->pe.cert_at + d->pe.cert_length < end ? d->pe.cert_at + d->pe.cert_length : end;
	if (from < to)
		memcpy(d->cert + (from - d->pe.cert_at), p + (from - d->at), (size_t)(to - from));
}

int pe_deep_add(struct pe_deep *d, const uint8_t *p, size_t n, struct error *e)
{
	uint64_t end;
	if (add_overflows(d->at, (uint64_t)n, &end))
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "a program without end");
	look_for_company(d, p, n);
	if (d->cert)
		digest_piece(d, p, n);
	d->at = end;
	return 0;
}

bool pe_deep_microsoft(const struct pe_deep *d)
{
	return d->microsoft;
}

/* The second part of SpcIndirectDataContent is a DigestInfo. */
static X509_SIG *digest_info(const uint8_t *p, size_t n)
{
	const unsigned char *at = p;
	long length;
	int tag, class;
	if (n > CERT_MAX || ASN1_get_object(&at, &length, &tag, &class, (long)n) != V_ASN1_CONSTRUCTED ||
	    tag != V_ASN1_SEQUENCE)
		return NULL;
	const unsigned char *end = at + length;
	if (ASN1_get_object(&at, &length, &tag, &class, (long)(end - at)) & 0x80)
		return NULL;
	at += length;
	return at < end ? d2i_X509_SIG(NULL, &at, (long)(end - at)) : NULL;
}

static enum pe_signed compare(struct pe_deep *d, const uint8_t *p, size_t n)
{
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OCTET_STRING *value = NULL;
	const ASN1_OBJECT *kind = NULL;
	uint8_t got[DIGEST_MAX];
	struct error ignored;
	X509_SIG *s = digest_info(p, n);
	enum pe_signed result = PE_UNSIGNED;
	if (!s)
		return result;
	X509_SIG_get0(s, &algorithm, &value);
	X509_ALGOR_get0(&kind, NULL, NULL, algorithm);
	int nid = OBJ_obj2nid(kind);
	struct digest *with = nid == NID_sha1 ? d->sha1 : nid == NID_sha256 ? d->sha256 : NULL;
	if (with && (size_t)ASN1_STRING_length(value) == digest_size(digest_kind(with)) &&
	    digest_final(with, got, &ignored) == 0)
		result = memcmp(got, ASN1_STRING_get0_data(value), digest_size(digest_kind(with)))
				 ? PE_SIGNED_OTHERWISE : PE_SIGNED_SO;
	X509_SIG_free(s);
	return result;
}

enum pe_signed pe_deep_signed(struct pe_deep *d)
{
	/* WIN_CERTIFICATE: length, revision, type 2 for PKCS #7. */
	if (!d->cert || d->at < d->pe.cert_at + d->pe.cert_length)
		return PE_UNSIGNED;
	size_t length = get_le32(d->cert);
	if (length < 9 || length > d->pe.cert_length || get_le16(d->cert + 6) != 2)
		return PE_UNSIGNED;
	const unsigned char *p = d->cert + 8;
	PKCS7 *message = d2i_PKCS7(NULL, &p, (long)length - 8);
	enum pe_signed result = PE_UNSIGNED;
	if (message && PKCS7_type_is_signed(message) && message->d.sign && message->d.sign->contents) {
		const ASN1_TYPE *content = message->d.sign->contents->d.other;
		if (content && content->type == V_ASN1_SEQUENCE && content->value.sequence)
			result = compare(d, ASN1_STRING_get0_data(content->value.sequence),
					 (size_t)ASN1_STRING_length(content->value.sequence));
	}
	PKCS7_free(message);
	return result;
}
