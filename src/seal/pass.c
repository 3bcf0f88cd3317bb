// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Writing passes: an in-toto Statement v1 (https://github.com/in-toto/attestation, spec/v1) about the files of a
 * restore point, with a test-result predicate v0.1; what that does not speak of is in a member of our own. The schema
 * is packaging/schema/pass-v1.schema.json.
 */
#include "pass.h"

#include <openssl/rand.h>

#include "backproof/digest.h"
#include "backproof/seal.h"

/* As the table of exit codes has them; tests hold it against that. */
const struct pass_code pass_codes[] = {
	{0, "safe"},	   {10, "no-backup"},	{11, "stale"}, {12, "damaged"},	 {13, "incomplete"},
	{20, "cannot-tell"}, {21, "busy"}, {70, "internal"}, {PASS_WAIVED, "waived"},
};
const size_t pass_code_count = ARRAY_SIZE(pass_codes);
const char *const pass_outcomes[PASS_OUTCOMES] = {"held", "unproven", "broken"};
const char *const pass_lists[PASS_OUTCOMES] = {"passedTests", "warnedTests", "failedTests"};

const struct pass_code *pass_code_of(int code, const char *word)
{
	for (size_t i = 0; i < pass_code_count; i++)
		if (word ? !strcmp(pass_codes[i].word, word) : pass_codes[i].code == code)
			return &pass_codes[i];
	return NULL;
}

const struct pass_code *pass_code_covered(const struct pass_code *c)
{
	return c && c->code >= 10 && c->code <= 21 ? c : NULL;
}

const char *pass_result(int code)
{
	return code == 0 ? "PASSED" : code == PASS_WAIVED ? "WARNED" : "FAILED";
}

void pass_free(struct pass *p)
{
	free(p->host);
	free(p->machine_id);
	free(p->hostname);
	free(p->label);
	free(p->policy);
	free(p->depth);
	for (size_t i = 0; i < PROOF_COUNT; i++)
		free(p->proofs[i]);
	strings_free(&p->reasons);
	free(p->suspect);
	free(p->waiver.user);
	free(p->waiver.login);
	free(p->waiver.reason);
	free(p->waiver.ticket);
	free(p->waiver.approved_by);
	vec_each(&p->subjects, it) free(it->name);
	vec_free(&p->subjects);
	memset(p, 0, sizeof *p);
	p->code = -1; /* what is gone must not read as safe */
}

/* At most PASS_TEXT_MAX bytes of it, cut between characters; what is no UTF-8 becomes U+FFFD, which takes three. */
static void put_cut(struct text *t, const char *s)
{
	char cut[PASS_TEXT_MAX / 3 + 1];
	size_t n = strlen(s);
	if (n >= sizeof cut)
		for (n = sizeof cut - 1; n && (s[n] & 0xc0) == 0x80;)
			n--;
	memcpy(cut, s, n);
	cut[n] = '\0';
	text_put_json(t, cut);
}

static void put_member(struct text *t, const char *key, const char *value)
{
	text_printf(t, ",\"%s\":", key);
	if (value && *value)
		put_cut(t, value);
	else
		text_put(t, "null");
}

static void put_share(struct text *t, const char *key, uint32_t share)
{
	char buf[16];
	text_put_member(t, key, share ? format_share(share, buf) : NULL);
}

static void put_subject(struct text *t, const struct pass_subject *s)
{
	char hex[65];
	text_put(t, "{\"name\":");
	put_cut(t, s->name);
	text_put(t, ",\"digest\":{");
	if (s->has_sha256)
		text_printf(t, "\"sha256\":\"%s\"", hex_encode(s->sha256, 32, hex));
	if (s->has_fsverity)
		text_printf(t, "%s\"fsverity\":\"%s\"", s->has_sha256 ? "," : "", hex_encode(s->fsverity, 32, hex));
	text_printf(t, "},\"annotations\":{\"size\":%llu}}", (unsigned long long)s->size);
}

static void put_lists(struct text *t, const struct pass *p)
{
	for (size_t k = 0; k < PASS_OUTCOMES; k++) {
		size_t n = 0;
		text_printf(t, ",\"%s\":[", pass_lists[k]);
		for (size_t i = 0; i < PROOF_COUNT; i++)
			if (!strcmp(p->proofs[i], pass_outcomes[k]))
				text_printf(t, "%s\"%s\"", n++ ? "," : "", proof_name((enum proof)i));
		text_put(t, "]");
	}
}

static const char *word_of(int code)
{
	const struct pass_code *c = pass_code_of(code, NULL);
	return c ? c->word : "internal";
}

static void put_waiver(struct text *t, const struct pass_waiver *w)
{
	text_put(t, ",\"waiver\":");
	if (!w->user) {
		text_put(t, "null");
		return;
	}
	text_printf(t, "{\"covers\":\"%s\"", word_of(w->covers));
	put_member(t, "user", w->user);
	put_member(t, "login", w->login);
	put_member(t, "reason", w->reason);
	put_member(t, "ticket", w->ticket);
	put_member(t, "approved_by", w->approved_by);
	text_put_member_time(t, "recorded_at", w->recorded_at);
	text_put_member_time(t, "ends_at", w->ends_at);
	text_put(t, "}");
}

