// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Waivers: one holds when it was recorded, not ended, not over, not longer than policy allows, and, where policy asks
 * for it, signed by a second person exactly as it stands. Anything else does not.
 */
#include "backproof/waiver.h"

#include <sqlite3.h>

#include "backproof/gate.h"
#include "backproof/seal.h"
#include "backproof/text.h"
#include "../../src/gate/waived.h"
#include "test.h"

static char dir[] = "/tmp/backproof-waiver-XXXXXX";

/* The path of a name in it; good until the eighth call from here. */
static char *at(const char *name)
{
	static char buf[8][256];
	static int next;
	char *to = buf[next++ % 8];
	snprintf(to, sizeof buf[0], "%s/%s", dir, name);
	return to;
}

#define T0 INT64_C(1795000000)
#define HOUR 3600

static struct signer *alice, *bob, *eve;
static struct trusted_keys known; /* alice's and bob's */
static struct person her, him;

static struct waiver sample(void)
{
	static char host[] = "web01", reason[] = "zero day \033[1m\n\"now\"", ticket[] = "CHG-1", user[] = "root (sudo: alice)",
		    login[] = "alice", terminal[] = "/dev/pts/1", origin[] = "192.0.2.7";
	return (struct waiver){.id = 1, .host = host, .reason = reason, .ticket = ticket, .user = user, .login = login,
			       .terminal = terminal, .origin = origin, .uid = 0, .recorded_at = T0,
			       .ends_at = T0 + 2 * HOUR};
}

static struct policy policy_of(enum waiver_policy kind)
{
	static char name[] = "default";
	return (struct policy){.name = name, .waivers = kind, .max_waiver = 24 * HOUR};
}

static enum waiver_state judged_at(const struct waiver *w, struct policy p, int64_t now, char **approver)
{
	struct text why = {0};
	char *other = NULL;
	enum waiver_state state = waiver_judge(w, &p, &known, now, approver ? approver : &other, &why);
	CHECK((state == WAIVER_HOLDS) == (why.length == 0));
	CHECK(state == WAIVER_HOLDS || !other);
	free(other);
	text_free(&why);
	return state;
}

static enum waiver_state judged(const struct waiver *w, enum waiver_policy kind)
{
	return judged_at(w, policy_of(kind), T0 + 60, NULL);
}

static char *requested(struct waiver w, const struct signer *key)
{
	struct error e = {0};
	struct text t = {0};
	NEED(waiver_request(&w, key, &t, &e) == 0);
	return t.data;
}

static char *approved(struct waiver w, const struct signer *key, const struct person *who, int64_t now)
{
	struct error e = {0};
	struct text t = {0};
	int rc = waiver_approve(&w, key, who, now, &t, &e);
	if (rc < 0)
		fprintf(stderr, "%s\n", e.text);
	NEED(rc == 0);
	return t.data;
}

static void recorded_is_enough(void)
{
	struct waiver w = sample();
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_HOLDS);
	CHECK_INT(judged(&w, WAIVERS_NO), WAIVER_VOID);
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_PENDING);
	/* Its time, to the second. */
	struct policy p = policy_of(WAIVERS_RECORDED);
	CHECK_INT(judged_at(&w, p, T0, NULL), WAIVER_HOLDS);
	CHECK_INT(judged_at(&w, p, T0 - 1, NULL), WAIVER_VOID);
	CHECK_INT(judged_at(&w, p, T0 + 2 * HOUR - 1, NULL), WAIVER_HOLDS);
	CHECK_INT(judged_at(&w, p, T0 + 2 * HOUR, NULL), WAIVER_VOID);
	w.ended_at = T0 + 1;
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_VOID);
	w.ended_at = 0;
	/* As long as policy allows, and no second longer; also where it was recorded under a policy that allowed more. */
	w.ends_at = T0 + 24 * HOUR;
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_HOLDS);
	w.ends_at++;
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_VOID);
	p.max_waiver = 0;
	CHECK_INT(judged_at(&w, p, T0, NULL), WAIVER_HOLDS);
}

