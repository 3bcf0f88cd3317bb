// SPDX-License-Identifier: GPL-3.0-or-later
/* Passes: what is written is what is read, whatever contradicts itself is refused, and only what was asked for is good. */
#include "backproof/pass.h"

#include <sys/stat.h>

#include "backproof/gate.h"
#include "backproof/seal.h"
#include "test.h"

#define NOW INT64_C(1795000000)
#define MACHINE "0123456789abcdef0123456789abcdef"

static char dir[] = "/tmp/backproof-pass-XXXXXX";
static struct signer *key;
static struct trusted_keys mine, theirs;

static char *at(const char *name)
{
	static char buf[4][128];
	static int next;
	char *to = buf[next++ % 4];
	snprintf(to, sizeof buf[0], "%s/%s", dir, name);
	return to;
}

static char *copy(const char *s)
{
	char *c = strdup(s);
	NEED(c);
	return c;
}

static void add_file(struct pass *p, const char *name, uint64_t size, bool sha256, bool fsverity)
{
	struct pass_subject *s = vec_push(&p->subjects);
	NEED(s);
	*s = (struct pass_subject){.name = copy(name), .size = size, .has_sha256 = sha256, .has_fsverity = fsverity};
	memset(s->sha256, 0x5a, 32);
	memset(s->fsverity, 0xa5, 32);
}

static struct pass sample(void)
{
	struct pass p = {.host = copy("web01"), .machine_id = copy(MACHINE), .hostname = copy("web01.example.org"),
			 .label = copy("web01-2026-11-22"), .policy = copy("default"), .depth = copy("full"),
			 .verified_at = NOW, .expires_at = NOW + 4 * 3600, .taken_at = NOW - 3600};
	memset(p.policy_digest, 0x11, 32);
	for (int i = 0; i < PROOF_COUNT; i++)
		p.proofs[i] = copy("held");
	add_file(&p, "web01.img.zst", UINT64_C(1) << 40, true, false);
	add_file(&p, "web01-data.img", 0, true, true);
	return p;
}

/* Signed, and freed. */
static struct text written(struct pass p)
{
	struct error e = {0};
	struct text t = {0};
	if (pass_write(&p, key, &t, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	NEED(t.length);
	pass_free(&p);
	return t;
}

static char *statement_of(const struct text *t)
{
	struct envelope x;
	struct error e = {0};
	NEED(envelope_read(t->data, t->length, STATEMENT_TYPE, &mine, &x, &e) == 0 && x.trusted);
	return x.payload;
}

static void test_round(void)
{
	struct error e = {0};
	struct pass p = sample(), q;
	p.confidence = 999000;
	p.damage = 1000;
	struct text t = {0}, again = {0};
	NEED(pass_write(&p, key, &t, &e) == 0);
	NEED(pass_open(t.data, t.length, &mine, &q, &e) == 0);
	CHECK(q.trusted);
	CHECK_STR(q.key_id, signer_id(key));
	CHECK_STR(q.host, p.host);
	CHECK_STR(q.machine_id, p.machine_id);
	CHECK_STR(q.hostname, p.hostname);
	CHECK_STR(q.label, p.label);
	CHECK_STR(q.policy, p.policy);
	CHECK_STR(q.depth, "full");
	CHECK_STR(q.id, p.id);
	CHECK_INT(q.code, 0);
	CHECK_INT(q.verified_at, NOW);
	CHECK_INT(q.expires_at, NOW + 4 * 3600);
	CHECK_INT(q.taken_at, NOW - 3600);
	CHECK_INT(q.confidence, 999000);
	CHECK_INT(q.damage, 1000);
	CHECK(!memcmp(q.policy_digest, p.policy_digest, 32));
	NEED(q.subjects.count == 2);
	CHECK_STR(q.subjects.items[1].name, "web01-data.img");
	CHECK_INT(q.subjects.items[0].size, INT64_C(1) << 40);
	CHECK(q.subjects.items[0].has_sha256 && !q.subjects.items[0].has_fsverity);
	CHECK(q.subjects.items[1].has_fsverity && q.subjects.items[1].fsverity[31] == 0xa5);
	pass_free(&q);
	CHECK(pass_open(t.data, t.length, &theirs, &q, &e) == 0 && !q.trusted);
	pass_free(&q);
	CHECK(pass_open(t.data, t.length, NULL, &q, &e) == 0 && !q.trusted);
	pass_free(&q);
	/* Two passes are never the same. */
	char id[33];
	memcpy(id, p.id, sizeof id);
	NEED(pass_write(&p, key, &again, &e) == 0);
	CHECK(strcmp(id, p.id));
	text_free(&t);
	text_free(&again);
	/* Unsigned. */
	NEED(pass_write(&p, NULL, &t, &e) == 0);
	CHECK(pass_open(t.data, t.length, &mine, &q, &e) < 0 && e.cls == ERROR_CORRUPT);
	CHECK(strstr(e.text, "nobody signed"));
	text_free(&t);
	pass_free(&p);
	CHECK(p.code != 0);
}

/* The words of the codes are those of reports, and no other code can be written. */
static void test_codes(void)
{
	static const enum code codes[] = {CODE_SAFE, CODE_NO_BACKUP, CODE_STALE, CODE_DAMAGED, CODE_INCOMPLETE,
					  CODE_CANNOT_TELL, CODE_BUSY, CODE_INTERNAL};
	struct error e = {0};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		char want[64];
		struct pass p = sample(), q;
		p.code = (int)codes[i];
		struct text t = written(p);
		char *json = statement_of(&t);
		snprintf(want, sizeof want, "\"code\":\"%s\"", code_name(codes[i]));
		CHECK(strstr(json, want));
		CHECK(strstr(json, codes[i] ? "\"FAILED\"" : "\"PASSED\""));
		NEED(pass_open(t.data, t.length, &mine, &q, &e) == 0);
		CHECK_INT(q.code, codes[i]);
		pass_free(&q);
		free(json);
		text_free(&t);
	}
	static const int none[] = {1, 2, -1, 64, 78, 99, 255};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct pass p = sample();
		struct text t = {0};
		p.code = none[i];
		CHECK(pass_write(&p, key, &t, &e) < 0);
		pass_free(&p);
		text_free(&t);
	}
}

