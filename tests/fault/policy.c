// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Configuration, policies, findings and the verdict while the Nth allocation, or the Nth other call, fails: for every N
 * it is told, or makes no difference, and never makes a verdict safe. The calls are wrapped by the linker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "backproof/verdict.h"
#include "backproof/wire.h"
#include "../unit/protocol_help.h"
#include "../../src/gate/config_values.h"
#include "../../src/gate/policy_digest.h"
#include "../../src/gate/reason.h"
#include "../../src/gate/sealing.h"

enum kind { ALLOCATION, READ, INTERRUPTED, STAT, CRYPTO, KINDS };
static int errno_of(enum kind k)
{
	return k == ALLOCATION ? ENOMEM : k == INTERRUPTED ? EINTR : EIO;
}

#include "nth.h"
WRAP_MEMORY(ALLOCATION)
WRAP_FILES(KINDS, KINDS, KINDS)
WRAP(KINDS, int, -1, fsync, (int fd), (fd))
WRAP(ALLOCATION, int, -1, vasprintf, (char **out, const char *f, va_list a), (out, f, a))
WRAP(ALLOCATION, int, -1, __vasprintf_chk, (char **out, int flag, const char *f, va_list a), (out, flag, f, a))
WRAP(STAT, int, -1, stat64, (const char *path, struct stat64 *out), (path, out))
WRAP(STAT, int, -1, fstat64, (int fd, struct stat64 *out), (fd, out))
WRAP(CRYPTO, void *, NULL, EVP_MD_CTX_new, (void), ())
WRAP(CRYPTO, int, 0, EVP_DigestUpdate, (void *c, const void *p, size_t n), (c, p, n))
WRAP(CRYPTO, int, 0, EVP_DigestFinal_ex, (void *c, unsigned char *out, unsigned *n), (c, out, n))

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n)
{
	return fails(READ) || fails(INTERRUPTED) ? -1 : __real_read(fd, p, n);
}

/* Runs the body with the 1st, 2nd, ... call of the kind failing, until there are no more of them. */
#define EACH(kind)                                                                                 \
	for (uint64_t n_ = (begin(kind, 1), 1); n_ < 100000; n_++, fired ? begin(kind, n_) : (void)(n_ = 100000))

static char root[64];
static struct error e;

static void put(const char *name, const char *text)
{
	char path[200];
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

#define GOOD                                                                                       \
	"[repository \"all\"]\npath = /srv/all\nlayout = files\nmatch = {host}/{date}.img\n"       \
	"[repository \"own\"]\npath = /srv/own\nmatch = *.img\n"                                   \
	"[policy \"default\"]\nmax_age = 12h\ncritical = /a /b\nexclude = c d\ntrusted_keys = /k /l\n" \
	"history = /h\npass_key = /p\nscratch = /s\non_missing = /b x\n[policy \"p\"]\nmax_age = 1h\nrequire = presence restore\n" \
	"depth = full\n[host \"a\"]\npolicy = p\nrepository = own all\ngroup = g\nhostname = x\n"  \
	"machine_id = 5f1c0a7e9d3b4c2f8a6e1d0b7c5f4a32\ndisks = sda\n[host \"b\"]\n"                \
	"[group \"g\"]\nmax_parallel_patching = 2\n"                                              \
	"[hook \"apt\"]\npass = /p\npass_keys = /k\nfetch = /bin/f {host}\ntimeout = 5s\n"

static void configurations_are_whole_or_refused(void)
{
	struct config c;
	struct text whole = {0};
	put("usr/lib/backproof/a.conf", "[policy \"default\"]\nmax_age = 2h\n");
	put("etc/backproof/conf.d/b.conf", GOOD);
	NEED(config_load_below(root, NULL, NULL, &c, &e) == 0);
	config_dump(&c, &whole);
	config_free(&c);
	for (enum kind k = ALLOCATION; k <= STAT; k++) {
		uint64_t refused = 0;
		EACH (k) {
			int rc = config_load_below(root, NULL, NULL, &c, &e);
			bool hit = fired;
			end();
			if (rc < 0) {
				CHECK(hit && k != INTERRUPTED);
				CHECK_INT(e.cls, k == ALLOCATION ? ERROR_INTERNAL : ERROR_IO);
				if (k == ALLOCATION && e.cls != ERROR_INTERNAL)
					fprintf(stderr, "%llu: %s\n", (unsigned long long)n_, e.text);
				CHECK(!c.values && !c.policies);
				refused++;
			} else {
				struct text now = {0};
				config_dump(&c, &now);
				CHECK_STR(text_str(&now), text_str(&whole));
				text_free(&now);
				config_free(&c);
			}
			fired = hit;
		}
		CHECK(k == INTERRUPTED ? !refused : refused > 1);
	}
	text_free(&whole);
}

/* What is wrong stays wrong, and is told as that or as want of memory. */
static void refusals_stay(void)
{
	static const char *const texts[] = {
		"[polcy \"x\"]\n", "[elephants \"x\"]\n", "[policy \"default\"]\nmax_ages = 1h\n",
		"[policy \"default\"]\nxylophone_q = 1\n", "[policy \"default\"]\nmax_age = x\n",
		"[policy \"default\"]\nrequire = x\n", "[policy \"default\"]\ndepth = x\n",
		"[repository \"nas1\"]\npath = /b\nlayout = veeam\n",
		"[repository \"nas1\"]\npath = /b\n[host \"a\"]\nrepository = nas2\n",
		"[repository \"r\"]\npath = /b\nmatch = {hots}\n",
		"[policy \"nightly\"]\nmax_age = 1h\n[host \"a\"]\npolicy = nightli\n",
		"[repository \"r\"]\npath = /b\nmatch = *.img\n[host \"a\"]\n[host \"b\"]\n",
	};
	char path[100];
	snprintf(path, sizeof path, "%s/bad.conf", root);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put("bad.conf", texts[i]);
		EACH (ALLOCATION) {
			struct config c;
			CHECK(config_load(path, NULL, &c, &e) < 0);
			CHECK(e.cls == ERROR_CORRUPT || (fired && e.cls == ERROR_INTERNAL));
		}
	}
	end();
}

