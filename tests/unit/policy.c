// SPDX-License-Identifier: GPL-3.0-or-later
/* What tests/unit/config.c leaves out: single values, names, where files lie, and what a policy's digest is of. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "test.h"
#include "../../src/gate/config_values.h"
#include "../../src/gate/policy_digest.h"

static char root[64], path[200];
static struct error e;

static void put(const char *name, const char *text, size_t len)
{
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *s = path + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		NEED(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	NEED(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static void clear(void)
{
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s", root, root);
	NEED(system(cmd) == 0);
}

/* KEY = VALUE in [policy "default"]: fails with what, or is dumped as want. */
static void policy_line(const char *line, const char *want)
{
	struct config c;
	autotext struct text t = {0}, dump = {0}, shown = {0};
	text_printf(&t, "[policy \"default\"]\n%s\n", line);
	put("c.conf", text_str(&t), t.length);
	if (config_load(path, NULL, &c, &e) < 0) {
		if (!strstr(e.text, want) || !strstr(e.text, ".conf:2: ") || e.cls != ERROR_CORRUPT) {
			fprintf(stderr, "%s: \"%s\", not \"%s\"\n", line, e.text, want);
			CHECK(!"the message");
		}
		return;
	}
	config_dump(&c, &dump);
	config_free(&c);
	text_printf(&shown, "\n%s ; ", want);
	if (!strstr(text_str(&dump), text_str(&shown))) {
		fprintf(stderr, "%s: no \"%s\" in\n%s", line, want, text_str(&dump));
		CHECK(!"the dump");
	}
}

