// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reading passes. Every member is there, of its type, in its bounds, and none contradicts another; members that are not
 * known are refused, but for those of a higher minor version, which may add some.
 */
#include "members.h"
#include "pass.h"

#define KIND "no pass that is understood"
#define MINOR 1 /* of PASS_FORMAT_VERSION */
#define ADDED 2 /* members that it has, and the one before had not */

static int bad(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, KIND ": %s", what);
}

static const char *member(json_t *object, const char *key)
{
	return member_text(object, key, PASS_TEXT_MAX);
}

static int copy_text(json_t *object, const char *key, size_t most, bool may_be_null, char **out, struct error *e)
{
	return member_copy(object, key, most, may_be_null, out, KIND, e);
}

static int copy_time(json_t *object, const char *key, bool may_be_null, int64_t *out, struct error *e)
{
	return member_time(object, key, may_be_null, out, KIND, e);
}

static int copy_share(json_t *object, const char *key, uint32_t *out, struct error *e)
{
	char buf[16];
	if (json_is_null(json_object_get(object, key)))
		return 0;
	const char *s = member(object, key);
	if (!s || parse_share(s, out) < 0 || !*out || strcmp(format_share(*out, buf), s))
		return bad(e, "confidence or damage is no share");
	return 0;
}

static int read_subject(json_t *v, bool lax, struct pass_subject *to, struct error *e)
{
	static const char *const names[] = {"name", "digest", "annotations"}, *const size_name[] = {"size"};
	json_t *digest = json_object_get(v, "digest"), *annotations = json_object_get(v, "annotations");
	json_t *size = json_object_get(annotations, "size");
	if (!members_are(v, names, ARRAY_SIZE(names), lax) || !json_is_object(digest) ||
	    !members_are(annotations, size_name, 1, lax) || !json_is_integer(size) || json_integer_value(size) < 0)
		return bad(e, "a subject is not right");
	if (copy_text(v, "name", PASS_TEXT_MAX, false, &to->name, e) < 0)
		return -1;
	to->size = (uint64_t)json_integer_value(size);
	to->has_sha256 = json_object_get(digest, "sha256");
	to->has_fsverity = json_object_get(digest, "fsverity");
	if ((to->has_sha256 && member_digest(digest, "sha256", to->sha256) < 0) ||
	    (to->has_fsverity && member_digest(digest, "fsverity", to->fsverity) < 0) ||
	    (!lax && json_object_size(digest) != (size_t)to->has_sha256 + to->has_fsverity))
		return bad(e, "the digest of a subject is not right");
	return 0;
}

static int read_subjects(json_t *list, bool lax, struct pass *out, struct error *e)
{
	if (!json_is_array(list))
		return bad(e, "it has no subjects");
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct pass_subject *to = vec_push(&out->subjects);
		if (!to)
			return error_nomem(e);
		if (read_subject(json_array_get(list, i), lax, to, e) < 0)
			return -1;
	}
	return 0;
}

/* The policy: one descriptor with its name and digest. */
static int read_policy(json_t *list, bool lax, struct pass *out, struct error *e)
{
	static const char *const names[] = {"name", "digest"}, *const digest_name_[] = {"sha256"};
	json_t *one = json_array_get(list, 0), *digest = json_object_get(one, "digest");
	if (json_array_size(list) != 1 || !members_are(one, names, ARRAY_SIZE(names), lax) ||
	    !members_are(digest, digest_name_, 1, lax) || member_digest(digest, "sha256", out->policy_digest) < 0)
		return bad(e, "configuration is not one policy and its digest");
	return copy_text(one, "name", PASS_NAME_MAX, false, &out->policy, e);
}

static int read_proofs(json_t *proofs, bool lax, struct pass *out, struct error *e)
{
	if (!json_is_object(proofs) || (!lax && json_object_size(proofs) != PROOF_COUNT))
		return bad(e, "the proofs are not those of this version");
	for (size_t i = 0; i < PROOF_COUNT; i++) {
		const char *s = member(proofs, proof_name((enum proof)i));
		size_t k = 0;
		while (s && k < PASS_OUTCOMES && strcmp(s, pass_outcomes[k]))
			k++;
		if (!s || k == PASS_OUTCOMES)
			return bad(e, "a proof is neither held nor broken nor unproven");
		if (!(out->proofs[i] = strdup(s)))
			return error_nomem(e);
	}
	return 0;
}