static void dumps_are_whole_or_said_not_to_be(void)
{
	struct config c;
	struct text whole = {0};
	uint64_t failed = 0;
	NEED(config_load_below(root, NULL, NULL, &c, &e) == 0);
	config_dump(&c, &whole);
	EACH (ALLOCATION) {
		struct text now = {0};
		config_dump(&c, &now);
		failed += now.failed;
		if (!now.failed)
			CHECK_STR(text_str(&now), text_str(&whole));
		text_free(&now);
	}
	end();
	CHECK(failed);
	text_free(&whole);
	config_free(&c);
}

static void policies(void)
{
	struct policy p, q;
	struct config c;
	uint8_t first[32], digest[32];
	NEED(config_load_below(root, NULL, NULL, &c, &e) == 0);
	const struct policy *from = config_policy(&c, "p");
	/* What is only put together for a message may fail. */
	NEED(policy_defaults(&p, "default") == 0 && policy_digest(&p, first, &e) == 0);
	policy_free(&p);
	EACH (ALLOCATION) {
		if (policy_defaults(&p, "default") < 0) {
			CHECK(fired && !p.name);
			continue;
		}
		bool hit = fired;
		end();
		CHECK(policy_digest(&p, digest, &e) == 0 && !memcmp(first, digest, 32));
		policy_free(&p);
		fired = hit;
	}
	EACH (ALLOCATION) {
		if (policy_copy(&q, from) < 0)
			CHECK(fired && !q.name);
		else {
			CHECK(!fired);
			policy_free(&q);
		}
	}
	end();
	NEED(policy_digest(from, first, &e) == 0);
	for (int k = 0; k < 2; k++) {
		EACH (k ? CRYPTO : ALLOCATION) {
			if (policy_digest(from, digest, &e) < 0)
				CHECK(fired && e.cls == ERROR_INTERNAL);
			else
				CHECK(!fired && !memcmp(first, digest, 32));
		}
	}
	end();
	config_free(&c);
}

static void side(void *ctx, struct findings *f)
{
	for (int p = 0; p < PROOF_COUNT; p++)
		finding_add(f, p, ctx, "disk.img", OUTCOME_HELD,
			    &(struct finding_text){.expected = "1", .measured = "1"}, "%s", "as it should be");
}