/* Texts of any kind come out as UTF-8, shorter if need be; names that would change are refused. */
static void test_texts(void)
{
	struct error e = {0};
	struct pass p = sample(), q;
	char *names[] = {"", "\xff\xfe", NULL};
	char longer[4000];
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	names[2] = longer;
	p.code = CODE_DAMAGED;
	NEED(strings_add(&p.reasons, longer) == 0 && strings_add(&p.reasons, "") == 0);
	NEED(strings_add(&p.reasons, "bad \xff byte, \x1b[31m, \"quoted\"\n") == 0);
	for (int i = 0; i < 100; i++)
		NEED(strings_add(&p.reasons, "one more") == 0);
	free(p.label);
	p.label = copy(longer);
	memset(p.label, '\xff', 3000);
	free(p.subjects.items[0].name);
	p.subjects.items[0].name = copy("\xe2\x82\xac\xe2\x82\xac\xe2\x82 \x01");
	struct text t = {0};
	NEED(pass_write(&p, key, &t, &e) == 0);
	NEED(pass_open(t.data, t.length, &mine, &q, &e) == 0);
	CHECK_INT(q.reasons.count, 64);
	CHECK(strlen(q.reasons.items[0]) > 300 && text_is_utf8(q.label));
	CHECK(strstr(q.reasons.items[1], "\xef\xbf\xbd byte, \x1b[31m"));
	pass_free(&q);
	text_free(&t);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		free(p.host);
		p.host = copy(names[i]);
		CHECK(pass_write(&p, key, &t, &e) < 0);
	}
	pass_free(&p);
	text_free(&t);
}

/* Every bit of the file: no pass, not trusted, or the very same. */
static void test_bits(void)
{
	struct error e = {0};
	struct text t = written(sample());
	char *json = statement_of(&t);
	size_t good = 0;
	for (size_t i = 0; i < t.length; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct pass q;
			t.data[i] = (char)(t.data[i] ^ 1 << bit);
			if (pass_open(t.data, t.length, &mine, &q, &e) == 0) {
				struct envelope x;
				NEED(envelope_read(t.data, t.length, STATEMENT_TYPE, &mine, &x, &e) == 0);
				CHECK(!q.trusted || !strcmp(x.payload, json));
				good += q.trusted;
				envelope_free(&x);
				pass_free(&q);
			}
			t.data[i] = (char)(t.data[i] ^ 1 << bit);
		}
	CHECK(good < 8 * 70); /* the name of the key, which is a hint, and the line's end */
	for (size_t i = 0; i + 1 < t.length; i++) {
		struct pass q;
		CHECK(pass_open(t.data, i, &mine, &q, &e) < 0);
	}
	free(json);
	text_free(&t);
}

/* A statement with one thing changed, signed by the right key all the same. */
static int changed(const char *json, const char *from, const char *to, struct pass *q, struct error *e)
{
	struct text s = {0}, t = {0};
	const char *found = strstr(json, from);
	if (!found)
		fprintf(stderr, "not there: %s\n", from);
	NEED(found);
	text_put_bytes(&s, json, (size_t)(found - json));
	text_put(&s, to);
	text_put(&s, found + strlen(from));
	NEED(envelope_write(STATEMENT_TYPE, s.data, s.length, key, &t, e) == 0);
	int rc = pass_open(t.data, t.length, &mine, q, e);
	text_free(&s);
	text_free(&t);
	return rc;
}