/* The lists of the predicate say the same as the proofs. */
static int compare_lists(json_t *predicate, bool lax, const struct pass *p, struct error *e)
{
	for (size_t k = 0; k < PASS_OUTCOMES; k++) {
		json_t *list = json_object_get(predicate, pass_lists[k]);
		size_t n = 0;
		for (size_t i = 0; i < PROOF_COUNT; i++) {
			if (strcmp(p->proofs[i], pass_outcomes[k]))
				continue;
			const char *s = member_text_of(json_array_get(list, n++), PASS_TEXT_MAX);
			if (!s || strcmp(s, proof_name((enum proof)i)))
				return bad(e, "the lists of tests contradict the proofs");
		}
		if (!json_is_array(list) || (!lax && json_array_size(list) != n))
			return bad(e, "the lists of tests contradict the proofs");
	}
	return 0;
}

static int read_reasons(json_t *list, struct pass *out, struct error *e)
{
	if (!json_is_array(list) || json_array_size(list) > PASS_REASONS_MAX)
		return bad(e, "the reasons are not a short list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = member_text_of(json_array_get(list, i), PASS_TEXT_MAX);
		if (!s)
			return bad(e, "a reason is no text");
		if (strings_add(&out->reasons, s) < 0)
			return error_nomem(e);
	}
	return 0;
}

static int read_code(json_t *own, struct pass *out, struct error *e)
{
	const char *word = member(own, "code");
	const struct pass_code *c = word ? pass_code_of(0, word) : NULL;
	if (!c)
		return bad(e, "its code is none that is known");
	out->code = c->code;
	return 0;
}

static int read_waiver(json_t *v, bool lax, struct pass_waiver *out, struct error *e)
{
	static const char *const names[] = {"covers", "user",	    "login",	   "reason",
					    "ticket", "approved_by", "recorded_at", "ends_at"};
	if (json_is_null(v))
		return 0;
	const char *word = member(v, "covers");
	const struct pass_code *c = pass_code_covered(word ? pass_code_of(0, word) : NULL);
	if (!members_are(v, names, ARRAY_SIZE(names), lax) || !c)
		return bad(e, "its waiver is not right");
	out->covers = c->code;
	if (copy_text(v, "user", PASS_TEXT_MAX, false, &out->user, e) < 0 ||
	    copy_text(v, "login", PASS_TEXT_MAX, true, &out->login, e) < 0 ||
	    copy_text(v, "reason", PASS_TEXT_MAX, false, &out->reason, e) < 0 ||
	    copy_text(v, "ticket", PASS_TEXT_MAX, true, &out->ticket, e) < 0 ||
	    copy_text(v, "approved_by", PASS_TEXT_MAX, true, &out->approved_by, e) < 0)
		return -1;
	return copy_time(v, "recorded_at", false, &out->recorded_at, e) < 0
		       ? -1
		       : copy_time(v, "ends_at", false, &out->ends_at, e);
}

/* What version 1.1 has added. */
static int read_more(json_t *own, bool lax, struct pass *out, struct error *e)
{
	if (copy_text(own, "suspect", PASS_TEXT_MAX, true, &out->suspect, e) < 0)
		return -1;
	return read_waiver(json_object_get(own, "waiver"), lax, &out->waiver, e);
}

/* The minor version. */
static int read_version(json_t *own, struct error *e)
{
	const char *s = member(own, "format_version");
	uint64_t minor;
	size_t major = s ? strspn(s, "0123456789") : 0;
	if (!major || s[major] != '.' || parse_u64(s + major + 1, &minor) < 0 || strlen(s) > 16 ||
	    (s[major + 1] == '0' && s[major + 2]) || *s == '0')
		return bad(e, "it has no format_version");
	if (major != 1 || *s != '1')
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "a pass of version %s: this program knows " PASS_FORMAT_VERSION, s);
	return minor < 100 ? (int)minor : 100;
}