static void what_is_none(void)
{
	static char empty[] = "", blank[] = " \t\r\n\x7f ", bad[] = "x\xff", more[WAIVER_TEXT_MAX + 2];
	memset(more, 'x', sizeof more - 1);
	struct error e = {0};
	struct waiver w = sample();
	CHECK(waiver_check(&w, &e) == 0);
#define NONE(field, value)                                                                         \
	do {                                                                                       \
		struct waiver none = sample();                                                     \
		none.field = (value);                                                              \
		e.text[0] = 0;                                                                     \
		CHECK(waiver_check(&none, &e) < 0 && e.cls == ERROR_CORRUPT && e.text[0]);         \
		CHECK_INT(judged(&none, WAIVERS_RECORDED), WAIVER_VOID);                           \
	} while (0)
	NONE(host, NULL);
	NONE(host, empty);
	NONE(host, bad);
	NONE(host, more);
	NONE(reason, NULL);
	NONE(reason, empty);
	NONE(reason, blank);
	NONE(reason, bad);
	NONE(reason, more);
	NONE(ticket, empty);
	NONE(ticket, more);
	NONE(user, NULL);
	NONE(user, empty);
	NONE(user, more);
	NONE(login, bad);
	NONE(terminal, more);
	NONE(origin, empty);
	NONE(recorded_at, 0);
	NONE(recorded_at, -1);
	NONE(ends_at, T0);
	NONE(ends_at, T0 - 1);
	NONE(ends_at, INT64_MAX);
	more[WAIVER_TEXT_MAX] = 0;
	w.reason = more;
	CHECK(waiver_check(&w, &e) == 0);
	struct waiver copy;
	NEED(waiver_copy(&copy, &w) == 0);
	CHECK(copy.reason != w.reason && !strcmp(copy.reason, w.reason) && copy.id == 1 && copy.ends_at == w.ends_at);
	waiver_free(&copy);
}

/* A second person's key, over exactly what is recorded. */
static void two_keys(void)
{
	struct waiver w = sample();
	char *who = NULL;
	w.envelope = requested(w, alice);
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_PENDING);
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_HOLDS);
	struct waiver own = w;
	own.envelope = approved(w, alice, &him, T0 + 10); /* whoever she says she is */
	CHECK_INT(judged(&own, WAIVERS_SIGNED), WAIVER_VOID);
	free(own.envelope);
	own.envelope = approved(w, eve, &him, T0 + 10);
	CHECK_INT(judged(&own, WAIVERS_SIGNED), WAIVER_VOID);
	free(own.envelope);
	char *both = approved(w, bob, &her, T0 + 10); /* another key is another person, at the same terminal too */
	free(w.envelope);
	w.envelope = both;
	CHECK_INT(judged_at(&w, policy_of(WAIVERS_SIGNED), T0 + 60, &who), WAIVER_HOLDS);
	CHECK_STR(who, her.user);
	free(who);
	CHECK_INT(judged(&w, WAIVERS_NO), WAIVER_VOID);
	/* Not before it was approved. */
	CHECK_INT(judged_at(&w, policy_of(WAIVERS_SIGNED), T0 + 9, NULL), WAIVER_PENDING);
	CHECK_INT(judged_at(&w, policy_of(WAIVERS_SIGNED), T0 + 10, NULL), WAIVER_HOLDS);
	CHECK_INT(judged_at(&w, policy_of(WAIVERS_SIGNED), T0 + 2 * HOUR, NULL), WAIVER_VOID);
	/* Nobody's keys are known any more. */
	struct trusted_keys none = {0}, only_bob = {0};
	struct error e = {0};
	struct text why = {0};
	struct policy p = policy_of(WAIVERS_SIGNED);
	CHECK_INT(waiver_judge(&w, &p, &none, T0 + 60, &who, &why), WAIVER_VOID);
	NEED(trusted_keys_add(&only_bob, at("bob.pub"), &e) == 0);
	CHECK_INT(waiver_judge(&w, &p, &only_bob, T0 + 60, &who, &why), WAIVER_VOID);
	trusted_keys_free(&only_bob);
	/* Twice is not once more. */
	struct text t = {0};
	CHECK(waiver_approve(&w, alice, &him, T0 + 20, &t, &e) < 0);
	text_free(&t);
	text_free(&why);
	free(w.envelope);
	/* An asker's key that nobody knows says nothing of who asked. */
	w = sample();
	w.envelope = requested(w, eve);
	both = approved(w, bob, &him, T0 + 10);
	free(w.envelope);
	w.envelope = both;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	free(both);
}