#define A_WAIVER "{\"covers\":\"stale\",\"user\":\"root\",\"login\":null,\"reason\":\"now\",\"ticket\":null," \
	"\"approved_by\":null,\"recorded_at\":\"2026-11-17T09:00:00Z\",\"ends_at\":\"2027-11-18T13:00:00Z\"}"

static void test_strict(void)
{
	static const char *const bad[][2] = {
		{"Statement/v1\"", "Statement/v1 \",\"x\":1"}, {"{\"_type\"", "[{\"_type\""}, {"{\"_type\"", "{\"x\":1,\"_type\""},
		{"\"subject\":[", "\"subject\":{},\"_subject\":["}, {"\"PASSED\"", "\"WARNED\""}, {"\"PASSED\"", "\"FAILED\""},
		{"\"PASSED\"", "\"passed\""}, {"\"PASSED\"", "true"}, {"\"PASSED\"", "\"PASSED\",\"result\":\"PASSED\""},
		{"\"code\":\"safe\"", "\"code\":\"damaged\""}, {"\"code\":\"safe\"", "\"code\":\"waived\""},
		{"\"code\":\"safe\"", "\"code\":0"}, {"\"code\":\"safe\"", "\"code\":null"},
		{"\"reasons\":[]", "\"reasons\":[\"stale: x\"]"}, {"\"reasons\":[]", "\"reasons\":{}"},
		{"\"reasons\":[]", "\"reasons\":[1]"}, {"\"reasons\":[]", "\"reasons\":null"},
		{"\"warnedTests\":[]", "\"warnedTests\":[\"restore\"]"}, {"\"warnedTests\":[]", "\"warnedTests\":null"},
		{"[\"presence\",\"freshness\"", "[\"freshness\",\"presence\""}, {"[\"presence\",", "["},
		{"\"presence\":\"held\"", "\"presence\":\"broken\""}, {"\"presence\":\"held\"", "\"presence\":\"HELD\""},
		{"\"presence\":\"held\",", ""}, {"\"presence\":\"held\"", "\"presence\":\"held\",\"luck\":\"held\""},
		{"\"host\":\"web01\"", "\"host\":\"\""}, {"\"host\":\"web01\"", "\"host\":null"}, {"\"host\":\"web01\"", "\"host\":[]"},
		{"\"host\":\"web01\"", "\"host\":\"web01\\u0000x\""}, {"\"host\":\"web01\"", "\"host\":\"web01\xff\""},
		{"\"host\":\"web01\"", "\"host\":\"db01\",\"host\":\"web01\""}, {"\"host\":\"web01\",", ""},
		{"\"host\":\"web01\"", "\"Host\":\"web01\""},
		{"\"machine_id\":\"" MACHINE, "\"machine_id\":\"0123"}, {"\"machine_id\":\"" MACHINE, "\"machine_id\":\"0123456789ABCDEF0123456789ABCDEF"},
		{"\"depth\":\"full\"", "\"depth\":\"auto\""}, {"\"depth\":\"full\"", "\"depth\":null"},
		{"\"confidence\":null", "\"confidence\":\"99.9%\""}, {"\"damage\":null", "\"damage\":\"0.1%\""},
		{"\"confidence\":null,\"damage\":null", "\"confidence\":\"99.90%\",\"damage\":\"0.1%\""},
		{"\"confidence\":null,\"damage\":null", "\"confidence\":0.999,\"damage\":\"0.1%\""},
		{"\"confidence\":null,\"damage\":null", "\"confidence\":\"101%\",\"damage\":\"0.1%\""},
		{"\"confidence\":null,\"damage\":null", "\"confidence\":\"0%\",\"damage\":\"0%\""},
		{"\"verified_at\":\"20", "\"verified_at\":\"30"}, {"\"verified_at\":\"20", "\"verified_at\":\"10"},
		{"\"expires_at\":\"20", "\"expires_at\":\"19"}, {"\"expires_at\":\"20", "\"expires_at\":\"30"}, {"\"expires_at\":\"20", "\"expires_at\":\"x20"},
		{"Z\",\"expires_at\"", "+00:00\",\"expires_at\""}, {"Z\",\"expires_at\"", ".5Z\",\"expires_at\""}, {"Z\",\"expires_at\"", "z\",\"expires_at\""},
		{"\"expires_at\":\"", "\"expires_at\":1795000000,\"x\":\""}, {"\"expires_at\":\"", "\"expiresat\":\""},
		{"\"size\":1099511627776", "\"size\":-1"}, {"\"size\":1099511627776", "\"size\":1e3"}, {"\"size\":1099511627776", "\"size\":\"1\""},
		{"\"size\":1099511627776", "\"size\":99999999999999999999999"}, {"\"size\":1099511627776", "\"size\":NaN"}, {"\"size\":1099511627776", "\"size\":null"},
		{"\"sha256\":\"5a", "\"sha256\":\"5A"}, {"\"sha256\":\"5a", "\"sha256\":\"5"}, {"\"sha256\":\"5a", "\"sha256\":\"5g"}, {"\"sha256\":\"5a", "\"sha1\":\"5a"},
		{"\"sha256\":\"5a", "\"sha256\":\"5a5a"}, {"\"name\":\"web01.img.zst\"", "\"name\":\"\""}, {"\"name\":\"web01.img.zst\"", "\"name\":null"},
		{"\"configuration\":[", "\"configuration\":[null,"}, {"\"configuration\":[{\"name\":\"default\"", "\"configuration\":[{\"name\":\"\""},
		{"\"sha256\":\"11", "\"sha256\":\"1"}, {"\"id\":\"", "\"id\":\"0"}, {"\"id\":\"", "\"ID\":\""},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1\""}, {"\"format_version\":\"1.1\"", "\"format_version\":\"01.0\""},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.00\""}, {"\"format_version\":\"1.1\"", "\"format_version\":1.0"},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.0 \""}, {"\"format_version\":\"1.1\"", "\"format_version\":null"},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.-1\""}, {"\"format_version\":\"1.1\"", "\"format_version\":\"0.9\""},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.1\",\"more\":1"}, {"\"format_version\":\"1.1\"", "\"format_version\":\"1.0\""}, {"\"format_version\":\"1.1\",", ""},
		{"\"suspect\":null", "\"suspect\":\"\""}, {"\"suspect\":null", "\"suspect\":[]"}, {",\"suspect\":null", ""},
		{"\"waiver\":null", "\"waiver\":{}"}, {"\"waiver\":null", "\"waiver\":true"}, {"\"waiver\":null,", ""},
		{"\"waiver\":null", "\"waiver\":" A_WAIVER},
		{"test-result/v0.1", "test-result/v0.1/"} /* is a later one, below */, {"https://in-toto.io/attestation/test-result/v0.1", SEAL_PREDICATE},
		{"Statement/v1", "Stat"}, {"\"restore_point\":\"web", "\"restore_point\":[\""}, {"}}", "}}}"}, {"}}", "}"},
	};
	static const char *const later[][2] = {{"\"format_version\":\"1.1\"", "\"format_version\":\"2.0\""},
					       {"\"format_version\":\"1.1\"", "\"format_version\":\"10.3\""},
					       {"test-result/v0.1", "test-result/v1"}, {"Statement/v1", "Statement/v2"}};
	static const char *const good[][2] = {
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.7\""},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.2\",\"more\":[{}]"},
		{"\"suspect\":null", "\"suspect\":\"they got in\""},
		{"\"machine_id\":\"" MACHINE "\"", "\"machine_id\":null"}, {"\"hostname\":\"web01.example.org\"", "\"hostname\":null"},
		{"\"confidence\":null,\"damage\":null", "\"confidence\":\"100%\",\"damage\":\"0.1%\""},
		{"\"size\":1099511627776", "\"size\":0"}, {"{\"_type\"", " {\n\"_type\""},
	};
	struct text t = written(sample());
	char *json = statement_of(&t);
	struct error e = {0};
	struct pass q;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int rc = changed(json, bad[i][0], bad[i][1], &q, &e);
		if (rc == 0)
			fprintf(stderr, "accepted: %s\n", bad[i][1]);
		CHECK(rc < 0 && e.text[0]);
		CHECK(q.code != 0); /* nothing reads as safe */
	}
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		CHECK(changed(json, later[i][0], later[i][1], &q, &e) < 0 && e.cls == ERROR_UNSUPPORTED);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int rc = changed(json, good[i][0], good[i][1], &q, &e);
		if (rc < 0)
			fprintf(stderr, "%s: %s\n", good[i][1], e.text);
		CHECK(rc == 0 && q.trusted);
		pass_free(&q);
	}
	free(json);
	/* Nothing is looked at, or nothing held: no pass. */
	struct text none = {0};
	struct pass p = sample();
	for (int i = 0; i < PROOF_COUNT; i++)
		strcpy(p.proofs[i], "");
	CHECK(pass_write(&p, key, &none, &e) < 0);
	pass_free(&p);
	p = sample();
	vec_each(&p.subjects, it) free(it->name);
	p.subjects.count = 0;
	CHECK(pass_write(&p, key, &none, &e) < 0);
	p.code = CODE_NO_BACKUP;
	CHECK(pass_write(&p, key, &none, &e) == 0);
	p.expires_at = p.verified_at - 1;
	CHECK(pass_write(&p, key, &none, &e) < 0);
	p.expires_at = p.verified_at + PASS_VALID_MAX + 1;
	CHECK(pass_write(&p, key, &none, &e) < 0);
	pass_free(&p);
	text_free(&none);
	text_free(&t);
}

