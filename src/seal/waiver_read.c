// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reading signed waivers. Every member is there, of its type and in its bounds, and none that is not known; and what is
 * signed is, field by field, what the history says.
 */
#include "backproof/seal.h"
#include "members.h"
#include "waiver.h"

#define KIND "no signed waiver that is understood"

static int bad(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, KIND ": %s", what);
}

void waiver_statement_free(struct waiver_statement *s)
{
	waiver_free(&s->w);
	person_free(&s->approver);
	memset(s, 0, sizeof *s);
}

static int read_uid(json_t *object, uint32_t *out, struct error *e)
{
	json_t *v = json_object_get(object, "uid");
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX)
		return bad(e, "uid is not right");
	*out = (uint32_t)json_integer_value(v);
	return 0;
}

static int read_person(json_t *object, struct person *out, struct error *e)
{
	if (read_uid(object, &out->uid, e) < 0 ||
	    member_copy(object, "user", WAIVER_NAME_MAX, false, &out->user, KIND, e) < 0 ||
	    member_copy(object, "login", WAIVER_NAME_MAX, true, &out->login, KIND, e) < 0 ||
	    member_copy(object, "terminal", WAIVER_NAME_MAX, true, &out->terminal, KIND, e) < 0)
		return -1;
	return member_copy(object, "origin", WAIVER_NAME_MAX, true, &out->origin, KIND, e);
}

static int read_approval(json_t *v, struct waiver_statement *out, struct error *e)
{
	static const char *const names[] = {"user", "uid", "login", "terminal", "origin", "approved_at"};
	if (json_is_null(v))
		return 0;
	out->approval = true;
	if (!members_are(v, names, ARRAY_SIZE(names), false))
		return bad(e, "members of its approval are missing, or are not known");
	if (read_person(v, &out->approver, e) < 0)
		return -1;
	return member_time(v, "approved_at", false, &out->approved_at, KIND, e);
}

static int read_key(json_t *v, char out[KEY_ID_SIZE], struct error *e)
{
	const char *s = member_text_of(v, KEY_ID_SIZE - 1);
	if (json_is_null(v))
		return 0;
	if (!s || !member_is_hex(s, KEY_ID_SIZE - 1))
		return bad(e, "asker_key is not right");
	memcpy(out, s, KEY_ID_SIZE);
	return 0;
}

static int read_predicate(json_t *p, struct waiver_statement *out, struct error *e)
{
	static const char *const names[] = {"format_version", "host",	     "reason",	"ticket",    "user",
					    "uid",	      "login",	     "terminal", "origin",    "recorded_at",
					    "ends_at",	      "asker_key", "approval"};
	const char *version = member_text(p, "format_version", 16);
	struct waiver *w = &out->w;
	struct person asker = {0};
	if (!version)
		return bad(e, "it has no format_version");
	if (strcmp(version, WAIVER_FORMAT_VERSION))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "a waiver of version %s: this program knows " WAIVER_FORMAT_VERSION, version);
	if (!members_are(p, names, ARRAY_SIZE(names), false))
		return bad(e, "members are missing, or are not known");
	int rc = read_person(p, &asker, e);
	w->user = asker.user;
	w->login = asker.login;
	w->terminal = asker.terminal;
	w->origin = asker.origin;
	w->uid = asker.uid;
	if (rc < 0 || member_copy(p, "host", WAIVER_NAME_MAX, false, &w->host, KIND, e) < 0 ||
	    member_copy(p, "reason", WAIVER_TEXT_MAX, false, &w->reason, KIND, e) < 0 ||
	    member_copy(p, "ticket", WAIVER_TEXT_MAX, true, &w->ticket, KIND, e) < 0 ||
	    member_time(p, "recorded_at", false, &w->recorded_at, KIND, e) < 0 ||
	    member_time(p, "ends_at", false, &w->ends_at, KIND, e) < 0 ||
	    read_key(json_object_get(p, "asker_key"), out->asker_key, e) < 0)
		return -1;
	return read_approval(json_object_get(p, "approval"), out, e);
}

static int read_subject(json_t *list, const char *host, struct error *e)
{
	static const char *const names[] = {"name", "digest"}, *const digests[] = {"sha256"};
	uint8_t want[32], have[32];
	json_t *one = json_array_get(list, 0), *digest = json_object_get(one, "digest");
	const char *name = member_text(one, "name", WAIVER_NAME_MAX);
	if (waiver_subject_digest(host, want, e) < 0)
		return -1;
	if (json_array_size(list) != 1 || !members_are(one, names, ARRAY_SIZE(names), false) ||
	    !members_are(digest, digests, 1, false) || !name || strcmp(name, host) ||
	    member_digest(digest, "sha256", have) < 0 || memcmp(want, have, sizeof want))
		return bad(e, "its subject is not its host");
	return 0;
}