/* Without a key of who asks, whom the kernel says they are. */
static void two_people(void)
{
	struct waiver w = sample();
	char login[] = "alice", user[] = "x";
	struct person same = {.user = user, .login = login, .uid = 1234}, unknown = {.user = user, .uid = 0};
	w.envelope = approved(sample(), bob, &him, T0 + 10);
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_HOLDS);
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_HOLDS);
	free(w.envelope);
	w.envelope = approved(sample(), bob, &same, T0 + 10); /* the same log-in, whatever user since */
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	free(w.envelope);
	w.envelope = approved(sample(), bob, &unknown, T0 + 10); /* both root, and who that is nobody knows */
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	free(w.envelope);
	w.envelope = approved(sample(), eve, &him, T0 + 10);
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	free(w.envelope);
	unknown.uid = 7;
	CHECK(!person_may_be(&unknown, &same) && person_may_be(&unknown, &unknown) && !person_may_be(&her, &him));
	her.uid = him.uid = 0;
	CHECK(!person_may_be(&her, &him) && person_may_be(&her, &her)); /* two who have become root */
}

/* Each field of a row is signed: what is edited without the key is worth nothing, under any policy. */
static void edited(void)
{
	static char other[] = "other", same[] = "zero day \033[1m\n\"now\"";
	struct waiver w = sample();
	char *one = requested(w, alice);
	w.envelope = one;
	char *both = approved(w, bob, &him, T0 + 10);
	w.envelope = both;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_HOLDS);
	w.reason = same;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_HOLDS);
#define EDIT(field, value)                                                                         \
	for (int i = 0; i < 2; i++) {                                                              \
		struct waiver x = sample();                                                        \
		x.envelope = i ? one : both;                                                       \
		x.field = (value);                                                                 \
		CHECK_INT(judged(&x, WAIVERS_SIGNED), WAIVER_VOID);                                \
		CHECK_INT(judged(&x, WAIVERS_RECORDED), WAIVER_VOID);                              \
	}
	EDIT(host, other)
	EDIT(reason, other)
	EDIT(ticket, other)
	EDIT(ticket, NULL)
	EDIT(user, other)
	EDIT(login, other)
	EDIT(login, NULL)
	EDIT(terminal, other)
	EDIT(origin, NULL)
	EDIT(uid, 1)
	EDIT(recorded_at, T0 - 1)
	EDIT(ends_at, T0 + 2 * HOUR + 1)
	/* Whoever ended it, it was ended. */
	w.ended_at = T0 + 5;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	free(one);
	free(both);
}