/* What was lost on the way can't be held: safe with all that was found, or with nothing lost only. */
static void findings_and_verdicts(void)
{
	struct policy policy = {.require = (1u << PROOF_COUNT) - 1, .name = (char *)"x"};
	struct measures measures = {.bytes_read = 1, .files_restored = 1};
	for (int bad = 0; bad < 2; bad++) {
		uint64_t doubted = 0, good = 0;
		EACH (ALLOCATION) {
			struct findings f, other;
			struct verdict v;
			if (findings_init(&f) < 0) {
				CHECK(fired);
				continue;
			}
			if (findings_init(&other) < 0) {
				CHECK(fired);
				findings_free(&f);
				continue;
			}
			findings_beside(&f, side, (void *)"a.check", side, (void *)"b.check");
			side((void *)"c.check", &other);
			if (bad) {
				finding_add(&other, PROOF_INTEGRITY, "bad.check", "disk.img", OUTCOME_BROKEN, NULL, "bad");
				finding_add(&other, PROOF_COVERAGE, "bad.check", "disk.img", OUTCOME_UNPROVEN, NULL, "x");
			}
			findings_take(&f, &other);
			findings_seal(&f);
			bool before = fired;
			verdict_decide(&f, &policy, &measures, &v);
			if (bad)
				CHECK(v.code == CODE_DAMAGED || (before && v.code == CODE_CANNOT_TELL));
			else
				CHECK_INT(v.code, before ? CODE_CANNOT_TELL : CODE_SAFE);
			good += v.code == CODE_SAFE;
			doubted += v.code == CODE_CANNOT_TELL;
			verdict_free(&v);
			findings_free(&f);
			findings_free(&other);
		}
		end();
		CHECK(bad || doubted > 10);
		CHECK_INT(good, bad ? 0 : 1);
	}
}

/* Words are lost before the code is. */
static void reasons_without_memory(void)
{
	static struct finding items[40];
	struct findings f = {.items = items, .count = ARRAY_SIZE(items), .sealed = true};
	struct policy policy = {.require = (1u << PROOF_COUNT) - 1};
	struct measures measures = {.bytes_read = 1, .files_restored = 1};
	static char names[ARRAY_SIZE(items)][24];
	for (size_t i = 0; i < f.count; i++) {
		snprintf(names[i], sizeof names[i], "f%zu", i);
		items[i] = (struct finding){.proof = PROOF_RESTORE, .outcome = OUTCOME_BROKEN, .check = "a.check",
					    .subject = names[i], .offset = ERROR_NO_OFFSET};
	}
	for (int absent = 0; absent < 2; absent++) {
		f.count = absent ? 0 : ARRAY_SIZE(items);
		EACH (ALLOCATION) {
			struct verdict v;
			verdict_decide(&f, &policy, &measures, &v);
			CHECK_INT(v.code, absent ? CODE_CANNOT_TELL : CODE_DAMAGED);
			verdict_free(&v);
		}
	}
	end();
}

/* A refusal stands without its words. */
static void refusals_without_memory(void)
{
	uint64_t lost = 0;
	EACH (ALLOCATION) {
		struct host_result r = {.verdict = {.code = CODE_SAFE}};
		reason_refuse(&r, CODE_BUSY, "others are being patched");
		CHECK_INT(r.verdict.code, CODE_BUSY);
		lost += !r.verdict.reasons.count;
		CHECK(!r.verdict.reasons.count || !strncmp(r.verdict.reasons.items[0], "busy", 4));
		verdict_free(&r.verdict);
	}
	end();
	CHECK(lost);
}

/* Which host is meant is said, or not. */
static void a_near_host_without_memory(void)
{
	struct config c;
	uint64_t lost = 0;
	NEED(config_load("fixtures/config/contract.conf", NULL, &c, &e) == 0);
	EACH (ALLOCATION) {
		const char *near = config_near_host(&c, "web02");
		lost += !near;
		CHECK(!near || !strcmp(near, "web01"));
	}
	end();
	CHECK(lost);
	config_free(&c);
}