static int read_statement(json_t *root, struct waiver_statement *out, struct error *e)
{
	static const char *const names[] = {"_type", "subject", "predicateType", "predicate"};
	const char *type = member_text(root, "_type", 256), *kind = member_text(root, "predicateType", 256);
	if (!type || strcmp(type, WAIVER_STATEMENT) || !kind || strcmp(kind, WAIVER_PREDICATE))
		return bad(e, "it is a statement of another kind");
	if (!members_are(root, names, ARRAY_SIZE(names), false))
		return bad(e, "members of the statement are missing, or are not known");
	if (read_predicate(json_object_get(root, "predicate"), out, e) < 0 ||
	    read_subject(json_object_get(root, "subject"), out->w.host, e) < 0 || waiver_check(&out->w, e) < 0)
		return -1;
	if (out->approval && (out->approved_at < out->w.recorded_at || out->approved_at >= out->w.ends_at))
		return bad(e, "it was approved when it did not hold");
	return 0;
}

int waiver_parse(const char *json, size_t length, struct waiver_statement *out, struct error *e)
{
	json_error_t why;
	memset(out, 0, sizeof *out);
	json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return error_set(e, ERROR_CORRUPT, why.position, KIND ": %s", why.text);
	int rc = read_statement(root, out, e);
	json_decref(root);
	if (rc < 0)
		waiver_statement_free(out);
	return rc;
}

static bool is_same(const struct waiver *a, const struct waiver *b)
{
	return string_same(a->host, b->host) && string_same(a->reason, b->reason) &&
	       string_same(a->ticket, b->ticket) && string_same(a->user, b->user) &&
	       string_same(a->login, b->login) && string_same(a->terminal, b->terminal) &&
	       string_same(a->origin, b->origin) && a->uid == b->uid && a->recorded_at == b->recorded_at &&
	       a->ends_at == b->ends_at;
}

/* One line. Who asks comes first and says with which key; who approves has to have seen the same. */
static int take_statement(struct waiver_signatures *to, struct waiver_statement *s, const struct envelope *x,
			  struct error *e)
{
	if (to->approved)
		return bad(e, "something stands behind its approval");
	if (!s->approval) {
		if (*to->asker_key || !*s->asker_key || strcmp(s->asker_key, x->key_id))
			return bad(e, "it was not signed by the key of who asks");
		memcpy(to->asker_key, s->asker_key, sizeof to->asker_key);
		to->asker_trusted = x->trusted;
		return 0;
	}
	if (strcmp(to->asker_key, s->asker_key))
		return bad(e, "who approved has seen another key of who asks");
	to->approved = true;
	to->approver_trusted = x->trusted;
	memcpy(to->approver_key, x->key_id, sizeof to->approver_key);
	to->approved_at = s->approved_at;
	to->approver = s->approver;
	memset(&s->approver, 0, sizeof s->approver);
	return 0;
}

static int read_line(const char *line, size_t length, const struct waiver *w, const struct trusted_keys *keys,
		     struct waiver_signatures *out, struct error *e)
{
	struct envelope x;
	struct waiver_statement s;
	if (envelope_read(line, length, STATEMENT_TYPE, keys, &x, e) < 0)
		return -1;
	int rc = x.is_signed ? waiver_parse(x.payload, x.length, &s, e) : bad(e, "nobody signed it");
	if (rc == 0) {
		rc = is_same(w, &s.w) ? take_statement(out, &s, &x, e)
				      : bad(e, "the history says something else than what was signed");
		waiver_statement_free(&s);
	}
	envelope_free(&x);
	return rc;
}

int waiver_signatures(const struct waiver *w, const struct trusted_keys *keys, struct waiver_signatures *out,
		      struct error *e)
{
	memset(out, 0, sizeof *out);
	if (!w->envelope)
		return 0;
	if (!*w->envelope || strlen(w->envelope) > WAIVER_MAX)
		return bad(e, "it is empty, or too long");
	for (const char *line = w->envelope; *line;) {
		size_t n = strcspn(line, "\n");
		if (read_line(line, n, w, keys, out, e) < 0)
			return -1;
		line += n + (line[n] == '\n');
	}
	return 0;
}

void waiver_signatures_free(struct waiver_signatures *s)
{
	person_free(&s->approver);
	memset(s, 0, sizeof *s);
}