/* The lines in another order, one too many, none, or of another kind. */
static void lines(void)
{
	struct error e = {0};
	struct waiver w = sample();
	char *one = requested(w, alice), *seal;
	w.envelope = one;
	char *both = approved(w, bob, &him, T0 + 10), *approval = both + strlen(one);
	struct text t = {0};
#define LINES(state, ...)                                                                          \
	do {                                                                                       \
		const char *parts[] = {__VA_ARGS__};                                               \
		t.length = 0;                                                                      \
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)                                     \
			text_put(&t, parts[i]);                                                    \
		w.envelope = t.data;                                                               \
		CHECK_INT(judged(&w, WAIVERS_SIGNED), state);                                      \
	} while (0)
	LINES(WAIVER_HOLDS, one, approval);
	LINES(WAIVER_PENDING, one);
	LINES(WAIVER_VOID, approval); /* who asked is cut away: the approval says with which key that was */
	LINES(WAIVER_VOID, approval, one);
	LINES(WAIVER_VOID, one, one);
	LINES(WAIVER_VOID, one, approval, approval);
	LINES(WAIVER_VOID, one, approval, one);
	LINES(WAIVER_VOID, one, "\n", approval);
	LINES(WAIVER_VOID, one, approval, "x");
	LINES(WAIVER_VOID, "\n");
	LINES(WAIVER_VOID, "{}");
	t.length = 0;
	for (size_t i = 0; i < WAIVER_MAX; i++)
		text_put(&t, " ");
	text_put(&t, both);
	w.envelope = t.data;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	text_free(&t);
	/* Cut anywhere, or one bit of it another. */
	size_t n = strlen(both);
	char *copy = strdup(both);
	NEED(copy);
	w.envelope = copy;
	for (size_t i = 0; i < n; i += 1 + i % 3) {
		copy[i] = 0;
		/* What is cut behind its first line is a request, and the last byte ends the line. */
		CHECK(i == n - 1 || judged(&w, WAIVERS_SIGNED) != WAIVER_HOLDS);
		copy[i] = (char)(both[i] ^ (1 << i % 7));
		if (copy[i] && copy[i] != '\n' && i != n - 1)
			CHECK(judged(&w, WAIVERS_SIGNED) != WAIVER_HOLDS);
		copy[i] = both[i];
	}
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_HOLDS);
	free(copy);
	/* Who approves writes down that somebody else has asked, with the name of that key: it is not that key's. */
	struct envelope asked;
	struct text forged = {0};
	NEED(envelope_read(one, strlen(one), STATEMENT_TYPE, &known, &asked, &e) == 0 && asked.trusted);
	NEED(envelope_write(STATEMENT_TYPE, asked.payload, asked.length, bob, &forged, &e) == 0);
	text_put(&forged, approval);
	w.envelope = forged.data;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	/* Signed by nobody. */
	forged.length = 0;
	NEED(envelope_write(STATEMENT_TYPE, asked.payload, asked.length, NULL, &forged, &e) == 0);
	w.envelope = forged.data;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	envelope_free(&asked);
	NEED(envelope_read(approval, strlen(approval), STATEMENT_TYPE, &known, &asked, &e) == 0 && asked.trusted);
	forged.length = 0;
	text_put(&forged, one);
	NEED(envelope_write(STATEMENT_TYPE, asked.payload, asked.length, NULL, &forged, &e) == 0);
	w.envelope = forged.data;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_VOID);
	envelope_free(&asked);
	text_free(&forged);
	/* What the same key has signed for something else: a statement of another kind. */
	struct text other = {0};
	const char *json = "{\"_type\":\"https://in-toto.io/Statement/v1\"}";
	NEED(envelope_write(STATEMENT_TYPE, json, strlen(json), bob, &other, &e) == 0);
	seal = other.data;
	w.envelope = seal;
	CHECK_INT(judged(&w, WAIVERS_SIGNED), WAIVER_VOID);
	CHECK_INT(judged(&w, WAIVERS_RECORDED), WAIVER_VOID);
	text_free(&other);
	free(one);
	free(both);
}

/* The statement with one text in the place of another, signed again by the key that approves. */
static enum waiver_state changed(const char *from, const char *to)
{
	struct error e = {0};
	struct envelope x;
	struct waiver w = sample();
	struct text s = {0}, t = {0};
	char *line = approved(w, bob, &him, T0 + 10);
	NEED(envelope_read(line, strlen(line), STATEMENT_TYPE, &known, &x, &e) == 0 && x.trusted);
	const char *found = strstr(x.payload, from);
	if (!found)
		fprintf(stderr, "not there: %s in %s\n", from, x.payload);
	NEED(found);
	text_put_bytes(&s, x.payload, (size_t)(found - x.payload));
	text_put(&s, to);
	text_put(&s, found + strlen(from));
	NEED(envelope_write(STATEMENT_TYPE, s.data, s.length, bob, &t, &e) == 0);
	w.envelope = t.data;
	enum waiver_state state = judged(&w, WAIVERS_SIGNED);
	free(line);
	envelope_free(&x);
	text_free(&s);
	text_free(&t);
	return state;
}

