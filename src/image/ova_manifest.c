// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The manifest of an appliance (DSP0243, 5.1): "SHA256(name)= digest" a line. A member that no line speaks for,
 * and a line that is none, are findings: a check of one line out of two would be none.
 */
#include <strings.h>

#include "backproof/digest.h"
#include "ova.h"

struct check {
	struct ova *o;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	bool *listed; /* by member */
	bool broken;
	uint64_t matched;
};

struct entry {
	enum digest_kind kind;
	uint8_t digest[DIGEST_MAX];
	char *name;
};

static void broken(struct check *k, const struct finding_text *more, const char *what, const char *name)
{
	k->broken = true;
	finding_add(k->f, PROOF_INTEGRITY, "ova.manifest", k->subject, OUTCOME_BROKEN, more, "%s %s", name, what);
}

/* 0: it is none. -2: an algorithm that is not known. Cuts the line into pieces. */
static int parse(char *line, struct entry *out)
{
	static const enum digest_kind kinds[] = {DIGEST_MD5,	DIGEST_SHA1,   DIGEST_SHA224,
						 DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512};
	char *open = strchr(line, '('), *close = strrchr(line, ')'), *end = open, *p;
	if (!open || !close || close < open + 2)
		return 0;
	while (end > line && end[-1] == ' ')
		end--;
	*end = *close = '\0';
	out->name = open + 1;
	for (p = close + 1; *p == ' ' || *p == '\t'; p++)
		;
	if (*p++ != '=')
		return 0;
	while (*p == ' ' || *p == '\t')
		p++;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcasecmp(line, digest_name(kinds[i])))
			continue;
		out->kind = kinds[i];
		return hex_decode(p, out->digest, digest_size(kinds[i])) < 0 ? 0 : 1;
	}
	return *line ? -2 : 0;
}

static int digest_of(struct check *k, const struct ova_member *m, enum digest_kind kind, uint8_t out[DIGEST_MAX],
		     struct error *e)
{
	autofree uint8_t *buf = malloc(MIB);
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(kind, e);
	if (!d)
		return -1;
	if (!buf)
		return error_nomem(e);
	for (uint64_t at = 0, n; at < m->length; at += n) {
		n = m->length - at < MIB ? m->length - at : MIB;
		if (k->b && budget_check(k->b, e) < 0)
			return -1;
		if (source_read_at(m->source, at, buf, n, e) < 0)
			return -1;
		digest_update(d, buf, n);
	}
	return digest_final(d, out, e);
}

static int compare(struct check *k, const struct entry *x, struct error *e)
{
	uint8_t measured[DIGEST_MAX];
	char want[2 * DIGEST_MAX + 1], have[2 * DIGEST_MAX + 1];
	struct ova_member *m = ova_member(k->o, x->name);
	if (!m) {
		broken(k, &(struct finding_text){.blame = BLAME_INCOMPLETE},
		       "is in the manifest, and not in the appliance", x->name);
		return 0;
	}
	size_t i = (size_t)(m - k->o->members.items);
	if (k->listed[i]) {
		broken(k, NULL, "is in the manifest twice", x->name);
		return 0;
	}
	k->listed[i] = true;
	if (digest_of(k, m, x->kind, measured, e) < 0)
		return -1;
	if (!memcmp(measured, x->digest, digest_size(x->kind))) {
		k->matched++;
		return 0;
	}
	struct finding_text more = {.expected = hex_encode(x->digest, digest_size(x->kind), want),
				    .measured = hex_encode(measured, digest_size(x->kind), have),
				    .offset = (int64_t)m->offset,
				    .has_offset = true};
	broken(k, &more, "does not match its digest in the manifest", x->name);
	return 0;
}

static int lines(struct check *k, char *text, size_t length, struct error *e)
{
	char what[64], *next;
	unsigned number = 0;
	for (char *p = text; p < text + length; p = next + 1) {
		struct entry x;
		next = memchr(p, '\n', (size_t)(text + length - p));
		if (!next)
			next = text + length;
		char *end = next;
		while (end > p && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = '\0';
		number++;
		if (end == p)
			continue;
		snprintf(what, sizeof what, "line %u of the manifest", number);
		int rc = strlen(p) == (size_t)(end - p) ? parse(p, &x) : 0;
		if (rc == -2) {
			k->broken = true;
			finding_add(k->f, PROOF_INTEGRITY, "ova.manifest", k->subject, OUTCOME_UNSUPPORTED, NULL,
				    "%s: no digest that is known: %.40s", what, p);
		} else if (!rc) {
			broken(k, NULL, "is no line of a manifest", what);
		} else if (compare(k, &x, e) < 0) {
			return -1;
		}
	}
	return 0;
}

int ova_manifest_check(struct ova *o, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		       struct error *e)
{
	struct ova_member *manifest, *certificate;
	*covered = false;
	if (ova_suffix(o, ".mf", &manifest, e) < 0 || ova_suffix(o, ".cert", &certificate, e) < 0)
		return -1;
	if (certificate)
		finding_add(f, PROOF_INTEGRITY, "ova.certificate", subject, OUTCOME_SKIPPED, NULL,
			    "%s: its signature of the manifest was not verified", companion_base(certificate->name));
	if (!manifest) {
		if (certificate)
			finding_add(f, PROOF_INTEGRITY, "ova.manifest", subject, OUTCOME_BROKEN,
				    &(struct finding_text){.blame = BLAME_INCOMPLETE},
				    "there is a certificate, and not the manifest that it signs");
		return 0;
	}
	autofree bool *listed = calloc(o->members.count, sizeof *listed);
	autofree char *text = ova_text(manifest, e);
	struct check k = {.o = o, .subject = subject, .f = f, .b = b, .listed = listed};
	if (!text)
		return -1;
	if (!listed)
		return error_nomem(e);
	if (lines(&k, text, manifest->length, e) < 0)
		return -1;
	for (size_t i = 0; i < o->members.count; i++) {
		struct ova_member *m = &o->members.items[i];
		if (!listed[i] && m != manifest && m != certificate)
			broken(&k, NULL, "is not in the manifest", companion_base(m->name));
	}
	if (k.broken)
		return 0;
	*covered = true;
	finding_add(f, PROOF_INTEGRITY, "ova.manifest", subject, OUTCOME_HELD, NULL,
		    "all %llu members match their digests in the manifest", (unsigned long long)k.matched);
	return 0;
}