/* Stale, and somebody takes it on themselves for an hour. */
static struct pass waived(void)
{
	struct pass p = sample();
	p.code = CODE_WAIVED;
	strcpy(p.proofs[PROOF_FRESHNESS], "");
	free(p.proofs[PROOF_FRESHNESS]);
	p.proofs[PROOF_FRESHNESS] = copy("broken");
	NEED(strings_add(&p.reasons, "stale: taken 3d ago") == 0);
	p.waiver = (struct pass_waiver){.user = copy("root"), .login = copy("alice"), .reason = copy("zero\x1b[1mday"),
					.ticket = copy("CHG-1"), .approved_by = copy("bob"), .covers = CODE_STALE,
					.recorded_at = NOW - 60, .ends_at = NOW + 3600};
	p.expires_at = NOW + 3600;
	return p;
}

static void test_waived(void)
{
	static const char *const bad[][2] = {
		{"\"WARNED\"", "\"PASSED\""}, {"\"WARNED\"", "\"FAILED\""}, {"\"code\":\"waived\"", "\"code\":\"safe\""},
		{"\"code\":\"waived\"", "\"code\":\"stale\""}, {"\"code\":\"waived\"", "\"code\":\"Waived\""},
		{"\"covers\":\"stale\"", "\"covers\":\"safe\""}, {"\"covers\":\"stale\"", "\"covers\":\"waived\""},
		{"\"covers\":\"stale\"", "\"covers\":\"internal\""}, {"\"covers\":\"stale\"", "\"covers\":\"config\""},
		{"\"covers\":\"stale\"", "\"covers\":null"}, {"\"covers\":\"stale\"", "\"covers\":11"},
		{"\"covers\":\"stale\",", ""}, {"\"user\":\"root\"", "\"user\":null"}, {"\"user\":\"root\"", "\"user\":\"\""},
		{"\"user\":\"root\"", "\"user\":\"root\",\"more\":1"}, {"\"reason\":\"zero", "\"reason\":null,\"x\":\""},
		{"\"login\":\"alice\",", ""}, {"\"ticket\":\"CHG-1\"", "\"ticket\":1"}, {"\"approved_by\":\"bob\",", ""},
		{"\"recorded_at\":\"20", "\"recorded_at\":\"21"}, {"\"recorded_at\":\"20", "\"recorded_at\":\"x"},
		{"\"ends_at\":\"20", "\"ends_at\":\"19"}, {"\"ends_at\":\"20", "\"ends_at\":null,\"x\":\""},
		{"\"format_version\":\"1.1\"", "\"format_version\":\"1.0\""},
	};
	struct error e = {0};
	struct pass q;
	struct text t = written(waived()), why = {0};
	char *json = statement_of(&t);
	bool ours;
	CHECK(strstr(json, "\"WARNED\"") && !strstr(json, "PASSED") && !strstr(json, "\"safe\""));
	NEED(pass_open(t.data, t.length, &mine, &q, &e) == 0 && q.trusted);
	CHECK_INT(q.code, CODE_WAIVED);
	CHECK_INT(q.waiver.covers, CODE_STALE);
	CHECK_STR(q.waiver.user, "root");
	CHECK_STR(q.waiver.login, "alice");
	CHECK_STR(q.waiver.reason, "zero\x1b[1mday");
	CHECK_STR(q.waiver.ticket, "CHG-1");
	CHECK_STR(q.waiver.approved_by, "bob");
	CHECK_INT(q.waiver.recorded_at, NOW - 60);
	CHECK_INT(q.waiver.ends_at, NOW + 3600);
	struct pass_claims c = {.self = "web01", .now = NOW + 60};
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_WAIVED);
	CHECK(ours && strstr(why.data, "stale: taken 3d ago") && strstr(why.data, "by root, approved by bob"));
	CHECK(strstr(why.data, "zero\\x1b[1mday") && !strchr(why.data, '\x1b') && !strstr(why.data, "SUSPECT"));
	why.length = 0;
	q.suspect = copy("they\x1bgot in");
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_WAIVED);
	CHECK(strstr(why.data, "SUSPECT") && strstr(why.data, "they\\x1bgot in"));
	c.now = NOW + 3600;
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_STALE);
	/* Whatever else its file says: not for longer than the waiver, and for nothing that can't be waived. */
	q.expires_at = NOW + 7200;
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_INTERNAL);
	c.now = NOW;
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_WAIVED);
	c.self = "web02";
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_INCOMPLETE);
	c.self = "web01";
	q.trusted = false;
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_INCOMPLETE);
	q.trusted = true;
	static const int never[] = {0, 64, 70, 78, 87, 1};
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		q.waiver.covers = never[i];
		CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_INTERNAL);
	}
	q.waiver.covers = CODE_DAMAGED;
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_WAIVED);
	free(take(q.waiver.reason));
	CHECK_INT(pass_judge(&q, &c, &ours, &why), CODE_INTERNAL);
	pass_free(&q);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int rc = changed(json, bad[i][0], bad[i][1], &q, &e);
		if (rc == 0)
			fprintf(stderr, "accepted: %s\n", bad[i][1]);
		CHECK(rc < 0 && e.cls == ERROR_CORRUPT && q.code != 0 && q.code != CODE_WAIVED);
	}
	free(json);
	text_free(&t);
	text_free(&why);
	/* What would not be read is not signed. */
	for (int i = 0; i < 6; i++) {
		struct pass p = waived();
		if (i == 5)
			p.waiver.ends_at = p.expires_at = p.verified_at;
		p.expires_at = i == 0 ? p.waiver.ends_at + 1 : p.expires_at;
		p.waiver.covers = i == 1 ? CODE_SAFE : i == 2 ? CODE_INTERNAL : p.waiver.covers;
		p.waiver.recorded_at = i == 3 ? NOW + 1 : NOW - 60;
		if (i == 4)
			free(take(p.waiver.user));
		CHECK(pass_write(&p, key, &t, &e) < 0);
		pass_free(&p);
		text_free(&t);
	}
	struct pass p = waived();
	p.waiver.recorded_at = NOW;
	CHECK(pass_write(&p, key, &t, &e) == 0);
	pass_free(&p);
	text_free(&t);
}