static void strict(void)
{
	static const char *const bad[][2] = {
		{"Statement/v1", "Statement/v2"}, {"waiver:v1", "waiver:v2"}, {WAIVER_PREDICATE, SEAL_PREDICATE},
		{"{\"_type\"", "{\"x\":1,\"_type\""}, {"{\"_type\"", "[{\"_type\""}, {"\"subject\":[{", "\"subject\":[{},{"},
		{"\"subject\":[{\"name\":\"web01\"", "\"subject\":[{\"name\":\"web02\""}, {"\"sha256\":\"", "\"sha256\":\"0"},
		{"\"sha256\":\"1f", "\"sha256\":\"2f"}, {"\"sha256\"", "\"sha512\""}, {"\"format_version\":\"1.0\"", "\"format_version\":\"1.1\""},
		{"\"format_version\":\"1.0\"", "\"format_version\":1.0"}, {"\"format_version\":\"1.0\"", "\"format_version\":\"1.0\",\"x\":1"},
		{"\"host\":\"web01\"", "\"host\":\"web02\""}, {"\"host\":\"web01\"", "\"host\":null"}, {"\"host\":\"web01\",", ""},
		{"\"host\":\"web01\"", "\"host\":\"web01\",\"host\":\"web01\""}, {"\"host\":\"web01\"", "\"host\":\"web01\\u0000\""},
		{"\"reason\":\"zero", "\"reason\":\"no"}, {"\"reason\":\"zero day", "\"reason\":null,\"y\":\""},
		{"\"ticket\":\"CHG-1\"", "\"ticket\":null"}, {"\"ticket\":\"CHG-1\",", ""}, {"\"uid\":0", "\"uid\":\"0\""},
		{"\"uid\":0", "\"uid\":-1"}, {"\"uid\":0", "\"uid\":4294967296"}, {"\"uid\":0", "\"uid\":0.0"}, {"\"uid\":0", "\"uid\":null"},
		{"\"login\":\"alice\"", "\"login\":\"\""}, {"\"terminal\":\"/dev", "\"terminal\":[\""}, {"\"recorded_at\":\"20", "\"recorded_at\":\"19"},
		{"Z\",\"ends_at\"", "+00:00\",\"ends_at\""}, {"\"ends_at\":\"20", "\"ends_at\":\"21"}, {"\"ends_at\":\"", "\"ends_at\":1795000000,\"z\":\""},
		{"\"asker_key\":null", "\"asker_key\":\"\""}, {"\"asker_key\":null", "\"asker_key\":\"00\""}, {"\"asker_key\":null,", ""},
		{"\"asker_key\":null", "\"asker_key\":\"" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""},
		{"\"approval\":{", "\"approval\":[{"}, {"\"approval\":{", "\"approval\":{\"x\":1,"}, {"\"approval\":{", "\"approval\":true,\"x\":{"},
		{"\"approval\":{\"user\":\"bob\",", "\"approval\":{"}, {"\"approval\":{\"user\":\"bob\"", "\"approval\":{\"user\":null"},
		{"\"approved_at\":\"20", "\"approved_at\":\"19"}, {"\"approved_at\":\"20", "\"approved_at\":\"21"},
		{"\"approved_at\":", "\"approved\":"}, {"}}}", "}}}x"}, {"}}}", "}}"},
	};
	CHECK_INT(changed("{\"_type\"", " {\n\"_type\""), WAIVER_HOLDS);
	CHECK_INT(changed("\"approval\":{\"user\":\"bob\",\"uid\":0,\"login\":\"bob\"",
			  "\"approval\":{\"user\":\"bob\",\"uid\":0,\"login\":null"),
		  WAIVER_VOID); /* root both, and nothing tells them apart */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		enum waiver_state state = changed(bad[i][0], bad[i][1]);
		if (state != WAIVER_VOID)
			fprintf(stderr, "taken: %s\n", bad[i][1]);
		CHECK_INT(state, WAIVER_VOID);
	}
}

