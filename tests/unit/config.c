// SPDX-License-Identifier: GPL-3.0-or-later
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "../../src/gate/config_values.h"

static char root[64];
static char path[200];

/* Writes root/name; its full path is in path. */
static void put(const char *name, const char *text)
{
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *s = path + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		NEED(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void clear(void)
{
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s", root, root);
	NEED(system(cmd) == 0);
}

static int load(const char *text, struct config *c, struct error *e)
{
	put("c.conf", text);
	return config_load(path, NULL, c, e);
}

/* The text must fail with a message that begins "FILE:LINE: " and holds what. */
static void fails(const char *text, unsigned line, const char *what)
{
	struct config c;
	struct error e = {0};
	char start[300];
	int rc = load(text, &c, &e);
	CHECK(rc < 0);
	if (rc == 0) {
		fprintf(stderr, "accepted: %s\n", text);
		config_free(&c);
		return;
	}
	snprintf(start, sizeof start, "%s:%u: ", path, line);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	if (strncmp(e.text, start, strlen(start)) || !strstr(e.text, what)) {
		CHECK(!"the message");
		fprintf(stderr, "got \"%s\", not line %u, \"%s\"\n", e.text, line, what);
	}
}

#define HEAD "[repository \"nas1\"]\npath = /srv\n"

static void test_contract_example(void)
{
	struct config c;
	struct error e;
	NEED(config_load("fixtures/config/contract.conf", NULL, &c, &e) == 0);
	CHECK_INT(c.repository_count, 1);
	CHECK_STR(c.repositories[0].name, "nas1");
	CHECK_STR(c.repositories[0].path, "/srv/backup");
	CHECK_STR(c.repositories[0].layout, "files");
	CHECK_STR(c.repositories[0].match, "{host}/{date}/*.img.zst");
	CHECK(!c.repositories[0].host);
	CHECK_INT(c.policy_count, 1);
	const struct policy *p = config_policy(&c, "default");
	CHECK_INT(p->max_age, 86400);
	CHECK_INT(p->require, 127);
	CHECK_INT(p->critical.count, 3);
	CHECK(p->critical_given);
	const struct host_config *h = config_host(&c, "WEB01");
	NEED(h);
	CHECK_STR(h->name, "web01");
	CHECK_INT(h->groups.count, 2);
	CHECK_STR(h->groups.items[1], "eu");
	CHECK_STR(h->machine_id, "5f1c0a7e9d3b4c2f8a6e1d0b7c5f4a32");
	CHECK(!config_host(&c, "web02"));
	CHECK_STR(config_near_host(&c, "web02"), "web01");
	CHECK(!config_near_host(&c, "database"));
	CHECK(!config_policy(&c, "nightly"));
	CHECK(config_repository(&c, "nas1") == &c.repositories[0]);
	config_free(&c);
}

static void test_politeness(void)
{
	struct config c;
	struct error e;
	struct text t = {0};
	NEED(load("[policy \"default\"]\nrate_limit = 200M\nnice = 19\nionice = best-effort:7\n", &c, &e) == 0);
	const struct policy *p = config_policy(&c, "default");
	CHECK_INT(p->rate_limit, 200 * MIB);
	CHECK_INT(p->nice, 19);
	CHECK_INT(p->ionice, IO_BEST_EFFORT_7);
	config_dump(&c, &t);
	CHECK(strstr(text_str(&t), "\nrate_limit = 200M ; ") && strstr(text_str(&t), "\nnice = 19 ; ") &&
	      strstr(text_str(&t), "\nionice = best-effort:7 ; "));
	text_free(&t);
	config_free(&c);
	NEED(load("[policy \"default\"]\nrate_limit = 0\nnice = 0\nionice = best-effort\n", &c, &e) == 0);
	p = config_policy(&c, "default");
	CHECK_INT(p->rate_limit, 0);
	CHECK_INT(p->ionice, IO_BEST_EFFORT);
	config_dump(&c, &t);
	CHECK(strstr(text_str(&t), "\nrate_limit = none ; "));
	text_free(&t);
	config_free(&c);
	fails("[policy \"default\"]\nrate_limit = 200\n", 2, "64K at least");
	fails("[policy \"default\"]\nrate_limit = fast\n", 2, "none, or a size");
	fails("[policy \"default\"]\nrate_limit = -1\n", 2, "none, or a size");
	fails("[policy \"default\"]\nnice = 20\n", 2, "at most 19");
	fails("[policy \"default\"]\nnice = -5\n", 2, "a whole number");
	fails("[policy \"default\"]\nionice = best-effort:8\n", 2, "expected one of none, idle, best-effort");
	fails("[policy \"default\"]\nionice = real-time\n", 2, "expected one of none, idle, best-effort");
	fails("[policy \"default\"]\nrate_limt = 1M\n", 2, "rate_limit");
}

static void test_budgets(void)
{
	struct config c;
	struct error e;
	struct text t = {0};
	NEED(load("[policy \"default\"]\nmax_expansion = 50\nmax_decoded = 40T\nmax_entries = none\nmax_chain = 256\n"
		  "max_path_depth = 100\nmemory_limit = none\ntime_limit = 90m\n",
		  &c, &e) == 0);
	const struct policy *p = config_policy(&c, "default");
	CHECK_INT(p->max_expansion, 50);
	CHECK_INT(p->max_decoded, 40960 * GIB);
	CHECK_INT(p->max_entries, 0);
	CHECK_INT(p->max_chain, 256);
	CHECK_INT(p->max_path_depth, 100);
	CHECK_INT(p->memory_limit, 0);
	CHECK_INT(p->time_limit, 5400);
	config_dump(&c, &t);
	CHECK(strstr(text_str(&t), "\nmax_expansion = 50 ; ") && strstr(text_str(&t), "\nmax_decoded = 40T ; ") &&
	      strstr(text_str(&t), "\nmax_entries = none ; ") && strstr(text_str(&t), "\nmemory_limit = none ; ") &&
	      strstr(text_str(&t), "\ntime_limit = 90m ; "));
	text_free(&t);
	config_free(&c);
	NEED(load("[policy \"default\"]\nmax_expansion = 0\nmemory_limit = 256M\ntime_limit = none\n", &c, &e) == 0);
	p = config_policy(&c, "default");
	CHECK_INT(p->max_expansion, 0);
	CHECK_INT(p->memory_limit, 256 * MIB);
	CHECK_INT(p->time_limit, 0);
	config_dump(&c, &t);
	CHECK(strstr(text_str(&t), "\nmax_expansion = none ; ") && strstr(text_str(&t), "\ntime_limit = none ; "));
	text_free(&t);
	config_free(&c);
	fails("[policy \"default\"]\nmax_expansion = 10:1\n", 2, "none, or a whole number");
	fails("[policy \"default\"]\nmax_decoded = 10\n", 2, "none, or a size of 1.0 MiB at least");
	fails("[policy \"default\"]\nmemory_limit = 255M\n", 2, "none, or a size of 256 MiB at least");
	fails("[policy \"default\"]\nmax_entries = -1\n", 2, "none, or a whole number");
	fails("[policy \"default\"]\nmax_path_depth = 0\n", 2, "more than 0");
	fails("[policy \"default\"]\nmax_path_depth = 65537\n", 2, "at most 65536");
	fails("[policy \"default\"]\nmax_chain = 257\n", 2, "at most 256");
	fails("[policy \"default\"]\ntime_limit = 0\n", 2, "none, or a duration");
	fails("[policy \"default\"]\ntime_limit = soon\n", 2, "none, or a duration");
}

static void test_defaults(void)
{
	struct policy p, q;
	NEED(policy_defaults(&p, "x") == 0);
	CHECK_STR(p.name, "x");
	CHECK_INT(p.max_age, 86400);
	CHECK_INT(p.clock_skew, 300);
	CHECK_INT(p.require, (1u << PROOF_COUNT) - 1);
	CHECK_INT(p.depth, DEPTH_AUTO);
	CHECK_INT(p.full_every, 7 * 86400);
	CHECK_INT(p.sample_files, 64);
	CHECK_INT(p.sample_bytes, 256 * MIB);
	CHECK_INT(p.critical.count, 3);
	CHECK_STR(p.critical.items[2], "/boot/*");
	CHECK(!p.critical_given);
	CHECK_STR(p.scratch, "/var/tmp/backproof");
	CHECK_INT(p.scratch_limit, 20 * GIB);
	CHECK_INT(p.max_expansion, 1000);
	CHECK_INT(p.max_decoded, 0);
	CHECK_INT(p.max_entries, 100000000);
	CHECK_INT(p.max_path_depth, 4096);
	CHECK_INT(p.max_chain, 64);
	CHECK_INT(p.memory_limit, 4 * GIB);
	CHECK_INT(p.time_limit, 12 * 3600);
	CHECK_INT(p.min_size, 0);
	CHECK_INT(p.rate_limit, 0);
	CHECK_INT(p.nice, 0);
	CHECK_INT(p.ionice, IO_NONE);
	CHECK_INT(p.integrity_evidence, EVIDENCE_WITNESS);
	CHECK_INT(p.boot, BOOT_AUTO);
	CHECK(!p.fallback && !p.unproven_is_incomplete);
	NEED(policy_copy(&q, &p) == 0);
	policy_free(&p);
	CHECK_STR(q.critical.items[0], "/etc/fstab");
	CHECK_STR(q.scratch, "/var/tmp/backproof");
	policy_free(&q);
	CHECK_STR(depth_name(DEPTH_FULL), "full");
	CHECK_STR(evidence_name(EVIDENCE_DIGEST), "digest");
}

static void test_values(void)
{
	struct config c;
	struct error e;
	NEED(load("\xef\xbb\xbf# comment\r\n"
		  "[policy \"default\"]\r\n"
		  "  max_age=1h30m ; trailing\r\n"
		  "\tdepth = full\t# too\n"
		  "require = presence  restore\n"
		  "clock_skew = 0\n"
		  "full_every = 2w\nsample_files = 1\nsample_bytes = 1M\nmin_size = 3G\n"
		  "critical = /a;b /c#d\n"
		  "scratch = \"/var/tmp/a ; b \\\"c\\\" \\\\\" ; comment\n"
		  "scratch_limit = 1T\nintegrity_evidence = digest\nboot = required\n"
		  "fallback = On\nunproven = incomplete",
		  &c, &e) == 0);
	const struct policy *p = config_policy(&c, "default");
	CHECK_INT(p->max_age, 5400);
	CHECK_INT(p->depth, DEPTH_FULL);
	CHECK_INT(p->require, 1u << PROOF_PRESENCE | 1u << PROOF_RESTORE);
	CHECK_INT(p->full_every, 14 * 86400);
	CHECK_INT(p->sample_files, 1);
	CHECK_INT(p->min_size, 3 * GIB);
	CHECK_STR(p->critical.items[0], "/a;b");
	CHECK_STR(p->critical.items[1], "/c#d");
	CHECK_STR(p->scratch, "/var/tmp/a ; b \"c\" \\");
	CHECK_INT(p->scratch_limit, 1024 * GIB);
	CHECK_INT(p->integrity_evidence, EVIDENCE_DIGEST);
	CHECK_INT(p->boot, BOOT_REQUIRED);
	CHECK(p->fallback && p->unproven_is_incomplete);
	config_free(&c);
}

static void test_inheritance(void)
{
	struct config c;
	struct error e;
	NEED(load("[policy \"strict\"]\nmax_age = 6h\n"
		  "[policy \"default\"]\nmax_age = 12h\nsample_files = 9\ncritical = /etc/shadow\n"
		  "[host \"a\"]\npolicy = strict\n[host \"b\"]\n",
		  &c, &e) == 0);
	CHECK_STR(c.policies[0].name, "default");
	const struct policy *p = config_policy(&c, "strict");
	CHECK_STR(p->name, "strict");
	CHECK_INT(p->max_age, 6 * 3600);
	CHECK_INT(p->sample_files, 9);
	CHECK(p->critical_given);
	CHECK_STR(p->critical.items[0], "/etc/shadow");
	CHECK_INT(p->full_every, 7 * 86400);
	CHECK_INT(config_policy(&c, "default")->max_age, 12 * 3600);
	CHECK(!c.hosts[1].policy);
	config_free(&c);
	/* Used on the command line, it is used. */
	put("c.conf", "[policy \"strict\"]\nmax_age = 6h\n");
	NEED(config_load(path, "strict", &c, &e) == 0);
	CHECK_INT(config_policy(&c, "strict")->max_age, 6 * 3600);
	config_free(&c);
}

static void test_keys_and_sections(void)
{
	fails("[polcy \"x\"]\n", 1, "unknown section [polcy]; did you mean [policy \"NAME\"]?");
	fails("\n[elephants \"x\"]\n", 2, "there are [repository], [policy], [host], [group] and [hook]");
	fails("[policy]\n", 1, "[policy \"NAME\"]");
	fails("[policy default]\n", 1, "quotation marks");
	fails("[policy \"default\"\n", 1, "] is missing");
	fails("[policy \"default]\n", 1, "not closed");
	fails("[policy \"default\"] x\n", 1, "text behind ]");
	fails("max_age = 1h\n", 1, "before the first section");
	fails("[policy \"default\"]\nmax_ages = 1h\n", 2, "did you mean \"max_age\"?");
	fails("[policy \"default\"]\nmax-age = 1h\n", 2, "did you mean \"max_age\"?");
	fails("[policy \"default\"]\nxylophone_q = 1\n", 2, "there are max_age clock_skew");
	fails("[policy \"default\"]\nmachine_id = 1\n", 2, "is a key of [host], not of [policy]");
	fails("[policy \"default\"]\nmax_age = 1h\n\nmax_age = 2h\n", 4, "stands in line 2 already");
	fails("[host \"a\"]\n[host \"b\"]\n[host \"A\"]\n", 3, "stands in line 1 already");
	fails("[policy \"default\"]\nmax_age\n", 2, "neither [SECTION");
	fails("[policy \"default\"]\nmax_age =\n", 2, "has no value");
	fails("[policy \"default\"]\nmax_age = ; 1h\n", 2, "has no value");
	fails("[policy \"default\"]\nscratch = \"\"\n", 2, "has no value");
	fails("[policy \"default\"]\nscratch = \"/a\n", 2, "not closed");
	fails("[policy \"default\"]\nscratch = \"/a\" b\n", 2, "behind the closing");
	fails("[policy \"default\"]\nscratch = \"/a\\n\"\n", 2, "backslash");
}

static void test_bad_values(void)
{
	fails("[policy \"default\"]\nmax_age = 24\n", 2, "max_age = 24: expected a duration such as");
	fails("[policy \"default\"]\nmax_age = 0\n", 2, "more than 0");
	fails("[policy \"default\"]\nmax_age = -1h\n", 2, "expected a duration");
	fails("[policy \"default\"]\nrequire = , \n", 2, "\",\" is no proof");
	fails("[policy \"default\"]\nrequire = presence freshnes\n", 2, "did you mean \"freshness\"?");
	fails("[policy \"default\"]\nrequire = \" \"\n", 2, "at least one proof");
	fails("[policy \"default\"]\ndepth = ful\n", 2, "expected one of auto, sample, full");
	fails("[policy \"default\"]\nintegrity_evidence = none\n", 2,
	      "expected one of read, witness, checksum, digest");
	fails("[policy \"default\"]\nintegrity_evidence = \" \"\n", 2, "expected one of read");
	fails("[policy \"default\"]\nboot = yes\n", 2, "expected one of auto, required, no");
	fails("[policy \"default\"]\nfallback = maybe\n", 2, "expected yes or no");
	fails("[policy \"default\"]\nunproven = safe\n", 2, "expected one of cannot-tell, incomplete");
	fails("[policy \"default\"]\nsample_files = 0\n", 2, "more than 0");
	fails("[policy \"default\"]\nsample_files = 1000001\n", 2, "at most");
	fails("[policy \"default\"]\nsample_files = many\n", 2, "a whole number");
	fails("[policy \"default\"]\nsample_bytes = 1X\n", 2, "expected a size such as");
	fails("[policy \"default\"]\ncritical = etc/fstab\n", 2, "absolute paths");
	fails("[policy \"default\"]\nscratch = tmp\n", 2, "an absolute path");
	fails("[repository \"r\"]\npath = backup\n", 2, "an absolute path");
	fails("[repository \"r\"]\npath = /b\nlayout = veeam\n", 3, "expected a layout");
	fails("[repository \"r\"]\npath = /b\nlayout = file\n", 3, "did you mean \"files\"?");
	fails("[repository \"r\"]\npath = /b\nmatch = {hots}/*.img\n", 3, "did you mean {host}?");
	fails("[host \"a\"]\nmachine_id = 5f1c\n", 2, "32 hexadecimal digits");
	fails("[host \"a\"]\nmachine_id = 00000000000000000000000000000000\n", 2, "32 hexadecimal");
	fails("[host \"a\"]\nmachine_id = 5f1c0a7e9d3b4c2f8a6e1d0b7c5f4aXX\n", 2, "32 hexadecimal");
	fails("[host \"a\"]\nhostname = a/b\n", 2, "a host name");
	fails("[host \"a/b\"]\n", 1, "has a /");
	fails("[host \"\"]\n", 1, "is empty");
	fails("[host \"..\"]\n", 1, "is no name");
	fails("[host \"a b\"]\n", 1, "white space");
	fails("[host \"@all\"]\n", 1, "begins with - or @");
	fails("[host \"a\"]\ngroup = @x\n", 2, "without @");
}

static void test_references(void)
{
	fails("[repository \"r\"]\nlayout = files\n", 1, "has no path");
	fails(HEAD "[host \"a\"]\nrepository = nas2\n", 4, "there is no [repository \"nas2\"]; did you mean");
	fails("[host \"a\"]\nrepository = nas2\n", 2, "there is no [repository \"nas2\"]");
	fails(HEAD "[policy \"nightly\"]\nmax_age = 1h\n[host \"a\"]\npolicy = nightli\n", 6,
	      "there is no [policy \"nightli\"]; did you mean \"nightly\"?");
	fails("[policy \"nightly\"]\nmax_age = 1h\n[host \"a\"]\n", 1, "not used by any host");
	fails(HEAD "[repository \"old\"]\npath = /old\n[host \"a\"]\nrepository = nas1\n", 3,
	      "[repository \"old\"] is not used");
	/* As soon as one host asks everywhere, nothing is unused. */
	struct config c;
	struct error e;
	CHECK(load(HEAD "[repository \"old\"]\npath = /old\n[host \"a\"]\nrepository = nas1\n"
			"[host \"b\"]\npolicy = default\n",
		   &c, &e) == 0);
	config_free(&c);
}

static void test_match_without_host(void)
{
	fails(HEAD "match = *.img\n[host \"a\"]\n", 3, "exactly one [host] must name");
	fails(HEAD "match = *.img\n[host \"a\"]\nrepository = nas1\n[host \"b\"]\nrepository = nas1\n", 3,
	      "and 2 do");
	struct config c;
	struct error e;
	NEED(load(HEAD "match = *.img\n[host \"a\"]\nrepository = nas1\n[host \"b\"]\n", &c, &e) == 0);
	CHECK_STR(c.repositories[0].host, "a");
	config_free(&c);
}

static void test_bytes(void)
{
	struct config c;
	struct error e;
	char text[5000];
	fails("[policy \"default\"]\nscratch = /\x01\n", 2, "a control character (\\x01)");
	fails("[policy \"default\"]\nscratch = /\xff\n", 2, "not valid UTF-8");
	fails("[policy \"default\"]\nscratch = /\xc0\xaf\n", 2, "not valid UTF-8");
	memset(text, 'x', sizeof text);
	text[0] = '#';
	text[4500] = 0;
	fails(text, 1, "longer than 4096");
	NEED(load("", &c, &e) == 0);
	config_free(&c);
	FILE *f = fopen(path, "w");
	NEED(f);
	fwrite("[policy \"default\"]\n\0\n", 1, 21, f);
	fclose(f);
	CHECK(config_load(path, NULL, &c, &e) < 0);
	CHECK(strstr(e.text, ":2: a NUL byte"));
}

static void test_files(void)
{
	struct config c;
	struct error e;
	CHECK(config_load("/nonexistent/x.conf", NULL, &c, &e) < 0);
	CHECK_INT(e.cls, ERROR_IO);
	CHECK(config_load(root, NULL, &c, &e) < 0);
	CHECK_INT(e.cls, ERROR_IO);
	CHECK(strstr(e.text, "not a regular file"));
	clear();
	NEED(config_load_below(root, NULL, NULL, &c, &e) == 0);
	CHECK_INT(c.policy_count, 1);
	CHECK_INT(c.host_count, 0);
	CHECK_STR(config_policy(&c, "default")->name, "default");
	CHECK(!config_policy(&c, "x"));
	config_free(&c);
}

static void test_precedence(void)
{
	struct config c;
	struct error e;
	clear();
	put("usr/lib/backproof/10.conf", "[policy \"default\"]\nmax_age = 1h\nsample_files = 1\nclock_skew = 1m\n");
	put("etc/backproof/backproof.conf", "[policy \"default\"]\nmax_age = 2h\nsample_files = 2\n");
	put("etc/backproof/conf.d/20-b.conf", "[policy \"default\"]\nmax_age = 4h\n[host \"b\"]\n");
	put("etc/backproof/conf.d/10-a.conf", "[policy \"default\"]\nmax_age = 3h\n[host \"a\"]\n");
	put("etc/backproof/conf.d/30.conf~", "rubbish");
	put("etc/backproof/conf.d/.40.conf", "rubbish");
	NEED(config_load_below(root, NULL, NULL, &c, &e) == 0);
	CHECK_INT(c.policies[0].max_age, 4 * 3600);
	CHECK_INT(c.policies[0].sample_files, 2);
	CHECK_INT(c.policies[0].clock_skew, 60);
	CHECK_INT(c.host_count, 2);
	CHECK_STR(c.hosts[0].name, "a");
	struct text dump = {0};
	config_dump(&c, &dump);
	CHECK(strstr(text_str(&dump), "max_age = 4h ; "));
	CHECK(strstr(text_str(&dump), "conf.d/20-b.conf:2\n"));
	CHECK(strstr(text_str(&dump), "backproof.conf:3\n"));
	CHECK(strstr(text_str(&dump), "full_every = 7d ; default\n"));
	text_free(&dump);
	config_free(&c);
	/* A fault in any of them counts. */
	put("etc/backproof/conf.d/20-b.conf", "\n\nnonsense\n");
	CHECK(config_load_below(root, NULL, NULL, &c, &e) < 0);
	CHECK(strstr(e.text, "conf.d/20-b.conf:3: "));
	put("etc/backproof/conf.d/20-b.conf", "");
	NEED(chmod(path, 0666) == 0);
	CHECK(config_load_below(root, NULL, NULL, &c, &e) < 0);
	CHECK_INT(e.cls, ERROR_IO);
	CHECK(strstr(e.text, "anyone may write"));
	clear();
	put("etc/backproof/conf.d/x.conf/y", "");
	CHECK(config_load_below(root, NULL, NULL, &c, &e) < 0);
	CHECK(strstr(e.text, "not a regular file"));
	clear();
}

/* The dump without its comments. */
static void strip(const char *dump, struct text *out)
{
	while (*dump) {
		size_t n = strcspn(dump, "\n"), keep = n;
		for (size_t i = n; i > 2; i--)
			if (dump[i - 2] == ' ' && dump[i - 1] == ';') {
				keep = i - 2;
				break;
			}
		text_put_bytes(out, dump, keep);
		text_put(out, "\n");
		dump += n + (dump[n] == '\n');
	}
}

static void test_dump(void)
{
	static const char text[] =
		HEAD "match = {host}-{date}.img\n"
		     "[repository \"own\"]\npath = \"/srv/a ; b\"\nmatch = \"*.img\"\n"
		     "[policy \"p\"]\nmax_age = 90m\nscratch = \"/x \\\"y\\\" #\"\nmin_size = 1536K\n"
		     "[host \"a\"]\npolicy = p\nrepository = own nas1\ngroup = g h\nhostname = a.example.com\n"
		     "machine_id = 5F1C0A7E9D3B4C2F8A6E1D0B7C5F4A32\ndisks = sda sdb\n"
		     "[host \"b\"]\n";
	struct config c;
	struct error e;
	struct text first = {0}, second = {0}, a = {0}, b = {0};
	NEED(load(text, &c, &e) == 0);
	config_dump(&c, &first);
	config_free(&c);
	CHECK(strstr(text_str(&first), "max_age = 90m ; "));
	CHECK(strstr(text_str(&first), "min_size = 1536K ; "));
	CHECK(strstr(text_str(&first), "repository = nas1 ; default\n"));
	CHECK(strstr(text_str(&first), "machine_id = 5f1c0a7e"));
	if (load(text_str(&first), &c, &e) < 0) {
		fprintf(stderr, "%s\n%s\n", e.text, text_str(&first));
		NEED(!"the dump loads");
	}
	CHECK_STR(c.repositories[1].path, "/srv/a ; b");
	CHECK_STR(config_policy(&c, "p")->scratch, "/x \"y\" #");
	config_dump(&c, &second);
	config_free(&c);
	strip(text_str(&first), &a);
	strip(text_str(&second), &b);
	CHECK_STR(text_str(&a), text_str(&b));
	text_free(&first);
	text_free(&second);
	text_free(&a);
	text_free(&b);
}

static void test_table(void)
{
	size_t count, total = 0;
	for (int k = 0; k < CONFIG_KINDS; k++) {
		const struct config_key *keys = config_keys(k, &count);
		CHECK(count <= CONFIG_KEYS_MAX);
		for (size_t i = 0; i < count; i++, total++) {
			CHECK_INT(keys[i].kind, k);
			CHECK(config_key_find(k, keys[i].name) == &keys[i]);
		}
	}
	CHECK_INT(total, 62);
}

/* What is run, and what may be patched at the same time. */
static void test_commands_and_groups(void)
{
	static const char text[] =
		HEAD "[policy \"default\"]\non_missing = \"/bin/b --for {host} 'a b' \\\"c ; d\\\" e\\\\ f ''\" ; comment\n"
		     "on_stale = /bin/b\nbackup_time_limit = 90s\nwaivers = signed\nmax_waiver = none\n"
		     "[host \"a\"]\ngroup = mail eu\n[group \"mail\"]\nmax_parallel_patching = 2\n"
		     "[group \"eu\"]\n"
		     "[hook \"apt\"]\nhost = a\npass = /p\npass_keys = /k /l\nfetch = /bin/f \"{host} x\"\n"
		     "timeout = 5s\n[hook \"default\"]\nmax_verdict_age = 2h\n";
	static const char *const words[] = {"/bin/b", "--for", "{host}", "a b", "c ; d", "e f", ""};
	struct config c;
	struct error e;
	autotext struct text dump = {0}, again = {0};
	for (int round = 0; round < 2; round++) {
		if (load(round ? text_str(&dump) : text, &c, &e) < 0) {
			fprintf(stderr, "%s\n%s\n", e.text, text_str(&dump));
			NEED(!"it loads");
		}
		const struct policy *p = config_policy(&c, "default");
		CHECK_INT(p->on_missing.count, ARRAY_SIZE(words));
		for (size_t i = 0; i < p->on_missing.count && i < ARRAY_SIZE(words); i++)
			CHECK_STR(p->on_missing.items[i], words[i]);
		CHECK_INT(p->on_stale.count, 1);
		CHECK_INT(p->backup_time_limit, 90);
		CHECK_INT(p->waivers, WAIVERS_SIGNED);
		CHECK_INT(p->max_waiver, 0);
		CHECK_INT(config_group(&c, "mail")->max_parallel_patching, 2);
		CHECK_INT(config_group(&c, "eu")->max_parallel_patching, 0);
		CHECK(!config_group(&c, "none"));
		const struct hook_config *apt = config_hook(&c, "apt"), *other = config_hook(&c, "dnf");
		CHECK_STR(apt->host, "a");
		CHECK_STR(apt->pass, "/p");
		CHECK_INT(apt->pass_keys.count, 2);
		CHECK_INT(apt->fetch.count, 2);
		CHECK_STR(apt->fetch.items[1], "{host} x");
		CHECK_INT(apt->timeout, 5);
		CHECK(other && !strcmp(other->name, "default"));
		CHECK_INT(other->max_verdict_age, 7200);
		CHECK_INT(other->timeout, 30);
		config_dump(&c, round ? &again : &dump);
		struct policy copy;
		NEED(policy_copy(&copy, p) == 0);
		CHECK_INT(copy.on_missing.count, p->on_missing.count);
		CHECK(copy.on_missing.items != p->on_missing.items);
		policy_free(&copy);
		config_free(&c);
	}
	/* Nothing of it is there unless somebody says so. */
	NEED(load(HEAD "[host \"a\"]\n", &c, &e) == 0);
	const struct policy *p = config_policy(&c, "default");
	CHECK(!p->on_missing.count && !p->on_stale.count);
	CHECK_INT(p->backup_time_limit, 4 * 3600);
	CHECK_INT(p->waivers, WAIVERS_RECORDED);
	CHECK_INT(p->max_waiver, 86400);
	CHECK(!config_group(&c, "mail") && !config_hook(&c, "apt"));
	config_free(&c);

	/* A comment begins where it would in any other value. */
#define DEFAULT HEAD "[policy \"default\"]\n"
	fails(DEFAULT "on_missing = backup {host}\n", 4, "absolute path");
	fails(DEFAULT "on_missing =\n", 4, "on_missing");
	fails(DEFAULT "on_missing = /bin/b 'a\n", 4, "quotation marks");
	fails(DEFAULT "on_missing = /bin/b 'a ; b'\n", 4, "quotation marks");
	fails(DEFAULT "on_stale = /bin/b a\\\n", 4, "quotation marks");
	fails(DEFAULT "backup_time_limit = 0\n", 4, "backup_time_limit");
	fails(DEFAULT "backup_time_limit = 10\n", 4, "backup_time_limit");
	fails(DEFAULT "waivers = yes\n", 4, "waivers");
	fails(DEFAULT "waiver_keys = key\n", 4, "waiver_keys");
	fails(DEFAULT "on_mising = /bin/b\n", 4, "did you mean \"on_missing\"");
#define MAIL HEAD "[host \"a\"]\ngroup = mail\n[group \"mail\"]\n"
	fails(HEAD "[group \"mail\"]\nmax_parallel_patching = 1\n", 3, "[group \"mail\"] has no host");
	fails(HEAD "[host \"a\"]\ngroup = male\n[group \"mail\"]\n", 5, "has no host");
	fails(MAIL "max_parallel_patching = -1\n", 6, "max_parallel_patching");
	fails(MAIL "max_parallel_patching = one\n", 6, "max_parallel_patching");
	fails(MAIL "max_parallel_patching = 99999999999\n", 6, "max_parallel_patching");
	fails(MAIL "max_parallel_patching = 1\nmax_parallel_patching = 2\n", 7, "max_parallel_patching");
	fails(MAIL "max_age = 1h\n", 6, "max_age");
	fails(MAIL "[group \"mail\"]\n", 6, "mail");
	fails(HEAD "[hook \"apt\"]\npass = /p\n", 4, "no pass_keys");
	fails(HEAD "[hook \"apt\"]\npass_keys = /k\n", 3, "no pass");
	fails(HEAD "[hook \"apt\"]\nfetch = /bin/f\n", 3, "no pass");
	fails(HEAD "[hook \"apt\"]\npolicy = p\n", 4, "there is no [policy \"p\"]");
	fails(HEAD "[hook \"apt\"]\ntimeout = 0\n", 4, "timeout");
	fails(HEAD "[hook \"apt\"]\nfetch = f\npass = /p\npass_keys = /k\n", 4, "absolute path");
	fails(DEFAULT "on_missing = \" \"\n", 4, "absolute path");
}

/* A section that nobody asks, and what a hook may name. */
static void test_hooks(void)
{
	struct config c;
	struct error e;
	fails(HEAD "[hook \"atp\"]\ntimeout = 5s\n", 3, "; is apt meant?");
	fails(HEAD "[hook \"xylophone\"]\ntimeout = 5s\n", 3, "zypper and systemd");
	fails(HEAD "[hook \"apt\"]\nstate = /s\n", 3, "no pass");
	static const char *const good[] = {
		/* One that is there, the one that always is, and one that who made the pass has. */
		"[policy \"p\"]\nmax_age = 1h\n[hook \"systemd\"]\npolicy = p\n",
		"[hook \"pacman\"]\npolicy = default\n",
		"[hook \"zypper\"]\npolicy = q\npass = /p\npass_keys = /k\nstate = /s\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		autotext struct text text = {0};
		text_printf(&text, HEAD "%s", good[i]);
		if (load(text_str(&text), &c, &e) < 0) {
			fprintf(stderr, "%s\n", e.text);
			CHECK(!"it loads");
			continue;
		}
		CHECK_INT(c.hook_count, 1);
		CHECK_INT(c.hooks[0].timeout, 30);
		CHECK_INT(c.hooks[0].max_verdict_age, 4 * 3600);
		config_free(&c);
	}
	/* What was given on the command line comes first. */
	struct host_config h = {.policy = (char *)"host's"};
	CHECK_STR(config_policy_name("given", &h), "given");
	CHECK_STR(config_policy_name(NULL, &h), "host's");
	CHECK_STR(config_policy_name(NULL, &(struct host_config){0}), "default");
	CHECK_STR(config_policy_name(NULL, NULL), "default");
}

static void test_many_hosts(void)
{
	struct text t = {0};
	struct config c;
	struct error e;
	text_put(&t, HEAD);
	for (int i = 0; i < 5000; i++)
		text_printf(&t, "[host \"web%04d.example.com\"]\nrepository = nas1\n", i);
	NEED(load(text_str(&t), &c, &e) == 0);
	CHECK_INT(c.host_count, 5000);
	CHECK_STR(config_host(&c, "web4711.EXAMPLE.com")->name, "web4711.example.com");
	config_free(&c);
	text_free(&t);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%.40s/config.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
	RUN(test_contract_example);
	RUN(test_defaults);
	RUN(test_politeness);
	RUN(test_budgets);
	RUN(test_values);
	RUN(test_inheritance);
	RUN(test_keys_and_sections);
	RUN(test_bad_values);
	RUN(test_references);
	RUN(test_match_without_host);
	RUN(test_bytes);
	RUN(test_files);
	RUN(test_precedence);
	RUN(test_dump);
	RUN(test_table);
	RUN(test_commands_and_groups);
	RUN(test_hooks);
	RUN(test_many_hosts);
	clear();
	rmdir(root);
	return test_done();
}