static void values(void)
{
	static const char *const rows[][2] = {
		{"confidence = 95%", "confidence = 95%"},
		{"confidence = 100%", "confidence = 100%: expected more than 0% and less than 100%"},
		{"confidence = 0%", "more than 0% and less than 100%"},
		{"confidence = most", "a share such as 99.9% or 0.1%"},
		{"confidence = none", "a share such as 99.9% or 0.1%"},
		{"damage = 100%", "damage = 100%"},
		{"max_shrink = none", "max_shrink = none"},
		{"max_shrink = 10%", "max_shrink = 10%"},
		{"max_shrink = 0%", "more than 0%, at most 100%"},
		{"max_shrink = half", "a share such as 50%, or none"},
		{"history = none", "history = none"},
		{"history = /var/h.db", "history = /var/h.db"},
		{"history = h.db", "an absolute path, or none"},
		{"pass_key = key", "an absolute path"},
		{"clock_skew = 0", "clock_skew = 0"},
		{"clock_skew = 90s", "clock_skew = 90s"},
		{"clock_skew = 1d", "clock_skew = 24h"},
		{"clock_skew = 2d", "clock_skew = 2d"},
		{"min_size = 0", "min_size = 0"},
		{"min_size = 1025", "min_size = 1025"},
		{"min_size = 3K", "min_size = 3K"},
		{"min_size = 1T", "min_size = 1T"},
		{"memory_limit = none", "memory_limit = none"},
		{"memory_limit = 1G", "memory_limit = 1G"},
		{"memory_limit = 1K", "none, or a size of 256"},
		{"memory_limit = much", "none, or a size of 256"},
		{"time_limit = none", "time_limit = none"},
		{"time_limit = 90s", "time_limit = 90s"},
		{"time_limit = soon", "time_limit = soon: expected"},
		{"max_entries = none", "max_entries = none"},
		{"max_entries = 5", "max_entries = 5"},
		{"max_entries = few", "none, or a whole number"},
		{"scratch = \"/a \"", "scratch = \"/a \""},
		{"scratch = \"/a ;b\"", "scratch = \"/a ;b\""},
		{"scratch = \"/a #b\"", "scratch = \"/a #b\""},
		{"scratch = \"/a b\"", "scratch = /a b"},
		{"max_slowdown = none", "max_slowdown = none"},
		{"require = restore presence", "require = presence restore"},
		{"require = freshnes integritty", "did you mean \"freshness\"?"}, /* the first is told */
		{"require = zzzzzzzz", "there are presence freshness integrity structure identity coverage restore"},
		{"fallback = true", "fallback = yes"},
		{"fallback = OFF", "fallback = no"},
		{"unproven = incomplete", "unproven = incomplete"},
		{"critical = etc boot", "absolute paths or globs"},
		{"exclude = \" \"", "at least one word"},
		{"exclude = a\tb  c", "exclude = a b c"},
		{"exclude = @a @b", "words without @"},
		{"trusted_keys = /a /b", "trusted_keys = /a /b"},
		/* What has to stand in quotation marks does. */
		{"exclude = \"\\\"a\"", "exclude = \"\\\"a\""},
		{"exclude = \";a\"", "exclude = \";a\""},
		{"exclude = \"#a\"", "exclude = \"#a\""},
		{"exclude = \"a ;b\"", "exclude = \"a ;b\""},
		{"exclude = \"a #b\"", "exclude = \"a #b\""},
		{"exclude = a;b", "exclude = a;b"},
		{"exclude = a\\b", "exclude = a\\b"},
		{"exclude = \"a\\\\b #\"", "exclude = \"a\\\\b #\""},
		/* A comment begins with a blank, or where the value would. */
		{"clock_skew = 1m;x", "clock_skew = 1m;x: expected a duration"},
		{"clock_skew =;1m", "clock_skew = ;1m: expected a duration"},
		{"clock_skew = 1m #x", "clock_skew = 1m"},
		{"clock_skew = \"1m\" #x", "clock_skew = 1m"},
		{"clock_skew = \"1m\"#x", "text behind the closing quotation mark"},
		{"clock_skew = \"1m\";x", "text behind the closing quotation mark"},
		{"scratch = /\x7f", "a control character (\\x7f)"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		policy_line(rows[i][0], rows[i][1]);
}

static void comments(void)
{
	static const char text[] = "; one\n  # two\n\t\n\n[policy \"default\"] # three\nclock_skew = 1m\n";
	struct config c;
	put("c.conf", text, sizeof text - 1);
	NEED(config_load(path, NULL, &c, &e) == 0);
	CHECK_INT(config_policy(&c, "default")->clock_skew, 60);
	config_free(&c);
}

static void names(void)
{
	static const struct {
		const char *name, *fault, *host_fault;
	} rows[] = {
		{"web01", NULL, NULL},	    {"a_b.c-d", NULL, NULL},	       {"b\xc3\xbc" "cher", NULL, NULL},
		{"", "is empty", "is empty"}, {".", "is no name", "is no name"}, {"..", "is no name", "is no name"},
		{"-a", "begins with - or @", "begins with - or @"},
		{"@a", "begins with - or @", "begins with - or @"},
		{"a\x01", "has a control character", "has a control character"},
		{"a\x7f", "has a control character", "has a control character"},
		{"a b", "has white space", "has white space"},
		{"a\"", "has white space, a quotation mark", "has white space"},
		{"a\\b", "a backslash", "a backslash"},
		{"a/b", "has a /", "has a /"},
		{"a!b", NULL, "a character that host names don't have"},
	};
	char longest[256];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *wants[] = {[CONFIG_POLICY] = rows[i].fault, [CONFIG_HOST] = rows[i].host_fault};
		for (int k = CONFIG_POLICY; k <= CONFIG_HOST; k++) {
			const char *got = config_name_fault(k, rows[i].name);
			CHECK(wants[k] ? got && strstr(got, wants[k]) : !got);
		}
	}
	memset(longest, 'a', sizeof longest);
	longest[253] = 0;
	CHECK(!config_name_fault(CONFIG_HOST, longest));
	longest[253] = 'a';
	longest[254] = 0;
	CHECK_STR(config_name_fault(CONFIG_HOST, longest), "is longer than 253 bytes");

	static const char *const texts[][2] = {
		{"[host \"a\"]\nrepository = a/b\n", ":2: repository = a/b: expected names of repositories"},
		{"[host \"a\"]\npolicy = @b\n", ":2: policy = @b: expected the name of a policy"},
		{"[host \"a!\"]\n", ":1: the name of the host has a character"},
		{"[policy \"x\"]\n[policy \"y\"]\nmax_age = 1h\n", ":2: [policy \"y\"] is not used"},
		{"[policy \"default\"];c\n", ":1: text behind ]"},
		{"[policy \"x\"]#c\n", ":1: text behind ]"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config c;
		put("c.conf", texts[i][0], strlen(texts[i][0]));
		CHECK(config_load(path, "x", &c, &e) < 0);
		CHECK(strstr(e.text, texts[i][1]));
	}
}

/* What is not there is not found; nor is anything in what never was read. */
static void nothing_is_found_in_nothing(void)
{
	struct config c = {0};
	char longer[400];
	CHECK(!config_policy(&c, "default"));
	CHECK(!config_host(&c, "a"));
	config_free(&c);
	static const char text[] = "[repository \"r\"]\npath = /r\n[host \"a\"]\n";
	put("c.conf", text, sizeof text - 1);
	NEED(config_load(path, NULL, &c, &e) == 0);
	CHECK(config_repository(&c, "r") && !config_repository(&c, "s"));
	CHECK(!config_repository(&c, "R")); /* hosts alone are the same in capitals */
	CHECK(config_host(&c, "A") == &c.hosts[0]);
	memset(longer, 'a', sizeof longer);
	longer[sizeof longer - 1] = 0;
	CHECK(!config_host(&c, longer));
	CHECK(config_fault(c.values, (struct config_place){99, 3}, &e, "x") < 0);
	CHECK_STR(e.text, "?:3: x");
	config_free(&c);
	/* What never was set is not none where none can't be said. */
	autotext struct text share = {0};
	struct policy unset = {0};
	config_value_put(config_key_find(CONFIG_POLICY, "confidence"), &unset, &share);
	CHECK_STR(text_str(&share), "0%");
	/* No key has this type: a fault of this program, told as one. */
	struct config_key odd = {CONFIG_POLICY, "odd", TYPE_PROOFS + 1, 0, NULL, NULL, 0, false, 0};
	struct policy p = {0};
	CHECK(config_value_set(&odd, "x", &p, &e) < 0);
	CHECK_INT(e.cls, ERROR_INTERNAL);
}

static void given_by_the_section_or_by_default(void)
{
	static const char text[] = "[policy \"x\"]\ncritical = /a\n[policy \"y\"]\nmax_age = 1h\n"
				   "[host \"a\"]\npolicy = x\n[host \"b\"]\npolicy = y\n";
	struct config c;
	put("c.conf", text, sizeof text - 1);
	NEED(config_load(path, NULL, &c, &e) == 0);
	CHECK(!config_policy(&c, "default")->critical_given);
	CHECK(config_policy(&c, "x")->critical_given);
	CHECK(!config_policy(&c, "y")->critical_given);
	config_free(&c);
}

/* Below root: fails with the words, or does not (NULL). */
static void below(const char *words)
{
	struct config c;
	int rc = config_load_below(root, NULL, NULL, &c, &e);
	CHECK_INT(rc, words ? -1 : 0);
	if (rc == 0)
		config_free(&c);
	else if (!words || !strstr(e.text, words)) {
		fprintf(stderr, "\"%s\", not \"%s\"\n", e.text, words ? words : "");
		CHECK(!"the message");
	}
}

static void where_files_lie(void)
{
	clear();
	put("etc/backproof/conf.d/a", "rubbish", 7);
	put("etc/backproof/conf.d/.conf", "rubbish", 7);
	put("etc/backproof/conf.d/a.conf", "", 0);
	below(NULL);
	char dir[120];
	snprintf(dir, sizeof dir, "%s/etc/backproof/conf.d", root);
	NEED(chmod(dir, 0777) == 0);
	put("etc/backproof/conf.d/b.conf", "", 0);
	below("conf.d: anyone may write to it");
	NEED(chmod(dir, 01777) == 0);
	below(NULL);
	snprintf(path, sizeof path, "%s/fifo.conf", dir);
	NEED(mkfifo(path, 0600) == 0);
	below("fifo.conf: not a regular file"); /* and it is not waited for */
	clear();
	put("etc/backproof/conf.d", "x", 1);
	below("conf.d: Not a directory");
	clear();
	put("etc/backproof", "x", 1);
	below("backproof.conf: Not a directory");
	clear();
	put("etc/backproof/backproof.conf", "x\n", 2);
	below("backproof.conf:1: neither");
	clear();
	put("usr/lib/backproof/x.conf", "x\n", 2);
	below("x.conf:1: neither");
	clear();
	char *large = malloc(CONFIG_FILE_MAX + 2);
	NEED(large);
	memset(large, '\n', CONFIG_FILE_MAX + 2);
	put("etc/backproof/backproof.conf", large, CONFIG_FILE_MAX);
	below(NULL);
	put("etc/backproof/backproof.conf", large, CONFIG_FILE_MAX + 1);
	below("MiB is none");
	free(large);
	clear();
}

/* A value that is neither the default nor empty. */
static const char *another(const struct config_key *k)
{
	size_t n = 0;
	switch (k->type) {
	case TYPE_PATH:
	case TYPE_FILE:
		return "/another";
	case TYPE_WORDS:
	case TYPE_PATHS:
	case TYPE_COMMAND:
		return "/another /two";
	case TYPE_DURATION:
	case TYPE_SPAN:
		return "3h";
	case TYPE_ROOM:
		return "77G";
	case TYPE_LIMIT:
		return "77";
	case TYPE_SIZE:
	case TYPE_RATE:
		return "77M";
	case TYPE_COUNT:
		return "7";
	case TYPE_SHARE:
		return "33%";
	case TYPE_PROOFS:
		return "presence";
	case TYPE_CHOICE:
	case TYPE_SWITCH:
		while (k->choices[n + 1])
			n++;
		return k->choices[n];
	default:
		return !strcmp(k->value, "no") ? "yes" : "no";
	}
}

static void digest_of(const struct policy *p, uint8_t out[32])
{
	NEED(policy_digest(p, out, &e) == 0);
}

/* What changes what is proved changes the digest; where and how fast that is done does not. */
static void digest_is_of_what_is_proved(void)
{
	static const char *const others[] = {"scratch",	      "scratch_limit", "rate_limit",  "nice",
					     "ionice",	      "history",       "pass_key",    "valid_for",
					     "max_expansion", "max_decoded",   "max_entries", "max_path_depth",
					     "max_chain",     "memory_limit",  "time_limit",  "confine",
					     "on_missing",    "on_stale",      "waivers",     "waiver_keys",
					     "max_waiver",    "backup_time_limit"};
	size_t count;
	const struct config_key *keys = config_keys(CONFIG_POLICY, &count);
	uint8_t first[32], second[32];
	struct policy p;
	NEED(policy_defaults(&p, "default") == 0);
	digest_of(&p, first);
	for (size_t i = 0; i < count; i++) {
		bool other = false;
		for (size_t n = 0; n < ARRAY_SIZE(others); n++)
			other |= !strcmp(others[n], keys[i].name);
		struct policy q;
		NEED(policy_copy(&q, &p) == 0);
		NEED(config_value_set(&keys[i], another(&keys[i]), &q, &e) == 0);
		digest_of(&q, second);
		if (!memcmp(first, second, 32) != other) {
			fprintf(stderr, "%s\n", keys[i].name);
			CHECK(!"the digest");
		}
		policy_free(&q);
	}
	p.critical_given = true;
	digest_of(&p, second);
	CHECK(memcmp(first, second, 32));
	p.critical_given = false;
	NEED(p.history = strdup("none"));
	digest_of(&p, second);
	CHECK(memcmp(first, second, 32));
	policy_free(&p);
}

static void copies_are_whole(void)
{
	size_t count;
	const struct config_key *keys = config_keys(CONFIG_POLICY, &count);
	struct policy p, q;
	NEED(policy_defaults(&p, "one") == 0);
	for (size_t i = 0; i < count; i++)
		NEED(config_value_set(&keys[i], another(&keys[i]), &p, &e) == 0);
	NEED(policy_copy(&q, &p) == 0);
	for (size_t i = 0; i < count; i++) {
		autotext struct text a = {0}, b = {0};
		config_value_put(&keys[i], &p, &a);
		/* Nothing of the copy is the original's. */
		if (i + 1 == count)
			policy_free(&p);
		config_value_put(&keys[i], &q, &b);
		CHECK_STR(text_str(&a), text_str(&b));
		CHECK_STR(text_str(&a), another(&keys[i]));
	}
	CHECK_STR(q.name, "one");
	policy_free(&q);
}

static void names_of_enums(void)
{
	static const char *const depths[] = {"auto", "sample", "full"};
	static const char *const evidences[] = {"none", "read", "witness", "checksum", "digest"};
	for (size_t i = 0; i < ARRAY_SIZE(depths); i++)
		CHECK_STR(depth_name(i), depths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(evidences); i++)
		CHECK_STR(evidence_name(i), evidences[i]);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%.40s/policy.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
	RUN(values);
	RUN(comments);
	RUN(names);
	RUN(nothing_is_found_in_nothing);
	RUN(given_by_the_section_or_by_default);
	RUN(where_files_lie);
	RUN(digest_is_of_what_is_proved);
	RUN(copies_are_whole);
	RUN(names_of_enums);
	clear();
	rmdir(root);
	return test_done();
}