static void nothing_wrong_is_signed(void)
{
	static char blank[] = " ";
	struct error e = {0};
	struct text t = {0};
	struct waiver w = sample();
	w.reason = blank;
	CHECK(waiver_request(&w, alice, &t, &e) < 0);
	CHECK(waiver_approve(&w, alice, &him, T0, &t, &e) < 0);
	w = sample();
	CHECK(waiver_approve(&w, alice, &him, T0 - 1, &t, &e) < 0);
	CHECK(waiver_approve(&w, alice, &him, T0 + 2 * HOUR, &t, &e) < 0);
	CHECK(!t.length);
	text_free(&t);
}

static void sql(const char *path, const char *what)
{
	sqlite3 *db;
	NEED(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, what, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
}

/* Of those in a history: the one that holds longest; and why others do not. */
static void of_a_host(void)
{
	struct error e = {0};
	struct strings notes = {0};
	struct policy p = policy_of(WAIVERS_RECORDED);
	struct history *h = history_open(at("h.db"), HISTORY_WRITE, &e);
	struct waiver out, w = sample();
	NEED(h);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, &notes, &e), 0);
	NEED(history_waiver_add(h, &w, &e) == 0);
	int64_t first = w.id;
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, &notes, &e), 1);
	CHECK_INT(out.id, first);
	CHECK_STR(out.reason, w.reason);
	CHECK(!notes.count && !out.approved_by);
	waiver_free(&out);
	CHECK_INT(gate_waiver(h, &p, "web02", T0 + 60, &out, &notes, &e), 0);
	CHECK_INT(gate_waiver(h, &p, "web0", T0 + 60, &out, &notes, &e), 0);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 2 * HOUR, &out, &notes, &e), 0);
	CHECK(!notes.count);
	/* A newer one that ends sooner, and then one that ends later. */
	w.ends_at = T0 + HOUR;
	NEED(history_waiver_add(h, &w, &e) == 0);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, NULL, &e), 1);
	CHECK_INT(out.id, first);
	waiver_free(&out);
	w.ends_at = T0 + 3 * HOUR;
	NEED(history_waiver_add(h, &w, &e) == 0);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, NULL, &e), 1);
	CHECK_INT(out.ends_at, T0 + 3 * HOUR);
	waiver_free(&out);
	/* Policies that do not take it say why, once for each. */
	p.max_waiver = 2 * HOUR;
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, &notes, &e), 1);
	CHECK_INT(out.id, first);
	CHECK(notes.count == 1 && strstr(notes.items[0], "max_waiver"));
	waiver_free(&out);
	strings_free(&notes);
	p.waivers = WAIVERS_NO;
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, &notes, &e), 0);
	CHECK(notes.count == 3 && strstr(notes.items[0], "waivers = no") && !out.host);
	strings_free(&notes);
	/* Signed, and edited by somebody who has no key. */
	p = policy_of(WAIVERS_SIGNED);
	NEED(strings_add(&p.waiver_keys, at("alice.pub")) == 0 && strings_add(&p.waiver_keys, at("bob.pub")) == 0);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, &notes, &e), 0);
	CHECK(notes.count == 3 && strstr(notes.items[0], "nobody has approved"));
	strings_free(&notes);
	struct waiver mine = sample();
	char *line = approved(mine, bob, &him, T0 + 10);
	CHECK_INT(history_waiver_sign(h, first, line, &e), 1);
	free(line);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, NULL, &e), 1);
	CHECK_INT(out.id, first);
	CHECK_STR(out.approved_by, "bob");
	waiver_free(&out);
	sql(at("h.db"), "UPDATE waiver SET ends_at = ends_at + 3600 WHERE id = 1");
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, &notes, &e), 0);
	CHECK(notes.count == 3 && strstr(notes.items[2], "something else than what was signed"));
	strings_free(&notes);
	/* A key that can't be read is no key that would have said no. */
	NEED(strings_add(&p.waiver_keys, at("none.pub")) == 0);
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, NULL, &e), -1);
	CHECK(!out.host);
	p.waivers = WAIVERS_RECORDED;
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, NULL, &e), 1);
	waiver_free(&out);
	/* A history that is broken has no waivers. */
	sql(at("h.db"), "UPDATE waiver SET uid = -1");
	CHECK_INT(gate_waiver(h, &p, "web01", T0 + 60, &out, NULL, &e), -1);
	CHECK(!out.host);
	strings_free(&p.waiver_keys);
	history_destroy(h);
}