static enum code judged(struct pass p, struct pass_claims c, bool *ours)
{
	struct text why = {0};
	p.trusted = true;
	if (!c.self)
		c.self = "web01";
	if (!c.now)
		c.now = NOW + 60;
	enum code code = pass_judge(&p, &c, ours, &why);
	CHECK(why.length > 0);
	text_free(&why);
	return code;
}

static void test_judge(void)
{
	uint8_t digest[32], other[32] = {1};
	struct pass p = sample();
	bool ours;
	memset(digest, 0x11, 32);
	struct pass_claims c = {.self = "web01", .now = NOW};
	struct text why = {0};
	CHECK_INT(pass_judge(&p, &c, &ours, &why), CODE_INCOMPLETE); /* not trusted */
	CHECK(!ours);
	text_free(&why);
#define JUDGE(code, ...) CHECK_INT(judged(p, (struct pass_claims){__VA_ARGS__}, &ours), (code))
	JUDGE(CODE_SAFE, .self = "web01");
	CHECK(ours);
	JUDGE(CODE_SAFE, .self = "WEB01.example.org.");
	JUDGE(CODE_INCOMPLETE, .self = "web02");
	CHECK(!ours);
	JUDGE(CODE_INCOMPLETE, .self = "");
	JUDGE(CODE_INCOMPLETE, .self = "web0");
	JUDGE(CODE_SAFE, .host = "web01", .self = "backup");
	JUDGE(CODE_INCOMPLETE, .host = "web02", .self = "web01");
	/* Known to the server under another name: what was found inside counts, if identity was held. */
	free(p.host);
	p.host = copy("mail");
	JUDGE(CODE_SAFE, .self = "web01");
	JUDGE(CODE_INCOMPLETE, .host = "web01", .self = "x");
	free(p.hostname);
	p.hostname = copy("localhost");
	JUDGE(CODE_INCOMPLETE, .self = "localhost");
	JUDGE(CODE_INCOMPLETE, .self = "localhost.localdomain");
	free(p.host);
	p.host = copy("localhost");
	JUDGE(CODE_INCOMPLETE, .self = "localhost");
	JUDGE(CODE_INCOMPLETE, .self = "localhost", .self_id = "1123456789abcdef0123456789abcdef");
	JUDGE(CODE_SAFE, .self = "localhost", .self_id = MACHINE);
	JUDGE(CODE_SAFE, .self = "web07", .host = "localhost");
	free(p.host);
	p.host = copy("mail");
	free(p.hostname);
	p.hostname = copy("web01.example.org");
	strcpy(p.proofs[PROOF_IDENTITY], "x");
	JUDGE(CODE_INCOMPLETE, .self = "web01");
	strcpy(p.proofs[PROOF_IDENTITY], "held");
	free(p.host);
	p.host = copy("web01");
	/* Machine ids. */
	JUDGE(CODE_SAFE, .self_id = MACHINE);
	JUDGE(CODE_SAFE, .self_id = "0123456789ABCDEF0123456789abcdef");
	JUDGE(CODE_INCOMPLETE, .self_id = "1123456789abcdef0123456789abcdef");
	JUDGE(CODE_INCOMPLETE, .host = "web01", .self_id = "1123456789abcdef0123456789abcdef");
	JUDGE(CODE_SAFE, .host = "web01", .self = "backup", .self_id = "1123456789abcdef0123456789abcdef");
	JUDGE(CODE_SAFE, .machine_id = MACHINE, .self_id = "1123456789abcdef0123456789abcdef");
	JUDGE(CODE_INCOMPLETE, .machine_id = "1123456789abcdef0123456789abcdef");
	free(take(p.machine_id));
	JUDGE(CODE_SAFE, .self_id = MACHINE);
	JUDGE(CODE_INCOMPLETE, .machine_id = MACHINE);
	/* Policies. */
	JUDGE(CODE_SAFE, .policy = "default", .policy_digest = digest);
	JUDGE(CODE_INCOMPLETE, .policy = "Default");
	JUDGE(CODE_INCOMPLETE, .policy_digest = other);
	/* Clocks. */
	JUDGE(CODE_SAFE, .now = NOW);
	JUDGE(CODE_SAFE, .now = NOW - 300);
	JUDGE(CODE_STALE, .now = NOW - 301);
	CHECK(!ours);
	JUDGE(CODE_STALE, .now = 1);
	JUDGE(CODE_SAFE, .now = NOW + 4 * 3600 - 1);
	JUDGE(CODE_STALE, .now = NOW + 4 * 3600);
	CHECK(ours);
	JUDGE(CODE_STALE, .now = INT64_C(1) << 40);
	/* What did not pass gives its code, and nothing gives 0. */
	for (int code = -3; code < 300; code++) {
		p.code = code;
		enum code got = judged(p, (struct pass_claims){.now = NOW}, &ours);
		CHECK_INT(got == CODE_SAFE, code == 0);
		CHECK(ours);
		if ((code >= 10 && code <= 13) || code == 20 || code == 21 || code == 70)
			CHECK_INT(got, code);
		else if (code)
			CHECK_INT(got, CODE_INTERNAL);
	}
	p.code = CODE_DAMAGED;
	JUDGE(CODE_STALE, .now = NOW + 5 * 3600);
	JUDGE(CODE_INCOMPLETE, .self = "web02");
	pass_free(&p);
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	NEED(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void test_state(void)
{
	static const char *const broken[] = {"", "{}", "[]", "x", "{\"format_version\":\"1.1\"}",
					     "{\"format_version\":\"2.0\",\"passes\":{}}",
					     "{\"format_version\":\"1.1\",\"passes\":{},\"passes\":{}}",
					     "{\"format_version\":\"1.1\",\"passes\":[]}",
					     "{\"format_version\":\"1.1\",\"passes\":{\"web01\":{}}}",
					     "{\"format_version\":\"1.1\",\"passes\":{\"web01\":1}}",
					     "{\"format_version\":\"1.1\",\"passes\":{\"web01\":{\"id\":\"1\",\"verified_at\":\"2026-01-01T00:00:00Z\"}}}",
					     "{\"format_version\":\"1.1\",\"passes\":{}}x"};
	struct error e = {0};
	struct stat st;
	char *state = strdup(at("state"));
	struct pass p = sample();
	strcpy(p.id, "00000000000000000000000000000001");
	CHECK_INT(pass_state_update(state, &p, &e), 0);
	CHECK_INT(pass_state_update(state, &p, &e), 0);
	strcpy(p.id, "00000000000000000000000000000002");
	CHECK_INT(pass_state_update(state, &p, &e), 1); /* another of the same second */
	p.verified_at--;
	CHECK_INT(pass_state_update(state, &p, &e), 1);
	free(p.host);
	p.host = copy("WEB01.example.org"); /* the same host by its other name */
	CHECK_INT(pass_state_update(state, &p, &e), 1);
	free(p.host);
	p.host = copy("web02");
	CHECK_INT(pass_state_update(state, &p, &e), 0);
	free(p.host);
	p.host = copy("Web01");
	p.verified_at = NOW + 10;
	CHECK_INT(pass_state_update(state, &p, &e), 0);
	p.verified_at = NOW;
	strcpy(p.id, "00000000000000000000000000000001");
	CHECK_INT(pass_state_update(state, &p, &e), 1);
	p.verified_at = NOW + 20;
	CHECK_INT(pass_state_update(state, &p, &e), 0);
	NEED(stat(state, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		put_file(state, broken[i]);
		int rc = pass_state_update(state, &p, &e);
		if (rc >= 0)
			fprintf(stderr, "accepted: %s\n", broken[i]);
		CHECK(rc < 0 && e.text[0]);
		char left[400] = "";
		FILE *f = fopen(state, "r");
		NEED(f && fread(left, 1, sizeof left - 1, f) <= sizeof left && fclose(f) == 0);
		CHECK_STR(left, broken[i]); /* as it was: somebody has to look at it */
	}
	NEED(mkdir(at("d"), 0700) == 0);
	CHECK(pass_state_update(at("d"), &p, &e) < 0);
	CHECK(pass_state_update(at("none/state"), &p, &e) < 0);
	pass_free(&p);
	free(state);
}

static void test_fill(void)
{
	struct error e = {0};
	struct pass p;
	struct host_result r = {.host = copy("web01"), .policy = copy("p"), .depth = DEPTH_FULL, .checked_at = NOW,
				.max_age = 7200, .taken_at = NOW - 3600, .valid_for = 4 * 3600, .has_point = true};
	struct proved_file *f = vec_push(&r.files);
	NEED(f && findings_init(&r.findings) == 0);
	*f = (struct proved_file){.path = copy("/srv/backup/web01.img"), .size = 5, .has_known = true};
	memset(f->known, 7, 32);
	r.verdict.code = CODE_SAFE;
	r.verdict.proofs[PROOF_PRESENCE] = OUTCOME_HELD;
	r.machine_id = copy("0123456789ABCDEF0123456789abcdef");
	r.hostname = copy("\xff");
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK_INT(p.code, 0);
	CHECK_INT(p.expires_at, NOW + 3600); /* no longer than the backup is fresh */
	CHECK_STR(p.machine_id, MACHINE);
	CHECK(!p.hostname);
	CHECK_STR(p.subjects.items[0].name, "web01.img");
	CHECK(!p.subjects.items[0].has_fsverity); /* known is not proved */
	CHECK_STR(p.proofs[PROOF_PRESENCE], "held");
	CHECK_STR(p.proofs[PROOF_RESTORE], "unproven");
	pass_free(&p);
	r.sample = (struct chunk_sample){.total = 10, .confidence = 999000, .damage = 1000};
	r.valid_for = 600;
	strcpy(r.machine_id, "uninitialized");
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK(p.subjects.items[0].has_fsverity && p.subjects.items[0].fsverity[0] == 7);
	CHECK_INT(p.confidence, 999000);
	CHECK_INT(p.expires_at, NOW + 600);
	CHECK(!p.machine_id);
	pass_free(&p);
	/* Fresh no more, where the policy does not ask for it: good for no moment. */
	r.taken_at = NOW - 100000;
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK_INT(p.expires_at, NOW);
	pass_free(&p);
	r.taken_at = 0;
	r.valid_for = INT64_MAX;
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK_INT(p.expires_at, NOW + PASS_VALID_MAX);
	pass_free(&p);
	/* Waived: as long as the waiver, and nothing that a sample would have shown. */
	r.valid_for = 4 * 3600;
	r.verdict.code = CODE_WAIVED;
	r.verdict.waived = CODE_STALE;
	CHECK(gate_pass_fill(&r, &p, &e) < 0); /* by nobody */
	pass_free(&p);
	NEED((r.waiver = calloc(1, sizeof *r.waiver)));
	*r.waiver = (struct waiver){.id = 7, .user = copy("root"), .reason = copy("why"), .login = copy("alice"),
				    .approved_by = copy("bob"), .recorded_at = NOW - 5, .ends_at = NOW + 1000};
	r.suspect = copy("they got in");
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK_INT(p.code, CODE_WAIVED);
	CHECK_INT(p.waiver.covers, CODE_STALE);
	CHECK_INT(p.expires_at, NOW + 1000);
	CHECK_INT(p.waiver.ends_at, NOW + 1000);
	CHECK_INT(p.waiver.recorded_at, NOW - 5);
	CHECK_STR(p.waiver.user, "root");
	CHECK_STR(p.waiver.login, "alice");
	CHECK_STR(p.waiver.approved_by, "bob");
	CHECK_STR(p.waiver.reason, "why");
	CHECK_STR(p.suspect, "they got in");
	CHECK(!p.waiver.ticket && !p.subjects.items[0].has_fsverity);
	pass_free(&p);
	r.valid_for = 100;
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK_INT(p.expires_at, NOW + 100);
	pass_free(&p);
	r.verdict.code = CODE_DAMAGED;
	r.sample.bad = 1;
	NEED(gate_pass_fill(&r, &p, &e) == 0);
	CHECK_INT(p.code, CODE_DAMAGED);
	CHECK(!p.waiver.user);
	CHECK(!p.subjects.items[0].has_fsverity);
	pass_free(&p);
	free(take(r.host));
	CHECK(gate_pass_fill(&r, &p, &e) < 0);
	pass_free(&p);
	host_result_free(&r);
}

int main(void)
{
	char command[64];
	struct error e = {0};
	NEED(mkdtemp(dir));
	NEED(signer_create(at("a"), &e) == 0 && signer_create(at("b"), &e) == 0 && (key = signer_load(at("a"), &e)));
	NEED(trusted_keys_add(&mine, at("a.pub"), &e) == 0 && trusted_keys_add(&theirs, at("b.pub"), &e) == 0);
	RUN(test_round);
	RUN(test_codes);
	RUN(test_texts);
	RUN(test_bits);
	RUN(test_strict);
	RUN(test_waived);
	RUN(test_judge);
	RUN(test_state);
	RUN(test_fill);
	signer_destroy(key);
	trusted_keys_free(&mine);
	trusted_keys_free(&theirs);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) || test_done();
}
