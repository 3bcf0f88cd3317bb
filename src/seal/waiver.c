// SPDX-License-Identifier: GPL-3.0-or-later
#include "waiver.h"

#include "backproof/digest.h"
#include "backproof/seal.h"
#include "backproof/text.h"

static int bad(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "no waiver that counts: %s", what);
}

/* Somebody has to have said something. */
static bool is_blank(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s > ' ' && *s != 0x7f)
			return false;
	return true;
}

static bool fits(const char *s, size_t most)
{
	return !s || (*s && strlen(s) <= most && text_is_utf8(s));
}

static bool is_time(int64_t t)
{
	int64_t again;
	char buf[32];
	return t > 0 && parse_rfc3339(format_rfc3339(t, buf), &again) == 0 && again == t;
}

int waiver_check(const struct waiver *w, struct error *e)
{
	if (!w->host || !w->user || !w->reason)
		return bad(e, "it says not for what, by whom or why");
	if (is_blank(w->reason))
		return bad(e, "its reason is empty");
	if (!fits(w->reason, WAIVER_TEXT_MAX) || !fits(w->ticket, WAIVER_TEXT_MAX))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "no waiver that counts: reason or ticket is empty, no UTF-8, or over %d bytes",
				 WAIVER_TEXT_MAX);
	if (!fits(w->host, WAIVER_NAME_MAX) || !fits(w->user, WAIVER_NAME_MAX) || !fits(w->login, WAIVER_NAME_MAX) ||
	    !fits(w->terminal, WAIVER_NAME_MAX) || !fits(w->origin, WAIVER_NAME_MAX))
		return bad(e, "a name in it is empty, too long or no UTF-8");
	if (!is_time(w->recorded_at) || !is_time(w->ends_at) || w->ends_at <= w->recorded_at)
		return bad(e, "it has no time in which it holds");
	return 0;
}

int waiver_copy(struct waiver *to, const struct waiver *from)
{
	*to = *from;
	to->host = to->reason = to->ticket = to->user = to->login = NULL;
	to->terminal = to->origin = to->ended_by = to->envelope = to->approved_by = NULL;
	int failed = string_copy(&to->host, from->host) < 0 || string_copy(&to->reason, from->reason) < 0 ||
		     string_copy(&to->ticket, from->ticket) < 0 || string_copy(&to->user, from->user) < 0 ||
		     string_copy(&to->login, from->login) < 0 || string_copy(&to->terminal, from->terminal) < 0 ||
		     string_copy(&to->origin, from->origin) < 0 || string_copy(&to->ended_by, from->ended_by) < 0 ||
		     string_copy(&to->envelope, from->envelope) < 0 ||
		     string_copy(&to->approved_by, from->approved_by) < 0;
	if (!failed)
		return 0;
	waiver_free(to);
	return -1;
}

int waiver_subject_digest(const char *host, uint8_t out[32], struct error *e)
{
	uint8_t hash[DIGEST_MAX];
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, e);
	if (!d)
		return -1;
	digest_update(d, host, strlen(host));
	if (digest_final(d, hash, e) < 0)
		return -1;
	memcpy(out, hash, 32);
	return 0;
}

/* The members that people have, in a waiver and in its approval. */
static void put_person(struct text *t, const char *user, uint32_t uid, const char *login, const char *terminal,
		       const char *origin)
{
	text_put(t, "\"user\":");
	text_put_json(t, user);
	text_put_member_u64(t, "uid", uid);
	text_put_member(t, "login", login);
	text_put_member(t, "terminal", terminal);
	text_put_member(t, "origin", origin);
}

static int put_statement(struct text *t, const struct waiver_statement *s, struct error *e)
{
	uint8_t digest[32];
	char hex[65];
	const struct waiver *w = &s->w;
	if (waiver_subject_digest(w->host, digest, e) < 0)
		return -1;
	text_put(t, "{\"_type\":\"" WAIVER_STATEMENT "\",\"subject\":[{\"name\":");
	text_put_json(t, w->host);
	text_printf(t, ",\"digest\":{\"sha256\":\"%s\"}}]", hex_encode(digest, 32, hex));
	text_put(t, ",\"predicateType\":\"" WAIVER_PREDICATE "\",\"predicate\":{");
	text_put(t, "\"format_version\":\"" WAIVER_FORMAT_VERSION "\"");
	text_put_member(t, "host", w->host);
	text_put_member(t, "reason", w->reason);
	text_put_member(t, "ticket", w->ticket);
	text_put(t, ",");
	put_person(t, w->user, w->uid, w->login, w->terminal, w->origin);
	text_put_member_time(t, "recorded_at", w->recorded_at);
	text_put_member_time(t, "ends_at", w->ends_at);
	text_put_member(t, "asker_key", *s->asker_key ? s->asker_key : NULL);
	text_put(t, ",\"approval\":");
	if (s->approval) {
		text_put(t, "{");
		put_person(t, s->approver.user, s->approver.uid, s->approver.login, s->approver.terminal,
			   s->approver.origin);
		text_put_member_time(t, "approved_at", s->approved_at);
		text_put(t, "}");
	} else {
		text_put(t, "null");
	}
	text_put(t, "}}");
	return t->failed ? error_nomem(e) : 0;
}

/* What the reader would not take is not signed: nobody could use it. */
static int sign(const struct waiver_statement *s, const struct signer *key, struct text *out, struct error *e)
{
	autotext struct text json = {0};
	struct waiver_statement again;
	if (waiver_check(&s->w, e) < 0 || put_statement(&json, s, e) < 0 ||
	    waiver_parse(json.data, json.length, &again, e) < 0)
		return -1;
	waiver_statement_free(&again);
	return envelope_write(STATEMENT_TYPE, json.data, json.length, key, out, e);
}

int waiver_request(const struct waiver *w, const struct signer *key, struct text *out, struct error *e)
{
	struct waiver_statement s = {.w = *w};
	memcpy(s.asker_key, signer_id(key), sizeof s.asker_key);
	return sign(&s, key, out, e);
}

int waiver_approve(const struct waiver *w, const struct signer *key, const struct person *who, int64_t now,
		   struct text *out, struct error *e)
{
	struct waiver_statement s = {.w = *w, .approval = true, .approver = *who, .approved_at = now};
	struct waiver_signatures have;
	/* What is there says who has asked; it is not this function that judges whose keys these are. */
	int rc = waiver_signatures(w, NULL, &have, e);
	if (rc == 0 && have.approved)
		rc = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it is approved already");
	if (rc == 0) {
		memcpy(s.asker_key, have.asker_key, sizeof s.asker_key);
		if (w->envelope)
			text_put(out, w->envelope);
		rc = sign(&s, key, out, e);
	}
	waiver_signatures_free(&have);
	return rc;
}