static void gate(const struct config *c, const char *history, int64_t now, const char *why, struct host_result *out)
{
	struct gate_overrides o = {.depth = -1, .max_age = -1, .sample_files = -1, .sample_bytes = -1,
				   .scratch_limit = -1, .now = now, .history = history, .suspect = why};
	struct strings from = {0};
	struct budget budget;
	budget_init(&budget);
	NEED(strings_add(&from, at("nothing")) == 0);
	struct gate_request r = {.host = "web01", .config = c, .from = &from, .overrides = &o, .budget = &budget};
	gate_check(&r, out);
	strings_free(&from);
}

/* What a whole run makes of it. */
static void in_the_gate(void)
{
	struct error e = {0};
	struct config c;
	struct host_result r;
	struct waiver w = sample();
	char *history = strdup(at("g.db"));
	FILE *f = fopen(at("conf"), "w");
	NEED(history && f && fputs("[policy \"default\"]\nmax_age = 24h\n[policy \"no\"]\nwaivers = no\n", f) >= 0 && !fclose(f));
	NEED(config_load(at("conf"), "no", &c, &e) == 0);
	gate(&c, history, T0 + 60, NULL, &r);
	CHECK(r.verdict.code == CODE_NO_BACKUP && !r.waiver && !r.standing);
	host_result_free(&r);
	autodestroy(history_destroy_auto) struct history *h = history_open(history, HISTORY_WRITE, &e);
	NEED(h && history_waiver_add(h, &w, &e) == 0);
	gate(&c, history, T0 + 60, NULL, &r);
	CHECK_INT(r.verdict.code, CODE_WAIVED);
	CHECK_INT(r.verdict.waived, CODE_NO_BACKUP);
	CHECK(r.waiver && r.waiver->id == w.id && !r.standing && r.verdict.reasons.count);
	host_result_free(&r);
	CHECK_INT(r.verdict.code, CODE_CANNOT_TELL);
	/* Broken off by a signal, there is no verdict to waive. */
	stop_signal = 15;
	gate(&c, history, T0 + 60, NULL, &r);
	CHECK(r.verdict.code != CODE_WAIVED && r.verdict.code != CODE_SAFE && !r.waiver && r.standing);
	host_result_free(&r);
	stop_signal = 0;
	gate(&c, history, T0 + 2 * HOUR, NULL, &r);
	CHECK(r.verdict.code == CODE_NO_BACKUP && !r.waiver && !r.standing);
	host_result_free(&r);
	gate(&c, "none", T0 + 60, NULL, &r);
	CHECK(r.verdict.code == CODE_NO_BACKUP && !r.waiver);
	host_result_free(&r);
	/* Where a label could not be kept there is no run, waived or not. */
	gate(&c, "none", T0 + 60, "they got in", &r);
	CHECK(r.verdict.code == CODE_CONFIG && !r.waiver);
	host_result_free(&r);
	config_free(&c);
	free(history);
}