/* What does not fit in memory is bad, on both ends of a wire. */
static void wires(void)
{
	struct strings list = {0};
	static const uint8_t large[8192] = {1};
	uint64_t sent = 0, taken = 0;
	NEED(!strings_add(&list, "one") && !strings_add(&list, "two"));
	EACH (ALLOCATION) {
		struct wire_out w = {0};
		struct wire_in in;
		struct strings got = {0};
		wire_put_strings(&w, &list);
		wire_put(&w, large, sizeof large);
		bool before = fired;
		CHECK_INT(w.failed, before);
		wire_in_init(&in, w.data, w.length);
		wire_get_strings(&in, &got, 9, 9);
		(void)!wire_get(&in, sizeof large);
		sent += w.failed;
		taken += !before && fired;
		CHECK_INT(wire_in_done(&in), !fired);
		strings_free(&got);
		wire_out_free(&w);
	}
	end();
	CHECK(sent >= 2 && taken >= 4);
	strings_free(&list);
}

/* What was said in full, and could not be taken in full, is refused. */
static void requests_and_results(void)
{
	struct reader_request asked, got;
	struct host_result said, out;
	struct reader_file files[2];
	struct wire_out request = {0}, result = {0};
	protocol_request(&asked);
	protocol_result(&asked.p, &asked.point, files, &said);
	reader_request_put(&request, &asked);
	reader_result_put(&result, &said, files, 2);
	EACH (ALLOCATION) {
		int rc = reader_request_get(request.data, request.length, &got, &e);
		CHECK(rc == 0 ? !fired : fired && e.cls == ERROR_INTERNAL);
		reader_request_free(&got);
	}
	EACH (ALLOCATION) {
		struct wire_out w = {0};
		reader_request_put(&w, &asked);
		CHECK_INT(w.failed, fired);
		wire_out_free(&w);
	}
	EACH (ALLOCATION) {
		struct wire_out w = {0};
		reader_result_put(&w, &said, files, 2);
		/* Hashes that could not be put together are left out: the next check reads all. */
		CHECK(w.failed || !fired || w.length < result.length);
		wire_out_free(&w);
	}
	EACH (ALLOCATION) {
		struct findings none;
		if (findings_init(&none) < 0)
			continue;
		out = (struct host_result){.findings = none};
		int rc = reader_result_get(result.data, result.length, &asked.point, &asked.p, &out, files, &e);
		CHECK((rc == 0 && !out.findings.lost) == !fired);
		CHECK(rc == 0 || (!out.findings.count && !out.record && !out.files.count));
		host_result_free(&out);
	}
	end();
	/* For a seal, the same. */
	struct sealing_found found = {.complete = true, .chunk_count = 1}, taken = {0};
	struct restore_point one = asked.point;
	struct wire_out seal = {0};
	one.count = 1;
	struct seal_file *f = vec_push(&found.seal.files);
	struct seal_disk *d = vec_push(&found.seal.disks);
	struct seal_volume *v = vec_push(&found.seal.volumes);
	struct seal_entry *x = vec_push(&found.seal.entries);
	NEED(f && d && v && x && (found.chunks = calloc(1, sizeof *found.chunks)));
	NEED((d->name = strdup("a")) && (v->name = strdup("b")) && (v->disk = strdup("a")) && (x->path = strdup("/c")));
	f->size = PROTOCOL_SIZE;
	found.chunks[0] = protocol_chunks(f->sha256, f->fsverity);
	reader_seal_put(&seal, &found);
	EACH (ALLOCATION) {
		struct wire_out w = {0};
		reader_seal_put(&w, &found);
		CHECK_INT(w.failed, fired);
		wire_out_free(&w);
	}
	EACH (ALLOCATION) {
		struct wire_in in;
		wire_in_init(&in, seal.data, seal.length);
		reader_seal_get(&in, &one, &taken);
		CHECK_INT(wire_in_done(&in), !fired);
		sealing_found_free(&taken);
	}
	end();
	wire_out_free(&seal);
	sealing_found_free(&found);
	wire_out_free(&request);
	wire_out_free(&result);
	host_result_free(&said);
	reader_request_free(&asked);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char cmd[100];
	snprintf(root, sizeof root, "%.40s/fault-policy.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
	RUN(configurations_are_whole_or_refused);
	RUN(refusals_stay);
	RUN(dumps_are_whole_or_said_not_to_be);
	RUN(policies);
	RUN(findings_and_verdicts);
	RUN(reasons_without_memory);
	RUN(refusals_without_memory);
	RUN(a_near_host_without_memory);
	RUN(wires);
	RUN(requests_and_results);
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