static void put_own(struct text *t, const struct pass *p)
{
	text_put(t, ",\"backproof\":{\"format_version\":\"" PASS_FORMAT_VERSION "\"");
	put_member(t, "id", p->id);
	put_member(t, "host", p->host);
	put_member(t, "hostname", p->hostname);
	put_member(t, "machine_id", p->machine_id);
	put_member(t, "restore_point", p->label);
	put_member(t, "code", word_of(p->code));
	text_put(t, ",\"reasons\":[");
	for (size_t i = 0, n = 0; i < p->reasons.count && n < PASS_REASONS_MAX; i++) {
		if (!*p->reasons.items[i])
			continue;
		text_put(t, n++ ? "," : "");
		put_cut(t, p->reasons.items[i]);
	}
	text_put(t, "],\"proofs\":{");
	for (size_t i = 0; i < PROOF_COUNT; i++)
		text_printf(t, "%s\"%s\":\"%s\"", i ? "," : "", proof_name((enum proof)i), p->proofs[i]);
	text_put(t, "}");
	put_member(t, "depth", p->depth);
	put_share(t, "confidence", p->confidence);
	put_share(t, "damage", p->damage);
	text_put_member_time(t, "taken_at", p->taken_at);
	text_put_member_time(t, "verified_at", p->verified_at);
	text_put_member_time(t, "expires_at", p->expires_at);
	put_waiver(t, &p->waiver);
	put_member(t, "suspect", p->suspect);
	text_put(t, "}");
}

static void put_statement(struct text *t, const struct pass *p)
{
	char hex[65];
	text_put(t, "{\"_type\":\"" PASS_STATEMENT "\",\"subject\":[");
	vec_each(&p->subjects, it)
	{
		text_put(t, it == p->subjects.items ? "" : ",");
		put_subject(t, it);
	}
	text_put(t, "],\"predicateType\":\"" PASS_PREDICATE "\",\"predicate\":{");
	text_printf(t, "\"result\":\"%s\"", pass_result(p->code));
	text_put(t, ",\"configuration\":[{\"name\":");
	put_cut(t, p->policy);
	text_printf(t, ",\"digest\":{\"sha256\":\"%s\"}}]", hex_encode(p->policy_digest, 32, hex));
	put_lists(t, p);
	put_own(t, p);
	text_put(t, "}}");
}

static int new_id(char id[33], struct error *e)
{
	uint8_t raw[16];
	if (RAND_bytes(raw, sizeof raw) != 1)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libcrypto has no random numbers");
	hex_encode(raw, sizeof raw, id);
	return 0;
}

/* A name that would come out another one is none that a machine can be asked for. */
static int check_name(const char *what, const char *name, struct error *e)
{
	if (*name && strlen(name) <= PASS_NAME_MAX && text_is_utf8(name))
		return 0;
	return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
			 "no pass for this %s: it is empty, longer than %d bytes or no UTF-8", what, PASS_NAME_MAX);
}

int pass_write(struct pass *p, const struct signer *key, struct text *out, struct error *e)
{
	autotext struct text statement = {0};
	struct pass again;
	if (check_name("host", p->host, e) < 0 || check_name("policy", p->policy, e) < 0 || new_id(p->id, e) < 0)
		return -1;
	put_statement(&statement, p);
	if (statement.failed)
		return error_nomem(e);
	/* What the reader would refuse is not signed: nobody could use it, and it would be this program's fault. */
	if (pass_parse(statement.data, statement.length, &again, e) < 0) {
		e->cls = ERROR_INTERNAL;
		return error_prefix(e, "the pass would not be read");
	}
	bool same = again.code == p->code && !strcmp(again.host, p->host) && again.expires_at == p->expires_at &&
		    again.waiver.covers == p->waiver.covers;
	pass_free(&again);
	if (!same)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "the pass would be read as another");
	if (envelope_write(STATEMENT_TYPE, statement.data, statement.length, key, out, e) < 0)
		return -1;
	return out->length <= PASS_MAX ? 0
				       : error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
						   "the pass has more than 4 MiB: it is about too many files");
}

int pass_open(const char *text, size_t len, const struct trusted_keys *keys, struct pass *out, struct error *e)
{
	struct envelope x;
	memset(out, 0, sizeof *out);
	out->code = -1;
	if (len > PASS_MAX)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "no pass: it is larger than 4 MiB");
	if (envelope_read(text, len, STATEMENT_TYPE, keys, &x, e) < 0)
		return -1;
	int rc = x.is_signed ? pass_parse(x.payload, x.length, out, e)
			     : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "nobody signed it");
	if (rc == 0) {
		memcpy(out->key_id, x.key_id, sizeof out->key_id);
		out->trusted = x.trusted;
	}
	envelope_free(&x);
	return rc;
}