/* One that ends while the backup is being read is over when the patch would begin. */
static void over_by_then(void)
{
	static const struct {
		int64_t now, seconds;
		bool counts;
	} rows[] = {
		{T0 + 60, 0, true}, {T0 + 60, 2 * HOUR - 61, true}, {T0 + 60, 2 * HOUR - 60, false},
		{T0 + 60, INT64_MAX, false}, {T0 - 10, 20, false}, {T0 + 2 * HOUR - 1, 0, true},
	};
	struct error e = {0};
	struct policy policy = policy_of(WAIVERS_RECORDED);
	struct waiver w = sample();
	autodestroy(history_destroy_auto) struct history *h = history_open(at("o.db"), HISTORY_WRITE, &e);
	NEED(h && history_waiver_add(h, &w, &e) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_result r = {.host = strdup("web01"), .verdict = {.code = CODE_STALE}};
		struct check_parameters p = {.history = h, .policy = &policy, .now = rows[i].now};
		waive(&p, rows[i].seconds, &r);
		CHECK_INT(r.verdict.code, rows[i].counts ? CODE_WAIVED : CODE_STALE);
		CHECK(rows[i].counts == (r.waiver != NULL) && !r.standing);
		host_result_free(&r);
	}
	for (int c = 0; c < 100; c++) {
		struct host_result r = {.host = strdup("web01"), .verdict = {.code = (enum code)c}};
		struct check_parameters p = {.history = h, .policy = &policy, .now = T0 + 60};
		waive(&p, 0, &r);
		CHECK_INT(r.verdict.code, code_can_be_waived((enum code)c) ? (int)CODE_WAIVED : c);
		CHECK(r.verdict.code != CODE_WAIVED || c == CODE_WAIVED || (int)r.verdict.waived == c);
		CHECK((r.waiver != NULL) == code_can_be_waived((enum code)c) && (r.standing != NULL) == !r.waiver);
		host_result_free(&r);
	}
}

static void who_it_is(void)
{
	struct error e = {0};
	struct person p;
	struct text t = {0};
	setenv("SUDO_USER", "alice", 1);
	setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22", 1);
	NEED(person_now(&p, &e) == 0);
	CHECK(strstr(p.user, "(sudo: alice)"));
	CHECK_STR(p.origin, "192.0.2.7");
	CHECK_INT(p.uid, getuid());
	person_put(&t, p.user, "alice", "/dev/tty1", p.origin);
	CHECK(strstr(t.data, ", logged in as alice, at /dev/tty1, from 192.0.2.7"));
	person_free(&p);
	/* What nobody is called is not written down. */
	setenv("SUDO_USER", "\xff", 1);
	setenv("SSH_CONNECTION", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1 2 3", 1);
	NEED(person_now(&p, &e) == 0);
	CHECK(!strchr(p.user, '(') && !p.origin);
	t.length = 0;
	person_put(&t, "alice", "alice", NULL, NULL);
	CHECK_STR(t.data, "alice");
	person_free(&p);
	text_free(&t);
	unsetenv("SUDO_USER");
	unsetenv("SSH_CONNECTION");
}

int main(void)
{
	char command[64], alices[] = "alice", bobs[] = "bob";
	struct error e = {0};
	her = (struct person){.user = alices, .login = alices};
	him = (struct person){.user = bobs, .login = bobs};
	NEED(mkdtemp(dir));
	NEED(signer_create(at("alice"), &e) == 0 && signer_create(at("bob"), &e) == 0 && signer_create(at("eve"), &e) == 0);
	NEED((alice = signer_load(at("alice"), &e)) && (bob = signer_load(at("bob"), &e)) && (eve = signer_load(at("eve"), &e)));
	NEED(trusted_keys_add(&known, at("alice.pub"), &e) == 0 && trusted_keys_add(&known, at("bob.pub"), &e) == 0);
	RUN(recorded_is_enough);
	RUN(what_is_none);
	RUN(two_keys);
	RUN(two_people);
	RUN(edited);
	RUN(lines);
	RUN(strict);
	RUN(nothing_wrong_is_signed);
	RUN(of_a_host);
	RUN(in_the_gate);
	RUN(over_by_then);
	RUN(who_it_is);
	signer_destroy(alice);
	signer_destroy(bob);
	signer_destroy(eve);
	trusted_keys_free(&known);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) || test_done();
}