static int read_own(json_t *own, int minor, bool lax, struct pass *out, struct error *e)
{
	static const char *const names[] = {"format_version", "id",	 "host",       "hostname",   "machine_id",
					    "restore_point",   "code",	 "reasons",    "proofs",     "depth",
					    "confidence",     "damage",	 "taken_at",    "verified_at", "expires_at",
					    "waiver",	      "suspect"};
	if (!members_are(own, names, ARRAY_SIZE(names) - (minor ? 0 : ADDED), lax))
		return bad(e, "members of \"backproof\" are missing, or are not known");
	const char *id = member(own, "id"), *machine = member(own, "machine_id"), *depth = member(own, "depth");
	if (!id || !member_is_hex(id, 32) || (machine && !member_is_hex(machine, 32)) || !depth ||
	    (strcmp(depth, "full") && strcmp(depth, "sample")))
		return bad(e, "its id, machine_id or depth is not right");
	memcpy(out->id, id, sizeof out->id);
	if (copy_text(own, "host", PASS_NAME_MAX, false, &out->host, e) < 0 ||
	    copy_text(own, "hostname", PASS_NAME_MAX, true, &out->hostname, e) < 0 ||
	    copy_text(own, "machine_id", 32, true, &out->machine_id, e) < 0 ||
	    copy_text(own, "restore_point", PASS_TEXT_MAX, true, &out->label, e) < 0 ||
	    copy_text(own, "depth", 16, false, &out->depth, e) < 0)
		return -1;
	if (copy_share(own, "confidence", &out->confidence, e) < 0 || copy_share(own, "damage", &out->damage, e) < 0 ||
	    copy_time(own, "taken_at", true, &out->taken_at, e) < 0 ||
	    copy_time(own, "verified_at", false, &out->verified_at, e) < 0 ||
	    copy_time(own, "expires_at", false, &out->expires_at, e) < 0)
		return -1;
	if (minor && read_more(own, lax, out, e) < 0)
		return -1;
	if (read_code(own, out, e) < 0 || read_reasons(json_object_get(own, "reasons"), out, e) < 0)
		return -1;
	return read_proofs(json_object_get(own, "proofs"), lax, out, e);
}

/* What no single member can tell. */
static int agree(const struct pass *p, const char *result, struct error *e)
{
	bool held = false;
	for (size_t i = 0; i < PROOF_COUNT; i++)
		held |= !strcmp(p->proofs[i], pass_outcomes[PASS_HELD]);
	const struct pass_waiver *w = &p->waiver;
	if (strcmp(result, pass_result(p->code)))
		return bad(e, "its result contradicts its code");
	if ((p->code == PASS_WAIVED) != (w->user != NULL))
		return bad(e, "its waiver contradicts its code");
	if (w->user && (w->recorded_at > p->verified_at || w->ends_at <= p->verified_at || w->ends_at < p->expires_at))
		return bad(e, "its waiver was not in force, or it expires after that");
	if (p->expires_at < p->verified_at || p->expires_at - p->verified_at > PASS_VALID_MAX)
		return bad(e, "it expires before it was verified, or a year after");
	if (!p->confidence != !p->damage)
		return bad(e, "its confidence is not right");
	if (p->code == 0 && (!held || !p->subjects.count || p->reasons.count))
		return bad(e, "it passed, and nothing was proved");
	return 0;
}

static int read_statement(json_t *root, struct pass *out, struct error *e)
{
	static const char *const names[] = {"_type", "subject", "predicateType", "predicate"};
	static const char *const inner[] = {"result",	   "configuration", "passedTests",
					    "warnedTests", "failedTests",   "backproof"};
	const char *type = member(root, "_type"), *predicate_type = member(root, "predicateType");
	json_t *predicate = json_object_get(root, "predicate"), *own = json_object_get(predicate, "backproof");
	const char *result = member(predicate, "result");
	if (!type || !predicate_type || !result)
		return bad(e, "it is no statement with a test result");
	if (strcmp(type, PASS_STATEMENT) || strcmp(predicate_type, PASS_PREDICATE)) {
		bool later = !strncmp(type, PASS_STATEMENT_ANY, strlen(PASS_STATEMENT_ANY)) &&
			     !strncmp(predicate_type, PASS_PREDICATE_ANY, strlen(PASS_PREDICATE_ANY));
		return later ? error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
					 "a statement or test result of a version that is not known here")
			     : bad(e, "it is a statement of another kind");
	}
	int minor = read_version(own, e);
	bool lax = minor > MINOR;
	if (minor < 0)
		return -1;
	if (!members_are(root, names, ARRAY_SIZE(names), lax) || !members_are(predicate, inner, ARRAY_SIZE(inner), lax))
		return bad(e, "members of the statement are missing, or are not known");
	if (read_subjects(json_object_get(root, "subject"), lax, out, e) < 0 ||
	    read_policy(json_object_get(predicate, "configuration"), lax, out, e) < 0 ||
	    read_own(own, minor, lax, out, e) < 0 || compare_lists(predicate, lax, out, e) < 0)
		return -1;
	return agree(out, result, e);
}

int pass_parse(const char *json, size_t length, struct pass *out, struct error *e)
{
	json_error_t why;
	memset(out, 0, sizeof *out);
	out->code = -1;
	json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return error_set(e, ERROR_CORRUPT, why.position, "no pass: %s", why.text);
	int rc = read_statement(root, out, e);
	json_decref(root);
	if (rc < 0)
		pass_free(out);
	return rc;
}
